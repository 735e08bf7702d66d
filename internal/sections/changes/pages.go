package changes

import (
	"embed"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/revision"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vocabulary"
)

//go:embed *.html
var templates embed.FS

// Routes are the pages of the statement and of its history.
func (s *Section) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET " + page.Base, Keeps: "changes.date", Handle: s.current},
		{Pattern: "GET " + page.Base + "/{$}", Keeps: "changes.date", Handle: func(w http.ResponseWriter, r *http.Request) error {
			http.Redirect(w, r, page.Base, http.StatusPermanentRedirect)
			return nil
		}},
		{Pattern: "GET " + page.Base + "/v/{n}", Keeps: "changes.history", Handle: s.earlier},
		{Pattern: "GET " + page.Base + "/diff/{range}", Keeps: "changes.history", Handle: s.diff},
		{Pattern: "GET " + page.Base + "/changes", Keeps: "changes.history", Handle: s.history},
		{Pattern: "GET " + page.Base + "/changes.atom", Keeps: "changes.history", Handle: s.feed},
		{Pattern: "GET " + page.Base + "/statement.json", Keeps: "changes.date", Handle: s.machine},
		{Pattern: "GET " + page.Base + "/statement.jsonld", Keeps: "changes.date", Handle: s.linked},
		{Pattern: "GET " + page.Base + "/statement.md", Keeps: "changes.date", Handle: s.source},
		{Pattern: "GET " + page.Base + "/statement.schema.json", Keeps: "changes.date", Handle: s.schema},
	}
}

type sheet struct {
	*statement.Edition
	Body     page.HTML
	Contents []statement.Heading
	Latest   avow.Version
	Counts   map[avow.Standing]int
}

func (s *Section) current(w http.ResponseWriter, r *http.Request) error {
	e := s.InForce()
	if e == nil {
		return page.NotFound
	}
	s.Notices.Served(e.Version)
	standing, at := s.Standings.Standings(r.Context())
	last := s.shown.Load()
	if last == nil || last.edition != e || !last.at.Equal(at) {
		print, err := s.set.Print("statement.html", s.view(marked(e, standing)))
		if err != nil {
			return err
		}
		last = &shown{e, at, print}
		s.shown.Store(last)
	}
	return last.print.Write(w, r)
}

// shown is the statement in force as it was last put on a page. It is made anew
// only when the promises were looked at anew.
type shown struct {
	edition *statement.Edition
	at      time.Time
	print   *page.Print
}

func marked(e *statement.Edition, standing func(avow.ClauseID) avow.Standing) sheet {
	counts := map[avow.Standing]int{}
	for i := range e.Clauses {
		if c := &e.Clauses[i]; c.Force != statement.Information {
			counts[standing(c.ID)]++
		}
	}
	body := e.HTML(func(c *statement.Clause) statement.Mark {
		now := standing(c.ID)
		return statement.Mark{Class: string(now), Label: page.Word(now), Href: page.Base + "/promises/" + string(c.ID)}
	})
	return sheet{Edition: e, Body: page.Trusted(body), Counts: counts}
}

func (s *Section) earlier(w http.ResponseWriter, r *http.Request) error {
	n, ok := number(r.PathValue("n"))
	e := s.Edition(n)
	if !ok || e == nil {
		return page.NotFound
	}
	body := e.HTML(func(c *statement.Clause) statement.Mark {
		if c.Force == statement.Aspiration {
			return statement.Mark{Class: string(avow.Aspiration), Label: page.Word(avow.Aspiration), Href: "#" + string(c.ID)}
		}
		return statement.Mark{Class: "past", Label: "promise", Href: "#" + string(c.ID)}
	})
	s.Notices.Served(e.Version)
	return s.set.Write(w, r, "statement.html", s.view(sheet{Edition: e, Body: page.Trusted(body)}))
}

func (s *Section) view(v sheet) page.View {
	v.Contents, v.Latest = v.Edition.Contents(), s.newest()
	return page.View{Title: v.Edition.Title, Here: "statement", Feed: true, Data: v}
}

// number reads a version as a link writes it: only one spelling is a page.
func number(text string) (avow.Version, bool) {
	n, err := strconv.Atoi(text)
	return avow.Version(n), err == nil && strconv.Itoa(n) == text
}

type change struct {
	From, To *statement.Edition
	*revision.Change
}

// Meaning says what the change means for the reader.
func (c change) Meaning() string { return summary(string(c.Class)) }

func (s *Section) diff(w http.ResponseWriter, r *http.Request) error {
	a, b, ok := strings.Cut(r.PathValue("range"), "..")
	from, okA := number(a)
	to, okB := number(b)
	v := change{From: s.Edition(from), To: s.Edition(to)}
	if !ok || !okA || !okB || v.From == nil || v.To == nil {
		return page.NotFound
	}
	v.Change = revision.Compare(v.From.Statement, v.To.Statement)
	title := fmt.Sprintf("What changed from version %d to %d", from, to)
	return s.set.Write(w, r, "diff.html", page.View{Title: title, Here: "changes", Data: v})
}

// A past is one line of the history.
type past struct {
	Version   avow.Version
	Updated   avow.Date
	Published time.Time
	Class     string
	Leaf      int64
	Rules     [32]byte
	Pinned    int
}

// Before is the version before p.
func (p past) Before() avow.Version { return p.Version - 1 }

// Summary says what p changed for the reader.
func (p past) Summary() string { return summary(p.Class) }

func (s *Section) past(r *http.Request) ([]past, error) {
	pins, err := s.Pins.ByVersion(r.Context())
	if err != nil {
		return nil, err
	}
	var list []past
	for _, e := range s.editionRows() {
		list = append(list, past{e.version, e.updated, e.published, e.class, e.leaf, e.rules, pins[e.version]})
	}
	return list, nil
}

func (s *Section) history(w http.ResponseWriter, r *http.Request) error {
	list, err := s.past(r)
	if err != nil {
		return err
	}
	return s.set.Write(w, r, "changes.html", page.View{Title: "Changes to this statement", Here: "changes", Feed: true, Data: list})
}

// An atom is a feed as RFC 4287 writes it.
type atom struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID      string   `xml:"id"`
	Title   string   `xml:"title"`
	Updated string   `xml:"updated"`
	Link    atomLink `xml:"link"`
	Summary string   `xml:"summary"`
}

func (s *Section) feed(w http.ResponseWriter, r *http.Request) error {
	e := s.InForce()
	if e == nil {
		return page.NotFound
	}
	list, err := s.past(r)
	if err != nil {
		return err
	}
	site := strings.TrimSuffix(e.Organisation.Site[0], "/") + page.Base
	f := atom{ID: site, Title: e.Title + " · " + e.Organisation.Name, Updated: list[0].Published.Format(time.RFC3339),
		Author: e.Organisation.Name, Links: []atomLink{{"alternate", site}, {"self", site + "/changes.atom"}}}
	for _, p := range list {
		at := fmt.Sprintf("%s/v/%d", site, p.Version)
		f.Entries = append(f.Entries, atomEntry{ID: at, Title: fmt.Sprintf("Version %d", p.Version),
			Updated: p.Published.Format(time.RFC3339), Link: atomLink{"alternate", at}, Summary: summary(p.Class)})
	}
	w.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	body, err := xml.MarshalIndent(f, "", "  ")
	if err == nil {
		_, _ = w.Write(append([]byte(xml.Header), body...))
	}
	return err
}

// summary says what a class of change means for the reader.
func summary(class string) string {
	switch class {
	case "first":
		return "The first version of this statement."
	case "wording":
		return "Only the wording changed. What we do is the same."
	case "narrower":
		return "We promise more or do less than before."
	}
	return "We may do more than before. What you gave us earlier stays under the earlier promises."
}

func (s *Section) machine(w http.ResponseWriter, _ *http.Request) error {
	return s.export(w, "application/json", vocabulary.JSON)
}

func (s *Section) linked(w http.ResponseWriter, _ *http.Request) error {
	return s.export(w, "application/ld+json", func(e *statement.Edition) ([]byte, error) { return vocabulary.LD(e.Statement) })
}

func (s *Section) source(w http.ResponseWriter, _ *http.Request) error {
	return s.export(w, "text/markdown; charset=utf-8", func(e *statement.Edition) ([]byte, error) { return e.Source, nil })
}

func (s *Section) schema(w http.ResponseWriter, _ *http.Request) error {
	return s.export(w, "application/schema+json", func(*statement.Edition) ([]byte, error) { return vocabulary.Schema(), nil })
}

func (s *Section) export(w http.ResponseWriter, kind string, write func(*statement.Edition) ([]byte, error)) error {
	e := s.InForce()
	if e == nil {
		return page.NotFound
	}
	body, err := write(e)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(body)
	return nil
}
