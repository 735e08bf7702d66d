package cookies

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
)

// maxForm is many times what a choice takes.
const maxForm = 32 << 10

// patience is how long a no waits for its record before it holds without one.
const patience = 3 * time.Second

// A press is a choice as it was sent.
type press struct {
	chosen
	was     choice.Choice
	trust   trust
	confirm string
	back    string
}

// choose takes a choice. A yes needs a person and its record; a no needs nothing.
func (s *Section) choose(w http.ResponseWriter, r *http.Request) error {
	m := s.now()
	if m == nil || len(m.offers) == 0 {
		return page.NotFound
	}
	p, err := s.read(w, r, m)
	if err != nil {
		return err
	}
	if p.set != 0 {
		if done, err := s.ask(w, r, m, p); done || err != nil {
			return err
		}
	}
	return s.hold(w, r, m, p)
}

// read reads the form of a choice.
func (s *Section) read(w http.ResponseWriter, r *http.Request, m *made) (*press, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return nil, err
		}
		return nil, unreadable
	}
	f := r.PostForm
	p := &press{was: s.choice(r), trust: pressed(r), confirm: f.Get("confirm"), back: backTo(f.Get("back"))}
	p.what, p.signal, p.shown, p.of = f.Get("choice"), signal(r), f.Get("shown") == "1", m.offers.All()
	set, err := m.named(f["offer"])
	if err != nil {
		return nil, err
	}
	switch p.what {
	case "yes":
		p.set = m.offers.All()
	case "no":
	case "some":
		p.set = set
	case "more": // says nothing of the others
		p.set, p.of = set, set
	default:
		return nil, unreadable
	}
	p.what = word(p.set, m.offers.All())
	return p, nil
}

var unreadable = &page.Problem{Status: http.StatusBadRequest, Title: "That is no choice", Detail: "Go to the page of your choices and choose there. Nothing was changed."}

func word(set, all choice.Set) string {
	switch set {
	case 0:
		return "no"
	case all:
		return "yes"
	}
	return "some"
}

// named finds offers by their names.
func (m *made) named(names []string) (set choice.Set, err error) {
	for _, name := range names {
		found := false
		for i, o := range m.offers {
			if o.Name == name {
				set, found = set|1<<i, true
			}
		}
		if !found {
			return 0, &page.Problem{Status: http.StatusConflict, Title: "Our statement changed meanwhile",
				Detail: "What was asked about is not in it any more. Nothing was changed; please choose again."}
		}
	}
	return set, nil
}

// ask says whether a yes needs more before it holds, and asks for that: to have
// seen that it goes against the signal, or to press once more.
func (s *Section) ask(w http.ResponseWriter, r *http.Request, m *made, p *press) (asked bool, err error) {
	if p.trust == script {
		return true, &page.Problem{Status: http.StatusForbidden, Title: "A yes has to be pressed", Clause: m.clause(),
			Detail: "It can be given only by somebody who presses the button on a page of this site. Nothing was changed."}
	}
	if page.WantsJSON(r) && p.trust != person {
		return true, &page.Problem{Status: http.StatusForbidden, Title: "A yes has to be pressed", Clause: m.clause(), Detail: "A program cannot say yes for anybody. Nothing was changed."}
	}
	now := s.Store.Now()
	v := s.view(r, m)
	v.Asked, v.Back, v.More = p.set, p.back, p.of != m.offers.All()
	v.Conflict = p.signal && !p.shown
	switch {
	case v.Conflict:
	case p.trust == person, s.confirms.take(s.Key, p.confirm, p.set, now):
		return false, nil
	}
	v.Again = !v.Conflict
	v.Shown = p.signal
	v.Confirm = newConfirm(s.Key, p.set, now)
	return true, s.write(w, r, http.StatusOK, v)
}

// hold writes a choice down and has the browser remember it.
func (s *Section) hold(w http.ResponseWriter, r *http.Request, m *made, p *press) error {
	ctx := r.Context()
	if p.set == 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	id, entered, err := s.record(ctx, m, p.chosen)
	if err != nil && p.set != 0 {
		return err // a yes that is not written down is none
	}
	if err != nil {
		_, _ = rand.Read(id[:])
	}
	next := m.offers.Press(p.was, choice.Press{Of: p.of, Yes: p.set, Signal: p.signal, Shown: p.shown}, id, s.Store.Now())
	s.remember(w, r, next)
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case page.WantsJSON(r):
		return page.WriteJSON(w, http.StatusOK, s.answer(m, p, entered))
	case err != nil:
		v := s.view(r, m)
		v.set(m.offers, next, m.offers.Decide(next, p.signal, s.Store.Now()))
		v.Unrecorded, v.Back = true, p.back
		return s.write(w, r, http.StatusOK, v)
	}
	w.Header().Set("Location", p.back) // as it is: http.Redirect would take //, inside a path, for /
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// An answer is what a script gets for a choice.
type answer struct {
	Choice   string   `json:"choice"`            // yes, no or some
	Yes      []string `json:"yes"`               // names of the offers that were chosen
	Recorded bool     `json:"recorded"`          // whether it could be written down; a no holds without
	Receipt  string   `json:"receipt,omitempty"` // path of the receipt's page
}

func (s *Section) answer(m *made, p *press, entered *ledger.Pending) answer {
	a := answer{Choice: p.what, Yes: []string{}, Recorded: entered != nil}
	for i, o := range m.offers {
		if p.set.Has(i) {
			a.Yes = append(a.Yes, o.Name)
		}
	}
	if entered != nil {
		a.Receipt = page.Base + "/receipt/" + s.Ledger.Link(entered)
	}
	return a
}

// yearOfSeconds is how long a choice is remembered.
const yearOfSeconds = 365 * 24 * 60 * 60

// remember has the browser keep a choice. The cookie is for our eyes only, and
// over an encrypted connection it is kept to those.
func (s *Section) remember(w http.ResponseWriter, r *http.Request, c choice.Choice) {
	secure, name := encrypted(r), choice.Cookie
	if secure {
		name = choice.SecureCookie
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: c.Seal(s.Key), Path: "/", MaxAge: yearOfSeconds, HttpOnly: true, Secure: secure,
		SameSite: http.SameSiteLaxMode})
}

// encrypted says whether the visitor came by https, be it to a proxy before us:
// the browser says so in the Origin of a form.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" || strings.HasPrefix(r.Header.Get("Origin"), "https://")
}

// choice is what the browser remembers.
func (s *Section) choice(r *http.Request) choice.Choice {
	sent := func(yield func(string, string) bool) {
		for _, c := range r.Cookies() {
			if !yield(c.Name, c.Value) {
				return
			}
		}
	}
	return choice.Read(sent, encrypted(r), func(text string) (choice.Choice, bool) { return choice.Open(s.Key, text) })
}

// signal says whether the browser sends the Global Privacy Control signal (GPC,
// section 3.2: the one value is 1).
func signal(r *http.Request) bool { return r.Header.Get("Sec-GPC") == "1" }

// place is a fragment that the script of the bar understands.
var place = regexp.MustCompile(`^avow-[0-9]{1,9}$`)

// backTo is where to go after a choice: a path of this site and nothing else, with
// the fragment at which the note of the choice shows.
func backTo(text string) string {
	choices := page.Base + "/choices#" + bar.Saved
	u, err := url.Parse(text)
	if err != nil || len(text) > 4096 || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" ||
		!strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(text, "\\\r\n\t\x00") {
		return choices
	}
	fragment := u.Fragment
	if !place.MatchString(fragment) {
		fragment = bar.Saved
	}
	path, query := cmp.Or(u.EscapedPath(), "/"), ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	return path + query + "#" + fragment
}
