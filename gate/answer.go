package gate

import (
	"bufio"
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/unpack"
	"github.com/avow-privacy/avow/gate/wall"
)

// An answer is the ResponseWriter that a site is given.
type answer struct {
	w     http.ResponseWriter
	g     *Gate
	rules *rules
	standing

	method, path, at string
	host, name, dest string // host without port; name with it
	accepts          bool   // the browser reads gzip
	secure, own      bool
	fits             bool   // it may be a page to change
	service          bool   // it may be a service worker
	validator        string // suffix of the ETags that were asked for
	strays           strays
	sent             []string // lines of Cookie
	fragment         bool     // a script asks, for a part of a page

	status      int  // waits for the first bytes
	began, gone bool // the header is written; the connection is somebody else's
	page        *page
}

// take looks at r, and returns what the site is to see of it.
func (a *answer) take(r *http.Request) *http.Request {
	signal := r.Header.Get("Sec-Gpc") == "1"
	a.method, a.path, a.host = r.Method, r.URL.Path, hostOf(r.Host)
	a.dest, a.secure, a.own = r.Header.Get("Sec-Fetch-Dest"), secure(r), a.g.own(r.URL.Path)
	a.name = hostName(schemeOf(a.secure), r.Host)
	a.standing = a.rules.stand(a.g, r, signal)
	a.fits = !a.own && (r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost) && a.navigates(r)
	if a.fits {
		a.at = r.URL.RequestURI()
		a.fragment = a.dest == "empty" || a.dest == "" && r.Header.Get("Hx-Request") != ""
		a.accepts = unpack.AcceptsGzip(r.Header["Accept-Encoding"])
		if signal && (a.dest == "document" || a.dest == "") {
			a.g.signal(a.decision.Honoured)
		}
	}
	a.sent = r.Header["Cookie"]
	all, kept, lost := a.sieve(a.sent)
	if !a.subresource() {
		for _, name := range lost {
			declared, _ := a.rules.may(name, a.set)
			a.tellCookie(name, "Cookie", declared)
		}
		a.strays = lost
	}
	if a.g.Observe {
		a.strays = nil
		return r
	}
	a.service = service(r)
	if all && !a.fits && !a.service {
		return r
	}
	seen := *r
	seen.Header = r.Header.Clone()
	if !all {
		delete(seen.Header, "Cookie")
		if kept != "" {
			seen.Header["Cookie"] = []string{kept}
		}
	}
	if a.service {
		whole(seen.Header)
	}
	if a.fits {
		a.ask(seen.Header)
	}
	return &seen
}

// hostOf is a host without its port.
func hostOf(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}

// navigates says whether a request is one for a page, or for a part of one.
func (a *answer) navigates(r *http.Request) bool {
	switch a.dest {
	case "document", "iframe", "frame", "embed", "object", "fencedframe":
		return true
	case "", "empty":
		return strings.Contains(r.Header.Get("Accept"), "text/html") || r.Header.Get("Hx-Request") != ""
	}
	return false
}

// subresource says whether a request is for a part of a page that can be no
// document: the page itself was asked for before.
func (a *answer) subresource() bool {
	switch a.dest {
	case "image", "font", "style", "script", "video", "audio", "track", "manifest":
		return true
	}
	return false
}

// ask makes the site answer with a page that can be changed: whole, in an
// encoding that is read here, and not "not modified" since another choice.
func (a *answer) ask(h http.Header) {
	if len(h["Accept-Encoding"]) > 0 {
		h["Accept-Encoding"] = identity
		if a.accepts {
			h["Accept-Encoding"] = gzipOnly
		}
	}
	if a.method == http.MethodPost {
		return
	}
	delete(h, "Range")
	delete(h, "If-Range")
	delete(h, "If-Modified-Since")
	if asked := h["If-None-Match"]; len(asked) > 0 {
		a.validator = ".avow-" + a.rules.tag(a.standing)
		delete(h, "If-None-Match")
		if theirs := unmarked(asked, a.validator); theirs != "" {
			h["If-None-Match"] = []string{theirs}
		}
	}
}

// Header is the header that will be sent.
func (a *answer) Header() http.Header { return a.w.Header() }

// WriteHeader sends the header, held to the statement.
func (a *answer) WriteHeader(status int) {
	if a.began || a.gone {
		return
	}
	h := a.w.Header()
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		a.early(status, h)
		return
	}
	if len(h["Content-Type"]) == 0 && a.status == 0 && bodied(status) {
		a.status = status // until the first bytes tell what it is
		return
	}
	a.began = true
	a.dress(status, h)
	a.w.WriteHeader(status)
	a.precede()
}

// settle sends the header that waited for the first bytes.
func (a *answer) settle() {
	a.status = cmp.Or(a.status, http.StatusOK)
	a.WriteHeader(a.status)
}

// early sends what comes before the answer: hints of what to load. It has the
// wall, for browsers load them at once, and no cookie.
func (a *answer) early(status int, h http.Header) {
	if a.g.Observe {
		a.w.WriteHeader(status)
		return
	}
	theirs := h.Clone()
	delete(h, "Set-Cookie")
	wall.Hints(h, a.asks)
	a.raise(h)
	a.w.WriteHeader(status)
	clear(h)
	for name, values := range theirs {
		h[name] = values
	}
}

// dress holds the header of an answer to the statement.
func (a *answer) dress(status int, h http.Header) {
	a.filter(h)
	if to := h.Get("Location"); to != "" {
		a.leak([]byte(to), " in a redirect")
	}
	kind := kindOf(h)
	if still(kind) {
		// Caches may keep it for everybody, so nobody's cookie goes along.
		if !a.g.Observe {
			h["X-Content-Type-Options"] = nosniff
			a.keepChoice(h)
			a.add(h, alone)
		}
		return
	}
	if !a.g.Observe {
		a.keepChoice(h)
		a.expire(h)
		a.renew(h)
	}
	a.begins(status, h)
	change := a.fits && !a.own && isHTML(kind) && unpack.Reads(unpack.Encoding(h)) && status != http.StatusPartialContent && bodied(status)
	if change && a.method != http.MethodHead {
		a.page = a.g.open(a, h)
	}
	if !a.g.Observe {
		wall.Hints(h, a.asks)
		a.policy(h)
		a.keepApart(status, h, kind, change)
	}
	a.raise(h)
}

// raise puts up the wall. The site's own policy stays beside it.
func (a *answer) raise(h http.Header) {
	a.add(h, a.rules.wall(a.set))
}

func (a *answer) add(h http.Header, all []wall.Header) {
	for _, one := range all {
		switch {
		case one.Name == "Connection-Allowlist", len(h[one.Name]) == 0:
			h[one.Name] = one.Values
		default:
			h[one.Name] = append(h[one.Name][:len(h[one.Name]):len(h[one.Name])], one.Values...)
		}
	}
}

// keepApart says who may keep the answer, and for whom it is.
func (a *answer) keepApart(status int, h http.Header, kind string, change bool) {
	if theirs := h["Vary"]; len(theirs) > 0 {
		h["Vary"] = append(theirs[:len(theirs):len(theirs)], vary...)
	} else {
		h["Vary"] = vary
	}
	if isHTML(kind) && !strings.Contains(strings.ToLower(h.Get("Cache-Control")), "no-store") {
		h["Cache-Control"] = noCache
	}
	if a.validator != "" && status == http.StatusNotModified || change {
		a.mark(h)
	}
	if change {
		for _, name := range changes {
			delete(h, name)
		}
		switch {
		case unpack.Encoding(h) == "":
		case a.accepts:
			h["Content-Encoding"] = gzipOnly
		default:
			delete(h, "Content-Encoding")
		}
	}
}

// policy sends no more of this page's address elsewhere than its origin.
func (a *answer) policy(h http.Header) {
	h["X-Content-Type-Options"] = nosniff
	theirs := strings.ToLower(strings.Join(h["Referrer-Policy"], ","))
	theirs = strings.TrimSpace(theirs[strings.LastIndexByte(theirs, ',')+1:])
	switch theirs {
	case "no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin":
		return
	}
	h["Referrer-Policy"] = referrer
}

// changes are the headers that tell of the bytes of a body.
var changes = []string{"Content-Length", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// Headers that are the same each time. Nobody changes them.
var (
	vary     = []string{"Cookie, Sec-GPC"}
	noCache  = []string{"private, no-cache"}
	nosniff  = []string{"nosniff"}
	referrer = []string{"strict-origin-when-cross-origin"}
	gzipOnly = []string{"gzip"}
	identity = []string{"identity"}
)

// renew writes the choice anew if the signal withdrew it.
func (a *answer) renew(h http.Header) {
	if !a.decision.Withdraw || a.own {
		return
	}
	defer survive()
	text := a.rules.withdraw(a.choice, a.g.Clock()).Seal(a.g.Key)
	c, more := choice.Cookie, ""
	if a.secure {
		c, more = choice.SecureCookie, "; Secure"
	}
	h["Set-Cookie"] = append(h["Set-Cookie"], c+"="+text+"; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"+more)
}

// Write sends more of the answer.
func (a *answer) Write(p []byte) (int, error) {
	if !a.began {
		a.begin(p)
	}
	if a.page != nil {
		return a.page.Write(p)
	}
	return a.w.Write(p)
}

// WriteString is Write without a copy where it can be.
func (a *answer) WriteString(s string) (int, error) {
	if a.began && a.page == nil {
		return io.WriteString(a.w, s)
	}
	return a.Write([]byte(s))
}

// begin sends the header of an answer whose site just began to write. Its type
// is read from its first bytes as net/http would: those sent may be others.
func (a *answer) begin(p []byte) {
	h := a.w.Header()
	if len(h["Content-Type"]) == 0 && h.Get("Content-Encoding") == "" && len(p) > 0 {
		h["Content-Type"] = []string{http.DetectContentType(p)}
	}
	a.settle()
}

// ReadFrom lets what is not changed go from file to socket without a copy.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if !a.began {
		first := make([]byte, 512)
		n, err := io.ReadFull(r, first)
		if n > 0 {
			if k, err := a.Write(first[:n]); err != nil {
				return int64(k), err
			}
		}
		if err != nil {
			return int64(n), noEnd(err)
		}
		more, err := a.ReadFrom(r)
		return int64(n) + more, err
	}
	if from, ok := a.w.(io.ReaderFrom); ok && a.page == nil {
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

func noEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// Flush sends what is decided so far.
func (a *answer) Flush() { _ = a.FlushError() }

// FlushError is Flush that says what went wrong.
func (a *answer) FlushError() error {
	if !a.began {
		a.settle()
	}
	if a.page != nil {
		if err := a.page.flush(); err != nil {
			return err
		}
	}
	return a.flushBelow()
}

func (a *answer) flushBelow() error {
	if f, ok := a.w.(http.Flusher); ok {
		f.Flush()
		return nil
	}
	return http.NewResponseController(a.w).Flush()
}

// Unwrap lets a http.ResponseController reach deadlines.
func (a *answer) Unwrap() http.ResponseWriter { return a.w }

// Hijack hands over the connection. What is written at first is still a header,
// and is held to the statement.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, b, err := http.NewResponseController(a.w).Hijack()
	if err != nil {
		return nil, nil, err
	}
	a.gone = true
	if a.g.Observe {
		return c, b, nil
	}
	if err := b.Flush(); err != nil {
		return nil, nil, err
	}
	held := &heldConn{Conn: c, a: a}
	return held, bufio.NewReadWriter(b.Reader, bufio.NewWriter(held)), nil
}

// finish ends an answer. A site that wrote nothing still answered.
func (a *answer) finish() {
	if a.gone {
		return
	}
	if !a.began {
		a.settle()
	}
	if a.page != nil {
		a.page.close()
	}
	h := a.w.Header() // of trailers now
	if len(h["Trailer"]) > 0 {
		delete(h, "Set-Cookie")
	}
	delete(h, http.TrailerPrefix+"Set-Cookie")
}

// abandon lets go of what a site that broke off left behind.
func (a *answer) abandon() {
	if a.page != nil {
		a.page.drop()
	}
}

// A heldConn drops undeclared cookies from the header that is written first, as
// in the answer that opens a WebSocket.
type heldConn struct {
	net.Conn
	a    *answer
	head []byte
	done bool
}

const longestHead = 64 << 10

// Write passes on what is not a cookie.
func (c *heldConn) Write(p []byte) (int, error) {
	if c.done {
		return c.Conn.Write(p)
	}
	c.head = append(c.head, p...)
	head, rest, whole := strings.Cut(string(c.head), "\r\n\r\n")
	if !whole {
		if len(c.head) > longestHead {
			return 0, errors.New("the header of a hijacked answer is longer than " + strconv.Itoa(longestHead) + " bytes")
		}
		return len(p), nil
	}
	c.done, c.head = true, nil
	if _, err := io.WriteString(c.Conn, c.a.declaredOnly(head)+"\r\n\r\n"+rest); err != nil {
		return 0, err
	}
	return len(p), nil
}

// declaredOnly returns a header without the cookies that may not be kept.
func (a *answer) declaredOnly(head string) string {
	lines := strings.Split(head, "\r\n")
	kept := lines[:0]
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "Set-Cookie") {
			kept = append(kept, line)
			continue
		}
		h := http.Header{"Set-Cookie": {strings.TrimSpace(value)}}
		if a.filter(h); len(h["Set-Cookie"]) > 0 {
			kept = append(kept, "Set-Cookie: "+h["Set-Cookie"][0])
		}
	}
	return strings.Join(kept, "\r\n")
}
