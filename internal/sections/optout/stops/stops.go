// Package stops knows to whom letters were stopped, and forgets no stop.
//
// What was said last about letters to an address stands under a keyed hash of it,
// refers to nobody, and is never deleted. So a stop outlives an erasure, and
// neither an import nor a backup that is put back revives what was stopped: each
// stop is in a journal beside the keys before it is in the table, and what the
// table does not know it learns from there.
package stops

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

//go:embed queries.sql
var queries string

var q = store.Load[struct {
	Words, AddWord, Word, ChangeWord, AllWords, Latest                       string
	Applied, Apply, Tally, Tallied, Soft, ForgetSoft, DropSoft, Sent, SentTo string
}](queries)

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Deps are what the book works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Keys     *seal.Keys
	Editions Editions
	Others   Others // nil for none
}

// Others are told, in the transaction of a stop, whom they are not to write to
// any more.
type Others interface {
	Stopped(ctx context.Context, tx *store.Tx, digest [32]byte, scope avow.Purpose) error
}

// A Book has the words that were said about letters. Any number of goroutines may
// use it.
type Book struct {
	Deps
	key     []byte // of digests
	journal *journal
	latest  atomic.Int64 // the latest start that is known
}

// Open returns the book over d, and brings up to date what the journals of stops
// know and the table does not.
func Open(ctx context.Context, d Deps) (*Book, error) {
	b := &Book{Deps: d, key: d.Keys.Derive("letters"), journal: &journal{dir: d.Keys.Beside(), reuse: d.Store.Engine() == "sqlite"}}
	if err := b.catchUp(ctx); err != nil {
		return nil, fmt.Errorf("journal of stops: %w", err)
	}
	return b, nil
}

// Close lets go of the journal, after the last Settle.
func (b *Book) Close() error { return b.journal.close() }

// Digest is what an address is known by here: without the keys nobody can try
// addresses out.
func (b *Book) Digest(a mail.Address) (digest [32]byte) {
	h := hmac.New(sha256.New, b.key)
	h.Write([]byte(a.Text()))
	h.Sum(digest[:0])
	return digest
}

// Counts are how many stops there were since a moment, by way, and how many starts.
func (b *Book) Counts(ctx context.Context, tx *store.Tx, since time.Time) (map[string]int64, error) {
	all := map[string]int64{}
	return all, tx.Each(ctx, q.Tallied, func(scan func(...any) error) error {
		var what string
		var n int64
		err := scan(&what, &n)
		all[what] = n
		return err
	}, since.UTC().Format(time.DateOnly))
}

// Against counts the letters for the purposes of e that were sent since a moment to
// an address after it had stopped them, and that has not started them again.
func (b *Book) Against(ctx context.Context, tx *store.Tx, e *statement.Edition, since time.Time) (sent int64, err error) {
	for i := range e.Purposes {
		p := &e.Purposes[i]
		if p.Channel != "email" {
			continue
		}
		every := All
		if p.Transactional() {
			every = p.Name
		}
		var n int64
		if err := tx.Get(ctx, q.Sent, &n, string(p.Name), since, string(every)); err != nil {
			return 0, fmt.Errorf("count letters for %s: %w", p.Name, err)
		}
		sent += n
	}
	counts, err := b.Counts(ctx, tx, since)
	return sent + counts[against], err
}

// Forget lets go of bounces that were long ago.
func (b *Book) Forget(ctx context.Context, tx *store.Tx) error {
	return tx.Do(ctx, q.ForgetSoft, tx.Now.AddDate(0, 0, -softDays))
}
