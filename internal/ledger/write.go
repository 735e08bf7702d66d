package ledger

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// A group is what a transaction makes of the log, until it is durable.
type group struct {
	*state
	erased []*Pending // tombstones
}

// Write gives the entries of a group their places. The store calls it.
func (l *Ledger) Write(ctx context.Context, tx *store.Tx, entries []any) error {
	l.growing.Lock() // until Durable or Lost
	last, err := l.last(ctx, tx)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	next := &state{volume: last.volume, tree: last.tree.clone(), root: last.root, rows: last.rows.Plus(tx.Change()), at: tx.Now}
	l.staged = &group{state: next}
	gone := map[avow.SubjectID]bool{}
	for _, e := range entries {
		if id, ok := e.(forgotten); ok {
			gone[avow.SubjectID(id)] = true
		}
	}
	var chunk []byte
	first := next.tree.size
	for _, e := range entries {
		p, ok := e.(*Pending)
		if !ok {
			continue
		}
		chunk = appendEntry(chunk, p.entry)
		if err := l.place(ctx, tx, p, gone); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
		if next.tree.size%tileWidth == 0 {
			if err := tx.Do(ctx, q.AddChunk, next.n, first, chunk); err != nil {
				return fmt.Errorf("write log: %w", err)
			}
			chunk, first = nil, next.tree.size
		}
	}
	if len(chunk) > 0 {
		if err := tx.Do(ctx, q.AddChunk, next.n, first, chunk); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	return l.advance(ctx, tx, last)
}

// last is the log that the group goes on from. In a database of other processes
// too its head is locked, and what they wrote is read.
func (l *Ledger) last(ctx context.Context, tx *store.Tx) (*state, error) {
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
	if h.size < s.tree.size {
		return nil, &BehindError{fmt.Sprintf("it has %d entries, and %d were signed", h.size, s.tree.size), putBack}
	}
	next := *s
	next.rows = h.state
	if h.size == s.tree.size {
		if h.root != s.root {
			return nil, &BehindError{fmt.Sprintf("its %d entries are not the ones that were signed", h.size), putBack}
		}
		return &next, nil
	}
	next.tree, next.checkpoint, next.at = s.tree.clone(), nil, tx.Now
	err := eachEntry(ctx, tx, s.n, s.tree.size, math.MaxInt64, func(_ int64, entry []byte) error {
		next.tree.add(tlog.RecordHash(entry))
		return nil
	})
	if err != nil {
		return nil, err
	}
	next.root = next.tree.root()
	return &next, next.tree.compare(h)
}

// Refresh takes notice of what other processes have written, and signs it.
func (l *Ledger) Refresh(ctx context.Context) error {
	if !l.shared {
		return nil
	}
	l.growing.Lock()
	defer l.growing.Unlock()
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
	if next.tree.size == s.tree.size && s.checkpoint != nil {
		return nil
	}
	return l.publish(next)
}

// place adds an entry to the log, and keeps what belongs to it.
func (l *Ledger) place(ctx context.Context, tx *store.Tx, p *Pending, gone map[avow.SubjectID]bool) error {
	next := l.staged
	p.index = next.tree.size
	for _, t := range next.tree.add(tlog.RecordHash(p.entry)) {
		if err := tx.Do(ctx, q.AddTile, next.n, t.level, t.n, t.hashes); err != nil {
			return err
		}
	}
	if p.event != nil {
		if err := l.keep(ctx, tx, p.event, p.index, gone); err != nil {
			return err
		}
	}
	if len(p.members) > 0 {
		if err := tx.Do(ctx, q.AddBulk, next.n, p.index, p.commitments()); err != nil {
			return err
		}
	}
	for _, ev := range p.members {
		if err := l.keep(ctx, tx, ev, p.index, gone); err != nil {
			return err
		}
	}
	if p.tombstone {
		next.erased = append(next.erased, p)
	}
	for _, fn := range p.placed {
		if err := fn(ctx, tx, p.index); err != nil {
			return err
		}
	}
	return nil
}

// keep keeps an event, unless the same group has erased whose it is.
func (l *Ledger) keep(ctx context.Context, tx *store.Tx, ev *event, index int64, gone map[avow.SubjectID]bool) error {
	if gone[ev.subject] {
		return nil
	}
	r := row{ev.subject, ev.about, ev.n, l.staged.n, index, ev.pos, int64(ev.version), ev.sealed}
	l.staged.rows.Add(store.Events, l.rowHash(&r))
	return tx.Do(ctx, q.AddEvent, r.subject, r.about, r.n, r.log, r.leaf, r.pos, r.version, r.sealed)
}

// advance moves the head.
func (l *Ledger) advance(ctx context.Context, tx *store.Tx, last *state) error {
	next := l.staged.state
	if next.tree.size > last.tree.size {
		next.root = next.tree.root()
	} else {
		next.checkpoint, next.at = last.checkpoint, last.at
	}
	args := []any{next.n, next.tree.size, next.root, next.tree.edge(), next.rows.Bytes(), last.tree.size}
	if l.shared { // and locked
		return tx.Do(ctx, q.Advance, args...)
	}
	n, err := tx.Exec(ctx, q.Advance, args...)
	if err == nil && n != 1 {
		err = errors.New("somebody else has written to it: stop avow and start it again")
	}
	return err
}

// Durable signs what was written, and puts down who was erased. The store calls
// it after the commit. If the key cannot be used, what was written stays written
// and the next checkpoint covers it; until then there are no receipts, and
// Verify says so.
func (l *Ledger) Durable() {
	g := l.staged
	l.staged = nil
	if len(g.erased) > 0 {
		if err := l.writeErased(g.erased); err != nil {
			l.unwritten.Store(&err)
			for _, p := range g.erased {
				p.fault = err
			}
		}
	}
	_ = l.publish(g.state)
	l.growing.Unlock()
}

// Lost forgets what was not written after all. The store calls it.
func (l *Ledger) Lost() {
	l.staged = nil
	l.growing.Unlock()
}
