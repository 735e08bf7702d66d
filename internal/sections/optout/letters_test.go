package optout_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/store"
)

func (h *house) digest(text string) [32]byte {
	h.t.Helper()
	a, err := mail.ParseAddress(text)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.Digest(a)
}

// may is why a letter may not go.
func (h *house) may(address string, p avow.Purpose) (why string) {
	h.t.Helper()
	digest := h.digest(address)
	err := h.db.View(h.t.Context(), func(tx *store.Tx) (err error) {
		why, err = h.May(h.t.Context(), tx, h.edition, nil, digest, h.edition.Purpose(p))
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return why
}

// begun has somebody fill in a form and follow the letter.
func (h *house) begun(address string, form avow.Collection) *httptest.ResponseRecorder {
	h.t.Helper()
	h.asked(address, form)
	return h.send(h.link())
}

func (h *house) asked(address string, form avow.Collection) {
	h.t.Helper()
	a, err := mail.ParseAddress(address)
	if err != nil {
		h.t.Fatal(err)
	}
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		return h.Ask(ctx, tx, h.edition, h.edition.Collection(form), a)
	})
}

var startLink = regexp.MustCompile(`https://harbour\.example(/u/start/[^\s]+)`)

// link is the one in the last letter.
func (h *house) link() string {
	h.t.Helper()
	if len(h.letters) == 0 {
		h.t.Fatal("there is no letter")
	}
	found := startLink.FindStringSubmatch(h.letters[len(h.letters)-1].text)
	if found == nil {
		h.t.Fatal("there is no link in the letter")
	}
	return found[1]
}

// plain says that an answer keeps nothing about who asks, and leads nowhere.
func (h *house) plain(what string, w *httptest.ResponseRecorder) {
	h.t.Helper()
	head := w.Header()
	if head.Get("Set-Cookie") != "" || head.Get("Location") != "" || head.Get("Referrer-Policy") != "no-referrer" || head.Get("Cache-Control") != "no-store" {
		h.t.Errorf("%s: it is answered with %v", what, head)
	}
	if head.Get("X-Robots-Tag") != "noindex" && strings.HasPrefix(head.Get("Content-Type"), "text/html") {
		h.t.Errorf("%s: it is to be found by search", what)
	}
	if strings.Contains(w.Body.String(), "ada@") {
		h.t.Errorf("%s: an address is in the answer", what)
	}
}

func (h *house) says(w *httptest.ResponseRecorder, status int, words ...string) {
	h.t.Helper()
	if w.Code != status {
		h.t.Errorf("it is answered %d, want %d: %s", w.Code, status, w.Body)
	}
	text := strings.Join(strings.Fields(w.Body.String()), " ")
	for _, word := range words {
		if !strings.Contains(text, word) {
			h.t.Errorf("%q is not in %s", word, text)
		}
	}
}

// unsubscribe: one click stops, and looking does nothing.
func (h *house) unsubscribe() {
	const ada = "ada@example.com"
	h.begun(ada, "newsletter")
	h.begun(ada, "panel")
	if h.may(ada, "news") != "" || h.may(ada, "ask") != "" {
		h.t.Fatal("letters do not start")
	}
	path := "/u/" + h.Token(h.digest(ada), "news")
	for _, method := range []string{"GET", "HEAD", "GET"} {
		w := h.ask(method, path, "", "")
		h.plain(method, w)
		if w.Code != 200 || h.may(ada, "news") != "" {
			h.t.Errorf("%s is answered %d, and letters are refused as %q", method, w.Code, h.may(ada, "news"))
		}
	}
	h.says(h.ask("GET", path, "", ""), 200, "Stop these letters", "Stop everything", "to deliver what you ordered", "a letter to tell you about new instruments", "Letters to ask you what you think")
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	if err := parts.WriteField("List-Unsubscribe", "One-Click"); err != nil {
		h.t.Fatal(err)
	}
	parts.Close()
	size := h.ledger.Status().Size
	for kind, body := range map[string]string{formKind: "List-Unsubscribe=One-Click", parts.FormDataContentType(): form.String(), "": ""} {
		w := h.ask("POST", path, kind, body)
		h.plain("one click", w)
		if w.Code != 200 || h.may(ada, "news") != "stopped" || h.may(ada, "ask") != "" {
			h.t.Errorf("a click is answered %d, and letters are refused as %q and %q", w.Code, h.may(ada, "news"), h.may(ada, "ask"))
		}
	}
	if n := h.ledger.Status().Size - size; n != 1 {
		h.t.Errorf("three clicks are %d entries", n)
	}
	h.says(h.ask("GET", path, "", ""), 200, "These letters are stopped", "Stop everything")
	w := h.send(path, "stop", "*")
	h.plain("everything", w)
	h.says(w, 200, "every letter but those you ask for", "/privacy/receipt/", "If you want letters again", "/f/newsletter")
	if h.may(ada, "ask") != "stopped" {
		h.t.Error("everything does not stop everything")
	}
	h.says(h.ask("GET", path, "", ""), 200, "Everything is stopped")
	h.says(h.send(path, "stop", "a lie"), 400)
	h.wrongLinks(path)
	h.waits, h.oldest = 1, h.now.Add(-49*time.Hour)
	if e := h.shown("unsubscribe"); e.Standing != avow.Broken {
		h.t.Errorf("a mail that waits: %+v", e)
	}
	h.waits, h.deaf = 0, true
	if e := h.shown("unsubscribe"); e.Standing != avow.Untested {
		h.t.Errorf("where no mail comes in: %+v", e)
	}
	h.deaf = false
	if e := h.shown("unsubscribe"); len(e.Figures) < 3 || e.Figures[0].Value != "1" || e.Figures[1].Value != "1" {
		h.t.Errorf("%+v", e)
	}
}

// wrongLinks: what is no link of ours says so, and where to go.
func (h *house) wrongLinks(path string) {
	h.t.Helper()
	for _, wrong := range []string{path[:len(path)-1], path + "x", "/u/x", "/u/" + h.keys.Veil("other", make([]byte, 40))} {
		for _, method := range []string{"GET", "POST"} {
			w := h.ask(method, wrong, formKind, "List-Unsubscribe=One-Click")
			h.plain("a wrong link", w)
			h.says(w, 404, "This link does not work", "/privacy/letters", "privacy@harbour.example")
		}
	}
}

// staysStopped: nothing but the person starts letters again.
func (h *house) staysStopped() {
	const ada = "ada@example.com"
	digest := h.digest(ada)
	h.begun(ada, "newsletter")
	h.send("/u/"+h.Token(digest, "news"), "stop", "this")
	h.commit(func(ctx context.Context, tx *store.Tx) error { return h.Consented(ctx, tx, digest, "news") })
	h.says(h.send(h.link()), 409, "These letters were stopped since")
	h.asked(ada, "newsletter") // whoever filled in the form
	if why := h.may(ada, "news"); why != "stopped" {
		h.t.Errorf("after an import, an old link and a form letters are refused as %q", why)
	}
	h.now = h.now.Add(time.Hour)
	h.says(h.send(h.link()), 200, "Letters start")
	if why := h.may(ada, "news"); why != "" {
		h.t.Errorf("after the person asked letters are refused as %q", why)
	}
	h.send("/u/"+h.Token(digest, "news"), "stop", "*")
	h.now = h.now.Add(time.Hour)
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		return tx.Do(ctx, "INSERT INTO mail_sent (id, digest, purpose, at) VALUES ($1, $2, $3, $4)", [16]byte{1}, digest[:], "news", tx.Now)
	})
	if e := h.shown("stays-stopped"); e.Standing != avow.Broken || e.Figures[0].Value != "1" {
		h.t.Errorf("after a letter that should not have gone: %+v", e)
	}
	h.commit(func(ctx context.Context, tx *store.Tx) error { return tx.Do(ctx, "DELETE FROM mail_sent") })
}

// choices: the page asks for an address and nothing else, and tells nothing.
func (h *house) choices() {
	h.says(h.ask("GET", "/privacy/letters", "", ""), 200, "Nothing at all", "Stop what is ticked", "Letters to tell you about new instruments", "to answer your question")
	h.begun("known@example.com", "newsletter")
	var answers []string
	receipt := regexp.MustCompile(`/privacy/receipt/[^"]+`)
	for _, who := range []string{"known@example.com", "unknown@example.org"} {
		size := h.ledger.Status().Size
		w := h.send("/privacy/letters", "email", " "+strings.ToUpper(who)+" ", "topic", "news", "choice", "some")
		h.plain(who, w)
		h.says(w, 200, "letters to tell you about new instruments", "Whether we know the address we do not say")
		if !receipt.MatchString(w.Body.String()) || h.may(who, "news") != "stopped" || h.may(who, "ask") == "stopped" || h.ledger.Status().Size != size+1 {
			h.t.Errorf("%s: letters are refused as %q and %q", who, h.may(who, "news"), h.may(who, "ask"))
		}
		answers = append(answers, receipt.ReplaceAllString(w.Body.String(), ""))
		h.send("/privacy/letters", "email", who, "choice", "nothing")
		if h.may(who, "ask") != "stopped" || h.may(who, "deliver") != "" {
			h.t.Errorf("%s: after nothing at all letters are refused as %q and %q", who, h.may(who, "ask"), h.may(who, "deliver"))
		}
	}
	if answers[0] != answers[1] {
		h.t.Error("who is known is answered otherwise than who is not")
	}
	for _, wrong := range []struct {
		status int
		says   string
		pairs  []string
	}{
		{422, "That is no e-mail address", []string{"email", "ada", "choice", "nothing"}},
		{422, "Type the address", []string{"choice", "nothing"}},
		{422, "Tick what should stop", []string{"email", "x@example.com", "choice", "some"}},
		{400, "That is no choice", []string{"email", "x@example.com"}},
		{400, "That is no choice", []string{"email", "x@example.com", "choice", "yes"}},
	} {
		h.says(h.send("/privacy/letters", wrong.pairs...), wrong.status, wrong.says)
	}
	if block, err := h.Block(); err != nil || !strings.Contains(string(block), `action="/privacy/letters"`) || strings.Contains(string(block), "<html") {
		h.t.Errorf("the form for another page is %s (%v)", block, err)
	}
	if e := h.shown("choices"); e.Figures[0].Value != "2" || e.Figures[1].Value != "2" || e.Figures[2].Value != "4" {
		h.t.Errorf("%+v", e)
	}
}

// confirm: letters start by a letter, and by nothing else.
func (h *house) confirm() {
	const ada = "ada@example.com"
	h.asked(ada, "contact") // for which nobody opts in
	if len(h.letters) != 0 {
		h.t.Fatal("a letter asks for what nobody opts into")
	}
	h.asked(ada, "newsletter")
	if l := h.letters[0]; l.to != ada || !strings.Contains(l.text, "- to tell you about new instruments\n") || !strings.Contains(l.subject, "Harbour") || strings.Contains(l.text, ada) {
		h.t.Errorf("the letter is %+v", l)
	}
	if why := h.may(ada, "news"); why != "unconfirmed" {
		h.t.Errorf("before the letter was answered letters are refused as %q", why)
	}
	path := h.link()
	for range 2 {
		w := h.ask("GET", path, "", "")
		h.plain("looking", w)
		if h.says(w, 200, "Yes, send them"); h.may(ada, "news") != "unconfirmed" {
			h.t.Error("looking starts letters")
		}
	}
	w := h.send(path)
	h.plain("pressing", w)
	h.says(w, 200, "Thank you", "/privacy/receipt/")
	h.says(h.send(path), 200, "They had started already")
	if h.may(ada, "news") != "" || h.may(ada, "ask") != "unconfirmed" {
		h.t.Errorf("letters are refused as %q and %q", h.may(ada, "news"), h.may(ada, "ask"))
	}
	h.letters = nil
	for range 9 {
		h.asked(ada, "newsletter") // confirmed or not makes no difference
	}
	if len(h.letters) != 2 {
		h.t.Errorf("%d letters ask one address in a day, after one", len(h.letters))
	}
	h.now = h.now.Add(7*24*time.Hour + time.Minute)
	path = h.link()
	h.says(h.ask("GET", path, "", ""), 410, "This link is too old")
	h.says(h.send(path), 410, "This link is too old", "/f/newsletter")
	h.says(h.send(path+"x"), 404)
	h.asked(ada, "newsletter")
	if _, err := h.Stop(h.t.Context(), stops.Stop{Digest: h.digest(ada), Scope: stops.All, How: stops.Child}); err != nil {
		h.t.Fatal(err)
	}
	h.says(h.send(h.link()), 409, "they were stopped")
	if why := h.may(ada, "news"); why != "child" {
		h.t.Errorf("a child's address is refused as %q", why)
	}
}

// TestLimit: one network does not stop letters to a list of addresses.
func TestLimit(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	from := func(remote string) int {
		r := httptest.NewRequest("POST", "/privacy/letters", strings.NewReader(url.Values{"email": {"x@example.com"}, "choice": {"nothing"}}.Encode()))
		r.Header.Set("Content-Type", formKind)
		r.RemoteAddr = remote
		w := httptest.NewRecorder()
		h.public.ServeHTTP(w, r)
		return w.Code
	}
	for i := range 21 {
		if got := from(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 1).String()); (got == http.StatusTooManyRequests) != (i == 20) {
			t.Fatalf("number %d is answered %d", i+1, got)
		}
	}
	for remote, want := range map[string]int{"192.0.2.200:1": 429, "198.51.100.1:1": 200, "[2001:db8:1::1]:1": 200, "nonsense": 200} {
		if got := from(remote); got != want {
			t.Errorf("%s is answered %d, want %d", remote, got, want)
		}
	}
	h.now = h.now.Add(time.Minute)
	if got := from("192.0.2.1:1"); got != 200 {
		t.Errorf("a minute later it is answered %d", got)
	}
}

// TestUnconfirmedStatement: where letters need no confirmation, those who stopped
// them are asked all the same: there is no other way back.
func TestUnconfirmedStatement(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, strings.Replace(text, "confirm: by-mail, ", "", 1))
	h.asked("ada@example.com", "newsletter")
	if len(h.letters) != 0 || h.may("ada@example.com", "news") != "" {
		t.Error("an address is to be confirmed where nobody promised it")
	}
	if err := h.StopToken(t.Context(), h.Token(h.digest("ada@example.com"), "news"), stops.Mail); err != nil {
		t.Fatal(err)
	}
	h.says(h.begun("ada@example.com", "newsletter"), 200, "Letters start")
}

// TestChildIsNotAsked: an address that is a child's gets no letter that asks.
func TestChildIsNotAsked(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	if _, err := h.Stop(t.Context(), stops.Stop{Digest: h.digest("kim@example.com"), Scope: stops.All, How: stops.Child}); err != nil {
		t.Fatal(err)
	}
	h.asked("kim@example.com", "newsletter")
	if h.asked("ada@example.com", "newsletter"); len(h.letters) != 1 {
		t.Errorf("%d letters ask a child and somebody else", len(h.letters))
	}
}

// TestOldLinks: a link never expires, even when the statement has other purposes.
func TestOldLinks(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	path := "/u/" + h.Token(h.digest("ada@example.com"), "gone")
	h.now = h.now.AddDate(20, 0, 0)
	h.says(h.ask("GET", path, "", ""), 200, "a letter of ours")
	h.says(h.send(path, "stop", "this"), 200, "the letters that this link came with")
	h.says(h.ask("GET", path, "", ""), 200, "These letters are stopped")
	h.asked("eve@example.com", "newsletter")
	now := h.edition
	h.edition = nil
	h.says(h.send(h.link()), 200, "no such letters any more")
	if h.edition = now; h.may("eve@example.com", "news") != "unconfirmed" {
		t.Error("letters start that are not in the statement")
	}
	h.edition = nil
	h.says(h.send(path, "stop", "*"), 200, "Stopped")
	h.says(h.ask("GET", "/privacy/letters", "", ""), 404)
}

// TestTooLong: what nobody sends is refused before it is read.
func TestTooLong(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	path := "/u/" + h.Token(h.digest("ada@example.com"), "news")
	h.says(h.ask("POST", path, formKind, "x="+strings.Repeat("y", 64<<10)), 413)
	h.says(h.ask("POST", path, "multipart/form-data; boundary=x", "nonsense"), 400)
	if why := h.may("ada@example.com", "ask"); why == "stopped" {
		t.Error(fmt.Sprint("nonsense stops letters: ", why))
	}
}
