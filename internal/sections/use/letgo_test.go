package use_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestErase: who is erased is here no more, by no way there is, and the
// certificate says so.
func TestErase(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	ada, err := c.Collect(ctx, staff, "contact", client.Values{"email": "ada@example.com", "message": "Does it float?"})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Collect(ctx, staff, "newsletter", client.Values{"email": "ADA@example.com"})
	if err != nil || again.Subject != ada.Subject {
		t.Fatal(again, err)
	}
	keyed := client.WithKey(ctx, "erase-ada-1")
	gone, err := c.Erase(keyed, staff, ada.Subject, "mia")
	if err != nil || !gone.Erased {
		t.Fatal(gone, err)
	}
	r, err := receipt.Verify([]byte(gone.Receipt), receipt.Options{})
	if err != nil || r.Event.Type != "erased" || r.Event.X["subject"] != ada.Subject || r.Event.X["actor"] != "mia" {
		t.Errorf("the certificate says %+v (%v)", r, err)
	}
	if replay, err := c.Erase(keyed, staff, ada.Subject, "mia"); err != nil || !replay.Erased || replay.Receipt != "" {
		t.Errorf("asked again with its key it is answered %+v (%v)", replay, err)
	}
	if _, err := c.Erase(ctx, staff, ada.Subject, "mia"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("erased twice: %v", err)
	}
	_, other := c.Erase(ctx, staff, "sub_06h0sj4eg2d25bj9xqjb4r08ww", "mia")
	if _, err := c.Erase(ctx, staff, ada.Subject, "mia"); err.Error() != other.Error() {
		t.Errorf("who was here is answered %q, and who never was %q", err, other)
	}
	if _, err := c.Export(ctx, staff, ada.Subject, "mia"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("exported afterwards: %v", err)
	}
	for _, q := range []client.Query{{Subject: ada.Subject}, {Where: client.Values{"email": "ada@example.com"}}, {}} {
		q.Collection, q.Purpose, q.Actor = "contact", "reply", "mia"
		if got, err := c.Read(ctx, staff, q); err != nil || len(got.Records) != 0 {
			t.Errorf("read afterwards: %+v (%v)", got, err)
		}
	}
	if _, err := c.Receipt(ctx, staff, ada.Link); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("the receipt afterwards: %v", err)
	}
}

// TestDelete: one record goes, the others and the person stay.
func TestDelete(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	one, err := c.Collect(ctx, staff, "contact", client.Values{"email": "ada@example.com", "message": "one"})
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.Collect(ctx, staff, "contact", client.Values{"email": "ada@example.com", "message": "two"})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := c.Delete(ctx, staff, one.Record, "mia")
	if err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.Verify([]byte(gone.Receipt), receipt.Options{}); err != nil || r.Event.Type != "deleted" || r.Event.X["record"] != one.Record {
		t.Errorf("the receipt says %+v (%v)", r, err)
	}
	if _, err := c.Delete(ctx, staff, one.Record, "mia"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	left, err := c.Read(ctx, staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Subject: one.Subject})
	if err != nil || len(left.Records) != 1 || left.Records[0].ID != two.Record {
		t.Errorf("what is left is %+v (%v)", left, err)
	}
}

// TestDeletedWhole: whoever goes with the last of their records is not brought
// back by an older backup: there is a tombstone, as of an erasure. While
// something of theirs is kept the tombstone is of the record alone, or all of it
// would go.
func TestDeletedWhole(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	var list []string
	for _, message := range []string{"one", "two"} {
		got, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": message})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, got.Record)
	}
	for gone, record := range list {
		if _, err := c.Delete(t.Context(), staff, record, "mia"); err != nil {
			t.Fatal(err)
		}
		found, err := ledger.ReadErased(filepath.Join(h.Dir, "keys", "high-water"))
		if err != nil || len(found) != gone+1 {
			t.Errorf("of %d records that are gone there are %d tombstones (%v)", gone+1, len(found), err)
		}
	}
}

// TestNotUTF8: an address with bytes that are no text is the caller's fault, with
// a key and without.
func TestNotUTF8(t *testing.T) {
	h := servertest.New(t)
	_, staff := h.Client()
	for key, status := range map[string]int{"": 422, "erase-ada-1": 400} {
		r, err := http.NewRequestWithContext(t.Context(), "DELETE", h.Private+"/v1/subjects/sub_06h0sj4eg2d25bj9xqjb4r08ww?actor=%ff", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+staff)
		r.Header.Set("Idempotency-Key", key)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != status || h.Log.Len() > 0 {
			t.Errorf("with the key %q it is answered %d; the log has %s", key, a.StatusCode, h.Log)
		}
	}
}

// TestUnproven: what was done and cannot be proven is not said not to be done.
func TestUnproven(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ada, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": "one"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.Dir, "keys", "erased"), 0o700); err != nil { // where the journal goes
		t.Fatal(err)
	}
	var p *client.Problem
	if _, err := c.Erase(t.Context(), staff, ada.Subject, "mia"); !errors.As(err, &p) || p.Status != 500 || strings.Contains(err.Error(), "Nothing was done") {
		t.Errorf("it is answered %v", err)
	}
	if _, err := c.Export(t.Context(), staff, ada.Subject, "mia"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("who was erased is here: %v", err)
	}
	if !strings.Contains(h.Log.String(), "erasures") {
		t.Errorf("the log says nothing of it: %s", h.Log)
	}
}

// TestExport: all of it, where it came from, and what was done with it.
func TestExport(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	one, err := c.Collect(ctx, staff, "contact", client.Values{"name": "Ada", "email": "ada@example.com", "message": "one"})
	if err != nil {
		t.Fatal(err)
	}
	h.Pass(time.Second)
	if _, err := c.Collect(ctx, staff, "newsletter", client.Values{"email": "ada@example.com"}); err != nil {
		t.Fatal(err)
	}
	h.Taken("contact", "email", "eve@example.org", "message", "not Ada's")
	if _, err := c.Correct(ctx, staff, one.Record, "mia", client.Values{"message": "other"}); err != nil {
		t.Fatal(err)
	}
	before := size(h)
	p, err := c.Export(ctx, staff, one.Subject, "mia")
	if err != nil {
		t.Fatal(err)
	}
	if size(h) == before {
		t.Error("the export is not in the log")
	}
	if len(p.Records) != 2 || p.Records[0].Values["message"] != "other" || p.Records[0].Values["name"] != "Ada" || p.Records[0].Clause != "contact" ||
		p.Records[1].Collection != "newsletter" || !p.Records[1].Expires.After(h.Now()) || p.Records[1].Statement != 1 {
		t.Errorf("it has the records %+v", p.Records)
	}
	var types []string
	for _, e := range p.Events {
		text := string(e.Event)
		types = append(types, text[strings.Index(text, `"type":"`)+8:][:9])
	}
	if got := strings.Join(types, " "); got != "collected collected corrected" {
		t.Errorf("it has the events %s", got)
	}
	if r, err := receipt.Verify([]byte(p.Receipt), receipt.Options{}); err != nil || r.Event.Type != "exported" || r.Event.Clause == "" || r.Event.X["actor"] != "mia" {
		t.Errorf("the receipt says %+v (%v)", r, err)
	}
}

// TestExportIsWhole: a field that a record was corrected with is in the export,
// whatever became of it in the statement since.
func TestExportIsWhole(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	ada, err := c.Collect(ctx, staff, "contact", client.Values{"email": "ada@example.com", "message": "one"})
	if err != nil {
		t.Fatal(err)
	}
	first := string(harbour.Statement)
	second := strings.NewReplacer("  email:      {", "  nick:       {category: user.name, say: What friends call you}\n  email:      {",
		"contact:    {say: Ask us anything, fields: [name,", "contact:    {say: Ask us anything, fields: [name, nick,").Replace(first)
	h.Pass(24 * time.Hour)
	if _, err := c.Publish(ctx, staff, []byte(strings.Replace(second, "updated: 2026-11-24", "updated: 2026-11-25", 1))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Correct(ctx, staff, ada.Record, "mia", client.Values{"nick": "Countess"}); err != nil {
		t.Fatal(err)
	}
	h.Pass(24 * time.Hour)
	if _, err := c.Publish(ctx, staff, []byte(strings.Replace(first, "updated: 2026-11-24", "updated: 2026-11-26", 1))); err != nil {
		t.Fatal(err)
	}
	p, err := c.Export(ctx, staff, ada.Subject, "mia")
	if err != nil || len(p.Records) != 1 || p.Records[0].Values["nick"] != "Countess" {
		t.Errorf("it has the records %+v (%v)", p, err)
	}
}

// TestDecisions says what a reading would be answered, and does nothing.
func TestDecisions(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	before := size(h)
	for _, u := range []struct {
		use     client.Use
		allowed bool
		clause  string
	}{
		{client.Use{Collection: "contact", Purpose: "reply"}, true, ""},
		{client.Use{Collection: "contact", Purpose: "reply", Statement: 1}, true, ""},
		{client.Use{Collection: "contact", Purpose: "news"}, false, "contact"},
		{client.Use{Collection: "contact", Purpose: "sale"}, false, "never-sold"},
		{client.Use{Collection: "nowhere", Purpose: "reply"}, false, "undeclared"},
		{client.Use{Collection: "contact", Purpose: "espionage"}, false, "contact"},
	} {
		u.use.Actor = "mia"
		d, err := c.Decide(t.Context(), staff, u.use)
		if err != nil || d.Allowed != u.allowed || string(d.Clause) != u.clause || strings.Contains(d.Reason, "espionage") || strings.Contains(d.Reason, "nowhere") {
			t.Errorf("%+v is answered %+v (%v)", u.use, d, err)
		}
	}
	if size(h) != before {
		t.Error("a decision is in the log")
	}
	var p *client.Problem
	if _, err := c.Decide(t.Context(), staff, client.Use{Collection: "contact", Purpose: "reply", Actor: "mia", Statement: 9}); !errors.As(err, &p) || p.Status != 422 {
		t.Errorf("an unknown version is answered %v", err)
	}
}
