// Package outbox shows the letters that a demonstration would have sent.
//
// A house that is only tried out hands its letters to nobody. Here they can be
// read, with the links in them, as whoever they are for would read them.
package outbox

import (
	"embed"
	"net/http"
	"regexp"
	"strings"

	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
)

//go:embed outbox.html
var templates embed.FS

// Letters are what waits to be shown, the newest first.
type Letters interface{ Letters() []egress.Posted }

// Section shows letters.
type Section struct {
	letters Letters
	set     *page.Set
}

// New returns the section over letters, which may be nil: then there is no page.
func New(letters Letters, pages *page.Pages) *Section {
	return &Section{letters, pages.Parse(templates, "outbox.html")}
}

// Routes are the page, if there is one.
func (s *Section) Routes() []page.Route {
	if s.letters == nil {
		return nil
	}
	return []page.Route{{Pattern: "GET " + page.Base + "/outbox", Keeps: "purposes", Handle: s.show}}
}

// A shown is a letter on the page.
type shown struct {
	To, From, Subject string
	Text              []part
	Head              string // as it would have been sent
}

// A part of a text is words, or the address of a page.
type part struct {
	Words string
	Link  bool
}

var address = regexp.MustCompile(`https?://[^\s<>"]+`)

func (s *Section) show(w http.ResponseWriter, r *http.Request) error {
	var all []shown
	for _, l := range s.letters.Letters() {
		v := shown{To: l.To, From: l.From}
		head, _, _ := strings.Cut(string(l.Letter), "\r\n\r\n")
		v.Head = head
		m, err := mail.Read(strings.NewReader(string(l.Letter)), mail.Usual)
		if err == nil {
			v.Subject, v.Text = m.Subject, parts(m.Text)
		}
		all = append(all, v)
	}
	return s.set.Write(w, r, "outbox.html", page.View{Title: "Letters that would have been sent", Robots: "noindex", Data: all})
}

// parts finds the addresses of pages in a text.
func parts(text string) (all []part) {
	at := 0
	for _, m := range address.FindAllStringIndex(text, -1) {
		all = append(all, part{Words: text[at:m[0]]}, part{text[m[0]:m[1]], true})
		at = m[1]
	}
	return append(all, part{Words: text[at:]})
}
