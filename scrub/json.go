package scrub

import (
	"bytes"

	"github.com/avow-privacy/avow/scrub/pattern"
)

// json scrubs a line that is one JSON object, value by value, and says whether
// it is one. What stands under a key, in arrays and objects too, is scrubbed as
// the key says.
func (s *Scrubber) json(dst, b []byte) ([]byte, bool) {
	role := noRole
	depth := 0
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '"':
			end := quote(b, i+1)
			if end < 0 {
				return dst, false
			}
			text := b[i+1 : end]
			dst = append(dst, '"')
			if isKey(b, end+1) {
				role = roleOf(text)
				dst = s.text(dst, text)
			} else {
				dst = s.value(dst, text, role)
			}
			dst, i = append(dst, '"'), end+1
		case pattern.Decimal(c), c == '-':
			end := i + 1
			for end < len(b) && (pattern.Letter(b[end]) || pattern.Decimal(b[end]) || b[end] == '.' || b[end] == '+' || b[end] == '-') {
				end++
			}
			dst = s.figure(dst, b[i:end], role)
			i = end
		case c == '{', c == '[':
			depth++
			dst, i = append(dst, c), i+1
		case c == '}', c == ']':
			depth--
			dst, i = append(dst, c), i+1
		case c == ' ', c == ',', c == ':', c == '\t', pattern.Letter(c) && word(b[i:]):
			dst, i = append(dst, c), i+1
		default:
			return dst, false
		}
		if depth == 0 && i < len(b) {
			return dst, false
		}
	}
	return dst, depth == 0
}

// word says whether b begins within true, false or null.
func word(b []byte) bool {
	for _, w := range []string{"true", "false", "null"} {
		for i := range w {
			if bytes.HasPrefix(b, []byte(w[i:])) {
				return true
			}
		}
	}
	return false
}

func isKey(b []byte, i int) bool {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i < len(b) && b[i] == ':'
}

// A role is what the key of a value says about it.
type role uint8

const (
	noRole role = iota
	isHost
	isPort
	isUser
	isRequest
	isTarget
	isQuery
	isReferrer
	isAgent
	isSecret
	isMoment
)

// roleOf knows the keys of nginx, Caddy and Traefik and those that people give
// theirs, in any case, with - or _ or neither.
func roleOf(key []byte) role {
	var folded [32]byte
	n := 0
	for _, c := range key {
		if c == '-' || c == '_' || c == ' ' {
			continue
		}
		if n == len(folded) {
			return noRole
		}
		if c-'A' < 26 {
			c |= 0x20
		}
		folded[n] = c
		n++
	}
	name := folded[:n]
	for _, front := range []string{"request", "http", "downstream", "origin"} { // request_User-Agent, http_referer
		if len(name) > len(front)+1 && string(name[:len(front)]) == front && !(front == "request" && reserved(name[len(front):])) {
			name = name[len(front):]
			break
		}
	}
	switch string(name) {
	case "remoteaddr", "remoteip", "clientip", "clientaddr", "clienthost", "client", "ip", "xforwardedfor", "xrealip", "realip", "forwardedfor",
		"realipremoteaddr", "cfconnectingip", "trueclientip", "remotehost", "remote", "xclientip", "fastlyclientip", "peer":
		return isHost
	case "remoteport", "clientport":
		return isPort
	case "remoteuser", "user", "userid", "username", "clientusername", "login", "authuser":
		return isUser
	case "request", "requestline":
		return isRequest
	case "requesturi", "requestpath", "uri", "url", "path", "originalurl", "target", "documenturi":
		return isTarget
	case "args", "query", "querystring", "requestquery":
		return isQuery
	case "referer", "referrer":
		return isReferrer
	case "useragent", "agent", "ua":
		return isAgent
	case "authorization", "proxyauthorization", "cookie", "setcookie", "xapikey", "xauthtoken", "xcsrftoken", "password", "passwd", "secret",
		"token", "apikey", "accesstoken", "session", "sessionid", "etag", "ifnonematch":
		return isSecret
	case "time", "ts", "timestamp", "timelocal", "timeiso8601", "msec", "startutc", "startlocal", "@timestamp", "date", "datetime":
		return isMoment
	}
	return noRole
}

// reserved are the rests of keys that mean something else without request.
func reserved(rest []byte) bool {
	switch string(rest) {
	case "uri", "path", "line", "query", "host", "port", "addr", "time", "method", "protocol", "scheme", "id":
		return true
	}
	return false
}

// value scrubs the text of a string, as it stands between its quotation marks.
func (s *Scrubber) value(dst, b []byte, r role) []byte {
	if len(b) == 0 {
		return dst
	}
	switch r {
	case isHost:
		return s.host(dst, b)
	case isPort:
		return s.put(dst, b, Address, "-")
	case isUser:
		return s.user(dst, b)
	case isRequest:
		return s.request(dst, b)
	case isTarget:
		return s.target(dst, b)
	case isQuery:
		from := len(dst)
		if b[0] == '?' {
			dst, b = append(dst, '?'), b[1:]
		}
		return s.mask(s.query(dst, b), from)
	case isReferrer:
		return s.origin(dst, b)
	case isAgent:
		return s.agent(dst, b)
	case isSecret:
		if string(b) == "-" || string(b) == "REDACTED" {
			return append(dst, b...)
		}
		return s.put(dst, b, Secret, placeholders[Secret])
	case isMoment:
		return s.moment(dst, b)
	}
	return s.guess(dst, b)
}

// figure scrubs a number.
func (s *Scrubber) figure(dst, b []byte, r role) []byte {
	switch r {
	case isMoment:
		return s.epoch(dst, b)
	case isPort:
		if string(b) == "0" {
			return append(dst, '0')
		}
		s.counts[Address]++
		return append(dst, '0')
	case isUser, isSecret, isHost:
		s.counts[User]++
		return append(append(append(dst, '"'), placeholders[User]...), '"')
	}
	if s.find.Look(b); len(s.find.Spans) == 0 {
		return append(dst, b...)
	}
	return append(s.text(append(dst, '"'), b), '"')
}

// epoch keeps of a number of seconds what the rules allow. Milliseconds and
// finer units are kept to the second by zeros.
func (s *Scrubber) epoch(dst, b []byte) []byte {
	n := 0
	for n < len(b) && pattern.Decimal(b[n]) {
		n++
	}
	if n < 10 || n > 19 || n < len(b) && b[n] != '.' {
		from := len(dst)
		return s.mask(append(dst, b...), from)
	}
	from := len(dst)
	dst = append(dst, b[:n]...)
	secs := dst[from : from+10]
	zero(dst[from+10:])
	if s.rules.Minute {
		v := 0
		for _, c := range secs {
			v = v*10 + int(c-'0')
		}
		v -= v % 60
		for i := range secs {
			secs[9-i], v = byte('0'+v%10), v/10
		}
	}
	if !bytes.Equal(dst[from:], b) {
		s.counts[Moment]++
	}
	return dst
}

func zero(b []byte) {
	for i := range b {
		b[i] = '0'
	}
}

// moment keeps of a time in letters what the rules allow.
func (s *Scrubber) moment(dst, b []byte) []byte {
	if pattern.Decimal(b[0]) && len(b) >= 10 && pattern.Decimal(b[9]) && pattern.Decimal(b[4]) {
		return s.epoch(dst, b)
	}
	from := len(dst)
	for i := 0; i+8 <= len(b); i++ {
		// hh:mm:ss
		if i > 0 && pattern.Decimal(b[i-1]) || b[i+2] != ':' || b[i+5] != ':' || !pattern.Decimal(b[i]) || !pattern.Decimal(b[i+1]) || !pattern.Decimal(b[i+3]) || !pattern.Decimal(b[i+4]) || !pattern.Decimal(b[i+6]) || !pattern.Decimal(b[i+7]) {
			continue
		}
		end := i + 8
		if end < len(b) && (b[end] == '.' || b[end] == ',') {
			for end++; end < len(b) && pattern.Decimal(b[end]); end++ {
			}
		}
		if end > i+8 {
			s.counts[Moment]++
		}
		dst = append(dst, b[:i+8]...)
		if s.rules.Minute {
			dst = s.minute(dst, len(dst)-2)
		}
		return s.mask(append(dst, b[end:]...), from)
	}
	return s.mask(append(dst, b...), from)
}
