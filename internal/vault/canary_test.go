package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

var ctx = context.Background()

// What Eve types, first and as she corrects it.
const (
	address   = "canary-eve@example.org"
	number    = "+44 20 7946 0123"
	words     = "canary-message about the tide clock"
	corrected = "canary-eva@example.org"
	rewritten = "canary-correction about the tide clock"
)

// A cage is a whole core in folders of its own, and what can be grepped.
type cage struct {
	*vault.Vault
	t      *testing.T
	cfg    store.Config
	db     *store.DB
	log    *ledger.Ledger
	keys   *seal.Keys
	said   bytes.Buffer // all that anybody logged
	dir    string       // keys and what is beside them
	look   []string     // folders to grep
	record avow.RecordID
	eve    avow.SubjectID
	ids    []avow.SubjectID
}

func newCage(t *testing.T, cfg store.Config) *cage {
	t.Helper()
	c := &cage{t: t, cfg: cfg, dir: t.TempDir()}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("SQLITE_TMPDIR", tmp)
	var err error
	if c.keys, err = seal.Create("file:"+filepath.Join(c.dir, "keys"), seal.Options{}); err != nil {
		t.Fatal(err)
	}
	if c.db, err = store.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.db.Close() })
	c.Vault, err = vault.Open(ctx, c.db, c.keys, vault.Options{Settle: time.Nanosecond,
		Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return c.log.Forget(ctx, tx, id) }})
	if err != nil {
		t.Fatal(err)
	}
	c.log, err = ledger.Open(ctx, c.db, ledger.Config{Origin: "harbour.example/log", Key: c.keys.LogKey(), Keys: c.keys, HighWater: filepath.Join(c.dir, "keys", "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return c.Find(ctx, tx, id)
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.log.Close() })
	c.look = []string{c.dir, tmp, cfg.Path}
	if cfg.URL != "" {
		u, err := url.Parse(cfg.URL)
		if err != nil {
			t.Fatal(err)
		}
		c.look[2] = u.Query().Get("host") // the whole cluster, its log too
	}
	return c
}

// behind runs statements that the store does not know.
func (c *cage) behind(statements ...string) {
	c.t.Helper()
	driver, address := "sqlite3", "file:"+filepath.Join(c.cfg.Path, "avow.db")
	if c.cfg.URL != "" {
		driver, address = "pgx", c.cfg.URL
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			c.t.Fatal(s, err)
		}
	}
}

// grep finds in which files there are any of the hints.
func (c *cage) grep(hints map[string][]byte) (found []string) {
	c.t.Helper()
	c.flush()
	for _, folder := range c.look {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) || err == nil && !d.Type().IsRegular() {
				return nil // PostgreSQL goes on working
			}
			data, err := os.ReadFile(name)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			for what, hint := range hints {
				if bytes.Contains(data, hint) {
					found = append(found, what+" in "+name)
				}
			}
			return err
		})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	for what, hint := range hints {
		if bytes.Contains(c.said.Bytes(), hint) {
			found = append(found, what+" in what was logged")
		}
	}
	return found
}

// flush makes a backup of the database, and has all of it on the disk.
func (c *cage) flush() {
	if c.cfg.URL != "" {
		c.behind("CHECKPOINT")
		return
	}
	backup := filepath.Join(c.dir, "backup.db")
	os.Remove(backup)
	c.behind("VACUUM INTO '" + backup + "'")
}

func (c *cage) commit(fn func(tx *store.Tx) error) {
	c.t.Helper()
	if err := c.db.Commit(ctx, fn); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cage) by(email, phone string) []vault.By {
	return []vault.By{{Field: "email", Category: "user.contact.email", Value: []byte(email)},
		{Field: "phone", Category: "user.contact.phone_number", Value: []byte(phone)}}
}

// take keeps what somebody types, as a house does, and logs whatever it can.
func (c *cage) take(email, phone, message string) (who avow.SubjectID, id avow.RecordID) {
	c.t.Helper()
	values := map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(email)), "message": vault.Conceal([]byte(message)), "phone": vault.Conceal([]byte(phone))}
	log := slog.New(slog.NewJSONHandler(&c.said, nil))
	c.commit(func(tx *store.Tx) error {
		by := c.by(email, phone)
		_, err := c.Lookup(ctx, tx, by[0])
		fmt.Fprintf(&c.said, "%v %+v\n", err, by)
		s, err := c.Subject(ctx, tx, by...)
		if err != nil {
			return err
		}
		r := vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour), Values: values}
		log.Info("put", "subject", s, "record", r, "by", by)
		if id, err = c.Put(ctx, tx, s, r); err != nil {
			return err
		}
		who = s.ID()
		return c.enter(tx, s, "collected", id)
	})
	return who, id
}

func (c *cage) enter(tx *store.Tx, s *vault.Subject, what string, id avow.RecordID) error {
	p, err := c.log.Record(ctx, tx, s, ledger.Event{About: id, Type: what, Clause: "contact", Statement: 1, X: map[string]any{"note": "canary-payload"}})
	if err == nil {
		fmt.Fprintln(&c.said, c.log.Link(p), p)
	}
	return err
}

// live lets Eve and two crowds around her live, so that pages split around her
// rows: they are taken, read and corrected.
func (c *cage) live() {
	c.t.Helper()
	for i := range 120 {
		if i == 60 {
			c.eve, c.record = c.take(address, number, words)
			c.ids = append(c.ids, c.eve)
			continue
		}
		who, _ := c.take(fmt.Sprintf("other%d@example.org", i), fmt.Sprint(700000+i), strings.Repeat("words of somebody else ", 1+i%40))
		c.ids = append(c.ids, who)
	}
	var held *vault.Closed
	c.commit(func(tx *store.Tx) (err error) {
		if held, err = c.Get(ctx, tx, c.record); err != nil {
			return err
		}
		return c.enter(tx, held.Owner(), "read", c.record)
	})
	read, err := held.Open("email", "message", "phone")
	if err != nil || string(read["message"].Reveal()) != words {
		c.t.Fatal("what she typed is not what is read:", err)
	}
	fmt.Fprintf(&c.said, "%v %+v %#v\n", read, held, held)
}

func (c *cage) correct() {
	c.t.Helper()
	c.commit(func(tx *store.Tx) error {
		held, err := c.Get(ctx, tx, c.record)
		if err != nil {
			return err
		}
		changes := map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(corrected)), "message": vault.Conceal([]byte(rewritten)), "phone": vault.Conceal(nil)}
		if err := c.Update(ctx, tx, held, changes, 1, c.by(corrected, "")...); err != nil {
			return err
		}
		return c.enter(tx, held.Owner(), "corrected", c.record)
	})
}

// plain is what must not be anywhere, ever, in any spelling.
func plain() map[string][]byte {
	all := map[string][]byte{"payload": []byte("canary-payload")}
	for what, value := range map[string]string{"address": address, "words": words, "half of the words": words[10:30], "corrected address": corrected,
		"corrected words": rewritten, "number": number, "number as indexed": "+442079460123"} {
		sum := sha256.Sum256([]byte(value))
		all[what] = []byte(value)
		all[what+", base64"] = []byte(base64.StdEncoding.EncodeToString([]byte(value))[:16])
		all[what+", hex"] = []byte(hex.EncodeToString([]byte(value)))
		all[what+", as fmt has bytes"] = []byte(strings.Trim(fmt.Sprint([]byte(value)), "[]"))
		all[what+", hashed"] = sum[:]
		all[what+", hashed hex"] = []byte(hex.EncodeToString(sum[:]))
	}
	return all
}

// rows reads what the database holds of a subject in closed form.
func (c *cage) rows(id avow.SubjectID) map[string][]byte {
	c.t.Helper()
	closed := map[string][]byte{}
	err := c.db.View(ctx, func(tx *store.Tx) error {
		for what, query := range map[string]string{
			"id":      "SELECT id FROM vault_subject WHERE id = $1",
			"key":     "SELECT wrapped FROM vault_subject WHERE id = $1",
			"index":   "SELECT digest FROM vault_index WHERE subject = $1",
			"record":  "SELECT sealed FROM vault_record WHERE subject = $1",
			"payload": "SELECT sealed FROM ledger_event WHERE subject = $1",
		} {
			n := 0
			err := tx.Each(ctx, query, func(scan func(...any) error) error {
				var b []byte
				err := scan(&b)
				closed[fmt.Sprint(what, n)] = b[:min(len(b), 64)]
				n++
				return err
			}, id)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return closed
}

// What a person typed is never in a file, in no spelling; what they corrected
// leaves nothing behind; and once they are erased, nor is on SQLite what it was
// closed in, nor the key. What PostgreSQL keeps in old pages and its log for a
// while nobody opens without the keys, and from the next epoch on not with them.
func TestCanary(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		c := newCage(t, cfg)
		c.live()
		if found := c.grep(plain()); found != nil {
			t.Error("before anything changed:", found)
		}
		before := c.rows(c.eve)
		if len(before) != 7 {
			t.Fatalf("found %d closed values of Eve: %v", len(before), before)
		}
		if found := c.grep(before); len(found) < len(before) {
			t.Fatalf("grep finds only %v before anything changed: this test shows nothing", found)
		}
		c.correct()
		gone := map[string][]byte{"record": before["record0"], "index": before["index0"], "other index": before["index1"]}
		if found := c.grep(plain()); found != nil {
			t.Error("after the correction:", found)
		}
		if found := c.grep(gone); found != nil && cfg.URL == "" {
			t.Error("what was corrected is still there in closed form:", found)
		}
		for what, b := range c.rows(c.eve) {
			gone[what+" corrected"] = b
		}
		for what, b := range before {
			gone[what] = b
		}
		c.erase(c.eve)
		if found := c.grep(gone); found != nil && cfg.URL == "" {
			t.Error("after the erasure:", found)
		}
		// Others go too, and no trace of hers comes up from under their pages.
		for i := 0; i < len(c.ids); i += 4 {
			c.erase(c.ids[i])
		}
		if _, err := c.Rotate(ctx, nil, nil); err != nil {
			t.Fatal(err)
		}
		if found := c.grep(gone); found != nil && cfg.URL == "" {
			t.Error("after more erasures and a rotation:", found)
		}
		if found := c.grep(plain()); found != nil {
			t.Error("after the erasure:", found)
		}
		if _, err := c.keys.Unwrap(1, before["key0"], c.eve); err == nil {
			t.Error("a copy of her key still opens after the rotation")
		}
		if err := c.log.Verify(ctx); err != nil {
			t.Error("the log, after all that:", err)
		}
	})
}

func (c *cage) erase(who avow.SubjectID) {
	c.t.Helper()
	c.commit(func(tx *store.Tx) error {
		s, err := c.Find(ctx, tx, who)
		if errors.Is(err, store.ErrNone) {
			return nil
		}
		if err == nil {
			_, err = c.log.Erase(ctx, tx, s, ledger.Event{Type: "erased", Clause: "contact", Statement: 1})
		}
		return errors.Join(err, c.Vault.Erase(ctx, tx, who))
	})
}

// With the database alone nothing opens: other keys are refused at once, and
// who tries them all the same gets nowhere.
func TestDatabaseAlone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		c := newCage(t, cfg)
		c.live()
		thief, err := seal.Create("file:"+filepath.Join(t.TempDir(), "keys"), seal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var wrong *vault.KeysError
		if _, err := vault.Open(ctx, c.db, thief, vault.Options{}); !errors.As(err, &wrong) {
			t.Error("the keys of another house are taken:", err)
		}
		rows := c.rows(c.eve)
		if _, err := thief.Unwrap(1, rows["key0"], c.eve); !errors.Is(err, seal.ErrClosed) {
			t.Error("her key opens under another:", err)
		}
		for field, value := range map[avow.Field]string{"email": address, "phone": "+442079460123"} {
			for what, digest := range rows {
				if guess := thief.Index(field, []byte(value)); bytes.Equal(guess[:], digest) {
					t.Errorf("who guesses the %s finds it as %s", field, what)
				}
			}
		}
	})
}
