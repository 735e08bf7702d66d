package ledger

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// Extend adds entries to the newest log in the database as they stand, without
// signing anything, and returns the new root: a log put back from a backup is
// brought up to what was signed since. The log must not be open.
func Extend(ctx context.Context, tx *store.Tx, entries [][]byte) (root [32]byte, err error) {
	var number, size int64
	if err := tx.Get(ctx, "SELECT log, size FROM ledger_head ORDER BY log DESC LIMIT 1", store.Into(&number, &size)); err != nil {
		return root, fmt.Errorf("extend log: %w", err)
	}
	t := &tree{}
	err = eachEntry(ctx, tx, number, 0, math.MaxInt64, func(_ int64, entry []byte) error {
		t.add(tlog.RecordHash(entry))
		return nil
	})
	if err != nil {
		return root, fmt.Errorf("extend log: %w", err)
	}
	if t.size != size {
		return root, &DamagedError{fmt.Sprintf("it has %d entries of %d", t.size, size)}
	}
	chunk, first := []byte(nil), t.size
	for i, entry := range entries {
		for _, full := range t.add(tlog.RecordHash(entry)) {
			if err := tx.Do(ctx, q.AddTile, number, full.level, full.n, full.hashes); err != nil {
				return root, fmt.Errorf("extend log: %w", err)
			}
		}
		chunk = append(binary.BigEndian.AppendUint16(chunk, uint16(len(entry))), entry...)
		if t.size%tileWidth > 0 && i < len(entries)-1 {
			continue
		}
		if err := tx.Do(ctx, q.AddChunk, number, first, chunk); err != nil {
			return root, fmt.Errorf("extend log: %w", err)
		}
		chunk, first = nil, t.size
	}
	err = tx.Do(ctx, "UPDATE ledger_head SET size = $2, root = $3, edge = $4 WHERE log = $1", number, t.size, [32]byte(t.root()), t.edge())
	if err != nil {
		return root, fmt.Errorf("extend log: %w", err)
	}
	return t.root(), nil
}

// ForgetEvents does what Forget does, in a database whose log is not open: when
// somebody is erased again who had been erased after a backup was made.
func ForgetEvents(ctx context.Context, tx *store.Tx, keys Keys, id avow.SubjectID) error {
	l, r := &Ledger{cfg: Config{Keys: keys}}, row{subject: id}
	err := tx.Each(ctx, q.DropEvents, func(scan func(...any) error) error {
		err := scan(&r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
		tx.Remove(store.Events, l.rowHash(&r))
		return err
	}, id)
	if err != nil {
		return fmt.Errorf("forget events of %s: %w", id, err)
	}
	return nil
}
