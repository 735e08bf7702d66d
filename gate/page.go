package gate

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/gate/unpack"
	"github.com/avow-privacy/avow/gate/wall"
)

// verdict is judge, but that a host of which nothing can be said is undeclared.
func (n *rules) verdict(self, host []byte, set choice.Set) (v markup.Verdict) {
	defer func() {
		if recover() != nil {
			v = markup.Undeclared
		}
	}()
	return n.judge(self, host, set)
}

// A page is HTML on its way to a browser. It is used again for another one, with
// the memory that it has: each request would need several times as much of its own.
type page struct {
	g        *Gate
	a        *answer
	rules    markup.Rules
	writer   markup.Writer
	out      *bufio.Writer // so that the connection is not bothered with each change
	zip      *gzip.Writer
	unzip    *unpack.Decoder // nil if the site did not compress
	sink     io.Writer
	self     []byte
	policies []string // of the site: header and meta
	watching bool     // the page goes as it is, and is only looked at
	broken   bool
}

// gathered is how much of a page is sent at once, unless the site flushes. Each
// piece is a chunk, and costs two writes to the connection.
const gathered = 64 << 10

func newPage(g *Gate) *page {
	p := &page{g: g, out: bufio.NewWriterSize(nil, gathered)}
	p.rules = markup.Rules{Judge: p.judge, LateBody: p.body, Policy: p.policy, Found: p.found, Hop: p.hop, Placeholder: p.placeholder}
	return p
}

// speed of the compression: pages are made anew for each visitor.
const speed = gzip.BestSpeed + 1

// open begins a page.
func (g *Gate) open(a *answer, h http.Header) *page {
	defer abort()
	p := g.pages.Get().(*page)
	p.a, p.watching, p.broken = a, g.Observe, false
	p.self = append(p.self[:0], a.name...)
	p.policies = append(p.policies[:0], h["Content-Security-Policy"]...)
	p.rules.Self = schemeOf(a.secure) + "://" + a.name
	p.rules.Fragment = a.fragment
	p.rules.Label = a.rules.label
	p.rules.Head = nil
	if !p.rules.Fragment && !p.watching {
		p.rules.Head = p.head()
	}
	p.out.Reset(a.w)
	p.sink = p.out
	encoding := unpack.Encoding(h)
	switch {
	case p.watching:
		p.sink = io.Discard
	case encoding != "" && a.accepts:
		if p.zip == nil {
			p.zip, _ = gzip.NewWriterLevel(p.out, speed)
		}
		p.zip.Reset(p.out)
		p.sink = p.zip
	}
	p.writer.Reset(p.sink, &p.rules)
	if encoding != "" {
		p.unzip = unpack.New(encoding, &p.writer)
	}
	return p
}

// abort ends the connection if something of ours broke: half a page is better
// than a page of which nobody knows what is in it.
func abort() {
	if recover() != nil {
		panic(http.ErrAbortHandler)
	}
}

// Write takes more of the page from the site.
func (p *page) Write(b []byte) (int, error) {
	if p.watching {
		p.watch(b)
		return p.a.w.Write(b)
	}
	defer abort()
	if p.unzip == nil {
		return p.writer.Write(b)
	}
	if err := p.unzip.Feed(b); err != nil {
		panic(http.ErrAbortHandler)
	}
	return len(b), nil
}

// watch looks at what goes as it is. What breaks then breaks nothing.
func (p *page) watch(b []byte) {
	defer func() {
		if recover() != nil {
			p.broken = true
		}
	}()
	switch {
	case p.broken:
	case p.unzip == nil:
		_, _ = p.writer.Write(b)
	default:
		p.broken = p.unzip.Feed(b) != nil
	}
}

// flush sends all of the page that is decided.
func (p *page) flush() error {
	if p.sink == io.Writer(p.zip) {
		if err := p.zip.Flush(); err != nil {
			return err
		}
	}
	return p.out.Flush()
}

// close ends the page.
func (p *page) close() {
	if p.watching {
		p.end()
		return
	}
	defer abort()
	if p.unzip != nil && p.unzip.Close() != nil {
		panic(http.ErrAbortHandler)
	}
	_ = p.writer.Close() // the visitor left
	if p.sink == io.Writer(p.zip) {
		_ = p.zip.Close()
	}
	_ = p.out.Flush()
	p.release()
}

// end closes a page that was only looked at.
func (p *page) end() {
	defer func() {
		if recover() != nil {
			p.drop()
		}
	}()
	if p.broken || p.unzip != nil && p.unzip.Close() != nil {
		p.drop()
		return
	}
	_ = p.writer.Close()
	p.release()
}

// release gives the page back for another one.
func (p *page) release() {
	p.a.page = nil
	if p.unzip != nil {
		p.unzip.Release()
	}
	p.a, p.unzip, p.sink = nil, nil, nil
	p.out.Reset(nil)
	p.g.pages.Put(p)
}

// drop leaves a page that broke off: in what state it is nobody knows.
func (p *page) drop() {
	p.a.page = nil
	if p.unzip != nil {
		p.unzip.Stop()
	}
}

func (p *page) judge(_, host []byte) markup.Verdict {
	return p.a.rules.verdict(p.self, host, p.a.set)
}

func (p *page) policy(content []byte) { p.policies = append(p.policies, string(content)) }

// head is what goes into the head of the page. What cannot be said is left out,
// here and below: the wall holds without it, and nothing is chosen by its absence.
func (p *page) head() []byte {
	defer survive()
	return p.a.rules.head(p.a.set, p.a.decision, p.g.Guard, bar.FromPolicy(p.policies...))
}

// body is what goes in at the start of the body. A frame in a page has no
// question of its own, but what its buttons need.
func (p *page) body(dst []byte) (more []byte) {
	if more = dst; p.watching {
		return dst
	}
	defer survive()
	d := p.a.decision
	switch p.a.dest {
	case "", "document":
	default:
		d.Ask, d.Honoured = false, false
	}
	return append(dst, p.a.rules.body(d, p.a.at, false, bar.FromPolicy(p.policies...))...)
}

func (p *page) placeholder(dst []byte, f markup.Found) (more []byte) {
	more = dst
	defer survive()
	return p.a.rules.standin(dst, f, p.a.at)
}

// found tells of what the page names.
func (p *page) found(f markup.Found) {
	switch {
	case f.Link:
		if f.Verdict != markup.Ours && p.a.rules.register {
			p.g.link(f.Host)
		}
	case f.Verdict == markup.Undeclared:
		p.g.violation(wall.Violation{Kind: wall.ThirdParty, What: f.Host, Where: p.a.path, How: f.Element, Let: p.watching})
	case f.Verdict == markup.Waiting && p.watching:
		p.g.violation(wall.Violation{Kind: wall.ThirdParty, What: f.Host, Where: p.a.path, How: f.Element + beforeYes, Let: true})
	}
}

// leak tells of what an address takes along to another site.
func (a *answer) leak(url []byte, how string) {
	what := a.rules.leaks.In(url)
	if what == "" {
		return
	}
	_, rest, absolute := strings.Cut(string(url), "//")
	if host := wall.HostIn(rest); absolute && a.rules.verdict([]byte(a.name), []byte(strings.ToLower(host)), a.set) != markup.Ours {
		a.g.violation(wall.Violation{Kind: wall.Leak, What: host, Where: a.path, How: what + how, Let: true})
	}
}

// hop appends the way out to url, over a page of ours: Connection-Allowlist lets
// a page lead to no other host. On the way it is looked for what must not go along.
func (p *page) hop(dst, url []byte) []byte {
	p.a.leak(url, " in a link")
	if p.watching {
		return dst
	}
	return p.g.hops.Append(dst, url)
}
