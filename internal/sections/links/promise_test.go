package links

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

const text = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
links: {label: true, register: true, leaks: none}
---
# Privacy statement
## Links to other web sites
[Links that leave this site say so before you follow them.]{#outward keeps=links.label}
[We list the sites we link to and where their statements are.]{#link-register keeps=links.register}
[No link of ours carries your name, address or number to another site.]{#no-leak keeps=links.leaks}
`

// A world is the section over a database, with its pages and its operations.
type world struct {
	t *testing.T
	*Section
	public   http.Handler
	private  http.Handler
	force    *statement.Edition
	labelled int64
	leaked   int64

	mu  sync.Mutex
	now time.Time
}

func (w *world) Labelled() int64                                       { return w.labelled }
func (w *world) Leaks(context.Context) (int64, error)                  { return w.leaked, nil }
func (w *world) Caller(context.Context, [32]byte) (*api.Caller, error) { return nil, nil }
func (w *world) Refused(context.Context, *api.Caller)                  {}
func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, cfg store.Config) *world {
	compiled, found := statement.Compile("statement.md", []byte(text), Keeps)
	if found.Failed() {
		t.Fatal(found)
	}
	w := &world{t: t, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), force: &statement.Edition{Statement: compiled, Version: 1}}
	cfg.Clock = w.clock
	db, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/"} }, slog.New(slog.DiscardHandler))
	w.Section = New(Deps{Store: db, Pages: pages, Gate: w, Leaks: w})
	mux := http.NewServeMux()
	pages.Mount(mux, w.Routes()...)
	w.public = mux
	a := api.New(api.Config{Store: db, Staff: api.Digest("staff"), Guard: w, Log: slog.New(slog.DiscardHandler)})
	w.AddTo(a)
	w.private = a.Handler()
	return w
}

func (w *world) ask(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer staff")
	r.Header.Set("Content-Type", "application/json")
	a := httptest.NewRecorder()
	w.private.ServeHTTP(a, r)
	return a
}

func (w *world) get(path string) string {
	a := httptest.NewRecorder()
	w.public.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
	return a.Body.String()
}

func (w *world) do(job func(context.Context) error) {
	w.t.Helper()
	if err := job(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) standing(clause avow.ClauseID) avow.Evidence {
	w.t.Helper()
	all, err := w.Evidence(w.t.Context(), w.force)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if e.Clause == clause {
			return e
		}
	}
	w.t.Fatalf("there is no evidence for %s: %+v", clause, all)
	return avow.Evidence{}
}

func (w *world) wants(clause avow.ClauseID, want avow.Standing, when string) {
	w.t.Helper()
	if got := w.standing(clause); got.Standing != want {
		w.t.Errorf("%s %s is %s, want %s: %s", clause, when, got.Standing, want, got.Says)
	}
}

func TestPromises(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		w := newWorld(t, cfg)
		t.Run("outward", func(t *testing.T) { outward(w) })
		t.Run("no-leak", func(t *testing.T) { noLeak(w) })
		t.Run("link-register", func(t *testing.T) { linkRegister(t, w) })
	})
}

func (w *world) crawled(unlabelled, leaks int) {
	w.t.Helper()
	if a := w.ask("POST", "/v1/links/crawls", fmt.Sprintf(`{"pages": 9, "links": 20, "unlabelled": %d, "leaks": %d}`, unlabelled, leaks)); a.Code != 200 {
		w.t.Fatal(a.Code, a.Body)
	}
}

func outward(w *world) {
	w.wants("outward", avow.Untested, "before anybody looked")
	w.labelled = 3
	w.wants("outward", avow.Kept, "when the gate labels")
	w.labelled = 0
	w.crawled(2, 0)
	w.wants("outward", avow.Broken, "with two links that do not say so")
	w.crawled(0, 0)
	w.wants("outward", avow.Kept, "with none")
	if f := w.standing("outward").Figures; len(f) != 4 || f[0].Value != "0" || f[1].Value != "9" || f[2].Value != "20" {
		w.t.Errorf("the figures are %v", f)
	}
	w.pass(stale)
	w.wants("outward", avow.Untested, "when it is long ago")
}

func noLeak(w *world) {
	w.wants("no-leak", avow.Untested, "before anybody looked")
	w.crawled(0, 1)
	w.wants("no-leak", avow.Broken, "with a leak on a page")
	w.crawled(0, 0)
	w.wants("no-leak", avow.Kept, "without")
	w.leaked = 1
	w.wants("no-leak", avow.Broken, "with a leak that a visitor met")
	w.crawled(0, 3)
	w.leaked = 5
	if f := w.standing("no-leak").Figures; len(f) != 5 || f[0].Value != "3" || f[4].Value != "5" {
		w.t.Errorf("the figures are %v", f)
	}
	w.pass(stale)
	if f := w.standing("no-leak").Figures; len(f) != 1 || f[0].Value != "5" {
		w.t.Errorf("what was found long ago is counted: %v", f)
	}
	w.leaked = 0
}

func linkRegister(t *testing.T, w *world) {
	w.wants("link-register", avow.Untested, "before a link was seen")
	w.Seen("museum.example")
	w.Seen("museum.example")
	w.do(w.Flush)
	if p := w.get("/privacy/links"); !strings.Contains(p, "museum.example") || !strings.Contains(p, "seen, not yet described") || w.Known("museum.example") {
		t.Errorf("a host that was seen is shown as %s; known: %v", p, w.Known("museum.example"))
	}
	w.wants("link-register", avow.Kept, "while it waits")
	w.pass(grace + time.Minute)
	w.wants("link-register", avow.Broken, "when it has waited long")
	if a := w.ask("PUT", "/v1/links/museum.example", `{"class": "partner", "statement": "https://museum.example/privacy?a=b"}`); a.Code != 200 {
		t.Fatal(a.Code, a.Body)
	}
	w.wants("link-register", avow.Kept, "when it was described")
	if p := w.get("/privacy/links"); !w.Known("museum.example") || !strings.Contains(p, `<a href="https://museum.example/privacy?a=b"`) || !strings.Contains(p, "partner") || !strings.Contains(p, "leaves this site") {
		t.Errorf("it is shown as %s", p)
	}
	var out registerJSON
	if err := json.Unmarshal([]byte(w.get("/privacy/links.json")), &out); err != nil || len(out.Links) != 1 || !out.Links[0].Described || out.Links[0].Class != "partner" ||
		out.Links[0].Seen.Hour() != 0 || out.Links[0].Seen.Minute() != 0 {
		t.Errorf("for machines it is %+v (%v)", out, err)
	}
	if a := w.ask("DELETE", "/v1/links/museum.example", ""); a.Code != 200 || w.Known("museum.example") {
		t.Errorf("it is taken out: %d, and known: %v", a.Code, w.Known("museum.example"))
	}
	if a := w.ask("DELETE", "/v1/links/museum.example", ""); a.Code != 404 {
		t.Errorf("taken out again: %d", a.Code)
	}
	w.Seen("gone.example")
	w.do(w.Flush)
	w.pass(forgotten + time.Hour)
	w.do(w.Forget)
	if strings.Contains(w.get("/privacy/links"), "gone.example") {
		t.Error("a host that no page links to any more is still there")
	}
}

// TestRefused: what makes no sense is refused, with a reason.
func TestRefused(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()})
	for _, c := range []struct{ method, path, body string }{
		{"PUT", "/v1/links/museum.example", `{"class": "friend"}`},
		{"PUT", "/v1/links/museum.example", `{}`},
		{"PUT", "/v1/links/museum.example", `{"class": "other", "statement": "javascript:alert(1)"}`},
		{"PUT", "/v1/links/museum.example", `{"class": "other", "statement": "https://u:p@a.example/"}`},
		{"PUT", "/v1/links/museum.example", `{"class": "other", "statement": "https://a.example/` + strings.Repeat("x", 500) + `"}`},
		{"PUT", "/v1/links/a%20b", `{"class": "other"}`},
		{"PUT", "/v1/links/a:99999999", `{"class": "other"}`},
		{"POST", "/v1/links/crawls", `{}`},
		{"POST", "/v1/links/crawls", `{"pages": 1, "links": 1, "unlabelled": 2}`},
		{"POST", "/v1/links/crawls", `{"pages": 1, "links": -1}`},
		{"POST", "/v1/links/crawls", `{"pages": 1, "hosts": ["a b"]}`},
	} {
		if a := w.ask(c.method, c.path, c.body); a.Code != 422 {
			t.Errorf("%s %s %s is answered %d %s", c.method, c.path, c.body, a.Code, a.Body)
		}
	}
}

// TestKnown: the register knows hosts however they are written, and in every
// house over the database.
func TestKnown(t *testing.T) {
	cfg := store.Config{URL: storetest.Postgres(t)}
	one, two := newWorld(t, cfg), newWorld(t, cfg)
	one.Seen("seen.example")
	one.do(one.Flush)
	for _, host := range []string{"museum.example", "*.tides.example", "b%C3%BCcher.example", "a.example:8080", "Upper.Example."} {
		if a := one.ask("PUT", "/v1/links/"+host, `{"class": "other"}`); a.Code != 200 {
			t.Fatal(host, a.Code, a.Body)
		}
		one.pass(time.Second)
	}
	two.do(two.Refresh)
	for host, want := range map[string]bool{
		"seen.example": false, "museum.example": true, "museum.example:443": true, "museum.example:80": true, "MUSEUM.example": true, "museum.example.": true, "www.museum.example": false,
		"museum.example:8080": false, "tides.example": false, "a.tides.example": true, "a.b.tides.example": true, "xtides.example": false, "xn--bcher-kva.example": true,
		"bücher.example": true, "a.example": false, "a.example:8080": true, "upper.example": true, "": false, "a b": false, "[::1]": false, "*.tides.example": true,
	} {
		for i, w := range []*world{one, two} {
			if got := w.Known(host); got != want {
				t.Errorf("house %d knows %q: %v", i, host, got)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { one.Known("museum.example"); one.Seen("museum.example") }); n != 0 {
		t.Errorf("to ask allocates %v times", n)
	}
	one.ask("DELETE", "/v1/links/museum.example", "")
	two.do(two.Refresh)
	if two.Known("museum.example") {
		t.Error("the other house still knows it")
	}
}

// TestBounded: a page with links without end fills neither memory nor table.
func TestBounded(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()})
	for round := range 3 {
		for i := range 2 * maxSeen {
			w.Seen(fmt.Sprintf("h%d-%d.example", round, i))
		}
		w.Seen("a b")
		if len(w.seen) > maxSeen {
			t.Fatalf("%d hosts are in memory", len(w.seen))
		}
		w.do(w.Flush)
	}
	all, err := w.register(t.Context())
	if len(all) != maxSeen || err != nil {
		t.Errorf("%d hosts are in the table (%v)", len(all), err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w.Seen("h0-1.example")
	if w.Flush(gone) == nil {
		t.Error("it is written without time")
	}
	if len(w.take()) != 1 {
		t.Error("what could not be written is lost")
	}
}
