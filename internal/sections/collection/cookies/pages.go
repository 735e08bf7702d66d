package cookies

import (
	"embed"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/page"
)

//go:embed choices.html
var templates embed.FS

// Routes are the choices, what the bar is made of, and what browsers report.
func (s *Section) Routes() []page.Route {
	const choices = page.Base + "/choices"
	return []page.Route{
		{Pattern: "GET " + choices, Keeps: "trackers", Handle: s.show},
		{Pattern: "POST " + choices, Keeps: "trackers", Handle: s.choose},
		{Pattern: "GET " + choices + "/receipt", Keeps: "trackers", Handle: s.showReceipt},
		{Pattern: "GET " + page.Base + "/bar/{file}", Keeps: "trackers", Handle: s.file},
		{Pattern: "POST " + page.Base + "/reports", Keeps: "trackers", Handle: s.report},
	}
}

// A choicesView is the page of the choices.
type choicesView struct {
	*made
	Offers   []offerView
	Signal   bool // is on
	Honoured bool
	Against  bool // a yes holds against the signal
	Chosen   bool // something was chosen
	At       time.Time
	ID       string
	Recorded bool
	Back     string

	Asked    choice.Set // what is to be confirmed
	More     bool       // and nothing is said of the rest
	Conflict bool       // because it goes against the signal
	Again    bool       // because the browser does not say who pressed
	Shown    bool
	Confirm  string

	Unrecorded bool // a no that could not be written down

	Letters page.HTML
}

type offerView struct {
	choice.Offer
	On, Ticked, Asked bool
	Decided           bool
	Cookies           []cookieView
}

type cookieView struct{ Name, Keep string }

// AskedOffers are those to be confirmed.
func (v *choicesView) AskedOffers() (list []offerView) {
	for i, o := range v.Offers {
		if v.Asked.Has(i) {
			list = append(list, o)
		}
	}
	return list
}

// Necessary are the cookies that nobody is asked about.
func (v *choicesView) Necessary() (list []cookieView) {
	for _, c := range v.made.Cookies {
		if c.Consent == "none" {
			list = append(list, cookieView{c.Name, c.For})
		}
	}
	return list
}

// view is the page as things are.
func (s *Section) view(r *http.Request, m *made) *choicesView {
	v := &choicesView{made: m, Signal: signal(r), Back: page.Base + "/choices"}
	c := s.choice(r)
	v.set(m.offers, c, m.offers.Decide(c, v.Signal, s.Store.Now()))
	if v.Chosen {
		v.Recorded = s.recorded(r.Context(), c.ID)
	}
	return v
}

func (v *choicesView) set(offers choice.Offers, c choice.Choice, d choice.Decision) {
	v.Honoured, v.Against = d.Honoured, v.Signal && d.Allowed != 0 && c.Signal
	v.Chosen, v.At, v.ID = !c.None(), c.At, hex.EncodeToString(c.ID[:])
	keep := map[string]string{}
	for _, cookie := range v.made.Cookies {
		keep[cookie.Name] = cookie.Keep
	}
	v.Offers = nil
	for i, o := range offers {
		view := offerView{Offer: o, On: d.Allowed.Has(i)}
		said := c.To(&o)
		view.Ticked, view.Decided = said == choice.Yes && view.On, said != choice.Unasked
		for _, name := range o.Cookies {
			view.Cookies = append(view.Cookies, cookieView{name, keep[name]})
		}
		v.Offers = append(v.Offers, view)
	}
}

func (s *Section) show(w http.ResponseWriter, r *http.Request) error {
	m := s.now()
	if m == nil {
		return page.NotFound
	}
	return s.write(w, r, http.StatusOK, s.view(r, m))
}

func (s *Section) write(w http.ResponseWriter, r *http.Request, status int, v *choicesView) error {
	title := "Your choices"
	if v.Asked != 0 {
		title = "Not done yet: your choice"
	}
	if s.Letters != nil {
		var err error
		if v.Letters, err = s.Letters.Block(); err != nil {
			return err
		}
	}
	return s.set.Write(w, r, "choices.html", page.View{Status: status, Title: title, Here: "choices", Robots: "noindex", Data: v})
}

// showReceipt hands out the receipt of the choice that the browser remembers.
func (s *Section) showReceipt(w http.ResponseWriter, r *http.Request) error {
	c := s.choice(r)
	text, err := s.receipt(r.Context(), c.ID)
	if isNone(err) {
		return &page.Problem{Status: http.StatusNotFound, Title: "There is no receipt", Detail: "Nothing was chosen in this browser yet, or so long ago that its record is gone."}
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="choice-receipt.txt"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(text)
	return nil
}

// file serves what pages take the bar's style and script from.
func (s *Section) file(w http.ResponseWriter, r *http.Request) error {
	m := s.now()
	if m == nil {
		return page.NotFound
	}
	for _, f := range m.bar.Files() {
		if f.Path == r.URL.Path {
			w.Header().Set("Content-Type", f.Kind)
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			_, _ = w.Write(f.Body)
			return nil
		}
	}
	return page.NotFound
}
