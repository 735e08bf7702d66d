package cookies_test

import (
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

func with(headers map[string]string, pairs ...string) map[string]string {
	all := maps.Clone(headers)
	for i := 0; i < len(pairs); i += 2 {
		if all[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
			delete(all, pairs[i])
		}
	}
	return all
}

const safari = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15"

// TestWhoPressed: a yes holds only if the browser says that somebody pressed;
// where it cannot say so it is asked for once more; a no always holds.
func TestWhoPressed(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	for _, c := range []struct {
		name    string
		headers map[string]string
		want    int // 303 taken, 200 asked again, 403 refused
	}{
		{"a press", byHand, 303},
		{"form.submit() without a press", with(byHand, "Sec-Fetch-User", ""), 403},
		{"the same in Firefox", with(byHand, "Sec-Fetch-User", "", "User-Agent", "Mozilla/5.0 Gecko/20100101 Firefox/140.0"), 403},
		{"a fetch", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "User-Agent": "Chrome/152"}, 403},
		{"a fetch in Safari", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "User-Agent": safari}, 403},
		{"a frame", with(byHand, "Sec-Fetch-Dest", "iframe"), 403},
		{"another site", with(byHand, "Sec-Fetch-Site", "cross-site"), 403},
		{"another origin of the site", with(byHand, "Sec-Fetch-Site", "same-site"), 403},
		{"the address bar", with(byHand, "Sec-Fetch-Site", "none"), 403},
		{"a fetch that says who it is for", with(byHand, "Sec-Fetch-Mode", "no-cors"), 403},
		{"Safari", with(byHand, "Sec-Fetch-User", "", "User-Agent", safari), 200},
		{"Chromium that says it is Safari too", with(byHand, "Sec-Fetch-User", "", "User-Agent", safari+" Chrome/152"), 403},
		{"an old browser", map[string]string{"User-Agent": "Mozilla/5.0 Firefox/52.0"}, 200},
		{"a program", map[string]string{"Accept": "application/json"}, 403},
	} {
		for _, what := range [][]string{{"choice", "yes"}, {"choice", "some", "offer", "video.example"}, {"choice", "more", "offer", "maps.harbour.example"}} {
			v := h.visitor(c.headers)
			if w := v.choose(what...); w.Code != c.want || (v.cookie != "") != (c.want == 303) {
				t.Errorf("%s: %v is answered %d, with cookie %q", c.name, what, w.Code, v.cookie)
			}
		}
		v := h.visitor(c.headers)
		if w := v.choose("choice", "no"); w.Code >= 400 || v.cookie == "" || v.allowed() != "" {
			t.Errorf("%s: no is answered %d, and there is %q", c.name, w.Code, v.allowed())
		}
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="(confirm|offer|back|shown)" value="([^"]*)"`)

// form reads the hidden fields of a page that asks once more.
func form(body, choice string) []string {
	pairs := []string{"choice", choice}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		pairs = append(pairs, m[1], m[2])
	}
	return pairs
}

// TestConfirm: the button to confirm is good once, for ten minutes, and for what
// it stands beside.
func TestConfirm(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	old := map[string]string{"User-Agent": "Mozilla/5.0 Firefox/52.0"}
	v := h.visitor(old)
	body := v.choose("choice", "some", "offer", "video.example", "back", "/films").Body.String()
	again := form(body, "some")
	more := append(append([]string{}, again...), "offer", "maps.harbour.example")
	if w := v.choose(more...); w.Code != http.StatusOK || v.allowed() != "count.example" {
		t.Errorf("confirming more than was asked is answered %d, and there is %q", w.Code, v.allowed())
	}
	if w := v.choose(again...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/films#avow-saved" || v.allowed() != "video.example" {
		t.Errorf("confirmed it is answered %d %s, and there is %q", w.Code, w.Header().Get("Location"), v.allowed())
	}
	other := h.visitor(old)
	if w := other.choose(again...); w.Code != http.StatusOK || other.cookie != "" {
		t.Errorf("confirmed twice it is answered %d", w.Code)
	}
	late := form(other.choose("choice", "yes").Body.String(), "some")
	h.pass(11 * time.Minute)
	if other.choose(late...); other.cookie != "" {
		t.Error("eleven minutes later it is still good")
	}
	for _, token := range []string{"", "x", strings.Repeat("A", 75)} {
		if other.choose("choice", "yes", "confirm", token); other.cookie != "" {
			t.Errorf("%q confirms", token)
		}
	}
}

// TestSignal: a yes against the signal holds only after both were shown.
func TestSignal(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	v := h.visitor(with(byHand, "Sec-GPC", "1"))
	if body := v.ask("GET", "/privacy/choices", nil).Body.String(); !strings.Contains(body, "Opt-out request honoured") {
		t.Error("the page does not say that the signal was honoured")
	}
	w := v.choose("choice", "more", "offer", "maps.harbour.example", "back", "/way")
	if w.Code != http.StatusOK || v.cookie != "" || !strings.Contains(w.Body.String(), "say different things") {
		t.Fatalf("a yes against the signal is answered %d, cookie %q", w.Code, v.cookie)
	}
	if !strings.Contains(w.Body.String(), `value="more">Yes`) {
		t.Error("the button would say no to all the others")
	}
	if w := v.choose(form(w.Body.String(), "more")...); w.Code != http.StatusSeeOther || v.allowed() != "maps.harbour.example" {
		t.Errorf("after both were shown it is answered %d, and there is %q", w.Code, v.allowed())
	}
	if r := v.receipt(); r.Event.X["signal"] != "on" || r.Event.X["conflict"] != "shown" || r.Event.X["choice"] != "some" {
		t.Errorf("the record says %v", r.Event.X)
	}
	if body := v.ask("GET", "/privacy/choices", nil).Body.String(); !strings.Contains(body, "You said yes all the same") {
		t.Error("the page does not say what stands against the signal")
	}
}

// TestMore keeps what was answered before; some says no to the rest.
func TestMore(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	v := h.visitor(byHand)
	for _, c := range []struct {
		pairs []string
		want  string
	}{
		{[]string{"choice", "some", "offer", "video.example"}, "video.example"},
		{[]string{"choice", "more", "offer", "maps.harbour.example"}, "video.example maps.harbour.example"},
		{[]string{"choice", "some", "offer", "count.example"}, "count.example"},
		{[]string{"choice", "some"}, ""},
		{[]string{"choice", "yes"}, all},
	} {
		if w := v.choose(c.pairs...); w.Code != http.StatusSeeOther || v.allowed() != c.want {
			t.Errorf("%v is answered %d, and there is %q, want %q", c.pairs, w.Code, v.allowed(), c.want)
		}
	}
	for _, pairs := range [][]string{{}, {"choice", "maybe"}, {"choice", "some", "offer", "gone.example"}, {"choice", "more", "offer", ""}} {
		before := v.cookie
		if w := v.choose(pairs...); w.Code < 400 || v.cookie != before {
			t.Errorf("%v is answered %d", pairs, w.Code)
		}
	}
	if w := v.choose("choice", "no", "x", strings.Repeat("x", 64<<10)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too much is answered %d", w.Code)
	}
}

// TestBack leads to a path of this site and nowhere else.
func TestBack(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	const choices = "/privacy/choices#avow-saved"
	for back, want := range map[string]string{
		"":                              choices,
		"/":                             "/#avow-saved",
		"/a/b?c=d&e=%20f":               "/a/b?c=d&e=%20f#avow-saved",
		"/a#avow-1234":                  "/a#avow-1234",
		"/a#part":                       "/a#avow-saved",
		"/a%2f..%2fb":                   "/a%2f..%2fb#avow-saved",
		"/a//b/../c":                    "/a//b/../c#avow-saved",
		"/.//evil.example/":             "/.//evil.example/#avow-saved", // a path: only what begins with // has a host
		"//evil.example/":               choices,
		"///evil.example/":              choices,
		"/\\evil.example/":              choices,
		"\\\\evil.example":              choices,
		"https://evil.example/":         choices,
		"javascript:alert(1)":           choices,
		"/\tx":                          choices,
		"/a\r\nSet-Cookie: x=y":         choices,
		"relative":                      choices,
		"?q":                            choices,
		"/" + strings.Repeat("a", 5000): choices,
	} {
		v := h.visitor(byHand)
		if got := v.choose("choice", "no", "back", back).Header().Get("Location"); got != want {
			t.Errorf("%.40q leads to %q, want %q", back, got, want)
		}
	}
}

// TestNoRecord: when nothing can be written down a no holds and says so, and a
// yes does not.
func TestNoRecord(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	v := h.visitor(byHand)
	v.ask("GET", "/privacy/choices", nil) // the statement was seen
	h.db.Close()
	if w := v.choose("choice", "yes"); w.Code < 500 || v.cookie != "" {
		t.Errorf("a yes is answered %d, cookie %q", w.Code, v.cookie)
	}
	w := v.choose("choice", "no", "back", "/shop")
	if w.Code != http.StatusOK || v.cookie == "" || v.allowed() != "" || !strings.Contains(w.Body.String(), "Your no holds") {
		t.Errorf("a no is answered %d, cookie %q: %s", w.Code, v.cookie, w.Body)
	}
	if w := v.ask("GET", "/privacy/choices", nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "There is no record") {
		t.Errorf("the choices are answered %d", w.Code)
	}
}

// TestSecure: over an encrypted connection the cookie is for those only.
func TestSecure(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	for origin, want := range map[string]bool{"https://harbour.example": true, "http://127.0.0.1:8080": false, "": false} {
		w := h.visitor(byHand).ask("POST", "/privacy/choices", values([]string{"choice", "no"}), "Origin", origin)
		if got := w.Result().Cookies()[0].Secure; got != want {
			t.Errorf("from %q it is %v", origin, got)
		}
	}
}

// TestOtherPeoplesRecords: an id in a cookie shows the record of a choice, and of
// nothing else; a cookie that we did not sign shows nothing.
func TestOtherPeoplesRecords(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	v := h.visitor(byHand)
	v.choose("choice", "yes")
	c, _ := choice.Open(key, v.cookie)
	v.cookie = c.Seal([]byte("another key, of thirty-two bytes"))
	if w := v.ask("GET", "/privacy/choices/receipt", nil); w.Code != http.StatusNotFound {
		t.Errorf("with a forged cookie the receipt is answered %d", w.Code)
	}
	// Of somebody who sent a form there is a record and an event, and still nothing
	// is shown.
	err := h.db.Commit(t.Context(), func(tx *store.Tx) error {
		who, err := h.vault.NewSubject(t.Context(), tx)
		if err != nil {
			return err
		}
		c.ID = who.ID()
		about, err := h.vault.Put(t.Context(), tx, who, vault.Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(time.Hour)})
		if err != nil {
			return err
		}
		_, err = h.ledger.Record(t.Context(), tx, who, ledger.Event{About: about, Type: "collected", Statement: 1, New: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	v.cookie = c.Seal(key)
	if w := v.ask("GET", "/privacy/choices/receipt", nil); w.Code != http.StatusNotFound {
		t.Errorf("of a form the receipt is answered %d", w.Code)
	}
	c.ID = [16]byte{1}
	v.cookie = c.Seal(key)
	if w := v.ask("GET", "/privacy/choices/receipt", nil); w.Code != http.StatusNotFound {
		t.Errorf("of nobody the receipt is answered %d", w.Code)
	}
}

// TestReports are bounded in size, in number and in what is kept of them.
func TestReports(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	if w := send(h, "/privacy/reports", "application/csp-report", strings.Repeat("x", 65<<10)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large report is answered %d", w.Code)
	}
	if w := send(h, "/privacy/reports", "application/csp-report", "{"); w.Code != http.StatusBadRequest {
		t.Errorf("no report is answered %d", w.Code)
	}
	through := 0
	for range 300 {
		if send(h, "/privacy/reports", "application/csp-report", `{"csp-report": {}}`).Code != http.StatusTooManyRequests {
			through++
		}
	}
	if through > 200 || through < 150 {
		t.Errorf("%d of 300 reports at once were read", through)
	}
	h.pass(time.Minute)
	if send(h, "/privacy/reports", "application/csp-report", `{"csp-report": {}}`).Code == http.StatusTooManyRequests {
		t.Error("a minute later none is read")
	}
	for round := range 3 {
		for i := range 700 {
			h.Violation(wall.Violation{Kind: wall.ThirdParty, What: "spy.example", Where: "/" + strings.Repeat("x", round) + strings.Repeat("y", i%300+1) + string(rune('a'+i/300)), How: "img-src"})
		}
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var cells, sum int64
	err := h.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Get(t.Context(), "SELECT COUNT(*), SUM(n) FROM gate_violation", store.Into(&cells, &sum))
	})
	if err != nil || cells > 1010 || sum != 2100 {
		t.Errorf("%d cells count %d violations (%v)", cells, sum, err)
	}
}

// TestNobodyInReports: what is done against the statement is kept and told by
// page, and on the path of a page there may be somebody.
func TestNobodyInReports(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Observing)
	var told strings.Builder
	h.Log = slog.New(slog.NewTextHandler(&told, nil))
	for range 2 {
		h.Violation(wall.Violation{Kind: wall.CookieSet, What: "_spy", Where: "/orders/4711471147/ada@example.com", How: "Set-Cookie", Let: true})
		h.Violation(wall.Violation{Kind: wall.CookieSet, What: "ada@example.com", Where: "/shop", How: "Cookie"})
		send(h, "/privacy/reports", "application/csp-report",
			`{"csp-report": {"document-uri": "https://harbour.example/u/ada%2540example.com/+49-30-123456?q=1", "blocked-uri": "https://spy.example/x", "effective-directive": "img-src"}}`)
		if err := h.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := told.String()
	err := h.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Each(t.Context(), "SELECT kind, what, place, how FROM gate_violation", func(scan func(...any) error) error {
			var kind, what, place, how string
			err := scan(&kind, &what, &place, &how)
			got += strings.Join([]string{kind, what, place, how, "\n"}, " ")
			return err
		})
	})
	if err != nil || strings.Contains(got, "ada") || strings.Contains(got, "4711") || strings.Contains(got, "123456") {
		t.Errorf("somebody is in it (%v):\n%s", err, got)
	}
	for _, line := range []string{"kind=cookie what=_spy page=/orders/…/… how=\"Set-Cookie (watched)\"", "kind=host what=spy.example page=/u/…/… how=img-src"} {
		if strings.Count(told.String(), line) != 1 {
			t.Errorf("it is not told once: %s, in\n%s", line, told.String())
		}
	}
}
