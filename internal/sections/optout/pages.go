package optout

import (
	"context"
	"embed"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed *.html
var templates embed.FS

var pages = []string{"_letters.html", "block.html", "letters.html", "unsubscribe.html", "start.html", "nolink.html"}

// Routes are the pages by which letters are stopped and started, and what tells
// other programs that the signal is honoured.
func (s *Section) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET /u/{token}", Keeps: "optout.within", Handle: s.show},
		{Pattern: "POST /u/{token}", Keeps: "optout.within", Handle: s.press},
		{Pattern: "GET /u/start/{token}", Keeps: "optout.confirm", Handle: s.showStart},
		{Pattern: "POST /u/start/{token}", Keeps: "optout.confirm", Handle: s.pressStart},
		{Pattern: "GET " + page.Base + "/letters", Keeps: "optout.topics", Handle: s.letters},
		{Pattern: "POST " + page.Base + "/letters", Keeps: "optout.topics", Handle: s.choose},
		{Pattern: "GET /.well-known/gpc.json", Keeps: "signals", Handle: s.wellKnown},
	}
}

// A topic is a purpose that people get letters for.
type topic struct {
	Purpose avow.Purpose
	Say     string // completes "to …"
	Stopped bool
	Form    avow.Collection // where to ask for them; "" if no form does
	FormSay string
}

// topics are the letters that can be stopped, and what goes on after all were.
func topics(e *statement.Edition) (all []topic, goesOn []string) {
	if e == nil {
		return nil, nil
	}
	for i := range e.Purposes {
		p := &e.Purposes[i]
		switch {
		case p.Channel != "email":
		case p.Transactional():
			goesOn = append(goesOn, p.Say)
		default:
			all = append(all, asked(e, p))
		}
	}
	return all, goesOn
}

// asked is the topic of a purpose, with the form that asks for it.
func asked(e *statement.Edition, p *statement.Purpose) topic {
	t := topic{Purpose: p.Name, Say: p.Say}
	for i := range e.Collect {
		if c := &e.Collect[i]; c.By == "form" && slices.Contains(c.For, p.Name) {
			t.Form, t.FormSay = c.Name, c.Say
			break
		}
	}
	return t
}

// A view is what the pages show.
type view struct {
	Edition *statement.Edition
	Path    string // where the form goes
	This    *topic // the letters that a link is of
	Topics  []topic
	GoesOn  []string
	All     bool   // everything was stopped
	Done    []done // what was stopped or started just now, or is
	Receipt string // path of the receipt of a start
	Already bool   // it was before
	Value   string // the address as it was typed
	Fault   string // what is wrong with it
	Nothing bool   // nothing was ticked
	Late    string // why a start is none any more: late or stopped
}

// A done is what was done, and the path of its receipt.
type done struct{ Say, Link string }

// Several says whether there is more to stop than the letters that a link is of.
func (v *view) Several() bool {
	return len(v.Topics) > 1 || len(v.Topics) == 1 && v.This != &v.Topics[0]
}

// Address is where to write to.
func (v *view) Address() string {
	switch {
	case v.Edition == nil:
		return ""
	case v.Edition.OptOut != nil:
		return v.Edition.OptOut.Address
	}
	return v.Edition.Organisation.Contact
}

// write shows a page that is nobody's business but that of who asks.
func (s *Section) write(w http.ResponseWriter, r *http.Request, status int, name, title string, v *view) error {
	w.Header().Set("X-Robots-Tag", "noindex")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address of the page is a key
	return s.set.Write(w, r, name, page.View{Status: status, Title: title, Here: "choices", Robots: "noindex", Data: v})
}

func (s *Section) noLink(w http.ResponseWriter, r *http.Request) error {
	return s.write(w, r, http.StatusNotFound, "nolink.html", "This link does not work", &view{Edition: s.Editions.InForce()})
}

// show shows what a link in a letter can do, and does nothing: programs look at
// links before people do.
func (s *Section) show(w http.ResponseWriter, r *http.Request) error {
	digest, p, err := s.Parse(r.PathValue("token"))
	if err != nil {
		return s.noLink(w, r)
	}
	v, err := s.about(r.Context(), digest, p)
	if err != nil {
		return err
	}
	v.Path = r.URL.EscapedPath()
	return s.write(w, r, http.StatusOK, "unsubscribe.html", "Stop letters", v)
}

// about is what a page about one address shows: what was stopped, and not whether
// the address is known.
func (s *Section) about(ctx context.Context, digest [32]byte, p avow.Purpose) (*view, error) {
	e := s.Editions.InForce()
	v := &view{Edition: e}
	v.Topics, v.GoesOn = topics(e)
	var all stops.Set
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) { all, err = s.Of(ctx, tx, digest); return err })
	if err != nil {
		return nil, err
	}
	v.This = &topic{Purpose: p, Stopped: all.Stopped(p)} // the statement may not have the purpose any more
	v.All = v.This.Stopped
	for i := range v.Topics {
		t := &v.Topics[i]
		t.Stopped = all.Stopped(t.Purpose)
		v.All = v.All && t.Stopped
		if t.Purpose == p {
			v.This = t
		}
	}
	return v, nil
}

// maxForm is many times what a form here takes.
const maxForm = 32 << 10

// oneClick is what mail programs send when somebody presses their button to stop
// letters (RFC 8058, section 3.2).
const oneClick = "One-Click"

// press stops what a link in a letter is of, or what its page was asked for. Who
// sends anything else than the page does is a mail program, and means one click.
func (s *Section) press(w http.ResponseWriter, r *http.Request) error {
	digest, p, err := s.Parse(r.PathValue("token"))
	if err != nil {
		return s.noLink(w, r)
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	stop := stops.Stop{Digest: digest, Scope: p, How: stops.Page}
	switch asked := form.Get("stop"); {
	case form.Get("List-Unsubscribe") == oneClick || asked == "":
		stop.How = stops.Click
	case asked == string(stops.All):
		stop.Scope = stops.All
	case asked != "this":
		if e := s.Editions.InForce(); e == nil || e.Purpose(avow.Purpose(asked)) == nil {
			return unreadable
		}
		stop.Scope = avow.Purpose(asked)
	}
	entered, err := s.Again(r.Context(), stop)
	if err != nil {
		return err
	}
	if stop.How == stops.Click {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = io.WriteString(w, "Stopped.\n")
		return nil
	}
	v, err := s.about(r.Context(), digest, p)
	if err != nil {
		return err
	}
	v.Path, v.Already = r.URL.EscapedPath(), entered.Link == ""
	v.stopped(stop.Scope, entered.Link)
	return s.write(w, r, http.StatusOK, "unsubscribe.html", "Stopped", v)
}

// stopped says what was stopped.
func (v *view) stopped(scope avow.Purpose, link string) {
	say := "the letters that this link came with"
	if scope == stops.All {
		say = "every letter but those you ask for"
	}
	for _, t := range v.Topics {
		if t.Purpose == scope {
			say = "letters to " + t.Say
		}
	}
	v.Done = append(v.Done, done{say, link})
}

var unreadable = &page.Problem{Status: http.StatusBadRequest, Title: "That is no choice", Detail: "Go back to the page and choose there. Nothing was changed."}

// readForm reads what a page or a mail program sends: either of the two ways in
// which forms are sent.
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	var err error
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		err = r.ParseMultipartForm(maxForm)
	} else {
		err = r.ParseForm()
	}
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil {
		return nil, unreadable
	}
	return r.PostForm, nil
}

// Block is the form that stops letters, to stand on another page.
func (s *Section) Block() (page.HTML, error) {
	v := s.blank()
	if v == nil {
		return "", nil
	}
	return s.set.Fragment("block.html", v)
}

// blank is the form that stops letters, nothing chosen; nil if nobody gets any.
func (s *Section) blank() *view {
	e := s.Editions.InForce()
	v := &view{Edition: e, Path: page.Base + "/letters"}
	if v.Topics, v.GoesOn = topics(e); e == nil || e.OptOut == nil || len(v.Topics) == 0 {
		return nil
	}
	return v
}

func (s *Section) letters(w http.ResponseWriter, r *http.Request) error {
	v := s.blank()
	if v == nil {
		return page.NotFound
	}
	return s.write(w, r, http.StatusOK, "letters.html", "Letters from us", v)
}

// choose stops letters to an address that somebody typed. Whether we know it
// shows nowhere: nobody is looked up.
func (s *Section) choose(w http.ResponseWriter, r *http.Request) error {
	v := s.blank()
	if v == nil {
		return page.NotFound
	}
	if !s.limits.allow(r.RemoteAddr, s.Store.Now()) {
		w.Header().Set("Retry-After", "60")
		return tooMany(v)
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	scopes, err := v.chosen(form)
	if err != nil {
		return err
	}
	v.Value = strings.TrimSpace(form.Get("email"))
	a, err := mail.ParseAddress(v.Value)
	switch {
	case err != nil && v.Value == "":
		v.Fault = "Type the address that letters come to."
	case err != nil:
		v.Fault = "That is no e-mail address. One looks like name@example.org."
	case len(scopes) == 0:
		v.Nothing = true
	}
	if v.Fault != "" || v.Nothing {
		return s.write(w, r, http.StatusUnprocessableEntity, "letters.html", "Not done yet: letters from us", v)
	}
	all := make([]stops.Stop, len(scopes))
	for i, scope := range scopes {
		all[i] = stops.Stop{Digest: s.Digest(a), Scope: scope, How: stops.Page}
	}
	entered, err := s.Stop(r.Context(), all...)
	if err != nil {
		return err
	}
	v.Value = ""
	for i := range v.Topics {
		v.Topics[i].Stopped = false // the form is empty again
	}
	for i := range entered {
		v.stopped(scopes[i], entered[i].Link)
	}
	return s.write(w, r, http.StatusOK, "letters.html", "Stopped", v)
}

// chosen are the scopes that were chosen in the form.
func (v *view) chosen(form url.Values) (scopes []avow.Purpose, err error) {
	switch form.Get("choice") {
	case "nothing":
		return []avow.Purpose{stops.All}, nil
	case "some":
	default:
		return nil, unreadable
	}
	for i := range v.Topics {
		t := &v.Topics[i]
		if t.Stopped = slices.Contains(form["topic"], string(t.Purpose)); t.Stopped {
			scopes = append(scopes, t.Purpose)
		}
	}
	return scopes, nil
}

func tooMany(v *view) error {
	return &page.Problem{Status: http.StatusTooManyRequests, Title: "That was a lot from where you are",
		Detail: "Please wait a minute and send it again. Nothing was changed. Or write to " + v.Address() + " from the address that letters come to."}
}
