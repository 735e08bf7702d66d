package gate

import (
	"net/http"
	"strings"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/jar"
	"github.com/avow-privacy/avow/gate/wall"
)

const (
	mostExpired  = 16 // cookies expired with one answer
	mostVariants = 12 // places that one cookie is looked for in
	longestName  = 64 // bytes of a name that are told

	beforeYes = " before a yes" // told of what is declared
)

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
	for name := range jar.All(lines) {
		if !a.passes(name) {
			all = false
		}
	}
	if all {
		return true, "", nil
	}
	var b strings.Builder
	for name, value := range jar.All(lines) {
		switch {
		case a.passes(name):
			if b.Len() > 0 {
				b.WriteString("; ")
			}
			if name != "" {
				b.WriteString(name + "=")
			}
			b.WriteString(value)
		case !choice.Named(name) && len(lost) < mostExpired && !lost.has(name):
			lost = append(lost, name)
		}
	}
	return false, b.String(), lost
}

// passes says whether the site may see a cookie. The choice is none of its business.
func (a *answer) passes(name string) bool {
	if choice.Named(name) {
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
		for path := range jar.Paths(a.path) {
			for domain := range jar.Domains(a.host) {
				if n == mostVariants || host && n == 1 {
					break
				}
				h["Set-Cookie"] = append(h["Set-Cookie"], name+value+"; Path="+path+domain+attributes)
				n++
			}
		}
	}
}

// keepChoice lets the site clear what it has in a browser, but not what the
// visitor chose: whoever said no would be asked again, and what goes on until a no
// would go on. Cookies that were sent are expired one by one instead.
func (a *answer) keepChoice(h http.Header) {
	kept, all := jar.Clearing(h["Clear-Site-Data"])
	if !all {
		return
	}
	if delete(h, "Clear-Site-Data"); kept != "" {
		h["Clear-Site-Data"] = []string{kept}
	}
	for name := range jar.All(a.sent) {
		if !choice.Named(name) && len(a.strays) < mostExpired && !a.strays.has(name) {
			a.strays = append(a.strays, name)
		}
	}
}

// filter goes over the Set-Cookie headers of an answer. What may not be kept is
// dropped, what may is kept no longer than declared.
func (a *answer) filter(h http.Header) {
	lines := h["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		name := jar.Name(line)
		if choice.Named(name) {
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
		how += beforeYes
	}
	if len(name) > longestName {
		name = name[:longestName]
	}
	a.g.violation(wall.Violation{Kind: wall.CookieSet, What: strings.ToValidUTF8(name, "?"), Where: a.path, How: how, Let: a.g.Observe})
}

// shorten returns line with no longer a life than the statement says.
func (n *rules) shorten(name, line string, clock func() time.Time) (short string) {
	defer func() {
		if recover() != nil {
			short = jar.AsSession(line) // nobody knows the time: as short as can be
		}
	}()
	c := n.declared(name)
	if c == nil {
		c = &wall.Cookie{Session: true}
	}
	return jar.Shorten(line, c.Session, c.Keep, clock())
}
