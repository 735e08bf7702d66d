package gate

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/gate/wall"
)

// broken is a Watch and a Register that break.
type broken struct{}

func (broken) Violation(wall.Violation) { panic("broken") }
func (broken) Signal(bool)              { panic("broken") }
func (broken) Link(string)              { panic("broken") }
func (broken) Known(string) bool        { panic("broken") }

// TestFaults breaks each part of the gate: nothing is chosen then, ever, and the
// answer has a wall or is none.
func TestFaults(t *testing.T) {
	for name, fault := range map[string]struct {
		break_ func(*Gate, *rules)
		none   bool // no answer at all
	}{
		"nothing":   {func(*Gate, *rules) {}, false},
		"open":      {func(_ *Gate, n *rules) { n.open = func([]byte, string) (choice.Choice, bool) { panic("broken") } }, false},
		"the key":   {func(g *Gate, _ *rules) { g.Key = []byte("another one") }, false},
		"no key":    {func(g *Gate, _ *rules) { g.Key = nil }, false},
		"the clock": {func(g *Gate, _ *rules) { g.Clock = func() time.Time { panic("broken") } }, false},
		"no clock":  {func(g *Gate, _ *rules) { g.Clock = nil }, false},
		"decide": {func(_ *Gate, n *rules) {
			n.decide = func(choice.Choice, bool, time.Time) choice.Decision { panic("broken") }
		}, false},
		"headers":    {func(_ *Gate, n *rules) { n.headers = func(choice.Set) []wall.Header { panic("broken") } }, false},
		"no headers": {func(_ *Gate, n *rules) { n.headers = func(choice.Set) []wall.Header { return nil } }, false},
		"cookies":    {func(_ *Gate, n *rules) { n.cookie = func(string, choice.Set) (bool, bool) { panic("broken") } }, false},
		"lifetimes":  {func(_ *Gate, n *rules) { n.declared = func(string) *wall.Cookie { panic("broken") } }, false},
		"judge":      {func(_ *Gate, n *rules) { n.judge = func(_, _ []byte, _ choice.Set) markup.Verdict { panic("broken") } }, false},
		"head": {func(_ *Gate, n *rules) {
			n.head = func(choice.Set, choice.Decision, bool, bar.Style) []byte { panic("broken") }
		}, false},
		"body": {func(_ *Gate, n *rules) {
			n.body = func(choice.Decision, string, bool, bar.Style) []byte { panic("broken") }
		}, false},
		"placeholder": {func(_ *Gate, n *rules) { n.standin = func([]byte, markup.Found, string) []byte { panic("broken") } }, false},
		"the watch":   {func(g *Gate, _ *rules) { g.Watch, g.Register = broken{}, broken{} }, false},
		"the pages":   {func(g *Gate, _ *rules) { g.pages.New = func() any { panic("broken") } }, true},
		"the hops":    {func(g *Gate, _ *rules) { g.hops = nil }, true},
	} {
		g, _ := newGate(t)
		said := yes(t, g)
		n := *g.rules.Load()
		fault.break_(g, &n)
		g.rules.Store(&n)
		h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Cookie"), "evil") {
				t.Errorf("%s broken: the site sees %q", name, r.Header["Cookie"])
			}
			w.Header()["Set-Cookie"] = []string{"evil=1", "login=1; Max-Age=999999999"}
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, pageText+`<iframe src="https://maps.example/"></iframe>`)
		}))
		var a *http.Response
		p := panics(func() {
			a = ask(h, "GET", "https://harbour.example/x", "Cookie", "evil=1; theme=x; "+said, "Sec-GPC", "1")
		})
		if fault.none {
			if p != http.ErrAbortHandler {
				t.Errorf("%s broken: it ends with %v", name, p)
			}
			continue
		}
		if p != nil {
			t.Errorf("%s broken: it ends with %v", name, p)
			continue
		}
		policy := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'self'") || strings.Contains(policy, "maps.example") || a.Header.Get("Connection-Allowlist") == "" {
			t.Errorf("%s broken: the wall is %q", name, policy)
		}
		for _, set := range a.Header["Set-Cookie"] {
			if strings.HasPrefix(set, "evil=1") || strings.Contains(set, "999999999") {
				t.Errorf("%s broken: %q is set", name, set)
			}
		}
		if got := body(t, a); strings.Contains(got, `<script src="https://maps.example`) {
			t.Errorf("%s broken: the page is %s", name, got)
		}
	}
}

// TestNoStatement: a gate that does not know what is promised answers nothing.
func TestNoStatement(t *testing.T) {
	g, _ := newGate(t, func(c *Config) { c.Statement = nil })
	a := ask(g.Handler(site("text/html", "secret")), "GET", "https://harbour.example/x")
	if got := body(t, a); a.StatusCode != 503 || strings.Contains(got, "secret") || !strings.HasPrefix(a.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("it is answered %d %q %s", a.StatusCode, a.Header, got)
	}
	g.Use(nil)
	if a := ask(g.Handler(site("text/html", "secret")), "GET", "https://harbour.example/x"); a.StatusCode != 503 {
		t.Errorf("without a statement still it is answered %d", a.StatusCode)
	}
	for name, c := range map[string]Config{
		"a short key": {Key: key[1:], Clock: clock}, "no clock": {Key: key}, "no path": {Key: key, Clock: clock, Base: "privacy"},
		"no statement": {Key: key, Clock: clock, Statement: []byte("hello")},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// TestOwn: what is avow's own is not taken for the site's.
func TestOwn(t *testing.T) {
	g, _ := newGate(t)
	said := yes(t, g)
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Cookie"), choice.Cookie) {
			t.Errorf("%s sees %q", r.URL.Path, r.Header["Cookie"])
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Set-Cookie", choice.Cookie+"=x")
		_, _ = io.WriteString(w, pageText)
	}))
	for _, path := range []string{"/privacy", "/privacy/choices"} {
		a := ask(h, "POST", "https://harbour.example"+path, "Cookie", said)
		if body(t, a) != pageText || a.Header.Get("Set-Cookie") == "" || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s is answered %q", path, a.Header)
		}
	}
	other := g.Handler(site("text/html", pageText, "Set-Cookie", choice.Cookie+"=x"))
	if a := ask(other, "GET", "https://harbour.example/privacyx"); a.Header.Get("Set-Cookie") != "" || body(t, a) == pageText {
		t.Errorf("/privacyx is answered %q", a.Header)
	}
}
