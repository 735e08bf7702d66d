package security_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/security"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/server"
)

var ctx = context.Background()

// A core is the section with what it stands on, and no house around.
type core struct {
	*security.Section
	now     time.Time
	edition *statement.Edition
	keys    *seal.Keys
	id      avow.RecordID
}

func open(t *testing.T, cfg store.Config) *core {
	t.Helper()
	c := &core{now: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)}
	compiled, found := statement.Compile("statement.md", harbour.Statement, server.Keeps())
	if found.Failed() {
		t.Fatal(found)
	}
	c.edition = &statement.Edition{Statement: compiled, Version: 1}
	cfg.Clock = func() time.Time { return c.now }
	db, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	dir := filepath.Join(t.TempDir(), "keys")
	if c.keys, err = seal.Create("file:"+dir, seal.Options{}); err != nil {
		t.Fatal(err)
	}
	var l *ledger.Ledger
	v, err := vault.Open(ctx, db, c.keys, vault.Options{Settle: time.Nanosecond,
		Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return l.Forget(ctx, tx, id) }})
	if err != nil {
		t.Fatal(err)
	}
	if l, err = ledger.Open(ctx, db, ledger.Config{Origin: "harbour.example/log", Key: c.keys.LogKey(), Keys: c.keys, HighWater: filepath.Join(dir, "high-water")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	c.Section = security.New(security.Deps{Store: db, Vault: v, Ledger: l, Pages: pages, Apart: true})
	return c
}

// take keeps a record with its entry in the log.
func (c *core) take(t *testing.T, address string) {
	t.Helper()
	err := c.Store.Commit(ctx, func(tx *store.Tx) error {
		s, err := c.Vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte(address)})
		if err != nil {
			return err
		}
		if c.id, err = c.Vault.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour),
			Values: map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(address))}}); err != nil {
			return err
		}
		_, err = c.Ledger.Record(ctx, tx, s, ledger.Event{About: c.id, Type: "collected", Clause: "contact", Statement: 1})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// standing is how the promise of own keys stands, and a figure of it.
func (c *core) standing(t *testing.T, figure string) (standing avow.Standing, value string) {
	t.Helper()
	all, err := c.Evidence(ctx, c.edition)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		if e.Clause != "own-key" {
			continue
		}
		standing = e.Standing
		for _, f := range e.Figures {
			if f.Name == figure {
				value = f.Value
			}
		}
	}
	return standing, value
}

// facts are the entries of the log in clear.
func (c *core) facts(t *testing.T) (facts string) {
	t.Helper()
	err := c.Store.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, "SELECT data FROM ledger_chunk ORDER BY log, first", func(scan func(...any) error) error {
			var data []byte
			err := scan(&data)
			facts += string(data)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// An epoch of keys ends after fifteen days and not before, and its key goes
// after thirty; the log says so.
func TestRotateDue(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		c := open(t, cfg)
		c.take(t, "ada@example.org")
		due := func(days int) []int64 {
			t.Helper()
			c.now = c.now.Add(time.Duration(days) * 24 * time.Hour)
			if err := c.RotateDue(ctx); err != nil {
				t.Fatal(err)
			}
			return c.keys.Epochs()
		}
		if got := due(14); !slices.Equal(got, []int64{1}) {
			t.Error("after 14 days:", got)
		}
		if _, days := c.standing(t, "days since the keys were changed"); days != "14" {
			t.Error("the evidence says", days, "days")
		}
		if got := due(1); !slices.Equal(got, []int64{1, 2}) {
			t.Error("after 15 days:", got)
		}
		if _, days := c.standing(t, "days since the keys were changed"); days != "0" {
			t.Error("the evidence says", days, "days")
		}
		if got := due(14); !slices.Equal(got, []int64{1, 2}) {
			t.Error("after 29 days:", got)
		}
		if got := due(1); !slices.Equal(got, []int64{2, 3}) {
			t.Error("after 30 days:", got)
		}
		if n := strings.Count(c.facts(t), `"epoch":1,"k":"g"`); n != 1 {
			t.Errorf("the end of the epoch is in the log %d times: %q", n, c.facts(t))
		}
		if _, err := c.keys.NextEpoch(c.now); err != nil { // and then the power fails
			t.Fatal(err)
		}
		if got := due(0); !slices.Equal(got, []int64{3, 4}) || strings.Count(c.facts(t), `"k":"g"`) != 2 {
			t.Error("a rotation that did not end was left:", got)
		}
		if faults, err := c.Scan(ctx, nil); err != nil || faults != nil {
			t.Error(err, faults)
		}
		if err := c.Ledger.Verify(ctx); err != nil {
			t.Error(err)
		}
	})
}

func TestOneRotates(t *testing.T) {
	c := open(t, store.Config{URL: storetest.Postgres(t)})
	release, ok := c.Store.Lead(ctx, "rotate-keys")
	if !ok {
		t.Fatal("nobody else is there")
	}
	if _, err := c.Rotate(ctx, nil); err != security.ErrRotating {
		t.Error("two at once:", err)
	}
	release()
	if _, err := c.Rotate(ctx, nil); err != nil {
		t.Error("afterwards:", err)
	}
}

// Once a day all rows are read; the promise breaks when they are not those that
// were kept, whatever table it is in, and mends when they are again.
func TestScanDue(t *testing.T) {
	for _, meddle := range []struct{ what, do, undo string }{
		{"a record", "UPDATE vault_record SET expires = expires + 1", "UPDATE vault_record SET expires = expires - 1"},
		{"an index", "UPDATE vault_index SET digest = substr(digest, 2) || substr(digest, 1, 1)", "UPDATE vault_index SET digest = substr(digest, -1) || substr(digest, 1, 15)"},
		{"an event", "UPDATE ledger_event SET version = version + 1", "UPDATE ledger_event SET version = version - 1"},
	} {
		t.Run(meddle.what, func(t *testing.T) {
			dir := t.TempDir()
			c := open(t, store.Config{Path: dir})
			c.take(t, "ada@example.org")
			look := func(after time.Duration, want avow.Standing) {
				t.Helper()
				c.now = c.now.Add(after)
				if err := c.ScanDue(ctx); err != nil {
					t.Fatal(err)
				}
				if got, _ := c.standing(t, ""); got != want {
					t.Errorf("it is %s, want %s", got, want)
				}
			}
			if _, day := c.standing(t, "last time everything was opened"); day != "" {
				t.Error("before the first look there was one on", day)
			}
			look(0, avow.Kept)
			if _, day := c.standing(t, "last time everything was opened"); day != "24 November 2026" {
				t.Error("the day of the last look is", day)
			}
			db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "avow.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			behind := func(query string) {
				t.Helper()
				if done, err := db.Exec(query); err != nil {
					t.Fatal(err)
				} else if n, _ := done.RowsAffected(); n != 1 {
					t.Fatal("changed", n, "rows")
				}
			}
			behind(strings.ReplaceAll(meddle.do, "substr(digest, 2) || substr(digest, 1, 1)", "CAST(substr(digest, 2) || substr(digest, 1, 1) AS BLOB)"))
			look(23*time.Hour, avow.Kept) // not looked again yet
			look(time.Hour, avow.Broken)
			behind(strings.ReplaceAll(meddle.undo, "substr(digest, -1) || substr(digest, 1, 15)", "CAST(substr(digest, -1) || substr(digest, 1, 15) AS BLOB)"))
			look(24*time.Hour, avow.Kept)
		})
	}
}
