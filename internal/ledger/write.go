package ledger

import (
	"context"
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
// Verify says so. An erasure that cannot be put down now is with the next.
func (l *Ledger) Durable() {
	l.journalErased()
	l.Book.Durable()
}

func (l *Ledger) journalErased() {
	l.owed = append(l.owed, l.erased...)
	if len(l.owed) == 0 {
		return
	}
	err := l.writeErased(l.owed)
	if err == nil {
		l.owed = nil
		l.unwritten.Store(nil)
		return
	}
	l.unwritten.Store(&err)
	for _, p := range l.erased {
		p.fault = err
	}
}
