package page_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
)

const secret = "xanthic-zephyr"

// house mounts one route that ends in err, or panics with it.
func house(t *testing.T, handle func(http.ResponseWriter, *http.Request) error) (http.Handler, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "A & B", Home: "/"} }, slog.New(slog.NewTextHandler(log, nil)))
	mux := http.NewServeMux()
	pages.Mount(mux, append(pages.Assets(), page.Route{Pattern: "GET /x", Handle: handle})...)
	return page.Secure(pages.OrProblem(mux)), log
}

func ask(h http.Handler, method, path, accept string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type done struct{}

func (done) Error() string { return "disk: gone" }
func (done) Done()         {}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle func(http.ResponseWriter, *http.Request) error
		status int
		says   string
		logged bool
	}{
		{"not there", func(http.ResponseWriter, *http.Request) error { return page.NotFound }, 404, "no such page", false},
		{"forbidden by a promise", func(http.ResponseWriter, *http.Request) error {
			return fmt.Errorf("read: %w", &avow.Refusal{Clause: "no-sale", Reason: "nothing is sold"})
		}, 403, "no-sale", false},
		{"a fault of ours", func(http.ResponseWriter, *http.Request) error { return errors.New("disk: gone") }, 500, "broken", true},
		{"what was kept and cannot be proven", func(http.ResponseWriter, *http.Request) error { return fmt.Errorf("take: %w", done{}) }, 500, "was kept", true},
		{"a panic", func(http.ResponseWriter, *http.Request) error { panic("with " + secret) }, 500, "broken", true},
		{"too much", func(http.ResponseWriter, *http.Request) error { return &http.MaxBytesError{Limit: 1} }, 413, "too much", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, log := house(t, c.handle)
			for accept, kind := range map[string]string{"text/html": "text/html; charset=utf-8", "application/json": "application/problem+json"} {
				w := ask(h, "GET", "/x", accept)
				if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || w.Header().Get("Content-Type") != kind {
					t.Errorf("%s is answered %d %s %s", accept, w.Code, w.Header().Get("Content-Type"), w.Body)
				}
				if strings.Contains(w.Body.String(), secret) || strings.Contains(w.Body.String(), "disk") {
					t.Errorf("the answer tells what is inside: %s", w.Body)
				}
			}
			if (log.Len() > 0) != c.logged || strings.Contains(log.String(), secret) {
				t.Errorf("the log has %q", log)
			}
		})
	}
}

func TestOrProblem(t *testing.T) {
	h, _ := house(t, func(w http.ResponseWriter, _ *http.Request) error { return nil })
	if w := ask(h, "POST", "/x", "text/html"); w.Code != 405 || !strings.Contains(w.Header().Get("Allow"), "GET") {
		t.Errorf("another method is answered %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	if w := ask(h, "GET", "/y", "text/html"); w.Code != 404 || !strings.Contains(w.Body.String(), "A &amp; B") {
		t.Errorf("another path is answered %d %s", w.Code, w.Body)
	}
	if policy := ask(h, "GET", "/x", "").Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("the policy is %q", policy)
	}
}

func TestPrintIsSentOnce(t *testing.T) {
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	set := pages.Parse(fstest.MapFS{"x.html": {Data: []byte(`{{define "main"}}<p>{{.Data}}</p>{{end}}`)}}, "x.html")
	print, err := set.Print("x.html", page.View{Title: "x", Data: "<b>"})
	if err != nil {
		t.Fatal(err)
	}
	first := httptest.NewRecorder()
	if err := print.Write(first, httptest.NewRequest("GET", "/", nil)); err != nil || !strings.Contains(first.Body.String(), "<p>&lt;b&gt;</p>") {
		t.Errorf("%v %s", err, first.Body)
	}
	again, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	r.Header.Set("If-None-Match", first.Header().Get("ETag"))
	if err := print.Write(again, r); err != nil || again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("who has it already is answered %d with %d bytes (%v)", again.Code, again.Body.Len(), err)
	}
}

// TestBrokenTemplate: half a page is never sent.
func TestBrokenTemplate(t *testing.T) {
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	set := pages.Parse(fstest.MapFS{"x.html": {Data: []byte(`{{define "main"}}<p>{{.Data.Nothing}}</p>{{end}}`)}}, "x.html")
	w := httptest.NewRecorder()
	if err := set.Write(w, httptest.NewRequest("GET", "/", nil), "x.html", page.View{Data: 7}); err == nil || w.Body.Len() > 0 {
		t.Errorf("it sent %d bytes and said %v", w.Body.Len(), err)
	}
}
