// Package bar is what a visitor sees of the gate: the question, its answer, and what stands in for what was not chosen.
//
// Everything is HTML that works as it is: plain forms to BASE/choices. A style
// and a script make it better where the page's own policy lets them through.
// The script can do nothing that says yes: it only takes a no without loading
// the page anew, and finds the place again where somebody was.
//
// No and yes are the same element in the same size, weight and colours, on one
// layer. To close the question, or the key Escape, says no.
package bar

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

// Saved is the fragment of a page at which the note stands that a choice was
// saved. Whoever answers a choice sends the visitor there.
const Saved = "avow-saved"

// Extras are what not every site needs.
type Extras struct {
	Standins map[string]string // declared hosts → the origins that stand in for them
	Consent  bool              // tell Google's tags the choice (Consent Mode)
	GPP      bool              // tell IAB GPP readers the choice (sections usnat and usca)
}

// A Bar is built from one statement. Any number of goroutines may use it.
type Bar struct {
	extras   Extras
	offers   choice.Offers
	byHost   map[string]place
	words    words
	base     string
	free     []string // names of cookies that nobody is asked about
	ask      [2][]byte
	saved    [2][]byte
	honoured [2][]byte // with a form, and without
	label    []byte
	waiting  []byte // the form that the buttons in the page belong to
	files    []File
	styles   [states][]byte
}

// New returns the bar of a statement. base is the path of avow's pages.
func New(s *statement.Statement, offers choice.Offers, base string) *Bar {
	b := &Bar{offers: offers, words: wordsOf(s.Language), base: base, byHost: map[string]place{}}
	for i, o := range offers {
		for _, host := range o.Hosts {
			b.byHost[host] = place{i, host}
		}
	}
	for _, c := range s.Cookies {
		if c.Consent == "none" {
			b.free = append(b.free, c.Name)
		}
	}
	b.files = assets(base)
	for i := range b.styles {
		b.styles[i] = stylesheet(state(i))
	}
	for i, bare := range []bool{false, true} {
		b.ask[i] = b.question(s, bare)
		b.saved[i] = b.savedNote(bare)
	}
	b.honoured = [2][]byte{b.honouredNote(b.going("honoured", "/choices")), b.honouredNote(b.link("honoured", "/choices"))}
	b.waiting = b.waitingForm()
	b.label = []byte(`<span role="img" aria-label="` + escape(b.words["out"]) + `">&nbsp;↗&#xfe0e;</span>`)
	return b
}

// place is where a host is declared: by which offer, and under which name.
type place struct {
	offer int
	host  string
}

// With returns a Bar that has the extras too.
func (b *Bar) With(x Extras) *Bar {
	more := *b
	more.extras = x
	more.byHost = map[string]place{}
	for host, p := range b.byHost {
		more.byHost[host] = p
		if origin, ok := x.Standins[host]; ok {
			_, at, _ := strings.Cut(origin, "://")
			more.byHost[at] = p
		}
	}
	return &more
}

// state is what there is to see.
type state int

const (
	asking state = iota
	decided
	signalled
	states
)

func stateOf(d choice.Decision) state {
	switch {
	case d.Honoured:
		return signalled
	case d.Ask:
		return asking
	}
	return decided
}

// Body is what goes in at the start of the body: the question if d says to ask,
// or the note of what was chosen, or that the signal was honoured. At is where
// the visitor is, to come back to: a path with its query. The note that a choice
// was saved shows at the fragment Saved; with saved it shows at once.
func (b *Bar) Body(d choice.Decision, at string, saved bool, st Style) []byte {
	if len(b.offers) == 0 {
		return nil
	}
	style, script := st.ways()
	now := stateOf(d)
	dst := make([]byte, 0, len(b.styles[now])+len(b.ask[0])+len(b.waiting)+len(scriptMade)+2*len(at)+256)
	dst = b.appendStyle(dst, now, style, st.Nonce)
	bare := 0
	if style == none {
		bare = 1
	}
	switch {
	case now == signalled && st.NoForms:
		dst = append(dst, b.honoured[1]...)
	case now == signalled:
		dst = append(dst, b.honoured[0]...)
	case now == asking && st.NoForms:
		dst = b.appendInvitation(dst)
	case now == asking:
		dst = appendAt(dst, b.ask[bare], at)
	case st.NoForms: // the page of the choices says it
	case saved:
		dst = append(dst, strings.Replace(string(b.saved[bare]), " "+savedOnly[bare], "", 1)...)
	default:
		dst = append(dst, b.saved[bare]...)
	}
	if d.Allowed&b.offers.All() != b.offers.All() && !st.NoForms {
		dst = appendAt(dst, b.waiting, at)
	}
	return b.appendScript(dst, script, st.Nonce)
}

// Label goes into links that leave the site. It needs no style: a mark to see,
// and words for who hears the page.
func (b *Bar) Label() []byte { return b.label }

// framed are the elements that leave a hole in the page.
var framed = []string{"iframe", "object", "embed", "video", "audio"}

// Placeholder appends what stands in for a part of the page that waits for a
// yes, or is not declared. All of it may stand inside a paragraph or a form of
// the page: the button belongs to the form of Body. For what cannot be seen, such
// as a script, nothing stands in.
func (b *Bar) Placeholder(dst []byte, f markup.Found, at string) []byte {
	if !slices.Contains(framed, f.Element) {
		return dst
	}
	dst = append(dst, `<span class="avow-part" lang="`+b.words["lang"]+`" dir="ltr">`...)
	p, known := b.byHost[f.Host]
	switch {
	case f.Verdict == markup.Waiting && known:
		o := b.offers[p.offer]
		dst = append(dst, `<b>`+escape(o.For)+`</b> `+b.words.with("waits", escape(p.host))...)
		dst = append(dst, ` <button form="avow-more" name="offer" value="`+escape(o.Name)+`">`+b.words["show"]+`</button>`...)
	case f.Verdict == markup.Waiting:
		dst = append(dst, b.words.with("waits", escape(f.Host))+` `+b.link("choices", "/choices")...)
	default:
		dst = append(dst, b.words.with("undeclared", escape(f.Host))+` `+b.link("statement", "")...)
	}
	return append(dst, `</span>`...)
}

// cookies are the names that a page may use where set was chosen.
func (b *Bar) cookies(set choice.Set) []string {
	names := slices.Clone(b.free)
	for i, o := range b.offers {
		if set.Has(i) {
			names = append(names, o.Cookies...)
		}
	}
	return names
}

// Head is what goes into the head of a page: the guard of cookies if asked for,
// and what other programs read the choice from (Consent Mode, GPP). All of that
// is script with the choice in it, so it is only for a page whose own policy
// lets such through; where not, the wall holds without it.
func (b *Bar) Head(set choice.Set, d choice.Decision, guard bool, st Style) []byte {
	_, script := st.ways()
	if script != inline && script != nonced || !guard && !b.extras.Consent && !b.extras.GPP {
		return nil
	}
	dst := appendTag(nil, "script", script, st.Nonce)
	if guard {
		dst = appendGuard(dst, b.cookies(set))
	}
	if b.extras.Consent {
		dst = b.appendConsent(dst, set)
	}
	if b.extras.GPP {
		dst = b.appendGPP(dst, set, d)
	}
	return append(dst, "</script>"...)
}

// A File is a style or a script for pages that take neither inline.
type File struct {
	Path string // below the root of the origin, with the hash of what is in it
	Kind string // Content-Type
	Body []byte
}

// Files are what the origin has to serve at their paths, to be cached for ever.
func (b *Bar) Files() []File { return b.files }

func quoted(s string) string { return strconv.Quote(s) }

// Shown is the SHA-256 of the question as it is put to visitors, for the record
// of what they answered.
func (b *Bar) Shown() [32]byte { return sha256.Sum256(b.ask[0]) }
