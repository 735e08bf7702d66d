package gate

import (
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
)

const (
	mostExpired  = 16 // cookies expired with one answer
	mostVariants = 12 // places that one cookie is looked for in
	longestName  = 64 // bytes of a name that are told
)

// pairs are the cookies of a Cookie header, as a server reads it (RFC 6265,
// section 5.4). One without "=" has no name.
func pairs(line string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for more := true; more; {
			var one string
			one, line, more = strings.Cut(line, ";")
			one = strings.Trim(one, " \t")
			if one == "" {
				continue
			}
			name, value, named := strings.Cut(one, "=")
			if !named {
				name, value = "", one
			}
			if !yield(strings.TrimRight(name, " \t"), value) {
				return
			}
		}
	}
}

// strays are the cookies of a request that the site must not have, by name.
type strays []string

func (s strays) has(name string) bool {
	for _, one := range s {
		if one == name {
			return true
		}
	}
	return false
}

// sieve looks over the cookies of a request. All is true if every one may pass
// on; else kept are those that may, and lost those that may not.
func (a *answer) sieve(lines []string) (all bool, kept string, lost strays) {
	all = true
	for _, line := range lines {
		for name := range pairs(line) {
			if !a.passes(name) {
				all = false
			}
		}
	}
	if all {
		return true, "", nil
	}
	var b strings.Builder
	for _, line := range lines {
		for name, value := range pairs(line) {
			switch {
			case a.passes(name):
				if b.Len() > 0 {
					b.WriteString("; ")
				}
				if name != "" {
					b.WriteString(name + "=")
				}
				b.WriteString(value)
			case name != choice.Cookie && len(lost) < mostExpired && !lost.has(name):
				lost = append(lost, name)
			}
		}
	}
	return false, b.String(), lost
}

// passes says whether the site may see a cookie. The choice is none of its business.
func (a *answer) passes(name string) bool {
	if name == choice.Cookie {
		return a.own
	}
	_, allowed := a.rules.may(name, a.set)
	return allowed
}

// expire appends to h what makes a browser forget the strays. Where a script put
// them can only be guessed: this path and those above it, this host and those above it.
func (a *answer) expire(h http.Header) {
	for _, name := range a.strays {
		attributes := "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
		host := strings.HasPrefix(name, "__Host-")
		if a.secure || host || strings.HasPrefix(name, "__Secure-") {
			attributes += "; Secure"
		}
		value := "="
		if name == "" {
			value = "=gone" // a cookie without a name and a value is none
		}
		n := 0
		for path := range paths(a.path) {
			for domain := range domains(a.host) {
				if n == mostVariants || host && n == 1 {
					break
				}
				h["Set-Cookie"] = append(h["Set-Cookie"], name+value+"; Path="+path+domain+attributes)
				n++
			}
		}
	}
}

// paths are where a cookie of the page at path may lie: the root, then from the
// page upwards. What cannot be written in a header is left out.
func paths(path string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("/") || strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r == ';' || r >= 0x7f }) {
			return
		}
		for path != "" && path != "/" {
			if !yield(path) {
				return
			}
			path = path[:max(strings.LastIndexByte(path[:len(path)-1], '/')+1, 0)]
			if len(path) > 1 {
				if !yield(path) {
					return
				}
				path = path[:len(path)-1]
			}
		}
	}
}

// domains are the attributes for the host alone, for it and what is below, and
// for each host above that has a dot.
func domains(host string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield("") || host == "" || strings.Trim(host, "0123456789.") == "" || strings.ContainsAny(host, ":[]; ") {
			return
		}
		for strings.Contains(host, ".") {
			if !yield("; Domain=" + host) {
				return
			}
			_, host, _ = strings.Cut(host, ".")
		}
	}
}

// filter goes over the Set-Cookie headers of an answer. What may not be kept is
// dropped, what may is kept no longer than declared.
func (a *answer) filter(h http.Header) {
	lines := h["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		name := nameOf(line)
		if name == choice.Cookie {
			if a.own {
				kept = append(kept, line)
			}
			continue
		}
		declared, allowed := a.rules.may(name, a.set)
		if !allowed {
			a.tellCookie(name, "Set-Cookie", declared)
		}
		switch {
		case a.g.Observe:
			kept = append(kept, line)
		case allowed:
			kept = append(kept, a.rules.shorten(name, line, a.g.Clock))
		}
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}

func (a *answer) tellCookie(name, how string, declared bool) {
	if declared {
		how += " before a yes"
	}
	if len(name) > longestName {
		name = name[:longestName]
	}
	a.g.violation(wall.Violation{Kind: "cookie", What: strings.ToValidUTF8(name, "?"), Where: a.path, How: how})
}

// nameOf is the name in a Set-Cookie header (RFC 6265, section 5.2).
func nameOf(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	name, _, named := strings.Cut(pair, "=")
	if !named {
		return ""
	}
	return strings.Trim(name, " \t")
}

// shorten returns line with no longer a life than the statement says.
func (n *rules) shorten(name, line string, clock func() time.Time) (short string) {
	defer func() {
		if recover() != nil {
			short = withoutLife(line) // nobody knows the time: as short as can be
		}
	}()
	asked, sure, any := life(line, clock)
	l, known := n.keep[name]
	switch {
	case !any, sure && asked <= 0:
		return line
	case l.session || !known:
		return withoutLife(line)
	}
	now := clock()
	most := l.period.After(now).Sub(now)
	if sure && asked <= most {
		return line
	}
	return withoutLife(line) + "; Max-Age=" + strconv.FormatInt(int64(most/time.Second), 10)
}

// life reads how long a cookie is to live. Sure is false if a browser may read
// it in another way: attributes that are there twice, or dates of odd form.
func life(line string, clock func() time.Time) (asked time.Duration, sure, any bool) {
	ages, dates := 0, 0
	var date time.Duration
	for key, value := range attributes(line) {
		switch {
		case strings.EqualFold(key, "Max-Age"):
			ages++
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				ages = 2
			}
			asked = time.Duration(min(max(seconds, 0), 1<<33)) * time.Second
		case strings.EqualFold(key, "Expires"):
			dates++
			t, ok := dateOf(value)
			if !ok {
				dates = 2
				continue
			}
			date = t.Sub(clock())
		}
	}
	if ages > 0 { // goes before any date
		return asked, ages == 1, true
	}
	return date, dates < 2, dates > 0
}

// dateOf reads the date of an Expires attribute, as far as sites write it alike.
func dateOf(value string) (time.Time, bool) {
	if t, err := http.ParseTime(value); err == nil {
		return t, true
	}
	for _, form := range []string{"Mon, 02-Jan-2006 15:04:05 MST", "Mon, 02-Jan-06 15:04:05 MST"} {
		if t, err := time.Parse(form, value); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// attributes are those of a Set-Cookie header.
func attributes(line string) iter.Seq2[string, string] {
	_, rest, _ := strings.Cut(line, ";")
	return func(yield func(string, string) bool) {
		for part := range strings.SplitSeq(rest, ";") {
			key, value, _ := strings.Cut(part, "=")
			if !yield(strings.Trim(key, " \t"), strings.Trim(value, " \t")) {
				return
			}
		}
	}
}

// withoutLife returns line as a cookie of the session.
func withoutLife(line string) string {
	parts := strings.Split(line, ";")
	kept := parts[:1]
	for _, part := range parts[1:] {
		key, _, _ := strings.Cut(part, "=")
		key = strings.Trim(key, " \t")
		if !strings.EqualFold(key, "Max-Age") && !strings.EqualFold(key, "Expires") {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, ";")
}
