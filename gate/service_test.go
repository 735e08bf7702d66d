package gate

import (
	"net/http"
	"strings"
	"testing"
)

// TestService: a service worker's script begins with what leaves pages to the
// network, whole, and nothing else is put before anything.
func TestService(t *testing.T) {
	g, _ := newGate(t)
	script := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") != "" || r.Header.Get("Range") != "" || r.Header.Get("Accept-Encoding") != "identity" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		w.Header().Set("Content-Length", "9")
		w.Header().Set("Etag", `"a"`)
		_, _ = w.Write([]byte("onfetch=1"))
	})
	before := leavePages("/privacy") + "/*" + g.rules.Load().tag(standing{}) + "*/"
	if !strings.Contains(before, `location.origin+"/privacy"`) {
		t.Errorf("avow's own pages are not left alone by %s", before)
	}
	for _, c := range []struct{ header, value, want string }{
		{"Service-Worker", "script", before + "onfetch=1"},
		{"Sec-Fetch-Dest", "serviceworker", before + "onfetch=1"},
		{"X-None", "1", "onfetch=1"},
	} {
		headers := []string{"Sec-Fetch-Dest", "", "Accept", "", "Accept", "*/*", c.header, c.value, "Accept-Encoding", "identity"}
		if c.header != "X-None" {
			headers = append(headers, "If-None-Match", `"a"`, "Range", "bytes=3-", "Accept-Encoding", "gzip")
		}
		a := ask(g.Handler(script), "GET", "https://harbour.example/sw.js", headers...)
		if got := body(t, a); got != c.want || a.StatusCode != 200 {
			t.Errorf("%s: %d %q", c.header, a.StatusCode, got)
		}
		if c.header != "X-None" && (a.Header.Get("Content-Length") != "" || a.Header.Get("Etag") != "") {
			t.Errorf("%s: the header is of other bytes: %v", c.header, a.Header)
		}
	}
	if a := ask(g.Handler(script), "HEAD", "https://harbour.example/sw.js", "Service-Worker", "script"); strings.Contains(body(t, a), "addEvent") {
		t.Error("an answer to HEAD has a body")
	}
	defer func() {
		if recover() == nil {
			t.Error("a service worker that cannot be read was given out")
		}
	}()
	ask(g.Handler(site("text/javascript", "x", "Content-Encoding", "br")), "GET", "https://harbour.example/sw.js", "Service-Worker", "script")
}

// TestServiceObserved: who only watches puts nothing before a script.
func TestServiceObserved(t *testing.T) {
	g, _ := newGate(t, observing)
	if got := body(t, ask(g.Handler(site("text/javascript", "x")), "GET", "https://harbour.example/sw.js", "Service-Worker", "script")); got != "x" {
		t.Errorf("got %q", got)
	}
}
