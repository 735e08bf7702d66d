package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// The reserve of a full disk is for erasures. Corrections, which may be as long
// as anything that is collected, must not use it up.
func TestCorrectedOnFullDisk(t *testing.T) {
	disk, folder := storetest.NewDisk(t), t.TempDir()
	c := newCage(t, store.Config{Path: folder, VFS: disk.Name})
	by := func(i int) vault.By { return vault.By{Field: "email", Value: fmt.Appendf(nil, "p%d@example.org", i)} }
	var records []vault.Header
	for i := range 40 {
		err := c.db.Commit(ctx, func(tx *store.Tx) error { return c.collected(tx, by(i), 0) })
		if err != nil {
			t.Fatal(err)
		}
	}
	err := c.db.View(ctx, func(tx *store.Tx) (err error) { records, err = c.List(ctx, tx, "contact", "", 100); return err })
	if err != nil {
		t.Fatal(err)
	}
	disk.Limit(folder, 64<<10)
	var full *store.FullError
	for i := 100; !c.db.Low(); i++ {
		err := c.db.Commit(ctx, func(tx *store.Tx) error {
			s, err := c.Subject(ctx, tx, by(i))
			if err == nil {
				_, err = c.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour),
					Values: map[avow.Field]vault.Sealed{"message": vault.Conceal(bytes.Repeat([]byte("x"), 3000))}})
			}
			return err
		})
		if err != nil && !errors.As(err, &full) || i > 2000 {
			t.Fatal(i, err)
		}
	}
	for _, h := range records[:30] {
		err := c.db.Commit(ctx, func(tx *store.Tx) error {
			held, err := c.Get(ctx, tx, h.ID)
			if err != nil {
				return err
			}
			return c.Update(ctx, tx, held, map[avow.Field]vault.Sealed{"message": vault.Conceal(bytes.Repeat([]byte("x"), 200<<10))}, 1)
		})
		if !errors.As(err, &full) {
			t.Errorf("a correction on a full disk: %v", err)
		}
	}
	for _, h := range records[30:] {
		err := c.db.Commit(ctx, func(tx *store.Tx) error {
			who, err := c.Find(ctx, tx, h.Subject)
			if err == nil {
				_, err = c.log.Erase(ctx, tx, who, ledger.Event{Type: "erased", Clause: "security", Statement: 1})
			}
			if err != nil {
				return err
			}
			return c.Vault.Erase(ctx, tx, h.Subject)
		})
		if err != nil {
			t.Errorf("an erasure on a full disk: %v", err)
		}
	}
}
