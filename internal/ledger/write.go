package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/logbook"
	"github.com/avow-privacy/avow/internal/store"
)

// Write gives the entries of a group their places. The store calls it.
func (l *Ledger) Write(ctx context.Context, tx *store.Tx, entries []any) error {
	l.erased = nil
	g, err := l.Grow(ctx, tx)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	gone := map[avow.SubjectID]bool{}
	for _, e := range entries {
		if id, ok := e.(forgotten); ok {
			gone[avow.SubjectID(id)] = true
		}
	}
	if l.db.Engine() != "sqlite" && twice(entries) {
		return fmt.Errorf("write log: %w", errTwice)
	}
	for _, e := range entries {
		if p, ok := e.(*Pending); ok {
			if err := l.place(ctx, tx, g, p, gone); err != nil {
				return fmt.Errorf("write log: %w", err)
			}
		}
	}
	g.Rows = g.Before.Plus(tx.Change())
	if err := g.Finish(ctx, tx); err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	return nil
}

// errTwice undoes a group whose requests ran beside each other and did not see
// that two of them recorded an event about the same record. Each is done again
// alone.
var errTwice = errors.New("two events about one record at the same time")

func twice(entries []any) bool {
	type place struct {
		who   avow.SubjectID
		about avow.RecordID
		n     int64
	}
	seen := make(map[place]bool, len(entries))
	for _, e := range entries {
		p, ok := e.(*Pending)
		if !ok {
			continue
		}
		for _, ev := range p.events() {
			at := place{ev.subject, ev.about, ev.n}
			if seen[at] {
				return true
			}
			seen[at] = true
		}
	}
	return false
}

// place adds an entry to the log, and keeps what belongs to it.
func (l *Ledger) place(ctx context.Context, tx *store.Tx, g *logbook.Growth, p *Pending, gone map[avow.SubjectID]bool) (err error) {
	if p.index, err = g.Add(ctx, tx, p.entry); err != nil {
		return err
	}
	p.log = g.Log()
	if len(p.members) > 0 {
		if err := tx.Do(ctx, q.AddBulk, p.log, p.index, p.commitments()); err != nil {
			return err
		}
	}
	for _, ev := range p.events() {
		if err := l.keep(ctx, tx, g, ev, p.index, gone); err != nil {
			return err
		}
	}
	if p.tombstone {
		l.erased = append(l.erased, p)
	}
	for _, fn := range p.placed {
		if err := fn(ctx, tx, p.index); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps an event, unless the same group has erased whose it is.
func (l *Ledger) keep(ctx context.Context, tx *store.Tx, g *logbook.Growth, ev *event, index int64, gone map[avow.SubjectID]bool) error {
	if gone[ev.subject] {
		return nil
	}
	r := row{ev.subject, ev.about, ev.n, g.Log(), index, ev.pos, int64(ev.version), ev.sealed}
	tx.Add(store.Events, l.rowHash(&r))
	return tx.Do(ctx, q.AddEvent, r.subject, r.about, r.n, r.log, r.leaf, r.pos, r.version, r.sealed)
}

// Durable puts down who was erased, and signs what was written. The store calls
// it after the commit. If the key cannot be used, what was written stays written
// and the next checkpoint covers it; until then there are no receipts, and
// Verify says so.
func (l *Ledger) Durable() {
	if err := l.writeErased(l.erased); err != nil {
		l.unwritten.Store(&err)
		for _, p := range l.erased {
			p.fault = err
		}
	}
	l.Book.Durable()
}
