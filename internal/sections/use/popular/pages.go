package popular

import (
	"embed"
	"net/http"
	"time"

	"github.com/avow-privacy/avow/internal/page"
)

//go:embed *.html
var templates embed.FS

// Routes are the page of the numbers, and the numbers for machines.
func (s *Section) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET " + page.Base + "/popular", Keeps: "popular", Handle: s.page},
		{Pattern: "GET " + page.Base + "/popular.json", Keeps: "popular", Handle: s.json},
	}
}

// onPage is how many pages the page lists; the JSON has up to a thousand.
const onPage = 100

type sheet struct {
	Limit        int64
	Days, Months chart
	Pages        []pageRow
	More         int
	LastDay      time.Time
	Keep         string
}

type pageRow struct{ Path, Days, Year string }

func (s *Section) page(w http.ResponseWriter, r *http.Request) error {
	rule := s.rule()
	if rule == nil {
		return page.NotFound
	}
	n, err := s.numbers(r.Context())
	if err != nil {
		return err
	}
	v := sheet{Limit: n.limit, LastDay: n.days[len(n.days)-1].of,
		Days:   newChart("days", "Pages read each day", "Day", n.days, fullDay, shortDay),
		Months: newChart("months", "Pages read each month", "Month", n.month, fullMonth, shortMonth)}
	if !rule.Keep.IsZero() {
		v.Keep = rule.Keep.String()
	}
	for _, p := range n.pages[:min(onPage, len(n.pages))] {
		v.Pages = append(v.Pages, pageRow{p.path, shown(p.days), shown(p.year)})
	}
	v.More = len(n.pages) - len(v.Pages)
	return s.set.Write(w, r, "popular.html", page.View{Title: "Popular pages", Here: "popular", Data: v})
}

// The JSON form of the numbers. It is documented in docs/json.md, and stable. A
// number that is not shown is not there.
type numbersJSON struct {
	At        time.Time   `json:"at"`
	HideUnder int64       `json:"hide_under"`
	Days      []countJSON `json:"days"`
	Months    []countJSON `json:"months"`
	Pages     []pageJSON  `json:"pages"`
}

type countJSON struct {
	Day   string `json:"day,omitempty"`
	Month string `json:"month,omitempty"`
	Reads int64  `json:"reads,omitzero"`
}

type pageJSON struct {
	Path   string `json:"path"`
	Days   int64  `json:"days,omitzero"`
	Months int64  `json:"months,omitzero"`
}

func (s *Section) json(w http.ResponseWriter, r *http.Request) error {
	if s.rule() == nil {
		return page.NotFound
	}
	n, err := s.numbers(r.Context())
	if err != nil {
		return err
	}
	return page.WriteJSON(w, http.StatusOK, n.json())
}

func (n *numbers) json() numbersJSON {
	out := numbersJSON{At: n.at, HideUnder: n.limit, Pages: []pageJSON{}}
	for _, c := range n.days {
		out.Days = append(out.Days, countJSON{Day: day(c.of), Reads: c.n})
	}
	for _, c := range n.month {
		out.Months = append(out.Months, countJSON{Month: c.of.Format("2006-01"), Reads: c.n})
	}
	for _, p := range n.pages {
		out.Pages = append(out.Pages, pageJSON{p.path, p.days, p.year})
	}
	return out
}
