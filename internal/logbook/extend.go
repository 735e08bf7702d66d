package logbook

import (
	"context"
	"fmt"
	"math"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// Extend adds entries to the newest log in the database as they stand, without
// signing anything: a log put back from a backup is brought up to what was
// signed since. It returns the root that this gives. The log must not be open.
func Extend(ctx context.Context, tx *store.Tx, entries [][]byte) (root [32]byte, err error) {
	g, err := extension(ctx, tx)
	for _, entry := range entries {
		if err == nil {
			_, err = g.Add(ctx, tx, entry)
		}
	}
	if err == nil {
		err = g.Finish(ctx, tx)
	}
	if err != nil {
		return root, fmt.Errorf("extend log: %w", err)
	}
	return g.next.tree.Root(), nil
}

// extension begins to add to the log without opening it.
func extension(ctx context.Context, tx *store.Tx) (*Growth, error) {
	s := &state{volume: &volume{}, tree: &tree.Tree{}}
	if err := tx.Get(ctx, q.Newest, store.Into(&s.n, &s.origin)); err != nil {
		return nil, err
	}
	h, err := readHead(ctx, tx, q.LockHead, s.n)
	if err != nil {
		return nil, err
	}
	err = eachEntry(ctx, tx, s.n, 0, math.MaxInt64, func(_ int64, entry []byte) error {
		s.tree.Add(tlog.RecordHash(entry))
		return nil
	})
	if err == nil {
		err = compare(s.tree, h)
	}
	next := *s
	next.tree = s.tree.Clone()
	return &Growth{Rows: h.state, book: &Book{}, last: s, next: &next, first: s.tree.Size}, err
}
