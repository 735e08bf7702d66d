package gate

import (
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/gate/markup"
)

// kindOf is the media type of an answer, without parameters. Of several, in one
// line or more, browsers take the last (Fetch, section 3.5).
func kindOf(h http.Header) string {
	lines := h["Content-Type"]
	if len(lines) == 0 {
		return ""
	}
	line := lines[len(lines)-1]
	kind, _, _ := strings.Cut(line[strings.LastIndexByte(line, ',')+1:], ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

func isHTML(kind string) bool { return kind == "text/html" }

// still are the types that load nothing by themselves, and are no script since
// nosniff is there too. What they get is alone, for whatever was chosen.
func still(kind string) bool {
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

// asks says whether a page may ask a host, as written in an address.
func (a *answer) asks(host string) bool {
	v := a.rules.verdict([]byte(a.name), []byte(strings.ToLower(host)), a.set)
	return v == markup.Ours || v == markup.Allowed
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
