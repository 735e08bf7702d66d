package logbook

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// A Growth is what a transaction adds to the log, until it is durable.
type Growth struct {
	// Before is the state beside the head so far, and Rows the one that is to be.
	Before, Rows store.State

	book  *Book
	last  *state
	next  *state
	chunk []byte
	first int64 // index of the chunk's first entry
}

// Grow begins to add to the log, as the last thing that a transaction does.
// Durable or Lost ends it.
func (l *Book) Grow(ctx context.Context, tx *store.Tx) (*Growth, error) {
	l.growing <- struct{}{}
	last, err := l.last(ctx, tx)
	if err != nil {
		return nil, err
	}
	next := &state{volume: last.volume, tree: last.tree.Clone(), root: last.root, at: tx.Now}
	l.staged = &Growth{Before: last.rows, Rows: last.rows.Plus(tx.Change()), book: l, last: last, next: next, first: next.tree.Size}
	return l.staged, nil
}

// Log is the number of the log that grows.
func (g *Growth) Log() int64 { return g.next.n }

// Add adds an entry and says at which place.
func (g *Growth) Add(ctx context.Context, tx *store.Tx, entry []byte) (index int64, err error) {
	index = g.next.tree.Size
	g.chunk = tree.AppendEntry(g.chunk, entry)
	full := g.next.tree.Add(tlog.RecordHash(entry))
	if len(full) == 0 {
		return index, nil
	}
	for _, t := range full {
		if err := tx.Do(ctx, q.AddTile, g.next.n, t.Level, t.N, t.Hashes); err != nil {
			return index, err
		}
	}
	return index, g.flush(ctx, tx)
}

// flush writes the entries since the last chunk. None crosses the border of a
// tile.
func (g *Growth) flush(ctx context.Context, tx *store.Tx) error {
	if len(g.chunk) == 0 {
		return nil
	}
	err := tx.Do(ctx, q.AddChunk, g.next.n, g.first, g.chunk)
	g.chunk, g.first = nil, g.next.tree.Size
	return err
}

// last is the log that the group goes on from. In a database of other processes
// too its head is locked, and what they wrote is read.
func (l *Book) last(ctx context.Context, tx *store.Tx) (*state, error) {
	s := l.state.Load()
	if !l.shared {
		return s, nil
	}
	h, err := readHead(ctx, tx, q.LockHead, s.n)
	if err != nil {
		return nil, err
	}
	return s.catchUp(ctx, tx, h)
}

// catchUp is the log at the head that the database has, by what was written
// since s.
func (s *state) catchUp(ctx context.Context, tx *store.Tx, h head) (*state, error) {
	if h.size < s.tree.Size {
		return nil, &BehindError{fmt.Sprintf("it has %d entries, and %d were signed", h.size, s.tree.Size), putBack}
	}
	if len(h.edge) == 0 && h.size > 0 {
		return nil, &BehindError{"another log was begun after it", "Start avow again"}
	}
	next := *s
	next.rows = h.state
	if h.size == s.tree.Size {
		if h.root != s.root {
			return nil, &BehindError{fmt.Sprintf("its %d entries are not the ones that were signed", h.size), putBack}
		}
		return &next, nil
	}
	next.tree, next.checkpoint, next.at = s.tree.Clone(), nil, tx.Now
	err := eachEntry(ctx, tx, s.n, s.tree.Size, math.MaxInt64, func(_ int64, entry []byte) error {
		next.tree.Add(tlog.RecordHash(entry))
		return nil
	})
	if err != nil {
		return nil, err
	}
	next.root = next.tree.Root()
	return &next, compare(next.tree, h)
}

// Refresh takes notice of what other processes have written, and signs it.
func (l *Book) Refresh(ctx context.Context) error {
	if !l.shared {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case l.growing <- struct{}{}:
		defer func() { <-l.growing }()
	case <-ctx.Done():
		return fmt.Errorf("refresh log: %w", context.Cause(ctx))
	}
	s := l.state.Load()
	var next *state
	err := l.db.View(ctx, func(tx *store.Tx) error {
		h, err := readHead(ctx, tx, q.Head, s.n)
		if err == nil {
			next, err = s.catchUp(ctx, tx, h)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("refresh log: %w", err)
	}
	if next.tree.Size == s.tree.Size && s.checkpoint != nil {
		return nil
	}
	return l.publish(next)
}

// Finish moves the head.
func (g *Growth) Finish(ctx context.Context, tx *store.Tx) error {
	if err := g.flush(ctx, tx); err != nil {
		return err
	}
	last, next := g.last, g.next
	next.rows = g.Rows
	if next.tree.Size > last.tree.Size {
		next.root = next.tree.Root()
	} else {
		next.checkpoint, next.at = last.checkpoint, last.at
	}
	args := []any{next.n, next.tree.Size, next.root, next.tree.Edge(), next.rows.Bytes(), tx.Now, last.tree.Size}
	if g.book.shared { // and locked
		return tx.Do(ctx, q.Advance, args...)
	}
	n, err := tx.Exec(ctx, q.Advance, args...)
	if err == nil && n != 1 {
		err = errors.New("somebody else has written to it: stop avow and start it again")
	}
	return err
}

// Durable signs what was written. If the key cannot be used, what was written
// stays written and the next checkpoint covers it; until then there are no
// proofs, and Verify says so.
func (l *Book) Durable() {
	_ = l.publish(l.staged.next)
	l.Lost()
}

// Lost forgets what was not written after all.
func (l *Book) Lost() {
	l.staged = nil
	<-l.growing
}
