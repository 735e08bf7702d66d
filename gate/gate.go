// Package gate is net/http middleware that holds a site to its statement: cookies, third parties, signals, outward links.
package gate

import (
	"net/http"
	"net/url"
	"time"

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
	Standins  map[string]string // origins that stand in for declared hosts, in a demonstration or a test
	Register  Register          // outside hosts that are known; nil for none
	Watch     Watch             // told of what happens; nil for nobody
}

// A Register knows the outside hosts that the site links to.
type Register interface {
	// Known says whether host is in the register. It must not wait for anything.
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
type Gate struct{}

// New returns a Gate.
func New(c Config) (*Gate, error) { return &Gate{}, nil }

// Use holds the site to s from now on.
func (g *Gate) Use(s *statement.Statement) {}

// Handler holds what next answers to the statement.
func (g *Gate) Handler(next http.Handler) http.Handler { return next }

// Out answers BASE/out, over which links leave the site.
func (g *Gate) Out() http.Handler { return http.NotFoundHandler() }

// Proxy returns the site that runs at target. It passes streams, WebSockets and
// server-sent events.
func Proxy(target *url.URL) http.Handler { return http.NotFoundHandler() }
