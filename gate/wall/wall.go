// Package wall says which hosts and cookies a page may use, in the words of browsers and of web servers.
//
// Two headers say it to browsers. Content-Security-Policy (CSP Level 3) names
// the origins that a document or worker may load from; ours names nothing else,
// so that inline code and eval stay the site's own business, and it stands
// beside the site's policy, never instead of it. Connection-Allowlist (WICG;
// Chromium from 152) stops what a policy does not know: preconnect, WebRTC,
// speculation rules, popups and navigation by script. Both are made of the
// statement and of what was chosen, and of nothing else.
//
// As seen with Chromium 156, which has Connection-Allowlist switched on: it
// stops fetches, elements, frames (those with srcdoc too), workers that were sent
// with it, WebSockets, beacons, forms and navigations; a navigation that was
// stopped ends on the browser's error page. RTCPeerConnection can still be made,
// and sends nothing. response-origin is the origin with its port, and its
// WebSockets. mailto: and tel: are stopped unless they are listed. data:, blob:
// and about: are let through. redirects=allow lets a listed host redirect
// anywhere, and then the policy, which is held against each hop, stops it. Reports
// come over https only, and name the host in body.connection, which is "webrtc"
// for a peer and "" for an address of another program. A link that somebody
// follows is a navigation like any other: it needs the hop of the gate, or Links.
package wall

import (
	"bytes"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

// Options are facts about where the wall stands.
type Options struct {
	Base     string            // path of avow's pages, such as /privacy
	Observe  bool              // report only
	Standins map[string]string // origins that stand in for declared hosts, in a demonstration or a test
	// Links are hosts that pages link to where no gate stands that takes links
	// over a page of its own: Connection-Allowlist would stop them as it stops
	// everything. The policy still keeps a page from loading anything there.
	Links []string
}

// A Wall is built from one statement. Any number of goroutines may use it.
type Wall struct {
	Offers choice.Offers

	options Options
	hosts   map[string]use // third parties, by host and port as URLs have them
	parents map[string]use // those of *.example, by .example
	own     []string       // origins that the statement covers
	ours    map[string]bool
	cookies map[string]*Cookie
	headers atomic.Pointer[map[choice.Set][]Header]
}

// use says on what it depends whether something may be used.
type use int

// always is what needs no choice; other uses are the place of an offer.
const always use = -1

func (u use) in(set choice.Set) bool { return u == always || set.Has(int(u)) }

// A Cookie is what the statement says of one.
type Cookie struct {
	Session bool        // gone when the browser closes
	Keep    avow.Period // otherwise at most this long
	use     use
}

// New returns the wall of a statement.
func New(s *statement.Statement, o Options) *Wall {
	w := &Wall{Offers: choice.Offered(s), options: o, hosts: map[string]use{}, parents: map[string]use{}, ours: map[string]bool{}, cookies: map[string]*Cookie{}}
	for _, site := range s.Organisation.Site {
		// A URL may hold, as a host, what ends a directive of a header.
		if u, err := url.Parse(site); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, "\"';,* \\") {
			w.own = append(w.own, u.Scheme+"://"+strings.ToLower(u.Host))
			w.ours[bare(strings.ToLower(u.Host))] = true
		}
	}
	for _, t := range s.Trackers {
		host, u := bare(strings.ToLower(t.Host)), w.offered(t.Consent, t.For)
		w.hosts[host] = u
		if parent, ok := strings.CutPrefix(host, "*"); ok {
			w.parents[parent] = u
		}
	}
	for _, c := range s.Cookies {
		k := &Cookie{Session: c.Keep == "session", use: w.offered(c.Consent, c.For)}
		k.Keep, _ = avow.ParsePeriod(c.Keep) // a session has none, and all else was compiled
		w.cookies[c.Name] = k
	}
	return w
}

// offered finds the offer of what is there for a purpose.
func (w *Wall) offered(consent, purpose string) use {
	if consent == "none" {
		return always
	}
	at := slices.IndexFunc(w.Offers, func(o choice.Offer) bool { return o.For == purpose && o.OptOut == (consent == "opt-out") })
	if at < 0 {
		at = len(w.Offers) - 1 // what is too much to be told apart is in the last
	}
	return use(at)
}

// bare is a host without a port that says nothing.
func bare[T ~string | ~[]byte](host T) T {
	for _, port := range []string{":443", ":80"} {
		if n := len(host) - len(port); n > 0 && string(host[n:]) == port {
			return host[:n]
		}
	}
	return host
}

// Judge says what a page of the host self may do with a host where set was
// chosen. Both are in lower case, with their port if they have one.
func (w *Wall) Judge(self, host []byte, set choice.Set) markup.Verdict {
	host = bare(host)
	if n := len(host); n > 1 && host[n-1] == '.' {
		host = host[:n-1] // the root of all names says nothing
	}
	if string(host) == string(bare(self)) || w.ours[string(host)] {
		return markup.Ours
	}
	u, declared := w.hosts[string(host)]
	if !declared {
		u, declared = w.under(host, set)
	}
	for name, origin := range w.options.Standins {
		if _, at, _ := strings.Cut(origin, "://"); at == string(host) {
			u, declared = w.hosts[name]
		}
	}
	switch {
	case !declared:
		return markup.Undeclared
	case u.in(set):
		return markup.Allowed
	}
	return markup.Waiting
}

// under finds a host below one that is declared as *.example, the most that set
// allows.
func (w *Wall) under(host []byte, set choice.Set) (u use, declared bool) {
	for at := bytes.IndexByte(host, '.'); at > 0; {
		if found, ok := w.parents[string(host[at:])]; ok && (!declared || !u.in(set)) {
			u, declared = found, true
		}
		next := bytes.IndexByte(host[at+1:], '.')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return u, declared
}

// Cookie says whether a cookie may be kept where set was chosen. The one that
// remembers the choice is declared by this program.
func (w *Wall) Cookie(name string, set choice.Set) (declared, allowed bool) {
	if choice.Named(name) {
		return true, true
	}
	c := w.cookies[name]
	return c != nil, c != nil && c.use.in(set)
}

// Declared is what the statement says of a cookie; nil if nothing.
func (w *Wall) Declared(name string) *Cookie { return w.cookies[name] }

// Cookies are the names that may be kept where set was chosen, sorted.
func (w *Wall) Cookies(set choice.Set) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(w.cookies)) {
		if w.cookies[name].use.in(set) {
			names = append(names, name)
		}
	}
	return names
}

// Hosts are the third parties that may be asked where set was chosen, sorted.
func (w *Wall) Hosts(set choice.Set) (hosts []string) {
	for _, host := range slices.Sorted(maps.Keys(w.hosts)) {
		if w.hosts[host].in(set) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
