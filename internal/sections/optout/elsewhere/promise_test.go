package elsewhere_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/optout/elsewhere"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

const text = `---
statement: 1
organisation: {name: Harbour Ltd, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-01-01
data:
  name: {category: user.name}
purposes:
  deliver: {say: deliver what you ordered, basis: contract}
recipients:
  courier: {say: the courier, fields: [name], for: [deliver], optout: "https://courier.example/opt-out"}
  packer: {say: the packer, fields: [name], for: [deliver], optout: "https://packer.example/stop"}
  again: {say: the same page, fields: [name], for: [deliver], optout: "https://packer.example/stop"}
  printer: {say: the printer, fields: [name], for: [deliver], optout: "mailto:stop@printer.example"}
  caller: {say: the caller, fields: [name], for: [deliver], optout: "javascript:alert(1)"}
  friend: {say: a friend, fields: [name], for: [deliver]}
trackers:
  maps.example: {for: show the way, consent: opt-in}
optout: {address: stop@harbour.example, within: 2 days, elsewhere: listed}
---
# Privacy

## Unsubscribe
[Sites of other companies have their own way to opt out, and our list of them says where.]{#elsewhere keeps=optout.elsewhere}
`

// others stands for the sites of others.
type others struct {
	status map[string]int // 0 does not answer
	head   map[string]int // that answer the short question otherwise
	asked  []string
}

func (o *others) ask(method, address string, status int) (*egress.Answer, error) {
	o.asked = append(o.asked, method+" "+address)
	if status == 0 {
		return nil, errors.New("refused")
	}
	return &egress.Answer{Status: status}, nil
}

func (o *others) Head(_ context.Context, address string) (*egress.Answer, error) {
	if status, ok := o.head[address]; ok {
		return o.ask("HEAD", address, status)
	}
	return o.ask("HEAD", address, o.status[address])
}

func (o *others) Get(_ context.Context, address string) (*egress.Answer, error) {
	return o.ask("GET", address, o.status[address])
}

type house struct {
	*elsewhere.Section
	others
	t       *testing.T
	edition *statement.Edition
	handler http.Handler
	now     time.Time
}

func (h *house) InForce() *statement.Edition { return h.edition }

func (h *house) publish(text string) {
	h.t.Helper()
	compiled, found := statement.Compile("statement.md", []byte(text), elsewhere.Keeps)
	if compiled == nil || len(compiled.Recipients) == 0 {
		h.t.Fatal(found)
	}
	h.edition = &statement.Edition{Statement: compiled, Version: 1}
}

func begin(t *testing.T, cfg store.Config) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), others: others{
		status: map[string]int{courier: 200, packer: 200}, head: map[string]int{}}}
	h.publish(text)
	cfg.Clock = func() time.Time { return h.now }
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/", Language: "en"} }, slog.New(slog.DiscardHandler))
	h.Section = elsewhere.New(elsewhere.Deps{Store: db, Pages: pages, Editions: h, Door: h})
	mux := http.NewServeMux()
	pages.Mount(mux, h.Routes()...)
	h.handler = page.Secure(mux)
	return h
}

const courier, packer = "https://courier.example/opt-out", "https://packer.example/stop"

// check passes some days, each with a look at what is due, and says what was asked for on the last.
func (h *house) check(days int) string {
	h.t.Helper()
	for range days {
		h.now = h.now.Add(24 * time.Hour)
		h.asked = nil
		if err := h.CheckDue(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	return strings.Join(h.asked, ", ")
}

func (h *house) standing() (avow.Standing, string) {
	h.t.Helper()
	found, err := h.Evidence(h.t.Context(), h.edition)
	if err != nil || len(found) != 1 || found[0].Clause != "elsewhere" {
		h.t.Fatalf("%+v (%v)", found, err)
	}
	return found[0].Standing, found[0].Figures[1].Value
}

func (h *house) page() string {
	h.t.Helper()
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, httptest.NewRequest("GET", "/privacy/elsewhere", nil))
	if w.Code != 200 {
		h.t.Fatalf("it is answered %d", w.Code)
	}
	return w.Body.String()
}

func TestPromises(t *testing.T) {
	t.Run("elsewhere", func(t *testing.T) { storetest.Engines(t, promise) })
}

func promise(t *testing.T, cfg store.Config) {
	h := begin(t, cfg)
	want := func(standing avow.Standing, dead string) {
		t.Helper()
		if s, d := h.standing(); s != standing || d != dead {
			t.Errorf("it is %s with %s dead links, want %s with %s", s, d, standing, dead)
		}
	}
	want(avow.Untested, "0")
	if asked := h.check(1); asked != "HEAD "+courier+", HEAD "+packer {
		t.Errorf("first is asked for %s", asked)
	}
	want(avow.Kept, "0")
	body := h.page()
	for _, says := range []string{`<a href="https://courier.example/opt-out" rel="noreferrer">courier.example/opt-out`, `<a href="mailto:stop@printer.example"`, "write to us", "maps.example", "page of choices", ": it answers", "deliver what you ordered"} {
		if !strings.Contains(body, says) {
			t.Errorf("the page does not say %q", says)
		}
	}
	if strings.Contains(body, `href="javascript`) || strings.Contains(body, "dead link") {
		t.Error("the page links a script, or calls dead what is not")
	}
	if asked := h.check(6); asked != "" {
		t.Errorf("within a week %s is asked for again", asked)
	}
	h.head[courier], h.status[packer] = 405, 404
	if asked := h.check(1); asked != "HEAD "+courier+", GET "+courier+", HEAD "+packer+", GET "+packer {
		t.Errorf("after a week is asked for %s", asked)
	}
	want(avow.Kept, "1")
	if body := h.page(); !strings.Contains(body, "dead link: it answers 404, since 2 December 2026") {
		t.Error("the page does not show a dead link")
	}
	h.status[packer] = 0
	if asked := h.check(6); asked != "HEAD "+packer+", GET "+packer {
		t.Errorf("what is dead is asked for each day: %s", asked)
	}
	want(avow.Kept, "1")
	h.check(1)
	want(avow.Broken, "1")
	h.status[packer] = 403 // to programs; people are shown the page
	h.check(1)
	want(avow.Kept, "0")
	h.publish(strings.ReplaceAll(text, packer, "by telephone"))
	h.check(1)
	if asked := h.check(6); strings.Contains(asked, packer) {
		t.Errorf("what is not listed any more is asked for: %s", asked)
	}
	want(avow.Kept, "0")
	h.now = h.now.AddDate(0, 1, 0)
	want(avow.Untested, "0")
	h.publish(strings.Replace(text, ", elsewhere: listed", "", 1))
	if found, err := h.Evidence(t.Context(), h.edition); len(found) != 0 || err != nil {
		t.Errorf("what is not promised has evidence: %+v (%v)", found, err)
	}
}
