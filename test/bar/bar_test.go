// Package bar tests what a visitor sees of the gate, in a real browser.
package bar

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/audit/devtools"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"go.uber.org/goleak"
)

// key signs the choices of these tests.
var key = []byte("0123456789abcdef0123456789abcdef")

// missing ends a test whose browser is not there: in CI nothing is skipped.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	t.Skipf("%v; run scripts/setup", err)
}

// A site is the example's with a bar in its pages, and avow's pages
// beside it: as much of a gate as the bar is seen by.
type site struct {
	*httptest.Server
	edition *statement.Edition
	offers  choice.Offers
	bar     *bar.Bar
	wall    *wall.Wall
	ours    http.Handler
	pages   http.Handler
	policy  string // of the site
	maps    string // the origin that its map is on
	reports atomic.Int64
}

func (s *site) InForce() *statement.Edition { return s.edition }

// newSite serves the site. Its statement has two offers more than the
// example's.
func newSite(t *testing.T) *site {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	text := strings.Replace(string(harbour.Statement), "\ntrackers:\n", "\n  volume: {for: play films of our instruments, keep: 12 months}\n"+
		"  visits: {for: count visits, keep: session}\n"+
		"trackers:\n  video.example: {for: play films of our instruments, consent: opt-in}\n", 1)
	compiled, found := statement.Compile("statement.md", []byte(text), nil)
	if compiled == nil {
		t.Fatal(found)
	}
	s := &site{edition: &statement.Edition{Statement: compiled, Version: 1}, offers: choice.Offered(compiled), maps: "http://maps.localhost:1"}
	standins := map[string]string{"maps.harbour.example": s.maps}
	s.bar = bar.New(compiled, s.offers, page.Base).With(bar.Extras{Standins: standins})
	s.wall = wall.New(compiled, wall.Options{Base: page.Base, Standins: standins})
	dir := t.TempDir()
	keys, err := seal.Create("file:"+dir, seal.Options{})
	must(err)
	db, err := store.Open(t.Context(), store.Config{Path: t.TempDir()})
	must(err)
	v, err := vault.Open(t.Context(), db, keys, vault.Options{})
	must(err)
	l, err := ledger.Open(t.Context(), db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return v.Find(ctx, tx, id)
		}})
	must(err)
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/", Language: "en"} }, slog.New(slog.DiscardHandler))
	section := cookies.New(cookies.Deps{Store: db, Vault: v, Ledger: l, Pages: pages, Editions: s, Key: key, Stance: cookies.Enforcing})
	mux := http.NewServeMux()
	pages.Mount(mux, append(section.Routes(), pages.Assets()...)...)
	// As the server has it, so that what browsers send by themselves comes through.
	s.ours = page.Secure(http.NewCrossOriginProtection().Handler(mux))
	s.pages = harbour.Handler(harbour.Elsewhere{Maps: s.maps})
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.Close()
		l.Close()
		db.Close()
		keys.Close()
	})
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, page.Base+"/") {
		answer := httptest.NewRecorder()
		s.ours.ServeHTTP(answer, r)
		if r.URL.Path == page.Base+"/reports" && answer.Code == http.StatusNoContent {
			s.reports.Add(1)
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	var c choice.Choice
	if cookie, err := r.Cookie(choice.Cookie); err == nil {
		c, _ = choice.Open(key, cookie.Value)
	}
	d := s.offers.Decide(c, r.Header.Get("Sec-GPC") == "1", time.Now())
	answer := httptest.NewRecorder()
	s.pages.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.Header().Del("Content-Length")
	style := bar.FromPolicy()
	if s.policy != "" {
		w.Header().Set("Content-Security-Policy", s.policy)
		style = bar.FromPolicy(s.policy)
	}
	w.WriteHeader(answer.Code)
	if !strings.HasPrefix(answer.Header().Get("Content-Type"), "text/html") {
		_, _ = io.Copy(w, answer.Body)
		return
	}
	at := r.URL.RequestURI()
	rules := &markup.Rules{
		Judge:       func(_, host []byte) markup.Verdict { return s.wall.Judge([]byte(r.Host), host, d.Allowed) },
		Head:        s.bar.Head(d.Allowed, d, true, style),
		Body:        s.bar.Body(d, at, false, style),
		Label:       s.bar.Label(),
		Placeholder: func(dst []byte, f markup.Found) []byte { return s.bar.Placeholder(dst, f, at) },
	}
	out := markup.NewWriter(w, rules)
	_, _ = out.Write(answer.Body.Bytes())
	_ = out.Close()
}

// A reader is one person with a browser on the site.
type reader struct {
	*devtools.Page
	t    *testing.T
	site *site
}

func newReader(t *testing.T, b *devtools.Browser, s *site) *reader {
	t.Helper()
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &reader{p, t, s}
}

func (r *reader) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) open(path string) {
	r.t.Helper()
	r.must(r.Navigate(r.t.Context(), r.site.URL+path))
}

func value[T any](r *reader, expression string) (v T) {
	r.t.Helper()
	r.must(r.Evaluate(r.t.Context(), expression, &v))
	return v
}

// shared is the one browser of these tests: it takes a while to start.
var shared struct {
	sync.Mutex
	browser *devtools.Browser
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.browser != nil {
		shared.browser.Close()
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startBrowser returns the browser. It reaches this machine only.
func startBrowser(t *testing.T) *devtools.Browser {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.browser == nil {
		if _, err := devtools.Find(); err != nil {
			missing(t, err)
		}
		b, err := devtools.Start(context.Background(), devtools.Options{Flags: []string{"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--lang=en"}})
		if err != nil {
			t.Fatal(err)
		}
		shared.browser = b
	}
	return shared.browser
}

// picture keeps a picture for who wants to look, if AVOW_PICTURES names a folder.
func (r *reader) picture(name string) {
	r.t.Helper()
	dir := os.Getenv("AVOW_PICTURES")
	if dir == "" {
		return
	}
	var shot struct{ Data []byte }
	r.must(r.Call(r.t.Context(), "Page.captureScreenshot", map[string]any{"format": "png"}, &shot))
	r.must(os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o644))
}

// TestLooks keeps pictures, and wants axe to find nothing on either layer: in
// light and dark, at 320 pixels, and at twice the size.
func TestLooks(t *testing.T) {
	b := startBrowser(t)
	s := newSite(t)
	for _, look := range []struct {
		name, scheme  string
		width, height int
	}{
		{"desktop", "light", 1280, 800}, {"phone", "dark", 320, 640}, {"phone", "light", 320, 640}, {"twice", "dark", 640, 400},
	} {
		r := newReader(t, b, s)
		r.must(r.SetViewport(t.Context(), look.width, look.height))
		r.must(r.SetMedia(t.Context(), "", map[string]string{"prefers-color-scheme": look.scheme}))
		r.open("/workshop")
		name := look.name + "-" + look.scheme
		r.picture(name + "-1")
		r.axe(name)
		r.must(r.Click(t.Context(), "#avow summary"))
		r.picture(name + "-2")
		r.axe(name + ", choosing")
		if wide := value[int](r, "document.documentElement.scrollWidth"); wide > look.width {
			t.Errorf("%s: the page is %d wide", name, wide)
		}
		r.must(r.Close())
	}
}

// axe wants the page to break none of the rules of axe-core.
func (r *reader) axe(what string) {
	r.t.Helper()
	source, err := os.ReadFile("../browser/node_modules/axe-core/axe.min.js")
	if err != nil {
		missing(r.t, err)
	}
	r.must(r.Evaluate(r.t.Context(), string(source)+"; undefined", nil))
	found := value[struct {
		Passes     int
		Violations []struct {
			ID, Help string
			Nodes    []struct {
				HTML, FailureSummary string
			}
		}
	}](r, `axe.run(document, {rules: {"target-size": {enabled: true}}}).then(r => ({passes: r.passes.length, violations: r.violations}))`)
	if found.Passes < 5 {
		r.t.Errorf("%s: axe found only %d rules to try", what, found.Passes)
	}
	for _, v := range found.Violations {
		for _, n := range v.Nodes {
			r.t.Errorf("%s: %s: %s\n%.200s\n%s", what, v.ID, v.Help, n.HTML, n.FailureSummary)
		}
	}
}
