package bar

import "strings"

// Style says how the style and the script of a bar may reach a page: what the
// page's own Content-Security-Policy lets through. Inline goes before Nonce, and
// that before Linked. Without any of them the bar is plain HTML.
type Style struct {
	Inline bool   // as they are
	Nonce  string // with this nonce
	Linked bool   // as files of our own origin

	// NoForms says that the page may send no form to its own origin: what is
	// there to say yes or no is then a link.
	NoForms bool

	style, script way // when what holds for one does not for the other
	apart         bool
}

// way is how a style or a script reaches a page.
type way uint8

const (
	none way = iota
	inline
	nonced
	linked
)

// ways are those of the style and of the script.
func (s Style) ways() (style, script way) {
	if s.apart {
		return s.style, s.script
	}
	one := none
	switch {
	case s.Inline:
		one = inline
	case s.Nonce != "":
		one = nonced
	case s.Linked:
		one = linked
	}
	return one, one
}

// lets is what policies let through of one kind of part.
type lets struct {
	inline, linked bool
	nonces         map[string]int // in how many policies
	policies       int            // that let nothing through but by a nonce, or a file
}

// FromPolicy reads the policies of a page, each the value of a header
// Content-Security-Policy or of a meta element (W3C CSP Level 3, section 2.2):
// what all of them let through is let through. It knows of none that is only
// reported. A policy that it does not understand lets through less, never more.
func FromPolicy(policies ...string) Style {
	style := lets{inline: true, linked: true, nonces: map[string]int{}}
	script := style
	script.nonces = map[string]int{}
	s := Style{}
	for _, header := range policies {
		for one := range strings.SplitSeq(header, ",") {
			p := parse(one)
			style.add(p.sources("style-src-elem", "style-src", "default-src"), false)
			script.add(p.sources("script-src-elem", "script-src", "default-src"), true)
			if p.sandboxed("allow-scripts") {
				script.inline, script.linked, script.policies = false, false, script.policies+1
			}
			s.NoForms = s.NoForms || p.sandboxed("allow-forms") || !p.formsToSelf()
		}
	}
	return s.settle(style, script)
}

// settle decides on one way for both, or on one for each.
func (s Style) settle(style, script lets) Style {
	s.Nonce = common(style, script)
	s.style, s.script, s.apart = style.way(s.Nonce), script.way(s.Nonce), true
	if s.style != nonced && s.script != nonced {
		s.Nonce = ""
	}
	if s.style == s.script {
		s.Inline, s.Linked, s.apart = s.style == inline, s.style == linked, false
		s.style, s.script = none, none
	}
	return s
}

// common is a nonce that style and script can have, or the one that either can.
func common(style, script lets) string {
	var either string
	for nonce := range script.nonces {
		switch inScript, inStyle := script.fits(nonce), style.fits(nonce); {
		case inScript && inStyle:
			return nonce
		case inScript && (either == "" || nonce < either):
			either = nonce
		}
	}
	if either != "" {
		return either
	}
	for nonce := range style.nonces {
		if style.fits(nonce) && (either == "" || nonce < either) {
			either = nonce
		}
	}
	return either
}

func (l lets) fits(nonce string) bool {
	return nonce != "" && l.nonces[nonce] == l.policies && l.policies > 0
}

func (l lets) way(nonce string) way {
	switch {
	case l.inline:
		return inline
	case l.fits(nonce):
		return nonced
	case l.linked:
		return linked
	}
	return none
}

// add takes away what one policy does not let through. Sources are nil where
// it says nothing of the kind.
func (l *lets) add(sources []string, script bool) {
	if sources == nil {
		return
	}
	var unsafe, self, strict, narrowed bool
	seen := map[string]bool{}
	for _, source := range sources {
		low := strings.ToLower(source)
		switch {
		case low == "'unsafe-inline'":
			unsafe = true
		case low == "'self'" || low == "*":
			self = true
		case low == "'strict-dynamic'":
			strict = script
		case strings.HasPrefix(low, "'nonce-") && strings.HasSuffix(low, "'"):
			narrowed = true
			if nonce := source[len("'nonce-") : len(source)-1]; base64ish(nonce) {
				seen[nonce] = true
			}
		case strings.HasPrefix(low, "'sha256-"), strings.HasPrefix(low, "'sha384-"), strings.HasPrefix(low, "'sha512-"):
			narrowed = true
		}
	}
	// Section 6.7.3.2: a nonce or a hash, or for scripts 'strict-dynamic',
	// makes 'unsafe-inline' count for nothing.
	if !unsafe || narrowed || strict {
		l.inline = false
		l.policies++
		for nonce := range seen {
			l.nonces[nonce]++
		}
	}
	l.linked = l.linked && self && !strict
}

// base64ish says whether a nonce is written as the grammar has it, so that it can
// stand in an attribute.
func base64ish(s string) bool {
	body := strings.TrimRight(s, "=")
	return body != "" && len(s)-len(body) <= 2 && strings.IndexFunc(body, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("+/-_", r)
	}) < 0
}

// policy is one policy: its directives by name.
type policy map[string][]string

func parse(text string) policy {
	p := policy{}
	for directive := range strings.SplitSeq(text, ";") {
		words := strings.FieldsFunc(directive, func(r rune) bool { return strings.ContainsRune(" \t\n\f\r", r) })
		if len(words) == 0 {
			continue
		}
		name := strings.ToLower(words[0])
		if _, twice := p[name]; !twice { // the first counts
			p[name] = words[1:]
		}
	}
	return p
}

// sources are those of the first directive that is there.
func (p policy) sources(names ...string) []string {
	for _, name := range names {
		if sources, ok := p[name]; ok {
			return append([]string{}, sources...)
		}
	}
	return nil
}

func (p policy) sandboxed(but string) bool {
	allowed, ok := p["sandbox"]
	if !ok {
		return false
	}
	for _, a := range allowed {
		if strings.EqualFold(a, but) {
			return false
		}
	}
	return true
}

// formsToSelf says whether a form may go to the page's own origin. Directive
// form-action does not fall back to default-src.
func (p policy) formsToSelf() bool {
	sources, ok := p["form-action"]
	if !ok {
		return true
	}
	for _, source := range sources {
		if strings.EqualFold(source, "'self'") || source == "*" {
			return true
		}
	}
	return false
}
