// Package gate is net/http middleware that holds a site to its statement: cookies, third parties, signals, outward links.
//
// The wall, two headers that browsers enforce, is on every answer: errors,
// redirects and 304 too. Pictures, styles and the like have one that is the same
// for everybody, so that caches can keep them. Everything else, the marks on links
// and what stands in for parts of a page, is grace.
//
// A gate fails closed. Whatever of it breaks, the answer has the wall for
// "nothing chosen", or none is given. A gate without a statement answers 503.
//
// What net/http answers before any handler is asked (400, 431) has the wall if it
// is served on a wall.Listener.
//
// The site's own Content-Security-Policy stays as it is, beside ours: browsers
// hold a page to both. Of Connection-Allowlist a browser would take two for one
// longer list, so the site's own is replaced. Cookies in trailers are dropped.
// What comes in an encoding that the gate does not read (it asks for none such
// where it can) passes as it is, within the wall.
//
// A page that was changed is not the page that the site has: its ETag says for
// which choice it was made, it is kept by nobody without asking again, and
// there are no ranges of it.
package gate

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow/gate/outward"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/statement"
)

// Config says where a gate stands. What may be done is said by the statement.
type Config struct {
	Statement []byte            // the text of the statement; may be nil if Use is called before the first request
	Key       []byte            // 32 bytes that sign choices and links; who has them can forge both
	Clock     func() time.Time  // tells the time
	Base      string            // path of avow's pages; "/privacy" if empty
	Observe   bool              // report only: nothing is dropped, blocked or made inert
	Guard     bool              // put the guard against undeclared cookies into pages
	Consent   bool              // tell Google's tags the choice (Consent Mode)
	GPP       bool              // tell readers of IAB GPP the choice (sections usnat and usca)
	Standins  map[string]string // origins that stand in for declared hosts, in a demonstration or a test
	Register  Register          // outside hosts that are known; nil for none
	Watch     Watch             // told of what happens; nil for nobody
}

// A Register knows the outside hosts that the site links to.
type Register interface {
	// Known says whether host is in the register, with its port if the address
	// names one. It must not wait for anything.
	Known(host string) bool
}

// Watch is told of what happens at the gate. Its methods must not wait for
// anything: the visitor would wait with them.
type Watch interface {
	Violation(wall.Violation)
	Signal(honoured bool) // a page was asked for with Sec-GPC: 1
	Link(host string)     // a page links to an outside host
}

// A Gate stands before a site. Any number of goroutines may use it.
type Gate struct {
	Config
	rules atomic.Pointer[rules] // nil until there is a statement
	hops  *outward.Hops
	pages sync.Pool // of *page
}

// kept are all rules there are: a statement may promise more than a gate can keep.
var kept = []statement.Kind{"data", "purposes", "collect.form", "collect.visit", "cookies", "trackers", "never", "receipts.form",
	"collect.mail", "recipients", "sharing.canaries", "sharing.tell", "optout.address", "optout.within", "optout.confirm", "optout.stays",
	"optout.topics", "optout.elsewhere", "signals", "popular", "links.label", "links.register", "links.leaks", "security.keys", "security.log", "security.restore",
	"changes.date", "changes.history", "changes.pinned", "acceptance.notice"}

// New returns a Gate. Its key has to have 32 bytes, and its statement, if it has
// one already, has to compile.
func New(c Config) (*Gate, error) {
	if len(c.Key) != 32 {
		return nil, fmt.Errorf("the gate's key has %d bytes, not 32", len(c.Key))
	}
	if c.Clock == nil {
		return nil, errors.New("the gate has no clock")
	}
	if c.Base == "" {
		c.Base = "/privacy"
	}
	if !strings.HasPrefix(c.Base, "/") || strings.HasSuffix(c.Base, "/") {
		return nil, fmt.Errorf("%q is not the path of pages", c.Base)
	}
	g := &Gate{Config: c, hops: outward.New(c.Key, c.Base)}
	g.pages.New = func() any { return newPage(g) }
	if c.Statement == nil {
		return g, nil
	}
	s, faults := statement.Compile("statement", c.Statement, kept)
	if faults.Failed() {
		first, _ := faults.Head()
		return nil, fmt.Errorf("the gate's statement: %v", first)
	}
	g.Use(s)
	return g, nil
}

// Use holds the site to s from now on. Answers that have begun end as they began.
func (g *Gate) Use(s *statement.Statement) {
	if s != nil {
		g.rules.Store(newRules(g, s))
	}
}

// Handler holds what next answers to the statement. Until there is one, it
// answers 503, or passes everything if it is there to observe.
//
// next is asked without the cookies that are not declared or not chosen. The
// answer to BASE and below is avow's own: it gets the wall and is changed no further.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := g.rules.Load()
		if now == nil && g.Observe {
			next.ServeHTTP(w, r)
			return
		}
		if now == nil {
			outward.Refuse(w, http.StatusServiceUnavailable, "This site is not ready yet",
				"It cannot say yet what it does with what it learns about you, so it does nothing. Please try again in a moment.")
			return
		}
		a := &answer{w: w, g: g, rules: now}
		asked := a.take(r)
		defer a.abandon()
		next.ServeHTTP(a, asked)
		a.finish()
	})
}

// Out answers BASE/out?to=ADDRESS&s=MAC, over which links leave the site. It
// leads on, with 303, whoever follows a link of this site's own pages that the
// gate signed, to a host in the register. To everybody else it shows where the
// link leads, and leads nowhere by itself.
func (g *Gate) Out() http.Handler { return g.hops.Handler(g.known) }

// own says whether path is one of avow's own pages.
func (g *Gate) own(path string) bool {
	rest, below := strings.CutPrefix(path, g.Base)
	return below && (rest == "" || rest[0] == '/')
}

// violation tells what was done against the statement, if somebody listens. It
// is never more than a word: a Watch that breaks must not break an answer.
func (g *Gate) violation(v wall.Violation) {
	if g.Watch == nil {
		return
	}
	defer survive()
	g.Watch.Violation(v)
}

func (g *Gate) signal(honoured bool) {
	if g.Watch == nil {
		return
	}
	defer survive()
	g.Watch.Signal(honoured)
}

func (g *Gate) link(host string) {
	if g.Watch == nil {
		return
	}
	defer survive()
	g.Watch.Link(host)
}

// known says whether a host is in the register. If that cannot be said, it is not.
func (g *Gate) known(host string) (known bool) {
	if g.Register == nil {
		return false
	}
	defer survive()
	return g.Register.Known(host)
}

// survive keeps an answer from breaking with what only listens to it.
func survive() { _ = recover() }

// secure says whether the visitor came over https, here or to the proxy before us.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
