package recipients

import (
	"cmp"
	"embed"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/statement"
)

//go:embed *.html
var templates embed.FS

// Routes are the register, for people and for machines, and where recipients say
// that they did what they were told.
func (s *Section) Routes() []page.Route {
	return append(s.Desk.Routes(),
		page.Route{Pattern: "GET " + page.Base + "/recipients", Keeps: "recipients", Handle: s.page},
		page.Route{Pattern: "GET " + page.Base + "/recipients.json", Keeps: "recipients", Handle: s.json})
}

// sheet is the page of recipients.
type sheet struct {
	Sold, Lists, Canaries, Touched int64
	Rows                           []shown
	Chart                          *chart
	Key                            string
}

// shown is a recipient as pages have it.
type shown struct {
	Name, Say, Fields, For, Contract, Until string
	OptOut, Href                            string
	Leaves, Gone                            bool
	Last                                    time.Time
	LastRows, AllRows, Open                 string
	Leaf, Canaries, Touched                 int64
}

func (s *Section) page(w http.ResponseWriter, r *http.Request) error {
	now := s.Editions.InForce()
	if now == nil {
		return page.NotFound
	}
	g, err := s.read(r.Context(), now)
	if err != nil {
		return err
	}
	v := sheet{Key: s.PublicKey(), Chart: newChart(g)}
	for _, name := range order(now, g) {
		a := g.by[name]
		v.Lists, v.Canaries, v.Touched = v.Lists+a.lists, v.Canaries+a.canaries, v.Touched+a.touched
		v.Rows = append(v.Rows, show(now, name, a))
	}
	return s.set.Write(w, r, "recipients.html", page.View{Title: "Who is given what", Here: "recipients", Data: v})
}

// order has the recipients as the statement has them, then those that were.
func order(now *statement.Edition, g *register) (names []string) {
	for i := range now.Recipients {
		names = append(names, now.Recipients[i].Name)
	}
	var gone []string
	for name := range g.by {
		if tell.Declared(now, name) == nil {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return append(names, gone...)
}

func show(now *statement.Edition, name string, a *account) shown {
	v := shown{Name: name, Say: name, Gone: true, Last: a.last.at, Leaf: a.last.leaf, Canaries: a.canaries, Touched: a.touched,
		LastRows: said(a.last.n) + " rows", AllRows: said(a.rows), Open: waits(a.Open, a.lists)}
	r := tell.Declared(now, name)
	if r == nil {
		return v
	}
	v.Gone, v.Say, v.Contract, v.OptOut = false, strings.ToUpper(r.Say[:1])+r.Say[1:], r.Contract, r.OptOut
	if !r.Until.IsZero() {
		v.Until = r.Until.Time().Format("2 January 2006")
	}
	if how := tell.How(r.OptOut); how != "" {
		v.Href, v.Leaves, v.OptOut = r.OptOut, how == "https", strings.TrimPrefix(strings.TrimPrefix(r.OptOut, "https://"), "mailto:")
	}
	var what, why []string
	for _, f := range r.Fields {
		if d := now.Datum(f); d != nil {
			what = append(what, d.Say)
		}
	}
	for _, p := range r.For {
		if d := now.Purpose(p); d != nil {
			why = append(why, d.Say)
		}
	}
	v.Fields, v.For = strings.Join(what, "; "), strings.Join(why, "; ")
	return v
}

// floor rounds a number of people down, to one of which nobody can tell who came
// or went; 0 if it is under 10.
func floor(n int64) int64 {
	for step := int64(1); ; step *= 10 {
		if n < 10 {
			return 0
		}
		for _, m := range []int64{50, 20, 10} {
			if n >= m*step && n < 100*step {
				return m * step
			}
		}
	}
}

// said writes a number of people.
func said(n int64) string {
	if f := floor(n); f > 0 {
		return thousands(f) + " or more"
	}
	if n == 0 {
		return "none"
	}
	return "fewer than 10"
}

// waits writes how many are still to be told or done, of those on some lists. That
// it is nobody is not said: anybody may stop letters to an address, and would see
// by it whether that was on a list.
func waits(n, lists int64) string { return said(max(n, min(lists, 1))) }

func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// A chart is the rows of twelve months, in a box of 120 by 100.
type chart struct {
	Top, First, End string
	Months          []month
}

type month struct {
	Name, Rows string
	X          int
	Y, Height  string
	n          int64
}

func newChart(g *register) *chart {
	first := time.Date(g.at.UTC().Year(), g.at.UTC().Month()-11, 1, 0, 0, 0, 0, time.UTC)
	c, top := &chart{Months: make([]month, 12)}, int64(0)
	for _, run := range g.runs {
		at := run.at.UTC()
		if i := (at.Year()-first.Year())*12 + int(at.Month()-first.Month()); i >= 0 && i < 12 {
			c.Months[i].n += run.n
		}
	}
	for i := range c.Months {
		m := &c.Months[i]
		m.Name, m.Rows, m.X, m.n = first.AddDate(0, i, 0).Format("January 2006"), said(m.n), 10*i+1, floor(m.n)
		top = max(top, m.n)
	}
	c.First, c.End = first.Format("Jan 2006"), first.AddDate(0, 11, 0).Format("Jan 2006")
	if top > 0 {
		c.Top = thousands(top)
	}
	for i := range c.Months {
		if m := &c.Months[i]; m.n > 0 {
			h := max(1, 100*float64(m.n)/float64(top))
			m.Y, m.Height = strconv.FormatFloat(100-h, 'f', 1, 64), strconv.FormatFloat(h, 'f', 1, 64)
		}
	}
	return c
}

// The JSON form of the register. It is documented in docs/json.md, and stable.
type registerJSON struct {
	Recipients []recipientJSON `json:"recipients"`
	Sold       int             `json:"sold"`
	Key        string          `json:"webhook_key"`
}

type recipientJSON struct {
	Name     string         `json:"name"`
	Says     string         `json:"says"`
	Declared bool           `json:"declared"`
	Fields   []avow.Field   `json:"fields"`
	For      []avow.Purpose `json:"for"`
	Contract string         `json:"contract,omitempty"`
	Until    string         `json:"until,omitempty"`
	OptOut   string         `json:"optout,omitempty"`
	Last     string         `json:"last,omitempty"` // a day
	Rows     int64          `json:"rows"`           // rounded down; 0 if under 10
	Canaries int64          `json:"canaries"`
	Touched  int64          `json:"touched"`
	Open     int64          `json:"open"` // rounded down; 0 if under 10
}

func (s *Section) json(w http.ResponseWriter, r *http.Request) error {
	now := s.Editions.InForce()
	if now == nil {
		return page.NotFound
	}
	g, err := s.read(r.Context(), now)
	if err != nil {
		return err
	}
	out := registerJSON{Recipients: []recipientJSON{}, Key: s.PublicKey()}
	for _, name := range order(now, g) {
		a := g.by[name]
		j := recipientJSON{Name: name, Says: name, Fields: []avow.Field{}, For: []avow.Purpose{}, Rows: floor(a.rows), Canaries: a.canaries, Touched: a.touched, Open: floor(a.Open)}
		if d := tell.Declared(now, name); d != nil {
			j.Declared, j.Says, j.Fields, j.For, j.Contract, j.OptOut = true, cmp.Or(d.Say, name), d.Fields, d.For, d.Contract, d.OptOut
			if !d.Until.IsZero() {
				j.Until = d.Until.String()
			}
		}
		if !a.last.at.IsZero() {
			j.Last = a.last.at.UTC().Format(time.DateOnly)
		}
		out.Recipients = append(out.Recipients, j)
	}
	return page.WriteJSON(w, http.StatusOK, out)
}
