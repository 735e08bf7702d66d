package gate

import (
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/gate/markup"
)

// kindOf is the media type of an answer, without parameters.
func kindOf(h http.Header) string {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func isHTML(kind string) bool { return kind == "text/html" }

// harmless are the types that a browser takes for no document and no script,
// since nosniff is there too.
func harmless(kind string) bool {
	major, _, _ := strings.Cut(kind, "/")
	switch major {
	case "image":
		return !strings.Contains(kind, "svg") && !strings.Contains(kind, "xml")
	case "font", "video", "audio":
		return true
	}
	return kind == "text/css"
}

// bodied says whether an answer of this status has a body.
func bodied(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// encodingOf is how an answer is encoded, "" for not at all.
func encodingOf(h http.Header) string {
	switch e := strings.ToLower(strings.TrimSpace(strings.Join(h["Content-Encoding"], ","))); e {
	case "identity":
		return ""
	case "x-gzip":
		return "gzip"
	default:
		return e
	}
}

func encoded(h http.Header) bool { return encodingOf(h) != "" }

// readable says whether the gate can read an answer.
func readable(h http.Header) bool {
	switch encodingOf(h) {
	case "", "gzip", "deflate":
		return true
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
func acceptsGzip(lines []string) bool {
	any := false
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			name, weight, _ := strings.Cut(one, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			weight = strings.ReplaceAll(strings.ToLower(weight), " ", "")
			no := strings.HasPrefix(weight, "q=0") && strings.Trim(weight[2:], "0.") == ""
			switch name {
			case "gzip", "x-gzip":
				return !no
			case "*":
				any = !no
			}
		}
	}
	return any
}

// mark tells in the ETag for which choice a page was changed. It is weak from
// then on: two such pages may differ in a byte.
func (a *answer) mark(h http.Header) {
	tag := h.Get("Etag")
	if tag == "" {
		return
	}
	suffix := a.validator
	if suffix == "" {
		suffix = ".avow-" + a.rules.tag(a.standing)
	}
	inner, weak := strings.CutPrefix(tag, "W/")
	inner = strings.TrimSuffix(strings.TrimPrefix(inner, `"`), `"`)
	if weak {
		suffix += "w"
	}
	h["Etag"] = []string{`W/"` + inner + suffix + `"`}
}

// unmarked returns the ETags of If-None-Match that mark gave out under suffix, as
// the site wrote them. Those of another choice, or of no gate, are left out: the
// page has to come anew.
func unmarked(lines []string, suffix string) string {
	var kept []string
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			tag, _ := strings.CutPrefix(strings.TrimSpace(one), "W/")
			tag = strings.TrimSuffix(tag, `"`)
			if inner, ours := strings.CutSuffix(tag, suffix); ours {
				kept = append(kept, inner+`"`)
			} else if inner, ours := strings.CutSuffix(tag, suffix+"w"); ours {
				kept = append(kept, "W/"+inner+`"`)
			}
		}
	}
	return strings.Join(kept, ", ")
}

// hints takes out of a header what makes a browser ask other hosts where no wall
// reaches: hints of what to load (preconnect is governed by no policy), and
// where reports go that the site did not declare.
func (a *answer) hints(h http.Header) {
	if lines := h["Link"]; len(lines) > 0 {
		a.links(h, lines)
	}
	for _, name := range []string{"Report-To", "Nel", "Reporting-Endpoints"} {
		for _, line := range h[name] {
			if !a.ours(line) {
				delete(h, name)
				break
			}
		}
	}
	if _, there := h["Report-To"]; !there {
		delete(h, "Nel") // tells to send reports, to whom Report-To says
	}
}

// links keeps of the Link header what leads nowhere that may not be asked, and
// what only says how pages belong together.
func (a *answer) links(h http.Header, lines []string) {
	var kept []string
	for _, line := range lines {
		for line != "" {
			end := endOfLink(line)
			one := strings.TrimSpace(line[:end])
			line = strings.TrimPrefix(line[end:], ",")
			if one != "" && (a.ours(one) || !loads(one)) {
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

// ours says whether every absolute address in a text is one that may be asked.
func (a *answer) ours(text string) bool {
	for {
		i := strings.Index(text, "//")
		if i < 0 {
			return true
		}
		text = text[i+2:]
		host := hostIn(text)
		if v := a.rules.verdict([]byte(a.name), []byte(strings.ToLower(host)), a.set); v != markup.Ours && v != markup.Allowed {
			return false
		}
	}
}

// hostIn is the host, and port, that text begins with.
func hostIn(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%[]:"))]
}

// hostName is a host as pages write it: in lower case, without the usual port.
func hostName(scheme, host string) string {
	host = strings.ToLower(host)
	usual := ":80"
	if scheme == "https" {
		usual = ":443"
	}
	return strings.TrimSuffix(host, usual)
}

// schemeOf is the scheme that the visitor sees.
func schemeOf(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}
