package security_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

func TestPromises(t *testing.T) {
	t.Run("own-key", func(t *testing.T) {
		h := servertest.New(t)
		h.Taken("contact", "email", "ada@example.com", "message", "hello")
		if got := h.Standing("own-key"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
		inside := h.Config("")
		inside.Keys = "file:" + inside.Data + "/keys"
		if _, err := server.New(t.Context(), inside); err == nil || !strings.Contains(err.Error(), "inside the data folder") {
			t.Errorf("keys inside the data folder: %v", err)
		}
	})
	t.Run("restore", func(t *testing.T) {
		h := servertest.New(t)
		h.Taken("contact", "email", "eve@example.com", "message", "forget me")
		h.Taken("contact", "email", "ada@example.com", "message", "delete me")
		h.Taken("contact", "email", "ada@example.com", "message", "keep me")
		c, token := h.Client()
		ada, err := c.Read(t.Context(), token, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Where: client.Values{"email": "ada@example.com"}})
		if err != nil || len(ada.Records) != 2 {
			t.Fatal(ada, err)
		}
		eve, err := c.Read(t.Context(), token, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Where: client.Values{"email": "eve@example.com"}})
		if err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if err := c.Backup(t.Context(), token, &copied); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Erase(t.Context(), token, eve.Records[0].Subject, "mia"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Delete(t.Context(), token, ada.Records[0].ID, "mia"); err != nil {
			t.Fatal(err)
		}
		if got := h.Standing("restore"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
		h.Stop()
		keys, err := seal.Open(h.Keys(), seal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		erased, err := ledger.ReadErased(filepath.Join(keys.Beside(), "high-water"))
		if err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), store.Config{Path: t.TempDir(), Clock: h.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		done, err := backup.Restore(t.Context(), db, bytes.NewReader(copied.Bytes()), backup.Options{Keys: keys, Erased: erased})
		if err != nil || done.Erased != 1 || done.Deleted != 1 {
			t.Fatalf("%+v, %v", done, err)
		}
		v, err := vault.Open(t.Context(), db, keys, vault.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]error{"eve@example.com": store.ErrNone, "ada@example.com": nil} {
			err := db.View(t.Context(), func(tx *store.Tx) error {
				found, err := v.Lookup(t.Context(), tx, vault.By{Field: "email", Category: "user.contact.email", Value: []byte(who)})
				if err != nil {
					return err
				}
				left, err := v.Of(t.Context(), tx, found.ID())
				if len(left) != 1 {
					t.Errorf("%s has %d records", who, len(left))
				}
				return err
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", who, err, want)
			}
		}
	})
	t.Run("public-log", func(t *testing.T) {
		h := servertest.New(t)
		text, _ := h.Taken("contact", "email", "ada@example.com", "message", "hello")
		r, err := receipt.Verify([]byte(text), receipt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		entries := h.Get("/log/tile/entries/000.p/2").Body
		if !strings.Contains(entries, `"k":"e"`) || !strings.Contains(entries, `"k":"s"`) || strings.Contains(entries, "contact") {
			t.Errorf("the log has %q", entries)
		}
		if r.Index != 1 || r.Size != 2 {
			t.Errorf("the receipt is for entry %d of %d", r.Index, r.Size)
		}
		if got := h.Standing("public-log"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
}

// TestAlteredLog: somebody with access to the disk rewrites an entry behind the
// server's back. The promise is broken, and its page says so.
func TestAlteredLog(t *testing.T) {
	h := servertest.New(t)
	h.Taken("contact", "email", "ada@example.com", "message", "hello")
	if got := h.Standing("public-log"); got != "kept" {
		t.Fatalf("before anybody meddled it is %s", got)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(h.Dir, "data", "avow.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	done, err := db.Exec(`UPDATE ledger_chunk SET data = CAST(replace(CAST(data AS TEXT), '"k":"e"', '"k":"f"') AS BLOB)`)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := done.RowsAffected(); n == 0 {
		t.Fatal("nothing was altered")
	}
	h.Pass(time.Hour) // a log that did not grow is read again after an hour
	if got := h.Standing("public-log"); got != "broken" {
		t.Errorf("it is %s, want broken", got)
	}
}

// TestVerifyPage checks receipts for who has no script.
func TestVerifyPage(t *testing.T) {
	h := servertest.New(t)
	text, _ := h.Taken("contact", "email", "ada@example.com", "message", "hello")
	send := func(text string) servertest.Answer {
		return h.Send("/privacy/verify", "application/x-www-form-urlencoded", strings.NewReader(url.Values{"receipt": {text}}.Encode()))
	}
	if a := send(strings.ReplaceAll(text, "\n", "\r\n")); a.Status != 200 || !strings.Contains(a.Body, "This receipt holds") {
		t.Errorf("a good receipt is answered %d", a.Status)
	}
	if a := send(strings.Replace(text, "index 1", "index 0", 1)); a.Status != 422 || !strings.Contains(a.Body, "does not hold") {
		t.Errorf("a changed receipt is answered %d", a.Status)
	}
	hostile := "<script>alert(1)</script>" + base64.StdEncoding.EncodeToString([]byte("x"))
	if a := send(hostile); a.Status != 422 || strings.Contains(a.Body, "<script>alert") {
		t.Errorf("a hostile receipt is answered %d", a.Status)
	}
}
