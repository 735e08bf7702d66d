package markup

import "bytes"

// address is what addresses are read against, and room to read them in.
type address struct {
	scheme, host string // of the page
	based        bool   // a base was seen
	relied       bool   // a relative address was seen
	base         []byte // its address, if it is at another site
	baseScheme   string
	baseHost     []byte
	baseVerdict  Verdict
	clean        []byte // the address that is read
	hostRoom     []byte
	schemeRoom   [8]byte
	decoded      []byte
	values       []byte // new values of attributes
	absolute     []byte
}

func (a *address) reset(self string) {
	a.scheme, a.host = "", ""
	if i := bytes.IndexByte([]byte(self), ':'); i > 0 && len(self) > i+3 {
		a.scheme, a.host = self[:i], self[i+3:]
	}
	a.based, a.relied, a.base, a.baseScheme, a.baseHost = false, false, a.base[:0], "", a.baseHost[:0]
}

// A site is where an address leads.
type site struct {
	none     bool // nowhere outside, or to no host
	relative bool
	open     bool // more of the address could change all of this
	scheme   string
	host     []byte
	rest     []byte // after the host
	verdict  Verdict
}

// tidy returns v without what a browser drops before it reads an address.
func (w *Writer) tidy(v []byte) []byte {
	odd := false
	for _, c := range v {
		if c <= ' ' {
			odd = true
			break
		}
	}
	if !odd {
		return v
	}
	for len(v) > 0 && v[0] <= ' ' {
		v = v[1:]
	}
	for len(v) > 0 && v[len(v)-1] <= ' ' {
		v = v[:len(v)-1]
	}
	w.clean = w.clean[:0]
	for _, c := range v {
		if c != '\t' && c != '\n' && c != '\r' {
			w.clean = append(w.clean, c)
		}
	}
	return w.clean
}

// locate reads the address u, which has no character references left in it, as
// the URL standard says.
func (w *Writer) locate(u []byte) site {
	u = w.tidy(u)
	base := w.scheme
	if w.baseScheme != "" {
		base = w.baseScheme
	}
	scheme, rest := schemeOf(u)
	n := 0
	for n < len(rest) && (rest[n] == '/' || rest[n] == '\\') {
		n++
	}
	known := ""
	switch {
	case scheme == nil:
		if n < 2 {
			return w.relativeTo(u)
		}
		if known = base; known == "" {
			known = "https"
		}
	case n < 2 && base != "" && same(scheme, base):
		return w.relativeTo(rest)
	default:
		if known = special(scheme); known == "" {
			return site{none: true}
		}
	}
	return w.authority(known, rest[n:])
}

// authority reads an authority and what follows it.
func (w *Writer) authority(scheme string, u []byte) site {
	k := end(u, "/\\?#")
	s := site{scheme: scheme, open: k == len(u), rest: u[k:]}
	host := u[:k]
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	s.host = w.tidyHost(host, scheme)
	if s.none = len(s.host) == 0; s.none {
		return s
	}
	if string(s.host) == w.host && scheme == w.scheme || w.r.Judge == nil {
		return s
	}
	s.verdict = w.r.Judge(append(w.schemeRoom[:0], scheme...), s.host)
	return s
}

// relativeTo says where u leads, which names no host.
func (w *Writer) relativeTo(u []byte) site {
	w.relied = true
	s := site{relative: true, rest: u, scheme: w.baseScheme, host: w.baseHost, none: len(w.baseHost) == 0}
	if !s.none {
		s.verdict = w.baseVerdict
	}
	// While it could still become a scheme, or a second slash follow, all is open.
	s.open = len(u) < 2 || bytes.IndexAny(u, "/\\?#.%") < 0
	return s
}

// schemeOf divides u after its scheme, if it has one.
func schemeOf(u []byte) (scheme, rest []byte) {
	if len(u) == 0 || !letter(u[0]) {
		return nil, u
	}
	for i, c := range u {
		switch {
		case c == ':':
			return u[:i], u[i+1:]
		case letter(c), '0' <= c && c <= '9', c == '+', c == '-', c == '.':
		default:
			return nil, u
		}
	}
	return nil, u
}

// special returns the scheme s in lower case, if its addresses have hosts that
// browsers ask.
func special(s []byte) string {
	for _, known := range []string{"https", "http", "wss", "ws", "ftp"} {
		if same(s, known) {
			return known
		}
	}
	return ""
}

// tidyHost returns a host in lower case, without percent signs and without the usual port.
func (w *Writer) tidyHost(h []byte, scheme string) []byte {
	h = bytes.TrimSuffix(h, []byte(":"))
	switch scheme {
	case "https", "wss":
		h = bytes.TrimSuffix(h, []byte(":443"))
	case "http", "ws":
		h = bytes.TrimSuffix(h, []byte(":80"))
	case "ftp":
		h = bytes.TrimSuffix(h, []byte(":21"))
	}
	odd := false
	for _, c := range h {
		odd = odd || c == '%' || 'A' <= c && c <= 'Z'
	}
	if !odd {
		return h
	}
	out := w.hostRoom[:0]
	for i := 0; i < len(h); i++ {
		c := h[i]
		if c == '%' && i+2 < len(h) && hex(h[i+1]) < 16 && hex(h[i+2]) < 16 {
			c = hex(h[i+1])<<4 | hex(h[i+2])
			i += 2
		}
		out = append(out, lower(c))
	}
	w.hostRoom = out
	return out
}

func hex(c byte) byte {
	switch c = c | 0x20; {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 16
}

// whole appends s as an absolute address.
func (w *Writer) whole(dst []byte, s site) []byte {
	dst = append(append(append(dst, s.scheme...), "://"...), s.host...)
	if !s.relative {
		return append(dst, s.rest...)
	}
	path := w.base
	cut := "?#"
	switch {
	case len(s.rest) == 0 || s.rest[0] == '#':
		cut = "#"
	case s.rest[0] == '?':
	case s.rest[0] == '/' || s.rest[0] == '\\':
		return append(dst, s.rest...)
	default:
		path = path[:end(path, "?#")]
		path = path[:bytes.LastIndexByte(path, '/')+1]
	}
	path = path[:end(path, cut)]
	if len(path) == 0 {
		path = []byte("/")
	}
	return append(append(dst, path...), s.rest...)
}

// end returns where the first of chars is in b.
func end(b []byte, chars string) int {
	if i := bytes.IndexAny(b, chars); i >= 0 {
		return i
	}
	return len(b)
}
