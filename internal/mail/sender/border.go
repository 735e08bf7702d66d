package sender

import (
	"regexp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/mail"
)

const theirs = "authentication-results"

// borderSays reads the Authentication-Results that our border put on top. Only
// the topmost run of them counts, and of that only the first that speaks of
// DMARC or DKIM: what a sender wrote into his mail stands below what the border
// wrote onto it.
func borderSays(m *mail.Message, trusted []string) (w Word, sure bool) {
	if len(trusted) == 0 {
		return Word{}, false
	}
	run := topmost(m)
	for _, value := range run {
		id, results, ok := results(value)
		if !ok || !slices.ContainsFunc(trusted, func(t string) bool { return strings.EqualFold(t, id) }) {
			break
		}
		if w, spoke := verdict(results, m.From.Domain(), disowns.MatchString(value)); spoke {
			return w, w.Trust != Doubtful
		}
	}
	return Word{}, false
}

// topmost returns the first Authentication-Results and those directly below.
func topmost(m *mail.Message) []string {
	names := m.Fields()
	first := slices.Index(names, theirs)
	if first < 0 {
		return nil
	}
	last := first
	for last < len(names) && names[last] == theirs {
		last++
	}
	return m.Header(theirs)[:last-first]
}

// A result is one method, what came of it, and of what: "dkim=pass header.d=x".
type result struct {
	method, value string
	of            map[string]string
}

// disowns is how borders note that a domain wants what fails DMARC refused. Of
// domains that only watch much honest mail fails.
var disowns = regexp.MustCompile(`(?i)\b(p|policy\.dmarc|action)=o?(reject|quarantine)`)

// verdict says what results mean for a mail from that domain, if they speak of
// it at all.
func verdict(results []result, from string, strict bool) (w Word, spoke bool) {
	for _, r := range results {
		if r.method != "dmarc" || r.value == "none" {
			continue
		}
		switch {
		case ascii(r.of["header.from"]) != from:
			return Word{Doubtful, "our border checked another From"}, true
		case r.value == "pass":
			return Word{Authenticated, "our border says that DMARC passed"}, true
		case r.value == "fail" && strict:
			return Word{Forged, "our border says that its domain disowns it"}, true
		case r.value == "fail":
			return Word{Doubtful, "our border says that DMARC failed"}, true
		}
		return Word{Doubtful, "our border could not check DMARC"}, true
	}
	for _, r := range results {
		if r.method != "dkim" {
			continue
		}
		spoke = true
		domain := r.of["header.d"]
		if _, after, ok := strings.Cut(r.of["header.i"], "@"); ok && domain == "" {
			domain = after
		}
		if r.value == "pass" && aligned(ascii(domain), from) {
			return Word{Authenticated, "our border says that a signature of its domain holds"}, true
		}
	}
	return Word{Doubtful, "our border found no signature of its domain"}, spoke
}

func ascii(domain string) string {
	a, err := mail.ParseAddress("x@" + domain[strings.LastIndexByte(domain, '@')+1:])
	if err != nil {
		return ""
	}
	return a.Domain()
}

// results reads the value of an Authentication-Results field. Comments and
// quoted strings are taken out before it is divided, for a sender can bring it
// about that his words stand in them.
func results(value string) (id string, all []result, ok bool) {
	parts, ok := divide(value)
	if !ok || len(parts) == 0 || len(parts[0]) == 0 || len(parts[0]) > 2 || len(parts[0]) == 2 && parts[0][1] != "1" {
		return "", nil, false
	}
	for _, words := range parts[1:] {
		if len(words) == 0 {
			continue
		}
		method, value, _ := strings.Cut(strings.ToLower(words[0]), "=")
		method, _, _ = strings.Cut(method, "/")
		r := result{method, value, map[string]string{}}
		for _, word := range words[1:] {
			name, value, _ := strings.Cut(word, "=")
			if name = strings.ToLower(name); r.of[name] == "" {
				r.of[name] = value
			}
		}
		all = append(all, r)
	}
	return parts[0][0], all, true
}

// divide cuts s at semicolons and blanks. Comments are no part of a word; a
// quoted string is, as one character that no name has.
func divide(s string) (parts [][]string, ok bool) {
	var word strings.Builder
	words, comment, quoted := []string{}, 0, false
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
		}
		word.Reset()
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && (quoted || comment > 0):
			i++
		case quoted:
			quoted = c != '"'
		case c == '(':
			comment++
		case c == ')':
			if comment--; comment < 0 {
				return nil, false
			}
		case comment > 0:
		case c == '"':
			quoted = true
			word.WriteByte('"')
		case c == ';':
			end()
			parts, words = append(parts, words), nil
		case c == ' ' || c == '\t':
			for i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t') {
				i++
			}
			// "dkim = pass" is one word in three.
			if !strings.HasPrefix(s[i+1:], "=") && !strings.HasSuffix(word.String(), "=") {
				end()
			}
		default:
			word.WriteByte(c)
		}
	}
	end()
	return append(parts, words), !quoted && comment == 0
}
