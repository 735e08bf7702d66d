package cookies_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

var key = []byte("0123456789abcdef0123456789abcdef")

// A house is as much of one as choices need.
type house struct {
	*cookies.Section
	t       *testing.T
	db      *store.DB
	vault   *vault.Vault
	ledger  *ledger.Ledger
	handler http.Handler
	edition *statement.Edition

	mu  sync.Mutex
	now time.Time
}

func (h *house) InForce() *statement.Edition { return h.edition }

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// begin starts a house on the example statement, with two more offers.
func begin(t *testing.T, cfg store.Config, stance cookies.Stance) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	text := strings.Replace(string(harbour.Statement), "\ntrackers:\n", "\n  volume: {for: play films, keep: 12 months}\ntrackers:\n"+
		"  video.example: {for: play films, consent: opt-in}\n  count.example: {for: count visits, consent: opt-out}\n", 1)
	compiled, found := statement.Compile("statement.md", []byte(text), cookies.Keeps)
	if compiled == nil || len(compiled.Trackers) < 3 {
		t.Fatal(found)
	}
	h.edition = &statement.Edition{Statement: compiled, Version: 1}
	cfg.Clock = h.clock
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys, err := seal.Create("file:"+dir, seal.Options{})
	must(err)
	h.db, err = store.Open(t.Context(), cfg)
	must(err)
	forget := func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.ledger.Forget(ctx, tx, id) }
	h.vault, err = vault.Open(t.Context(), h.db, keys, vault.Options{Forget: forget, Settle: time.Nanosecond})
	must(err)
	h.ledger, err = ledger.Open(t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		}})
	must(err)
	t.Cleanup(func() { h.ledger.Close(); h.db.Close() })
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/", Language: "en"} }, slog.New(slog.DiscardHandler))
	h.Section = cookies.New(cookies.Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Pages: pages, Editions: h, Key: key, Stance: stance})
	mux := http.NewServeMux()
	pages.Mount(mux, h.Routes()...)
	h.handler = page.Secure(mux)
	return h
}

// A visitor is a browser.
type visitor struct {
	*house
	cookie  string
	headers map[string]string
}

// byHand is what Chromium and Firefox say when somebody presses a button.
var byHand = map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-User": "?1", "Sec-Fetch-Dest": "document", "User-Agent": "Mozilla/5.0 Chrome/152"}

func (h *house) visitor(headers map[string]string) *visitor {
	return &visitor{house: h, headers: headers}
}

func (v *visitor) ask(method, path string, form url.Values, more ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range v.headers {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			r.Header.Del(more[i])
		} else {
			r.Header.Set(more[i], more[i+1])
		}
	}
	if v.cookie != "" {
		r.AddCookie(&http.Cookie{Name: choice.SecureCookie, Value: v.cookie})
	}
	w := httptest.NewRecorder()
	v.handler.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.Name != map[bool]string{true: choice.SecureCookie, false: choice.Cookie}[c.Secure] || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge < 360*24*3600 {
			v.t.Errorf("the cookie of a choice is %+v", c)
		}
		v.cookie = c.Value
	}
	return w
}

// choose sends a choice: name, value, name, value …
func (v *visitor) choose(pairs ...string) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.ask("POST", "/privacy/choices", values(pairs), "Origin", "https://harbour.example")
}

func values(pairs []string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return form
}

// allowed are the names of the offers that this browser has said yes to.
func (v *visitor) allowed() string {
	offers := choice.Offered(v.edition.Statement)
	c, _ := choice.Open(key, v.cookie)
	d := offers.Decide(c, v.headers["Sec-GPC"] == "1", v.clock())
	var names []string
	for i, o := range offers {
		if d.Allowed.Has(i) {
			names = append(names, o.Name)
		}
	}
	return strings.Join(names, " ")
}

func (h *house) standing(clause avow.ClauseID) (avow.Standing, avow.Evidence) {
	h.t.Helper()
	found, err := h.Evidence(h.t.Context(), h.edition)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range found {
		if e.Clause == clause {
			return e.Standing, e
		}
	}
	return "", avow.Evidence{}
}

const all = "video.example count.example maps.harbour.example"

// TestPromises tries each promise of the package doc on both engines.
func TestPromises(t *testing.T) {
	t.Run("cookies", func(t *testing.T) { storetest.Engines(t, promiseCookies) })
	t.Run("trackers", func(t *testing.T) { storetest.Engines(t, promiseTrackers) })
}

func promiseCookies(t *testing.T, cfg store.Config) {
	h := begin(t, cfg, cookies.Enforcing)
	if got, e := h.standing("cookies"); got != avow.Kept {
		t.Errorf("it is %s: %+v", got, e)
	}
	v := h.visitor(byHand)
	for _, path := range []string{"/privacy/choices", "/privacy/choices/receipt"} {
		if w := v.ask("GET", path, nil); w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie before anything was chosen", path)
		}
	}
	h.Violation(wall.Violation{Kind: wall.CookieSet, What: "spy", Where: "/shop", How: "Set-Cookie"})
	got, e := h.standing("cookies")
	if got != avow.Kept || e.Figures[0].Value != "1" {
		t.Errorf("a cookie that was stopped makes it %s: %+v", got, e)
	}
	h.pass(72 * time.Hour)
	if _, e := h.standing("cookies"); e.Figures[0].Value != "0" {
		t.Errorf("three days later it still counts: %+v", e)
	}
}

func promiseTrackers(t *testing.T, cfg store.Config) {
	h := begin(t, cfg, cookies.Enforcing)
	if got, e := h.standing("trackers"); got != avow.Kept {
		t.Errorf("it is %s: %+v", got, e)
	}
	v := h.visitor(byHand)
	if got := v.allowed(); got != "count.example" {
		t.Errorf("before any choice there is %q", got)
	}
	// No and yes take one press each.
	if w := v.choose("choice", "yes", "back", "/shop?x=1"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/shop?x=1#avow-saved" {
		t.Fatalf("yes is answered %d %s", w.Code, w.Header().Get("Location"))
	}
	if got := v.allowed(); got != all {
		t.Errorf("after a yes there is %q", got)
	}
	first := v.receipt()
	if w := v.choose("choice", "no"); w.Code != http.StatusSeeOther {
		t.Fatalf("no is answered %d", w.Code)
	}
	if got := v.allowed(); got != "" {
		t.Errorf("after a no there is %q", got)
	}
	second := v.receipt()
	if first.Event.X["choice"] != "yes" || second.Event.X["choice"] != "no" || first.Event.Clause != "trackers" ||
		!strings.HasPrefix(second.Event.X["shown"].(string), "sha256:") {
		t.Errorf("the records say %v and %v", first.Event, second.Event)
	}
	if _, e := h.standing("trackers"); e.Figures[0].Value != "1" || e.Figures[1].Value != "1" {
		t.Errorf("the choices are counted %+v", e.Figures)
	}
	h.pass(729 * 24 * time.Hour)
	h.expire(0)
	h.pass(3 * 24 * time.Hour)
	h.goneInTime(v)
}

// receipt fetches and checks the receipt of what was chosen last.
func (v *visitor) receipt() *receipt.Receipt {
	v.t.Helper()
	w := v.ask("GET", "/privacy/choices/receipt", nil)
	r, err := receipt.Verify(w.Body.Bytes(), receipt.Options{})
	if err != nil {
		v.t.Fatalf("the receipt (%d): %v", w.Code, err)
	}
	return r
}

// expire lets go of what is past its time, and wants so many records to go.
func (h *house) expire(want int) {
	h.t.Helper()
	expiring := &collection.Section{Store: h.db, Vault: h.vault, Ledger: h.ledger, Editions: h}
	if n, err := expiring.Expire(h.t.Context()); err != nil || n != want {
		h.t.Errorf("%d records went (%v), want %d", n, err, want)
	}
}

// goneInTime wants the records of choices to be gone after 24 months, by the job
// that lets go of everything else.
func (h *house) goneInTime(v *visitor) {
	h.t.Helper()
	h.expire(2)
	if w := v.ask("GET", "/privacy/choices/receipt", nil); w.Code != http.StatusNotFound {
		h.t.Errorf("after 24 months the receipt is answered %d", w.Code)
	}
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		c, err := h.vault.Counts(h.t.Context(), tx)
		if c.Subjects != 0 || len(c.Records) != 0 {
			h.t.Errorf("there is still %+v", c)
		}
		scan, err2 := h.vault.Scan(h.t.Context(), tx, true, nil)
		if err2 == nil && scan.Found != 0 {
			h.t.Errorf("the vault has faults: %v", scan.Faults)
		}
		return err
	})
	if err != nil {
		h.t.Error(err)
	}
}

// TestWatching: while the gate only watches nothing is called kept, and what
// browsers report as loaded is a broken promise.
func TestWatching(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Observing)
	for _, clause := range []avow.ClauseID{"cookies", "trackers"} {
		if got, e := h.standing(clause); got != avow.Untested {
			t.Errorf("%s is %s: %+v", clause, got, e)
		}
	}
	report := `{"csp-report": {"document-uri": "https://harbour.example/shop?q=1", "blocked-uri": "https://spy.example/x", "effective-directive": "img-src", "disposition": "report"}}`
	w := send(h, "/privacy/reports", "application/csp-report", report)
	if w.Code != http.StatusNoContent {
		t.Errorf("a report is answered %d %s", w.Code, w.Body)
	}
	if got, e := h.standing("trackers"); got != avow.Broken || e.Figures[3].Value != "1" {
		t.Errorf("after a report it is %s: %+v", got, e)
	}
	absent := begin(t, store.Config{Path: t.TempDir()}, cookies.Absent)
	if got, _ := absent.standing("trackers"); got != avow.Untested {
		t.Errorf("without a gate it is %s", got)
	}
}

func send(h *house, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// TestAnswer: a script that says no gets JSON, and no page.
func TestAnswer(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, cookies.Enforcing)
	v := h.visitor(map[string]string{"Accept": "application/json", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"})
	w := v.choose("choice", "no")
	var got struct {
		Choice, Receipt string
		Recorded        bool
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Choice != "no" || !got.Recorded || !strings.HasPrefix(got.Receipt, "/privacy/receipt/") {
		t.Errorf("a no is answered %d %s", w.Code, w.Body)
	}
	if v.allowed() != "" {
		t.Errorf("there is %q", v.allowed())
	}
}
