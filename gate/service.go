package gate

import (
	_ "embed"
	"io"
	"net/http"
	"strings"
)

// A service worker may answer for the site: with a page of its own making, or one
// that it kept since another choice. Such a page has no wall, or an old one, and no
// header of ours reaches it. So before anything else a service worker is given a
// listener that leaves pages and workers to the network, and what avow's own pages
// are made of: a script in them could press for somebody. All else it may answer.
//
//go:embed service.js
var serviceText string

// leavePages is that listener, for avow's pages below base.
func leavePages(base string) string {
	return strings.Replace(strings.TrimSpace(serviceText), "BASE", base, 1)
}

// service says whether r asks for a service worker's script, or a module of it
// (Service Workers, section "Update": the browser says so, and no page can).
func service(r *http.Request) bool {
	return r.Header.Get("Service-Worker") == "script" || r.Header.Get("Sec-Fetch-Dest") == "serviceworker"
}

// whole makes the site answer with a script that something can be put before.
func whole(h http.Header) {
	for _, name := range []string{"Range", "If-Range", "If-Modified-Since", "If-None-Match"} {
		delete(h, name)
	}
	h["Accept-Encoding"] = identity
}

// begins makes the header of a service worker's script fit what is put before it.
// One that cannot be read gets nothing put before, and is none.
func (a *answer) begins(status int, h http.Header) {
	if a.service = a.service && bodied(status) && status < 300; !a.service {
		return
	}
	for _, name := range changes {
		delete(h, name)
	}
	delete(h, "Etag")
	if h.Get("Content-Encoding") != "" {
		panic(http.ErrAbortHandler)
	}
}

// precede writes what goes before a service worker's script. It tells the choice: a
// browser keeps a worker, and its wall, until the script is another one.
func (a *answer) precede() {
	if a.service && a.method != http.MethodHead {
		_, _ = io.WriteString(a.w, leavePages(a.g.Base)+"/*"+a.rules.tag(standing{set: a.set})+"*/")
	}
}
