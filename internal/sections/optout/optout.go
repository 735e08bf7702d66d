// Package optout lets people stop what they did not ask for: by letter, by click, by browser signal.
//
// Of letters it keeps the last words that were said about an address: which were
// stopped, and which the person started again. They stand under a keyed hash of
// the address, refer to nobody, and are never deleted, so that a stop outlives an
// erasure. Each stop is in a journal beside the keys before it is in the table: a
// backup of the table that is put back learns from there what it does not know.
//
// To stop needs nothing but a link from a letter, or the address. Nobody is
// looked up for it, so neither the answer nor the time it takes tells whether an
// address is known here. To start again takes the person: only a link in a letter
// to that address does it.
//
// The signal is Global Privacy Control, which browsers send as Sec-GPC: 1 with
// each request. The gate decides by it before the first byte of a page; here it
// reaches the person, once a form tells who that is, and is counted.
//
// It keeps these promises:
//
//	signal: If your browser sends the Global Privacy Control signal, we honour it without asking you again.
//	confirm: A newsletter starts only after you confirmed the address by mail.
//	unsubscribe: You can stop every letter from us with one click in the letter, or by writing to privacy@harbour.example, within 2 days.
//	stays-stopped: Once stopped, letters stay stopped until you yourself ask for them again.
//	choices: You can choose what you hear about, or nothing at all, without signing in.
package optout

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"signals", "optout.address", "optout.within", "optout.confirm", "optout.stays", "optout.topics"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Honour, Opted, Seen, Total, Forget, Asked, ForgetTally string }](queries)

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Letters sends letters of the house.
type Letters interface {
	// Notice leaves a letter to be sent, in the transaction of what it is about.
	Notice(ctx context.Context, tx *store.Tx, to mail.Address, subject, text string) error
}

// Waiting says how many mails wait for somebody to look at them, and since when
// the oldest does.
type Waiting interface {
	Waiting(ctx context.Context) (n int64, oldest time.Time, err error)
}

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Keys     *seal.Keys
	Pages    *page.Pages
	Editions Editions
	Letters  Letters     // nil sends none, and nobody can start letters
	Waiting  Waiting     // nil if no mail comes in
	Taking   func() bool // whether mail can come in now; nil for yes
	Others   stops.Others
	Origin   string // where links in letters lead; the site of the statement if empty
	Enforced bool   // a gate stands before the site that stops what the signal forbids
}

// Section knows who wants no letters, and honours the signal.
type Section struct {
	Deps
	*stops.Book
	set    *page.Set
	limits limits

	mu        sync.Mutex
	forgotten string   // the day up to which counts were let go
	pending   [2]int64 // pages with the signal, and of those overridden by an informed yes
}

// Open returns the section over d, and brings up to date what the journal of
// stops knows and the table does not.
func Open(ctx context.Context, d Deps) (*Section, error) {
	book, err := stops.Open(ctx, stops.Deps{Store: d.Store, Vault: d.Vault, Ledger: d.Ledger, Keys: d.Keys, Editions: d.Editions, Others: d.Others})
	if err != nil {
		return nil, err
	}
	return &Section{Deps: d, Book: book, set: d.Pages.Parse(templates, pages...), limits: limits{key: d.Keys.Derive("letters-network")}}, nil
}

// Flush writes what was counted, and how far the journal is in the table. It is
// for the clock.
func (s *Section) Flush(ctx context.Context) error {
	return errors.Join(s.flushSignals(ctx), s.Settle(ctx), s.forget(ctx))
}

// forget lets go of what was only counted: once a day.
func (s *Section) forget(ctx context.Context) error {
	today := s.Store.Now().UTC().Format(time.DateOnly)
	s.mu.Lock()
	done := s.forgotten == today
	s.forgotten = today
	s.mu.Unlock()
	if done {
		return nil
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		if err := s.Book.Forget(ctx, tx); err != nil {
			return err
		}
		return tx.Do(ctx, q.ForgetTally, tx.Now.UTC().AddDate(0, 0, -keepDays).Format(time.DateOnly), today)
	})
	if err != nil {
		return fmt.Errorf("forget counts of letters: %w", err)
	}
	return nil
}
