package wall

import (
	"net/http"
	"strings"
)

// Hints takes out of a header what makes a browser ask other hosts where no wall
// reaches: hints of what to load, other servers for the same site, a way on that
// nobody pressed, and where reports go, for which no policy is asked. Asks says whether a host may be asked.
func Hints(h http.Header, asks func(host string) bool) {
	delete(h, "Alt-Svc") // of the connection to the site, which is not the visitor's
	if lines := h["Link"]; len(lines) > 0 {
		links(h, lines, asks)
	}
	for _, name := range []string{"Report-To", "Nel", "Reporting-Endpoints", "Speculation-Rules", "Refresh"} {
		for _, line := range h[name] {
			if !names(line, asks) {
				delete(h, name)
				break
			}
		}
	}
	if _, there := h["Report-To"]; !there {
		delete(h, "Nel") // tells to send reports, to whom Report-To says
	}
	for _, name := range []string{PolicyHeader, PolicyHeader + reportOnly} {
		reports(h, name, asks)
	}
}

// reports takes out of the site's policies where they report to, if that is a host
// that may not be asked. All else in them stays.
func reports(h http.Header, name string, asks func(string) bool) {
	var kept []string
	for _, line := range h[name] {
		if !strings.Contains(strings.ToLower(line), "report-uri") || names(line, asks) {
			kept = append(kept, line)
			continue
		}
		var policies []string
		for policy := range strings.SplitSeq(line, ",") {
			var directives []string
			for directive := range strings.SplitSeq(policy, ";") {
				words := strings.Fields(directive)
				if len(words) > 0 && strings.EqualFold(words[0], "report-uri") && !names(directive, asks) {
					continue
				}
				directives = append(directives, directive)
			}
			policies = append(policies, strings.Join(directives, ";"))
		}
		kept = append(kept, strings.Join(policies, ","))
	}
	if kept != nil {
		h[name] = kept
	}
}

// links keeps of the Link header what leads nowhere that may not be asked, and
// what only says how pages belong together.
func links(h http.Header, lines []string, asks func(string) bool) {
	var kept []string
	for _, line := range lines {
		for line != "" {
			end := endOfLink(line)
			one := strings.TrimSpace(line[:end])
			line = strings.TrimPrefix(line[end:], ",")
			if one != "" && (names(one, asks) || !loads(one)) {
				kept = append(kept, one)
			}
		}
	}
	if delete(h, "Link"); kept != nil {
		h["Link"] = kept
	}
}

// endOfLink is where the first link of a Link header ends (RFC 8288, section 3).
func endOfLink(line string) int {
	quoted, address := false, false
	for i := range len(line) {
		switch c := line[i]; {
		case c == '"' && !address:
			quoted = !quoted
		case c == '<' && !quoted:
			address = true
		case c == '>':
			address = false
		case c == ',' && !quoted && !address:
			return i
		}
	}
	return len(line)
}

// loads says whether a link makes a browser do something by itself.
func loads(link string) bool {
	link = strings.ToLower(link)
	for _, word := range []string{"preload", "preconnect", "prefetch", "prerender", "stylesheet", "icon", "manifest", "dictionary", "expect"} {
		if strings.Contains(link, word) {
			return true
		}
	}
	return false
}

// names says whether every absolute address in a text is of a host that may be
// asked. Browsers read as absolute more than what is written so: a backslash is a
// slash, in JSON it hides one, tabs are skipped, and "https:host" has a host. None
// of that is looked into; who writes so is not let through.
func names(text string, asks func(string) bool) bool {
	text = strings.ToLower(text)
	if strings.ContainsAny(text, "\\\t") {
		return false
	}
	for _, scheme := range []string{"http:", "https:", "ws:", "wss:", "ftp:"} {
		if strings.Count(text, scheme) != strings.Count(text, scheme+"//") {
			return false
		}
	}
	for {
		i := strings.Index(text, "//")
		if i < 0 {
			return true
		}
		text = strings.TrimLeft(text[i:], "/")
		host := HostIn(text)
		// After a host there is a path, or the address ends: else it was a
		// user's name, or a letter that browsers write in another way.
		if rest := text[len(host):]; rest != "" && strings.IndexByte("/?#>\"';, )", rest[0]) < 0 || !asks(host) {
			return false
		}
	}
}

// HostIn is the host, and port, that text begins with.
func HostIn(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%[]:"))]
}
