package values

import "bytes"

// A Reader reads the addresses of one page, as the URL standard says.
type Reader struct {
	scheme, host string // of the page
	Based        bool   // a base was seen
	Relied       bool   // a relative address was seen
	base         []byte // its address, if it is at another site
	baseScheme   string
	baseHost     []byte
	clean        []byte // the address that is read
	hostRoom     []byte
}

// Reset makes a new, for a page at self, which is scheme and host.
func (a *Reader) Reset(self string) {
	a.scheme, a.host = "", ""
	if i := bytes.IndexByte([]byte(self), ':'); i > 0 && len(self) > i+3 {
		a.scheme, a.host = self[:i], self[i+3:]
	}
	a.Based, a.Relied, a.base, a.baseScheme, a.baseHost = false, false, a.base[:0], "", a.baseHost[:0]
}

// A Site is where an address leads. It holds until the next one is read.
type Site struct {
	None     bool // nowhere outside, or to no host
	Own      bool // it names the page's own scheme and host
	Relative bool
	Open     bool // were there more of the address, that could change all of this
	Scheme   string
	Host     []byte
	Rest     []byte // after the host
}

// tidy returns v without what a browser drops before it reads an address.
func (a *Reader) tidy(v []byte) []byte {
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
	a.clean = a.clean[:0]
	for _, c := range v {
		if c != '\t' && c != '\n' && c != '\r' {
			a.clean = append(a.clean, c)
		}
	}
	return a.clean
}

// Locate reads the address u, which has no character references left in it, as
// the URL standard says.
func (a *Reader) Locate(u []byte) Site {
	u = a.tidy(u)
	base := a.scheme
	if a.baseScheme != "" {
		base = a.baseScheme
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
			return a.relativeTo(u)
		}
		if known = base; known == "" {
			known = "https"
		}
	case n < 2 && base != "" && Same(scheme, base):
		return a.relativeTo(rest)
	default:
		if known = special(scheme); known == "" {
			return Site{None: true}
		}
	}
	return a.authority(known, rest[n:])
}

// authority reads an authority and what follows it.
func (a *Reader) authority(scheme string, u []byte) Site {
	k := end(u, "/\\?#")
	s := Site{Scheme: scheme, Open: k == len(u), Rest: u[k:]}
	host := u[:k]
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	s.Host = a.tidyHost(host, scheme)
	if s.None = len(s.Host) == 0; s.None {
		return s
	}
	s.Own = string(s.Host) == a.host && scheme == a.scheme
	return s
}

// relativeTo says where u leads, which names no host.
func (a *Reader) relativeTo(u []byte) Site {
	a.Relied = true
	s := Site{Relative: true, Rest: u, Scheme: a.baseScheme, Host: a.baseHost, None: len(a.baseHost) == 0}
	s.Open = len(u) < len("https://") // what follows could still make it a scheme, or bring a second slash
	return s
}

// schemeOf divides u after its scheme, if it has one.
func schemeOf(u []byte) (scheme, rest []byte) {
	if len(u) == 0 || !Letter(u[0]) {
		return nil, u
	}
	for i, c := range u {
		switch {
		case c == ':':
			return u[:i], u[i+1:]
		case Letter(c), '0' <= c && c <= '9', c == '+', c == '-', c == '.':
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
		if Same(s, known) {
			return known
		}
	}
	return ""
}

// tidyHost returns a host in lower case, without percent signs and without the usual port.
func (a *Reader) tidyHost(h []byte, scheme string) []byte {
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
	out := a.hostRoom[:0]
	for i := 0; i < len(h); i++ {
		c := h[i]
		if c == '%' && i+2 < len(h) && hex(h[i+1]) < 16 && hex(h[i+2]) < 16 {
			c = hex(h[i+1])<<4 | hex(h[i+2])
			i += 2
		}
		out = append(out, Lower(c))
	}
	a.hostRoom = out
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

// Whole appends s as an absolute address.
func (a *Reader) Whole(dst []byte, s Site) []byte {
	dst = append(append(append(dst, s.Scheme...), "://"...), s.Host...)
	if !s.Relative {
		return append(dst, s.Rest...)
	}
	path := a.base
	cut := "?#"
	switch {
	case len(s.Rest) == 0 || s.Rest[0] == '#':
		cut = "#"
	case s.Rest[0] == '?':
	case s.Rest[0] == '/' || s.Rest[0] == '\\':
		return append(dst, s.Rest...)
	default:
		path = path[:end(path, "?#")]
		path = path[:bytes.LastIndexByte(path, '/')+1]
	}
	path = path[:end(path, cut)]
	if len(path) == 0 {
		path = []byte("/")
	}
	return append(append(dst, path...), s.Rest...)
}

// Base makes s what relative addresses are relative to from now on.
func (a *Reader) Base(s Site) {
	a.baseScheme = s.Scheme
	a.baseHost = append(a.baseHost[:0], s.Host...)
	a.base = append(a.base[:0], s.Rest[:min(len(s.Rest), 4<<10)]...)
}

// Inherit takes over what relative addresses are relative to.
func (a *Reader) Inherit(from *Reader) {
	a.baseScheme = from.baseScheme
	a.baseHost = append(a.baseHost[:0], from.baseHost...)
	a.base = append(a.base[:0], from.base...)
}

// end returns where the first of chars is in b.
func end(b []byte, chars string) int {
	if i := bytes.IndexAny(b, chars); i >= 0 {
		return i
	}
	return len(b)
}
