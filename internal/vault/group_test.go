package vault_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// together has requests done in one group: the first keeps the committer until
// the others wait.
func (c *cage) together(fns ...func(tx *store.Tx) error) []error {
	c.t.Helper()
	var all sync.WaitGroup
	held, begun := make(chan struct{}), make(chan struct{})
	var once sync.Once
	all.Go(func() {
		err := c.db.Commit(ctx, func(*store.Tx) error { once.Do(func() { close(begun) }); <-held; return nil })
		if err != nil {
			c.t.Error(err)
		}
	})
	<-begun
	errs := make([]error, len(fns))
	for i, fn := range fns {
		all.Go(func() { errs[i] = c.db.Commit(ctx, fn) })
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	close(held)
	all.Wait()
	return errs
}

// collected puts a record of somebody, after so many questions.
func (c *cage) collected(tx *store.Tx, by vault.By, questions int) error {
	for range questions {
		if _, err := c.Lookup(ctx, tx, by); err != nil {
			return err
		}
	}
	s, err := c.Subject(ctx, tx, by)
	if err != nil {
		return err
	}
	id, err := c.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour),
		Values: map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(string(by.Value)))}})
	if err == nil {
		_, err = c.log.Record(ctx, tx, s, ledger.Event{About: id, Type: "collected", Clause: "contact", Statement: 1, New: true})
	}
	return err
}

// sound holds the rows to the state that was kept.
func (c *cage) sound() (faults []vault.Fault) {
	c.t.Helper()
	err := c.db.View(ctx, func(tx *store.Tx) error {
		found, err := c.Scan(ctx, tx, true, nil)
		if err != nil {
			return err
		}
		kept, err := c.log.State(ctx, tx)
		if err != nil {
			return err
		}
		events, err := c.log.Scan(ctx, tx)
		if err == nil && events[store.Events] != kept[store.Events] {
			faults = append(faults, vault.Fault{Part: store.Events, What: vault.Unlike})
		}
		faults = append(faults, found.Against(kept)...)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return faults
}

// Where requests of one transaction run beside each other, a lock keeps nobody
// of the same transaction out. All the same, who is erased while something of
// them is collected or corrected leaves rows that add up.
func TestErasedInOneGroup(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		c := newCage(t, cfg)
		for questions := range 9 {
			for _, first := range []bool{true, false} {
				by := vault.By{Field: "email", Value: fmt.Appendf(nil, "p%d%t@example.org", questions, first)}
				var who *vault.Subject
				var record avow.RecordID
				err := c.db.Commit(ctx, func(tx *store.Tx) (err error) {
					if err = c.collected(tx, by, 0); err == nil {
						who, err = c.Lookup(ctx, tx, by)
					}
					if err == nil {
						list, err := c.Of(ctx, tx, who.ID())
						record = list[0].ID
						return err
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				erase := func(tx *store.Tx) error {
					if _, err := c.Find(ctx, tx, who.ID()); err != nil {
						return err
					}
					if _, err := c.log.Erase(ctx, tx, who, ledger.Event{Type: "erased", Clause: "security", Statement: 1}); err != nil {
						return err
					}
					return c.Vault.Erase(ctx, tx, who.ID())
				}
				collect := func(tx *store.Tx) error { return c.collected(tx, by, questions) }
				correct := func(tx *store.Tx) error {
					for range questions {
						if _, err := c.Find(ctx, tx, who.ID()); err != nil {
							return err
						}
					}
					held, err := c.Get(ctx, tx, record)
					if err != nil {
						return err
					}
					if err := c.Update(ctx, tx, held, map[avow.Field]vault.Sealed{"message": vault.Conceal([]byte("m"))}, 1); err != nil {
						return err
					}
					_, err = c.log.Record(ctx, tx, held.Owner(), ledger.Event{About: record, Type: "corrected", Clause: "contact", Statement: 1})
					return err
				}
				var errs []error
				if first {
					errs = c.together(erase, collect, correct)
				} else {
					errs = c.together(collect, correct, erase)
				}
				if faults := c.sound(); faults != nil {
					t.Fatalf("%d questions, erased first %t: %v (%v)", questions, first, faults, errs)
				}
			}
		}
	})
}
