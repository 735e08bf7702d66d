package server

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow/gate"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/sections/collection/logs"
	"github.com/avow-privacy/avow/internal/sections/links"
	"github.com/avow-privacy/avow/internal/sections/use/popular"
	"github.com/avow-privacy/avow/internal/statement"
)

// A front is the gate before the site, and what is counted at it.
type front struct {
	house    *Server
	gate     *gate.Gate
	labelled atomic.Int64                      // links
	held     atomic.Pointer[statement.Edition] // what the gate holds the site to
	using    sync.Mutex
}

// openFront puts together what stands between the site and its visitors.
func (s *Server) openFront() (err error) {
	c, key := &s.config, s.keys.Derive("gate")
	s.front = &front{house: s}
	s.cookies = cookies.New(cookies.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Editions: s.changes, Key: key,
		Stance: c.stance(), Standins: c.Standins, Letters: s.optout, Log: c.Log})
	s.links = links.New(links.Deps{Store: s.store, Pages: s.pages, Gate: s.front, Leaks: s.cookies})
	s.popular = popular.New(popular.Deps{Store: s.store, Pages: s.pages, Editions: s.changes, Own: own})
	if s.logs, err = logs.New(logs.Config{Dir: c.AccessLog, Clock: s.store.Now}, s.changes); err != nil {
		return err
	}
	s.front.gate, err = gate.New(gate.Config{Key: key, Clock: s.store.Now, Base: page.Base, Observe: c.Observe, Guard: c.Guard,
		Consent: c.ConsentMode, GPP: c.GPP,
		Standins: c.Standins, Register: s.links, Watch: s.front})
	return err
}

// flushes write what is only counted until then.
func (s *Server) flushes() []func(context.Context) error {
	return []func(context.Context) error{s.acceptance.Flush, s.cookies.Flush, s.optout.Flush, s.links.Flush, s.popular.Flush}
}

// stance says what stands between the site and its visitors.
func (c *Config) stance() cookies.Stance {
	switch {
	case c.Site == nil:
		return cookies.Absent
	case c.Observe:
		return cookies.Observing
	}
	return cookies.Enforcing
}

// site is the site behind the gate. A version that is published holds from the
// next request on.
func (f *front) site(site http.Handler) http.Handler {
	behind := f.gate.Handler(f.house.popular.Count(site))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.hold(f.house.changes.InForce)
		// How long the site takes, and its visitors, is the site's to say: streams
		// and uploads go on for hours.
		limit := http.NewResponseController(w)
		_ = limit.SetWriteDeadline(time.Time{}) // what has no deadline needs none taken away
		_ = limit.SetReadDeadline(time.Time{})
		behind.ServeHTTP(w, r)
	})
}

// hold has the gate use what is in force. That is asked again once nobody else is
// at it: of two versions published at once, the older must not come last.
func (f *front) hold(inForce func() *statement.Edition) {
	if now := inForce(); now == nil || f.held.Load() == now {
		return
	}
	f.using.Lock()
	defer f.using.Unlock()
	if now := inForce(); now != nil && f.held.Load() != now {
		f.gate.Use(now.Statement)
		f.held.Store(now)
	}
}

// Violation is told by the gate.
func (f *front) Violation(v wall.Violation) { f.house.cookies.Violation(v) }

// Signal is told by the gate.
func (f *front) Signal(honoured bool) { f.house.optout.Seen(honoured) }

// Link is told by the gate, which labels it unless it only watches.
func (f *front) Link(host string) {
	if !f.house.config.Observe {
		f.labelled.Add(1)
	}
	f.house.links.Seen(host)
}

// Labelled says how many links were labelled since the start.
func (f *front) Labelled() int64 { return f.labelled.Load() }
