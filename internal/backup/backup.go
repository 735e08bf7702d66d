// Package backup writes a house's rows into one file and back, and lets nobody come back who was erased.
//
// A backup is one snapshot of all tables, the same for every engine, so that a
// house moves from SQLite to PostgreSQL by it. The keys are not in it: who finds
// a backup learns nothing, and what was closed under a key epoch that has been
// destroyed since opens nowhere.
//
// Restore reads the file to its end before it writes the first row. Then, in
// one transaction, it fills the tables, brings the log up to the entries that
// were signed since, and erases again whoever was erased since the backup was
// made: their tombstones stand in the log and in the journal beside the keys.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow/internal/store"
)

// Write writes all rows as they are at one moment. Changes go on meanwhile.
// Progress may be nil.
func Write(ctx context.Context, db *store.DB, out io.Writer, progress func(rows int64)) (*Contents, error) {
	w, err := newWriter(out)
	if err != nil {
		return nil, fmt.Errorf("write backup: %w", err)
	}
	c := &Contents{Rows: map[string]int64{}}
	err = db.View(ctx, func(tx *store.Tx) error {
		if c.Header, err = readHeader(ctx, tx); err != nil {
			return err
		}
		if err := w.json(headerFrame, c.Header); err != nil {
			return err
		}
		total := int64(0)
		for _, t := range tables {
			err := t.write(ctx, tx, w, func() {
				c.Rows[t.name]++
				if total++; progress != nil && total%1024 == 0 {
					progress(total)
				}
			})
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
		}
		return nil
	})
	if err == nil {
		err = w.close(c.Rows)
	}
	if err != nil {
		return nil, fmt.Errorf("write backup: %w", err)
	}
	return c, nil
}

func (t *table) write(ctx context.Context, tx *store.Tx, w *writer, wrote func()) error {
	if err := w.frame(tableFrame, []byte(t.name)); err != nil {
		return err
	}
	row := t.row()
	return tx.Each(ctx, t.selectAll(), func(scan func(...any) error) error {
		if err := scan(row...); err != nil {
			return err
		}
		wrote()
		return w.values(row)
	})
}

func readHeader(ctx context.Context, tx *store.Tx) (h Header, err error) {
	h.Made = tx.Now
	err = tx.Get(ctx, "SELECT max(version_id) FROM store_migration", &h.Tables)
	if err != nil {
		return h, err
	}
	err = tx.Get(ctx, "SELECT coalesce(max(n), 0) FROM statement_version", &h.Statement)
	if err != nil {
		return h, err
	}
	l := &h.Log
	err = tx.Get(ctx, "SELECT log, origin, size, root FROM ledger_head ORDER BY log DESC LIMIT 1", store.Into(&l.Number, &l.Origin, &l.Size, &l.Root))
	if errors.Is(err, store.ErrNone) {
		err = errors.New("there is nothing to back up: no log was begun yet")
	}
	return h, err
}

// Contents is what a backup was found to hold.
type Contents struct {
	Header
	Rows map[string]int64 // by table

	epochs map[int64][]byte // check values by epoch
}

// Total is how many rows there are.
func (c *Contents) Total() (n int64) {
	for rows := range maps.Values(c.Rows) {
		n += rows
	}
	return n
}

// Check reads a backup to its end, and says what is in it. A file that is
// damaged, cut off, foreign or of a newer avow is a DamagedError.
func Check(r io.Reader) (*Contents, error) {
	c := &Contents{Rows: map[string]int64{}, epochs: map[int64][]byte{}}
	return c, c.each(r, func(t *table, row []any) error {
		if t.name != "vault_epoch" {
			return nil
		}
		n, ok := row[0].(int64)
		check, ok2 := row[1].([]byte)
		if !ok || !ok2 {
			return damaged("a key epoch cannot be read")
		}
		c.epochs[n] = check
		return nil
	})
}

// each reads the header and calls fn for every row.
func (c *Contents) each(in io.Reader, fn func(t *table, row []any) error) error {
	r, err := newReader(in)
	if err != nil {
		return err
	}
	kind, payload, err := r.next()
	if err != nil {
		return err
	}
	if kind != headerFrame || json.Unmarshal(payload, &c.Header) != nil {
		return damaged("its head cannot be read")
	}
	at := -1 // the table that rows belong to
	var row []any
	for {
		kind, payload, err := r.next()
		if err != nil {
			return err
		}
		switch kind {
		case tableFrame:
			if at++; at >= len(tables) || tables[at].name != string(payload) {
				return damaged("it has other tables than this avow: use the version of avow that made it (tables %d)", c.Tables)
			}
			row = make([]any, len(tables[at].columns))
		case rowFrame:
			if at < 0 {
				return damaged("a row without a table")
			}
			if err := readValues(payload, tables[at].kinds, row); err != nil {
				return err
			}
			c.Rows[tables[at].name]++
			if err := fn(&tables[at], row); err != nil {
				return err
			}
		case trailerFrame:
			if at != len(tables)-1 {
				return damaged("tables are missing")
			}
			return r.end(payload, c.Rows)
		default:
			return damaged("a part of an unknown kind")
		}
	}
}
