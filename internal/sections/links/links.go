// Package links tells visitors when they leave, and whose rules hold there.
//
// It keeps these promises:
//
//	outward: Links that leave this site say so before you follow them.
//	link-register: We list the sites we link to and where their statements are.
//	no-leak: No link of ours carries your name, address or number to another site.
//
// The register holds each host that pages of the site link to. Staff say of a
// host what it is to us and where its own statement is; one that was seen on a
// page and not yet described stands in the register too, as that. Which links a
// site has, whether they say that they leave, and whether they carry something
// away is found by a crawl of its pages: see Crawler.
package links

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/idna"

	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"links.label", "links.register", "links.leaks"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ All, One, State, List, Remove, Hosts, Meet, Forget, Crawl, ForgetCrawls, NoteCrawl string }](queries)

// Gate says how many links it has labelled on their way to visitors.
type Gate interface{ Labelled() int64 }

// Leaks counts what was seen leaving the site in links that should not have.
type Leaks interface {
	Leaks(ctx context.Context) (int64, error)
}

// Deps are what the section works with.
type Deps struct {
	Store *store.DB
	Pages *page.Pages
	Gate  Gate  // nil if there is none
	Leaks Leaks // nil if nobody looks
}

// Section is the register of one site's links.
type Section struct {
	Deps
	set *page.Set

	known atomic.Pointer[register]

	mu   sync.RWMutex
	seen map[string]*atomic.Bool // since the last time; at most maxSeen are in it
}

// register is what Known asks: the hosts that staff have described.
type register struct {
	state [2]int64        // by which it is seen that the table changed
	hosts map[string]bool // true if all below it too
}

// maxSeen is how many hosts that nobody has described are told apart.
const maxSeen = 1000

// forgotten is how long a host that nobody has described is remembered after it
// was last seen.
const forgotten = 90 * 24 * time.Hour

// New returns the section over d.
func New(d Deps) *Section {
	s := &Section{Deps: d, set: d.Pages.Parse(templates, "links.html"), seen: map[string]*atomic.Bool{}}
	s.known.Store(&register{})
	return s
}

// Known says whether staff have described host. It waits for nothing.
func (s *Section) Known(host string) bool {
	r := s.known.Load()
	if _, ok := r.hosts[host]; ok {
		return true
	}
	host, ok := Normal(host)
	if !ok {
		return false
	}
	if _, ok := r.hosts[host]; ok {
		return true
	}
	for {
		_, above, found := strings.Cut(host, ".")
		if !found {
			return false
		}
		if r.hosts["*."+above] {
			return true
		}
		host = above
	}
}

// Refresh learns of what another process over the same database has changed.
func (s *Section) Refresh(ctx context.Context) error {
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		next := &register{hosts: map[string]bool{}}
		if err := tx.Get(ctx, q.State, store.Into(&next.state[0], &next.state[1])); err != nil || next.state == s.known.Load().state {
			return err
		}
		all, err := s.all(ctx, tx)
		for _, h := range all {
			if h.described() {
				next.hosts[h.host] = strings.HasPrefix(h.host, "*.")
			}
		}
		if err == nil {
			s.known.Store(next)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("read the register of links: %w", err)
	}
	return nil
}

// Seen says that a page has a link to host. It waits for nothing.
func (s *Section) Seen(host string) {
	s.mu.RLock()
	now := s.seen[host]
	s.mu.RUnlock()
	if now == nil {
		s.meet(host)
	} else if !now.Load() {
		now.Store(true)
	}
}

func (s *Section) meet(host string) {
	if _, ok := Normal(host); !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[host] == nil && len(s.seen) < maxSeen+len(s.known.Load().hosts) {
		now := new(atomic.Bool)
		now.Store(true)
		s.seen[strings.Clone(host)] = now
	}
}

// Flush writes which hosts were seen since the last time. What could not be
// written is written the next time.
func (s *Section) Flush(ctx context.Context) error {
	hosts := s.take()
	if len(hosts) == 0 {
		return nil
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error { return s.see(ctx, tx, hosts) })
	if err == nil {
		return nil
	}
	for host := range hosts {
		s.Seen(host)
	}
	return fmt.Errorf("write which hosts were seen: %w", err)
}

// take returns what was seen, in its normal form.
func (s *Section) take() map[string]bool {
	hosts := map[string]bool{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for host, now := range s.seen {
		if !now.Swap(false) {
			continue
		}
		if host, ok := Normal(host); ok {
			hosts[host] = true
		}
	}
	if len(s.seen) >= maxSeen {
		clear(s.seen) // what is still there is soon seen again
	}
	return hosts
}

// see enters that hosts were seen, in one order so that two houses over a
// database do not wait for each other.
func (s *Section) see(ctx context.Context, tx *store.Tx, hosts map[string]bool) error {
	known, waiting := map[string]bool{}, 0
	err := tx.Each(ctx, q.Hosts, func(scan func(...any) error) error {
		var host string
		var listed int64
		err := scan(&host, &listed)
		known[host] = true
		if listed == 0 {
			waiting++
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		if !known[host] {
			if waiting >= maxSeen {
				continue
			}
			waiting++
		}
		if err := tx.Do(ctx, q.Meet, host, tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// Forget lets go of hosts that nobody described and no page links to any more.
func (s *Section) Forget(ctx context.Context) error {
	err := s.Store.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.Forget, tx.Now.Add(-forgotten)) })
	if err != nil {
		return fmt.Errorf("forget hosts: %w", err)
	}
	return nil
}

// Normal is a host as the register has it: in lower case and ASCII (RFC 5891),
// without a dot at its end and the usual ports. ok is false if it is none.
func Normal(host string) (_ string, ok bool) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i:]
	}
	below, ascii := strings.CutPrefix(strings.TrimSuffix(name, "."), "*.")
	below, err := idna.Lookup.ToASCII(below)
	if err != nil || below == "" || len(below) > 253 || strings.Trim(below, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" {
		return "", false
	}
	if ascii {
		below = "*." + below
	}
	if port == ":80" || port == ":443" {
		port = ""
	}
	if port != "" && (len(port) < 2 || len(port) > 6 || strings.Trim(port[1:], "0123456789") != "") {
		return "", false
	}
	return below + port, true
}

// A host is a row of the register.
type host struct {
	host, class, statement string
	met, listed, seen      int64 // microseconds since 1970; listed is 0 if nobody described it, seen if no page had it
}

func (h *host) described() bool { return h.listed != 0 }

func (s *Section) all(ctx context.Context, tx *store.Tx) (all []host, err error) {
	return all, tx.Each(ctx, q.All, func(scan func(...any) error) error {
		var h host
		err := scan(&h.host, &h.class, &h.statement, &h.met, &h.listed, &h.seen)
		all = append(all, h)
		return err
	})
}

// register reads all of it, those that visitors should look at first first.
func (s *Section) register(ctx context.Context) (all []host, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		all, err = s.all(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the register of links: %w", err)
	}
	slices.SortStableFunc(all, func(a, b host) int { return order(a.class) - order(b.class) })
	return all, nil
}

// Classes are what a host can be to us: one that belongs to us, works with us,
// works for us, or none of it.
var Classes = []string{"affiliate", "partner", "supplier", "other"}

func order(class string) int {
	if i := slices.Index(Classes, class); i >= 0 {
		return i
	}
	return len(Classes)
}
