package vault_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// again opens the same core once more, as another process would.
func (c *cage) again() *cage {
	c.t.Helper()
	o := &cage{t: c.t, cfg: c.cfg, dir: c.dir}
	var err error
	if o.keys, err = seal.Open("file:"+filepath.Join(c.dir, "keys"), seal.Options{}); err != nil {
		c.t.Fatal(err)
	}
	if o.db, err = store.Open(ctx, c.cfg); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { o.db.Close() })
	if o.Vault, err = vault.Open(ctx, o.db, o.keys, vault.Options{Settle: 500 * time.Millisecond,
		Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return o.log.Forget(ctx, tx, id) }}); err != nil {
		c.t.Fatal(err)
	}
	if o.log, err = ledger.Open(ctx, o.db, ledger.Config{Origin: "harbour.example/log", Key: o.keys.LogKey(), Keys: o.keys, HighWater: filepath.Join(c.dir, "keys", "high-water")}); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { o.log.Close() })
	return o
}

// step does one thing, on purpose to the same few people that the others work
// on. Whoever is gone meanwhile is no error.
func (c *cage) step(r *rand.Rand) error {
	who := fmt.Sprint("person", r.IntN(6), "@example.org")
	by := vault.By{Field: "email", Value: []byte(who)}
	values := map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(who))}
	err := c.db.Commit(ctx, func(tx *store.Tx) error {
		if r.IntN(3) > 0 {
			s, err := c.Subject(ctx, tx, by)
			if err != nil {
				return err
			}
			id, err := c.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour), Values: values})
			if err != nil {
				return err
			}
			_, err = c.log.Record(ctx, tx, s, ledger.Event{About: id, Type: "collected", Clause: "contact", Statement: 1})
			return err
		}
		s, err := c.Lookup(ctx, tx, by)
		if err != nil {
			return err
		}
		list, err := c.Of(ctx, tx, s.ID())
		if err != nil || len(list) == 0 {
			return err
		}
		one := list[r.IntN(len(list))].ID
		switch r.IntN(4) {
		case 0:
			return c.Vault.Erase(ctx, tx, s.ID())
		case 1:
			for _, h := range list {
				if err := c.Delete(ctx, tx, h.ID); err != nil {
					return err
				}
			}
			return nil
		case 2:
			return c.Delete(ctx, tx, one)
		}
		held, err := c.Get(ctx, tx, one)
		if err != nil {
			return err
		}
		other := vault.By{Field: "email", Value: fmt.Appendf(nil, "person%d@example.org", r.IntN(6))}
		return c.Update(ctx, tx, held, map[avow.Field]vault.Sealed{"email": vault.Conceal(other.Value)}, 1, other)
	})
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	return err
}

// Two processes over one database that work on the same people, while one of
// them rotates the keys, leave rows that add up to the state they kept, and
// nothing of anybody who is gone.
func TestReplicas(t *testing.T) {
	one := newCage(t, store.Config{URL: storetest.Postgres(t)})
	two := one.again()
	var all sync.WaitGroup
	for i, c := range []*cage{one, two, one, two} {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			for range 60 {
				if err := c.step(r); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	stop := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() { // as each minute in a house, whose rotation waits for two
		for tick := time.Tick(50 * time.Millisecond); ; {
			select {
			case <-tick:
				if err := one.Refresh(ctx); err != nil {
					t.Error(err)
				}
			case <-stop:
				return
			}
		}
	})
	for range 2 {
		if _, err := two.Rotate(ctx, nil, nil); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	close(stop)
	clock.Wait()
	err := one.db.View(ctx, func(tx *store.Tx) error {
		found, err := one.Scan(ctx, tx, true, nil)
		if err != nil {
			return err
		}
		kept, err := one.log.State(ctx, tx)
		if err != nil {
			return err
		}
		if faults := found.Against(kept); faults != nil {
			t.Error(faults)
		}
		if found.Rows < 20 {
			t.Error("only", found.Rows, "rows are left: this test shows little")
		}
		events, err := one.log.Scan(ctx, tx)
		if events[store.Events] != kept[store.Events] {
			t.Error("the events are not those that were kept")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := two.keys.Epochs(); !slices.Equal(got, []int64{3}) {
		t.Error("keys of epochs:", got)
	}
}
