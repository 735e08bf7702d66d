package mailbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail/listen"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

func (h *house) Caller(context.Context, [32]byte) (*api.Caller, error) { return nil, nil }
func (h *house) Refused(context.Context, *api.Caller)                  {}

// ask asks the API as staff.
func (h *house) ask(method, path, body string) (status int, answer string) {
	a := api.New(api.Config{Store: h.db, Staff: api.Digest("staff"), Guard: h, Log: slog.New(slog.DiscardHandler)})
	h.AddTo(a)
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer staff")
	r.Header.Set("Content-Type", map[bool]string{true: "message/rfc822", false: "application/json"}[strings.HasPrefix(path, "/v1/mail") && !strings.HasSuffix(path, "/answered")])
	w := httptest.NewRecorder()
	a.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestFed: what staff feeds is believed, and answered only if they say so.
func TestFed(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	for i, c := range []struct{ raw, query, kind, done, stopped string }{
		{report("5.1.1", "gone@example.com", "", 1), "", "bounce", "stopped", "gone@example.com * bounce"},
		{report("5.1.1", "gone@example.com", "", 1), "", "", "again", ""},
		{report("4.2.2", "full@example.com", "", 2), "", "bounce", "counted", ""},
		{complaint("Original-Rcpt-To: <cross@example.com>\r\n", ""), "", "complaint", "stopped", "cross@example.com * complaint"},
		{written("eve@example.com", "unsubscribe", "now"), "", "unsubscribe", "stopped", "eve@example.com * mail"},
		{written("eve@example.com", "Question", "Which float?"), "", "question", "kept", ""},
		{written("mia@example.com", "Question", "Which float?"), "?answer=yes", "question", "kept", ""},
	} {
		status, answer := h.ask("POST", "/v1/mail"+c.query, c.raw)
		if due := fmt.Sprintf(`{"kind":%q,"done":%q}`, c.kind, c.done); status != http.StatusOK || strings.Join(strings.Fields(answer), "") != due {
			t.Errorf("%d: %d %s, not %s", i, status, answer, due)
		}
		if got := h.stopped(); got != c.stopped {
			t.Errorf("%d: stopped %q", i, got)
		}
		if got := h.answered(); (got != "") != (c.query != "") {
			t.Errorf("%d: answered %q", i, got)
		}
	}
	if status, answer := h.ask("POST", "/v1/mail", "MIME-Version: 1.0\r\n"+strings.Repeat("X: y\r\n", 100_000)); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, answer)
	}
}

// TestOpen: mail waits until somebody says that it was answered, and the list has
// nothing of what is in it.
func TestOpen(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg, text)
		h.take(to("privacy@harbour.example"), written("eve@example.com", "Question", "Which float?"))
		status, answer := h.ask("GET", "/v1/mail", "")
		var open struct {
			Waiting int64
			Mail    []struct{ Record, Kind string }
		}
		if err := json.Unmarshal([]byte(answer), &open); err != nil || status != 200 || open.Waiting != 1 || open.Mail[0].Kind != "question" {
			t.Fatalf("%d %s", status, answer)
		}
		if strings.Contains(answer, "eve") || strings.Contains(answer, "float") {
			t.Errorf("the list tells %s", answer)
		}
		path := "/v1/mail/" + open.Mail[0].Record + "/answered"
		if status, answer := h.ask("POST", path, `{"actor": "mia"}`); status != 200 {
			t.Errorf("%d %s", status, answer)
		}
		if status, _ := h.ask("POST", path, `{"actor": "mia"}`); status != 404 {
			t.Errorf("again: %d", status)
		}
		if status, _ := h.ask("POST", "/v1/mail/rec_06fpn9k3x8r2vw5yq4mc7jt1da/answered", `{"actor": "mia"}`); status != 404 {
			t.Errorf("another: %d", status)
		}
		if n, _, err := h.Waiting(t.Context()); n != 0 || err != nil {
			t.Errorf("waiting: %d, %v", n, err)
		}
		h.erase(open.Mail[0].Record)
	})
}

// erase forgets whose mail it is: nothing is left of it.
func (h *house) erase(record string) {
	h.t.Helper()
	err := h.db.Commit(h.t.Context(), func(tx *store.Tx) error {
		list, err := h.vault.List(h.t.Context(), tx, "mail", "", 1)
		if err != nil {
			return err
		}
		who, err := h.vault.Find(h.t.Context(), tx, list[0].Subject)
		if err != nil {
			return err
		}
		if _, err := h.ledger.Erase(h.t.Context(), tx, who, ledger.Event{Type: "erased", Statement: 1}); err != nil {
			return err
		}
		return h.vault.Erase(h.t.Context(), tx, who.ID())
	})
	if err != nil || len(h.records()) != 0 {
		h.t.Errorf("erase %s: %v", record, err)
	}
	var scanned *vault.Scanned
	if err := h.db.View(h.t.Context(), func(tx *store.Tx) (err error) {
		scanned, err = h.vault.Scan(h.t.Context(), tx, true, nil)
		return err
	}); err != nil || len(scanned.Faults) > 0 {
		h.t.Errorf("scan: %v, %v", scanned, err)
	}
}

// TestLoop: two houses that write to each other by machine stop after one exchange.
func TestLoop(t *testing.T) {
	ours, theirs := begin(t, store.Config{Path: t.TempDir()}, text), begin(t, store.Config{Path: t.TempDir()}, strings.ReplaceAll(text, "harbour.example", "museum.example"))
	// What Notice writes of an answer, as mailing sends it: from nobody, and marked.
	wire := func(from string, a answer) string {
		return written(from, a.subject, a.text, "Auto-Submitted: auto-replied\r\n", "In-Reply-To: <"+a.inReplyTo+">\r\n")
	}
	ours.take(to("privacy@harbour.example"), written("privacy@museum.example", "Question", "Which instruments float?"))
	if len(ours.answers) != 1 {
		t.Fatalf("%d answers to the first", len(ours.answers))
	}
	for range 3 {
		if len(ours.answers) > 0 {
			e := to(ours.answers[0].to)
			e.From = ""
			theirs.take(e, wire("privacy@harbour.example", ours.answers[0]))
			ours.answers = nil
		}
		if len(theirs.answers) > 0 {
			t.Fatal("a machine answered a machine")
		}
	}
	// And if nothing marked it: once a day is the end of it.
	exchanged := 0
	ours.pass(25 * 60 * 60 * 1e9)
	next, from := written("privacy@museum.example", "Question", "Which float?"), ours
	for range 20 {
		from.answers = nil
		address := "privacy@harbour.example"
		if from == theirs {
			address = "privacy@museum.example"
		}
		from.take(to(address), next)
		if len(from.answers) == 0 {
			break
		}
		exchanged++
		next = written(address, from.answers[0].subject, from.answers[0].text)
		if from == ours {
			from = theirs
		} else {
			from = ours
		}
	}
	if exchanged > 2 {
		t.Errorf("%d answers went back and forth", exchanged)
	}
}

// TestListens: the section is what a listener hands mail to.
func TestListens(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	var handler listen.Handler = h
	e := &listen.Envelope{From: "eve@example.com", To: []string{"privacy@harbour.example", "stop@letters.harbour.example"}}
	if errs := handler.Message(t.Context(), e, strings.NewReader(written("eve@example.com", "unsubscribe", "now"))); len(errs) != 2 || errs[0] != nil {
		t.Errorf("%v", errs)
	}
	if err := handler.Login(t.Context(), e, "a", "b"); err == nil {
		t.Error("somebody logged in")
	}
}

func BenchmarkTake(b *testing.B) {
	h := begin(b, store.Config{Path: b.TempDir()}, text)
	b.SetParallelism(32)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			number.Lock()
			n := number.n
			number.Unlock()
			raw := written(fmt.Sprintf("eve%d@example.com", n%1000), "Question", "Which instruments float?")
			if err := h.Take(b.Context(), to("privacy@harbour.example"), strings.NewReader(raw)); err != nil {
				b.Error(err)
			}
		}
	})
}
