package links

import (
	"embed"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/avow-privacy/avow/internal/page"
)

//go:embed *.html
var templates embed.FS

// Routes are the register, for people and for machines.
func (s *Section) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET " + page.Base + "/links", Keeps: "links.register", Handle: s.page},
		{Pattern: "GET " + page.Base + "/links.json", Keeps: "links.register", Handle: s.json},
	}
}

type sheet struct {
	Rows    []row
	Waiting int
}

// A row is a site as the page shows it.
type row struct {
	Host, Class, Statement string
	Where                  string // host of the statement
	Seen                   time.Time
}

func (s *Section) page(w http.ResponseWriter, r *http.Request) error {
	all, err := s.register(r.Context())
	if err != nil {
		return err
	}
	var v sheet
	for i := range all {
		h := &all[i]
		line := row{Host: h.host, Class: h.class, Statement: h.statement, Seen: moment(h.seen)}
		if u, err := url.Parse(h.statement); err == nil {
			line.Where = strings.TrimPrefix(u.Hostname(), "www.")
		}
		if !h.described() {
			v.Waiting++
		}
		v.Rows = append(v.Rows, line)
	}
	return s.set.Write(w, r, "links.html", page.View{Title: "Sites we link to", Here: "links", Data: v})
}

// The JSON form of the register. It is documented in docs/json.md, and stable.
type registerJSON struct {
	Links []linkJSON `json:"links"`
}

type linkJSON struct {
	Host      string    `json:"host"`
	Described bool      `json:"described"`
	Class     string    `json:"class,omitempty"`
	Statement string    `json:"statement,omitempty"`
	Seen      time.Time `json:"seen,omitzero"`
}

func (s *Section) json(w http.ResponseWriter, r *http.Request) error {
	all, err := s.register(r.Context())
	if err != nil {
		return err
	}
	out := registerJSON{Links: []linkJSON{}}
	for i := range all {
		h := &all[i]
		seen := moment(h.seen).Truncate(24 * time.Hour) // closer would tell when somebody was there
		out.Links = append(out.Links, linkJSON{h.host, h.described(), h.class, h.statement, seen})
	}
	return page.WriteJSON(w, http.StatusOK, out)
}
