package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

// site is one that knows nothing of its statement: it sets a cookie that it may
// and one that it may not, and frames a map.
var site = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "basket", Value: "clock"})
	http.SetCookie(w, &http.Cookie{Name: "visitor", Value: "4711", MaxAge: 1e8})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write([]byte(`<!doctype html><title>Shop</title><body><iframe src="https://maps.harbour.example/x"></iframe><p>` + r.Header.Get("Cookie") + `</p>`))
})

const mapsHost = "maps.harbour.example"

// behind starts a house in front of the site.
func behind(t *testing.T, observe bool) (*servertest.House, http.Handler) {
	h := servertest.New(t)
	h.Stop()
	c := h.Config("")
	c.Site, c.Observe = site, observe
	s, err := server.New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h.Server = s
	return h, s.Public()
}

// ask asks for a page as a browser does, with cookies as it remembers them.
func ask(public http.Handler, method, target, form string, cookies []*http.Cookie, headers ...string) *http.Response {
	r := httptest.NewRequest(method, "http://harbour.test"+target, strings.NewReader(form))
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	public.ServeHTTP(w, r)
	return w.Result()
}

func text(r *http.Response) string {
	all, _ := io.ReadAll(r.Body) // from memory
	return string(all)
}

func walled(r *http.Response) bool {
	p := strings.Join(r.Header.Values("Content-Security-Policy"), " ")
	return strings.Contains(p, "default-src") && !strings.Contains(p, mapsHost)
}

// TestGate follows one browser through a whole house: before any choice, yes, the
// signal, and a statement that no longer knows the map.
func TestGate(t *testing.T) {
	h, public := behind(t, false)
	first := ask(public, "GET", "/", "", nil)
	if set := first.Cookies(); len(set) != 1 || set[0].Name != "basket" || !walled(first) {
		t.Fatalf("before any choice: %v %v", set, first.Header)
	}
	if page := text(first); strings.Contains(page, ` src="https://`+mapsHost) || !strings.Contains(page, `value="no"`) {
		t.Errorf("before any choice: %s", page)
	}

	form := url.Values{"choice": {"yes"}, "back": {"/shop?a=1"}}.Encode()
	if r := ask(public, "POST", "/privacy/choices", form, nil); r.StatusCode != http.StatusForbidden || len(r.Cookies()) > 0 {
		t.Errorf("a yes that nobody pressed is answered %d %v", r.StatusCode, r.Cookies())
	}
	yes := ask(public, "POST", "/privacy/choices", form, nil, "Sec-Fetch-User", "?1")
	if yes.StatusCode != http.StatusSeeOther || !strings.HasPrefix(yes.Header.Get("Location"), "/shop?a=1#") {
		t.Fatalf("a yes is answered %d to %s", yes.StatusCode, yes.Header.Get("Location"))
	}
	chosen := yes.Cookies()
	if r := ask(public, "GET", "/", "", chosen); walled(r) || !strings.Contains(text(r), ` src="https://`+mapsHost) {
		t.Errorf("after a yes: %v", r.Header)
	}

	signal := ask(public, "GET", "/", "", chosen, "Sec-GPC", "1")
	if !walled(signal) {
		t.Error("the signal does not undo a yes")
	}
	for _, c := range signal.Cookies() {
		if c.Name == chosen[0].Name {
			if r := ask(public, "GET", "/", "", []*http.Cookie{c}); !walled(r) {
				t.Error("without the signal the yes is back")
			}
			continue
		}
	}

	// The next version takes the map away from who said yes to it.
	next := strings.ReplaceAll(string(harbour.Statement), "consent: opt-in", "consent: opt-in, for: show the way to nobody")
	next = strings.Replace(next, "  maps.harbour.example: {for: show the way to our workshop, consent", "  maps.harbour.example: {consent", 1)
	next = strings.Replace(next, "updated: 2026-11-24", "updated: 2026-11-25", 1)
	if _, err := h.Publish(t.Context(), "next.md", []byte(next)); err != nil {
		t.Fatal(err)
	}
	if r := ask(public, "GET", "/", "", chosen); !walled(r) {
		t.Error("what changed is still thought to be chosen")
	}
}

// TestObserve: a house that observes changes nothing, and has browsers report.
func TestObserve(t *testing.T) {
	_, public := behind(t, true)
	bare := httptest.NewRecorder()
	site.ServeHTTP(bare, httptest.NewRequest("GET", "/", nil))
	r := ask(public, "GET", "/", "", nil)
	if got := text(r); got != bare.Body.String() || len(r.Cookies()) != 2 {
		t.Errorf("%v %s", r.Header, got)
	}
	if r.Header.Get("Content-Security-Policy") != "" || r.Header.Get("Content-Security-Policy-Report-Only") == "" {
		t.Errorf("%v", r.Header)
	}
}
