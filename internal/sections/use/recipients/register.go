package recipients

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// A register is what was given to whom, and what of it is still to be told.
type register struct {
	at   time.Time
	by   map[string]*account
	runs []givenRun // oldest first
}

// An account is what is known of one recipient.
type account struct {
	tell.Account
	lists, rows, canaries, touched int64
	last                           givenRun
}

// A givenRun is a list that went out.
type givenRun struct {
	to                string
	at                time.Time
	n, canaries, leaf int64
}

// read reads the register of all that were ever given anything, and of those who
// are declared now.
func (s *Section) read(ctx context.Context, now *statement.Edition) (*register, error) {
	r := &register{by: map[string]*account{}}
	for i := range now.Recipients {
		r.by[now.Recipients[i].Name] = &account{}
	}
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		r.at = tx.Now
		err := cmp.Or(r.readRuns(ctx, tx), r.readTouched(ctx, tx), s.Accounts(ctx, tx, func(name string) *tell.Account { return &r.of(name).Account }))
		for name, a := range r.by {
			if err == nil {
				a.Contact, err = s.Contact(ctx, tx, name)
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the register of recipients: %w", err)
	}
	return r, nil
}

func (r *register) of(name string) *account {
	if r.by[name] == nil {
		r.by[name] = &account{}
	}
	return r.by[name]
}

func (r *register) readRuns(ctx context.Context, tx *store.Tx) error {
	return tx.Each(ctx, q.Runs, func(scan func(...any) error) error {
		var g givenRun
		err := scan(&g.to, &g.at, &g.n, &g.canaries, &g.leaf)
		r.runs = append(r.runs, g)
		a := r.of(g.to)
		a.lists, a.rows, a.canaries, a.last = a.lists+1, a.rows+g.n, a.canaries+g.canaries, g
		return err
	})
}

func (r *register) readTouched(ctx context.Context, tx *store.Tx) error {
	return tx.Each(ctx, q.Touched, func(scan func(...any) error) error {
		var name string
		var n int64
		err := scan(&name, &n)
		r.of(name).touched = n
		return err
	})
}
