package gate

import (
	"encoding/binary"
	"net/http"
	"strconv"
	"time"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/jar"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/gate/outward"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/statement"
)

// rules are what a gate holds a site to. They are read only. Its functions are
// those of the packages below, so that tests can break each of them.
type rules struct {
	open     func(key []byte, text string) (choice.Choice, bool)
	decide   func(c choice.Choice, signal bool, now time.Time) choice.Decision
	withdraw func(was choice.Choice, now time.Time) choice.Choice
	headers  func(choice.Set) []wall.Header
	judge    func(self, host []byte, set choice.Set) markup.Verdict
	cookie   func(name string, set choice.Set) (declared, allowed bool)
	declared func(name string) *wall.Cookie
	head     func(choice.Set, choice.Decision, bool, bar.Style) []byte
	body     func(d choice.Decision, at string, saved bool, st bar.Style) []byte
	standin  func(dst []byte, f markup.Found, at string) []byte

	label    []byte
	register bool   // links of pages are told to Watch
	edition  uint64 // of the rules: what is in an ETag
	leaks    outward.Leaks
}

func newRules(g *Gate, s *statement.Statement) *rules {
	w := wall.New(s, wall.Options{Base: g.Base, Observe: g.Observe, Standins: g.Standins})
	offers := choice.Offered(s)
	b := bar.New(s, offers, g.Base).With(bar.Extras{Standins: g.Standins, Consent: g.Consent, GPP: g.GPP})
	n := &rules{
		open: choice.Open, decide: offers.Decide, withdraw: offers.Withdraw,
		headers: w.Headers, judge: w.Judge, cookie: w.Cookie, declared: w.Declared,
		head: b.Head, body: b.Body, standin: b.Placeholder,
		register: s.Links == nil || s.Links.Register,
		edition:  binary.LittleEndian.Uint64(s.TextHash[:]),
		leaks:    outward.LeaksOf(s),
	}
	if s.Links == nil || s.Links.Label {
		n.label = b.Label()
	}
	return n
}

// A standing is what holds for one request.
type standing struct {
	set      choice.Set
	decision choice.Decision
	choice   choice.Choice
}

// stand decides what holds for r. Whatever goes wrong, nothing is chosen.
func (n *rules) stand(g *Gate, r *http.Request, signal bool) (s standing) {
	defer func() {
		if recover() != nil {
			s = standing{}
		}
	}()
	c := choice.Read(jar.All(r.Header["Cookie"]), secure(r), func(text string) (choice.Choice, bool) { return n.open(g.Key, text) })
	d := n.decide(c, signal, g.Clock())
	return standing{d.Allowed, d, c}
}

// strictest are the headers of a gate whose wall is broken: nothing from
// anywhere but here.
var strictest = []wall.Header{
	{Name: "Content-Security-Policy", Values: []string{"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; base-uri 'self'"}},
	{Name: "Connection-Allowlist", Values: []string{"(response-origin)"}},
}

// alone are the headers of a picture or a style. In a frame or a window of its own
// a browser makes a document of it, into which any page of the site could write:
// so it is of no origin, and may load nothing but itself.
var alone = []wall.Header{
	{Name: "Content-Security-Policy", Values: []string{"default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox"}},
	{Name: "Connection-Allowlist", Values: []string{"(response-origin)"}},
}

// wall are the headers for a set, or the strictest if there are none.
func (n *rules) wall(set choice.Set) (h []wall.Header) {
	defer func() {
		if recover() != nil || len(h) == 0 {
			h = strictest
		}
	}()
	return n.headers(set)
}

// may says whether a cookie is declared, and may be kept. If that cannot be
// said, it is not.
func (n *rules) may(name string, set choice.Set) (declared, allowed bool) {
	defer func() {
		if recover() != nil {
			declared, allowed = false, false
		}
	}()
	return n.cookie(name, set)
}

// tag names what a page was changed for: the rules, the choice, what is asked.
func (n *rules) tag(s standing) string {
	d := s.decision
	x := n.edition ^ uint64(s.set)*0x9E3779B97F4A7C15
	for _, b := range []bool{d.Ask, d.Honoured, d.Conflict} {
		x <<= 1
		if b {
			x ^= 0x2545F4914F6CDD1D
		}
	}
	x ^= x >> 29
	x *= 0xBF58476D1CE4E5B9
	return strconv.FormatUint(x>>16, 36)
}
