package vault_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

var ctx = context.Background()

// grep counts the files under the folders that hold any of the hints.
func grep(t *testing.T, hints map[string][]byte, folders ...string) (found []string) {
	t.Helper()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := os.ReadFile(name)
			for what, hint := range hints {
				if bytes.Contains(data, hint) {
					found = append(found, what+" in "+filepath.Base(name))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// What a person typed is never in a file, in no spelling; and once they are
// erased neither is what it was closed in, nor the key.
func TestCanary(t *testing.T) {
	dir, tmp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	t.Setenv("SQLITE_TMPDIR", tmp)
	data := filepath.Join(dir, "data")
	keys, err := seal.Create("file:"+filepath.Join(dir, "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, store.Config{Path: data})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	v, err := vault.Open(ctx, db, keys, vault.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(ctx, db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return v.Find(ctx, tx, id)
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	// Eve between two crowds, so that pages split around her rows and are merged
	// again when she and half of the others go.
	const address, words = "canary-eve@example.org", "canary-message about the tide clock"
	var ids []avow.SubjectID
	var eve avow.SubjectID
	for i := range 120 {
		who, message := fmt.Sprintf("other%d@example.org", i), strings.Repeat("words of somebody else ", 1+i%40)
		if i == 60 {
			who, message = address, words
		}
		err := db.Commit(ctx, func(tx *store.Tx) error {
			s, err := v.Subject(ctx, tx, vault.By{Field: "email", Value: []byte(who)})
			if err != nil {
				return err
			}
			if ids = append(ids, s.ID()); i == 60 {
				eve = s.ID()
			}
			if _, err := v.Put(ctx, tx, s, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now, Values: map[avow.Field]vault.Sealed{
				"email": vault.Conceal([]byte(who)), "message": vault.Conceal([]byte(message))}}); err != nil {
				return err
			}
			p, err := l.Record(ctx, tx, s, ledger.Event{Type: "collected", Clause: "contact", Statement: 1, X: map[string]any{"note": "canary-payload"}})
			if err != nil {
				return err
			}
			l.Link(p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	plain := map[string][]byte{"payload": []byte("canary-payload")}
	for what, value := range map[string]string{"address": address, "words": words, "half of the words": words[10:30]} {
		sum := sha256.Sum256([]byte(value))
		plain[what] = []byte(value)
		plain[what+", base64"] = []byte(base64.StdEncoding.EncodeToString([]byte(value))[:16])
		plain[what+", hex"] = []byte(hex.EncodeToString([]byte(value)))
		plain[what+", hashed"] = sum[:]
		plain[what+", hashed hex"] = []byte(hex.EncodeToString(sum[:]))
	}
	if found := grep(t, plain, dir, tmp); found != nil {
		t.Error("before the erasure:", found)
	}

	closed := rowsOf(t, db, eve)
	if len(closed) != 5 {
		t.Fatalf("found %d closed values of Eve: %v", len(closed), closed)
	}
	if found := grep(t, closed, data); len(found) < len(closed) {
		t.Fatalf("grep finds only %v before the erasure: this test shows nothing", found)
	}
	if err := db.Commit(ctx, func(tx *store.Tx) error { return v.Erase(ctx, tx, eve) }); err != nil {
		t.Fatal(err)
	}
	if found := grep(t, closed, dir, tmp); found != nil {
		t.Error("after the erasure:", found)
	}
	// Others go too, and no trace of hers comes up from under their pages.
	for i := 0; i < len(ids); i += 2 {
		if err := db.Commit(ctx, func(tx *store.Tx) error { return v.Erase(ctx, tx, ids[i]) }); err != nil {
			t.Fatal(err)
		}
	}
	for what, hint := range plain {
		closed[what] = hint
	}
	if found := grep(t, closed, dir, tmp); found != nil {
		t.Error("after more erasures:", found)
	}
	if err := l.Verify(ctx); err != nil {
		t.Error("the log, after all that:", err)
	}
}

// rowsOf reads what the database holds of a subject in closed form.
func rowsOf(t *testing.T, db *store.DB, id avow.SubjectID) map[string][]byte {
	t.Helper()
	closed := map[string][]byte{}
	err := db.View(ctx, func(tx *store.Tx) error {
		for what, query := range map[string]string{
			"id":      "SELECT id FROM vault_subject WHERE id = $1",
			"key":     "SELECT wrapped FROM vault_subject WHERE id = $1",
			"index":   "SELECT digest FROM vault_index WHERE subject = $1",
			"record":  "SELECT substr(sealed, 1, 64) FROM vault_record WHERE subject = $1",
			"payload": "SELECT substr(sealed, 1, 64) FROM ledger_event WHERE subject = $1",
		} {
			var b []byte
			if err := tx.Get(ctx, query, &b, id); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			closed[what] = b
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return closed
}
