package scrub

import (
	"bytes"
	"hash/maphash"

	"github.com/avow-privacy/avow/scrub/pattern"
)

// combined scrubs a line such as
//
//	203.0.113.7 - ada [24/Nov/2026:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 512 "https://x.example/y" "Mozilla/5.0 …"
//
// with or without the last two fields, a virtual host in front, and whatever
// else behind. It says whether the line has this form.
func (s *Scrubber) combined(dst, b []byte) ([]byte, bool) {
	var open int
	if end := bytes.IndexByte(b, ' '); end > 0 && len(b) > end+6+len(moment) && string(b[end:end+6]) == nobody && s.isMoment(b[end+6:]) {
		open = end + 5
		s.day = b[open+1 : open+12]
		dst = append(s.visitor(dst, b[:end]), nobody[:5]...)
	} else {
		if open = s.opening(b); open < 0 {
			return dst, false
		}
		s.day = b[open+1 : open+12]
		var ok bool
		if dst, ok = s.front(dst, b[:open]); !ok {
			return dst, false
		}
	}
	dst = append(dst, b[open:open+len(s.second)+1]...)
	if s.rules.Minute {
		dst = s.minute(dst, len(dst)-9)
	}
	b = b[open+len(s.second)+1:]
	if len(b) < 2 || b[0] != ' ' || b[1] != '"' {
		return s.rest(dst, b, 0), true
	}
	end := quote(b, 2)
	if end < 0 {
		return s.rest(dst, b, 0), true
	}
	dst = append(dst, ` "`...)
	dst = s.request(dst, b[2:end])
	after := figures(b, end+1)
	if after < 0 {
		return s.rest(append(dst, '"'), b[end+1:], 0), true
	}
	dst = append(dst, b[end:after]...)
	if after == len(b) {
		return dst, true
	}
	return s.rest(dst, b[after:], 0), true
}

// minute takes the seconds off the time whose seconds begin at i.
func (s *Scrubber) minute(dst []byte, i int) []byte {
	if dst[i] != '0' || dst[i+1] != '0' {
		s.counts[Moment]++
		dst[i], dst[i+1] = '0', '0'
	}
	return dst
}

// moment is the form of a time: 0 is a digit, a is a letter.
const moment = "00/aaa/0000:00:00:00 +0000]"

// opening finds the [ before the time, or -1.
func (s *Scrubber) opening(b []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], '[')
		if i < 0 {
			return -1
		}
		from += i
		t := b[from+1:]
		if len(t) < len(moment) {
			return -1
		}
		if s.isMoment(t) {
			return from
		}
		from++
	}
}

// nobody is what mostly stands between host and time.
const nobody = " - - ["

func (s *Scrubber) isMoment(t []byte) bool {
	return [27]byte(t) == s.second || s.timed(t[:len(moment)])
}

func (s *Scrubber) timed(t []byte) bool {
	if [18]byte(t) == [18]byte(s.second[:]) && [7]byte(t[20:]) == [7]byte(s.second[20:]) && pattern.Decimal(t[18]) && pattern.Decimal(t[19]) {
		s.second = [27]byte(t)
		return true
	}
	for i, c := range t {
		switch p := moment[i]; {
		case p == '0' && !pattern.Decimal(c), p == 'a' && !pattern.Letter(c), p == '+' && c != '+' && c != '-':
			return false
		case p != '0' && p != 'a' && p != '+' && p != c:
			return false
		}
	}
	s.second = [27]byte(t)
	return true
}

// front scrubs what stands before the time: host, ident and user, or the same
// with a virtual host before.
func (s *Scrubber) front(dst, b []byte) ([]byte, bool) {
	end := bytes.IndexByte(b, ' ')
	if end <= 0 {
		return dst, false
	}
	for b[end-1] == ',' { // a list, as X-Forwarded-For is one
		dst = append(s.host(dst, b[:end]), ' ')
		b = b[end+1:]
		if end = bytes.IndexByte(b, ' '); end <= 0 {
			return dst, false
		}
	}
	first, rest := b[:end], b[end+1:]
	if second, more, ok := bytes.Cut(rest, []byte(" ")); ok && bytes.IndexByte(more, ' ') >= 0 && isVisitor(second) && !isVisitor(first) {
		dst = append(s.virtual(dst, first), ' ')
		first, rest = second, more
	} else if ok && bytes.IndexByte(more, ' ') >= 0 && string(first) == unknownHost && isVisitor(second) {
		dst = append(append(dst, first...), ' ')
		first, rest = second, more
	}
	ident, user, ok := bytes.Cut(rest, []byte(" "))
	if !ok || len(first) == 0 {
		return dst, false
	}
	dst = append(s.visitor(dst, first), ' ')
	dst = append(s.user(dst, ident), ' ')
	if user = bytes.TrimSuffix(user, []byte(" ")); len(user) == len(rest)-len(ident)-1 {
		return dst, false
	}
	return append(s.user(dst, user), ' '), true
}

// isVisitor says whether b is an address, or what stands for one.
func isVisitor(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	_, _, ok := pattern.ParseIP(b)
	return ok || isToken(b) || string(b) == unknownHost
}

// virtual keeps the name of a virtual host, unless it names somebody.
func (s *Scrubber) virtual(dst, b []byte) []byte {
	if s.find.Look(b); len(s.find.Spans) > 0 {
		return s.put(dst, b, Address, unknownHost)
	}
	return append(dst, b...)
}

func (s *Scrubber) user(dst, b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return append(dst, b...)
	}
	return s.put(dst, b, User, placeholders[User])
}

// quote finds the quotation mark that ends what begins at b[i:], or -1.
func quote(b []byte, i int) int {
	for from := i; ; from++ {
		end := bytes.IndexByte(b[from:], '"')
		if end < 0 {
			return -1
		}
		from += end
		slash := from
		for slash > i && b[slash-1] == '\\' {
			slash--
		}
		if (from-slash)%2 == 0 {
			return from
		}
	}
}

// figures says where status and size end that stand at b[i:], or -1.
func figures(b []byte, i int) int {
	if i+6 > len(b) || b[i] != ' ' || !pattern.Decimal(b[i+1]) || !pattern.Decimal(b[i+2]) || !pattern.Decimal(b[i+3]) || b[i+4] != ' ' {
		return -1
	}
	i += 5
	if b[i] == '-' {
		i++
	} else {
		from := i
		for i < len(b) && pattern.Decimal(b[i]) {
			i++
		}
		if i == from || i-from > 11 {
			return -1
		}
	}
	if i+1 < len(b) && (b[i] != ' ' || b[i+1] != '"') {
		return -1
	}
	return i
}

// rest scrubs fields, quoted or not, of which nth is the number of the first
// that is quoted: referrer, agent, and then whatever they look like.
func (s *Scrubber) rest(dst, b []byte, nth int) []byte {
	for len(b) > 0 {
		if len(b) > 1 && b[0] == ' ' && b[1] == '"' {
			dst, b = append(dst, ' '), b[1:]
		} else if b[0] != '"' {
			end := bytes.IndexByte(b, '"')
			if end < 0 {
				end = len(b)
			}
			dst = s.text(dst, b[:end])
			b = b[end:]
			continue
		}
		end := quote(b, 1)
		if end < 0 {
			return s.text(dst, b)
		}
		dst = append(dst, '"')
		switch field := b[1:end]; nth {
		case 0:
			dst = s.origin(dst, field)
		case 1:
			dst = s.agent(dst, field)
		default:
			dst = s.guess(dst, field)
		}
		nth++
		dst, b = append(dst, '"'), b[end+1:]
	}
	return dst
}

// guess scrubs a field by what it looks like.
func (s *Scrubber) guess(dst, b []byte) []byte {
	switch {
	case len(b) > 8 && string(b[:8]) == "Mozilla/":
		return s.agent(dst, b)
	case len(b) > 1 && b[0] == '/' && b[1] != '/', weblike(b):
		return s.target(dst, b)
	case isCookies(b):
		return s.put(dst, b, Secret, placeholders[Secret])
	}
	return s.text(dst, b)
}

// isCookies says whether b is a list of cookies as a browser sends it (RFC 6265,
// section 4.2.1). One alone could be anything.
func isCookies(b []byte) bool {
	n := 0
	for part := range bytes.SplitSeq(b, []byte("; ")) {
		name, _, ok := bytes.Cut(part, []byte("="))
		if !ok || len(name) == 0 || bytes.IndexByte(name, ' ') >= 0 {
			return false
		}
		n++
	}
	return n > 1
}

func weblike(b []byte) bool {
	return len(b) > 8 && (string(b[:7]) == "http://" || string(b[:8]) == "https://")
}

// request scrubs METHOD TARGET PROTOCOL.
func (s *Scrubber) request(dst, b []byte) []byte {
	from := len(dst)
	start := bytes.IndexByte(b, ' ') + 1
	end := len(b)
	if n := len(b); n >= start+9 && string(b[n-9:n-3]) == " HTTP/" {
		end = n - 9
	} else if last := bytes.LastIndexByte(b, ' '); last > start && bytes.HasPrefix(b[last:], []byte(" HTTP/")) {
		end = last
	}
	dst = append(dst, b[:start]...)
	if (start == 4 || start == 5) && end == len(b)-9 && pattern.Decimal(b[end+6]) && b[end+7] == '.' && pattern.Decimal(b[end+8]) {
		switch string(b[:start-1]) {
		case "GET", "POST", "HEAD", "PUT": // what stands around the target is known to be harmless
			return append(s.target(dst, b[start:end]), b[end:]...)
		}
	}
	dst = s.place(dst, b[start:end])
	dst = append(dst, b[end:]...)
	return s.mask(dst, from)
}

// target scrubs the address of a page, whole or from its path on.
func (s *Scrubber) target(dst, b []byte) []byte {
	from := len(dst)
	return s.mask(s.place(dst, b), from)
}

// place does what target does, without the patterns.
func (s *Scrubber) place(dst, b []byte) []byte {
	if weblike(b) {
		dst, b = s.authority(dst, b)
	}
	query := bytes.IndexByte(b, '?')
	path := b
	if query >= 0 {
		path = b[:query]
	}
	if i := bytes.IndexByte(path, ';'); i >= 0 {
		dst = append(dst, path[:i+1]...)
		dst = s.matrix(dst, path[i+1:])
	} else {
		dst = append(dst, path...)
	}
	if query < 0 {
		return dst
	}
	dst = append(dst, '?')
	return s.query(dst, b[query+1:])
}

// leaves are the bytes that end a host.
var leaves = [256]bool{'/': true, '?': true, '#': true, '\\': true}

// authority copies scheme and host of b, without who signs in there, and
// returns the rest.
func (s *Scrubber) authority(dst, b []byte) (_, rest []byte) {
	i := bytes.Index(b, []byte("://")) + 3
	end, who := i, -1
	for end < len(b) && !leaves[b[end]] {
		if b[end] == '@' {
			who = end
		}
		end++
	}
	dst = append(dst, b[:i]...)
	if who >= 0 {
		s.counts[User]++
		i = who + 1
	}
	return append(dst, b[i:end]...), b[end:]
}

// matrix scrubs parameters in a path: ;jsessionid=A1B2/next/part;x=y.
func (s *Scrubber) matrix(dst, b []byte) []byte {
	for {
		end := bytes.IndexByte(b, '/')
		if end < 0 {
			return s.query(dst, b)
		}
		dst = append(s.query(dst, b[:end]), '/')
		b = b[end+1:]
		next := bytes.IndexByte(b, ';')
		if next < 0 {
			return append(dst, b...)
		}
		dst, b = append(dst, b[:next+1]...), b[next+1:]
	}
}

// mostKey is more than keys of queries have.
const mostKey = 64

// query keeps the keys of a query, and of the values those that may stay. What
// stands without a key is a value.
func (s *Scrubber) query(dst, b []byte) []byte {
	for {
		end, equals := 0, -1
		for ; end < len(b) && b[end] != '&' && b[end] != ';'; end++ {
			if b[end] == '=' && equals < 0 {
				equals = end
			}
		}
		key, value := b[:end], b[end:end]
		if equals >= 0 {
			key, value = b[:equals], b[equals+1:end]
		}
		switch {
		case equals < 0 && end > 0 && !s.stays(key), equals > mostKey:
			dst = s.put(dst, b[:end], Query, masked)
		case len(value) == 0 || s.stays(key):
			dst = append(dst, b[:end]...)
		default:
			dst = append(dst, b[:equals+1]...)
			dst = s.put(dst, value, Query, masked)
		}
		if end == len(b) {
			return dst
		}
		dst, b = append(dst, b[end]), b[end+1:]
	}
}

func (s *Scrubber) stays(key []byte) bool {
	for _, k := range s.rules.Query {
		if n := len(k) - 1; n >= 0 && k[n] == '*' {
			if len(key) >= n && string(key[:n]) == k[:n] && tame(key[n:]) {
				return true
			}
		} else if string(key) == k {
			return true
		}
	}
	return false
}

// tame says whether b is a name and no value that somebody hid in one.
func tame(b []byte) bool {
	for _, c := range b {
		if !pattern.Letter(c) && c != '_' && c != '-' {
			return false
		}
	}
	return len(b) < 16
}

// origin keeps of a referrer its origin.
func (s *Scrubber) origin(dst, b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return append(dst, b...)
	}
	from := len(dst)
	rest := b
	if i := bytes.IndexByte(b, ':'); i > 0 && i < 16 && len(b) > i+3 && b[i+1] == '/' && b[i+2] == '/' {
		if dst, rest = s.authority(dst, b); dst[len(dst)-1] == '/' {
			dst, rest = dst[:from], b // without a host
		}
	} else if i > 0 && i < 16 && len(b) > i+5 && b[i+1] == '\\' { // https:\/\/, as some JSON is written
		if i = bytes.Index(b, []byte(`\/\/`)); i >= 0 {
			end := bytes.IndexByte(b[i+4:], '\\')
			if end < 0 {
				end = len(b) - i - 4
			}
			dst, rest = append(dst, b[:i+4+end]...), b[i+4+end:]
		}
	} else {
		end := 0
		for end < len(b) && (pattern.Letter(b[end]) || pattern.Decimal(b[end]) || b[end] == '.' || b[end] == '-' || b[end] == ':') {
			end++
		}
		if end == len(b) || b[end] == '/' || b[end] == '?' { // a host without a scheme
			dst, rest = append(dst, b[:end]...), b[end:]
		}
	}
	if len(rest) > 1 || len(rest) == 1 && rest[0] != '/' {
		s.counts[Referrer]++
	}
	if len(dst) == from {
		return append(dst, '-')
	}
	return s.known(dst, from)
}

// known does what mask does with an origin, of which a log holds few.
func (s *Scrubber) known(dst []byte, from int) []byte {
	k := &s.origins[maphash.Bytes(s.seed, dst[from:])%originSlots]
	if bytes.Equal(*k, dst[from:]) {
		return dst
	}
	before := s.Removed()
	if dst = s.mask(dst, from); s.Removed() == before && len(dst)-from < mostOrigin {
		*k = append((*k)[:0], dst[from:]...)
	}
	return dst
}

// mostOrigin is the longest origin that is remembered.
const mostOrigin = 256

// originSlots is how many origins are remembered that hold nothing personal.
const originSlots = 256

// agent keeps the families of browser and operating system.
func (s *Scrubber) agent(dst, b []byte) []byte {
	if len(b) == 0 || len(b) == 1 && b[0] == '-' {
		return append(dst, b...)
	}
	is, same := s.agents.Families(b)
	if !same {
		s.counts[Agent]++
	}
	return append(dst, is...)
}
