package bench

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// A kept is a store in this process, with a log or without.
type kept struct {
	db     *store.DB
	vault  *vault.Vault
	ledger *ledger.Ledger // nil without
	took   []time.Duration
	time   time.Duration
}

// tax compares creates with their entry in the log to creates without: the same
// sealed rows, under the same group commit, at the same number of goroutines.
func (r *run) tax(ctx context.Context, results []Result) (_ []Result, err error) {
	keys, err := r.taxKeys()
	if err != nil {
		return results, err
	}
	defer keys.Close()
	with, err := r.keep(ctx, keys, "with")
	if err != nil {
		return results, err
	}
	defer func() { err = errors.Join(err, with.close()) }()
	plain, err := r.keep(ctx, keys, "plain")
	if err != nil {
		return results, err
	}
	defer func() { err = errors.Join(err, plain.close()) }()
	total := time.Duration(r.Seconds * float64(time.Second))
	one := min(slice, total)
	rounds := int64(max(1, total/one))
	for n := range rounds + 1 {
		if n == 1 {
			with.took, with.time, plain.took, plain.time = nil, 0, nil, 0
		}
		if err := errors.Join(plain.round(ctx, r, one), with.round(ctx, r, one)); err != nil {
			return results, err
		}
		r.Progress("ledger-tax", n, rounds)
	}
	slices.Sort(with.took)
	slices.Sort(plain.took)
	a, b := with.perSecond(), plain.perSecond()
	return append(results, Result{"ledger-tax", r.Connections, a, b, b / a, at(with.took, 0.50), at(with.took, 0.99), at(plain.took, 0.99)}), nil
}

// taxKeys are those of the house if its database is used, since one database
// has one house; else there are two folders, and neither has been used yet.
func (r *run) taxKeys() (*seal.Keys, error) {
	if keys, err := seal.Open(r.keys(), seal.Options{}); r.DB != "" && !errors.Is(err, seal.ErrNone) {
		return keys, err
	}
	return seal.Create("file:"+filepath.Join(r.Dir, "tax", "keys"), seal.Options{})
}

func (r *run) keep(ctx context.Context, keys *seal.Keys, name string) (*kept, error) {
	config := store.Config{Path: filepath.Join(r.Dir, "tax", name), Clock: r.Clock}
	if r.DB != "" {
		config = store.Config{URL: r.DB, Clock: r.Clock}
	}
	db, err := store.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	k := &kept{db: db}
	if k.vault, err = vault.Open(ctx, db, keys, vault.Options{}); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if name == "plain" {
		return k, nil
	}
	origin, err := ledger.Name(ctx, db)
	if err == nil {
		k.ledger, err = ledger.Open(ctx, db, ledger.Config{Origin: cmp.Or(origin, "bench.example/log"), Key: keys.LogKey(), Keys: keys,
			HighWater: filepath.Join(keys.Beside(), "high-water")})
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return k, nil
}

func (k *kept) close() error {
	if k.ledger == nil {
		return k.db.Close()
	}
	return errors.Join(k.ledger.Close(), k.db.Close())
}

func (k *kept) perSecond() float64 { return float64(len(k.took)) / k.time.Seconds() }

func (k *kept) round(ctx context.Context, r *run, for_ time.Duration) error {
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	begun := r.Clock()
	end := begun.Add(for_)
	for range r.Connections {
		all.Go(func() {
			var took []time.Duration
			var err error
			for at := r.Clock(); err == nil && at.Before(end); {
				err = k.create(ctx, r.next.Add(1))
				now := r.Clock()
				took = append(took, now.Sub(at))
				at = now
			}
			mu.Lock()
			defer mu.Unlock()
			k.took, failed = append(k.took, took...), errors.Join(failed, err)
		})
	}
	all.Wait()
	k.time += r.Clock().Sub(begun)
	return failed
}

// create keeps a record of somebody who is not known yet.
func (k *kept) create(ctx context.Context, n int64) error {
	given := values(n)
	return k.db.Commit(ctx, func(tx *store.Tx) error {
		who, err := k.vault.Subject(ctx, tx, vault.By{Field: "email", Category: "user.contact.email", Value: []byte(given["email"])})
		if err != nil {
			return err
		}
		record := vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(24 * time.Hour), Values: conceal(given)}
		id, err := k.vault.Put(ctx, tx, who, record)
		if err != nil || k.ledger == nil {
			return err
		}
		_, err = k.ledger.Record(ctx, tx, who, ledger.Event{About: id, Type: "collected", Clause: "contact", Statement: 1,
			X: map[string]any{"collection": "contact", "fields": []any{"name", "email", "message"}}})
		return err
	})
}

func conceal(given client.Values) map[avow.Field]vault.Sealed {
	values := map[avow.Field]vault.Sealed{}
	for f, v := range given {
		values[f] = vault.Conceal([]byte(v))
	}
	return values
}
