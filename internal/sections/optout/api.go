package optout

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/store"
)

// atOnce is how many of a list are stopped in one commit.
const atOnce = 1000

// maxList and maxRows bound one list.
const maxList, maxRows = 8 << 20, 10_000

// AddTo adds what programs of the house may ask: to take in a list of addresses
// that letters are stopped to, and, for staff, which of a list they are stopped
// to. No list is ever given out.
func (s *Section) AddTo(a *api.API) {
	takes := "One address a line as text/plain, CSV with a head as text/csv (columns such as email, reason and date, as other tools export them), or a JSON array " +
		"as application/json. In the query, for names the one purpose that it is about; otherwise it is about everything. "
	a.Route(api.Operation{ID: "suppress", Method: "POST", Path: "/v1/suppressions", Group: "Letters", Title: "Stop letters to a list of addresses",
		Says: takes + "A reason of bounce or complaint counts as that. A stop with a date holds unless the person started letters after it. If a line has no address " +
			"nothing is done, and the lines are named by number; with partly=true the others are done. The answer is a count.",
		Example: "@addresses.txt", May: api.Import, Limit: maxList}, "text/plain", "application/json", s.suppress)
	a.Route(api.Operation{ID: "check-suppressions", Method: "POST", Path: "/v1/suppressions/check", Group: "Letters", Title: "Ask which addresses of a list letters are stopped to",
		Says:    takes + "The answer has the numbers of those lines, from 0, and never an address.",
		Example: "@addresses.txt", May: api.Staff, Limit: maxList}, "text/plain", "application/json", s.check)
}

// Suppressed is what POST /v1/suppressions answers.
type Suppressed struct {
	Taken int   `json:"taken" doc:"How many lines were taken: letters to those addresses are stopped."`
	Bad   []int `json:"bad" nullable:"false" doc:"Lines without an address, from 0."`
}

// Checked is what POST /v1/suppressions/check answers.
type Checked struct {
	Stopped []int `json:"stopped" nullable:"false" doc:"Lines to whose address letters are stopped, from 0."`
	Bad     []int `json:"bad" nullable:"false" doc:"Lines without an address, from 0."`
}

// given reads a list, and what it is about.
func (s *Section) given(w http.ResponseWriter, r *http.Request) (*stops.List, avow.Purpose, error) {
	scope := stops.All
	if name := avow.Purpose(r.URL.Query().Get("for")); name != "" {
		if e := s.Editions.InForce(); e == nil || e.Purpose(name) == nil {
			return nil, "", api.Invalid("for", "There is no such purpose in the statement.")
		}
		scope = name
	}
	if err := api.Within(r.Context(), "", scope); err != nil {
		return nil, "", err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxList))
	if err != nil {
		return nil, "", err
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	l, err := stops.ReadList(kind, body)
	switch {
	case err != nil:
		return nil, "", api.Invalid("", "That is no list of addresses: one a line, CSV whose first row names a column email, or a JSON array.")
	case l.Rows > maxRows:
		return nil, "", api.Invalid("", fmt.Sprintf("Send at most %d lines at once.", maxRows))
	}
	return l, scope, nil
}

func (s *Section) suppress(w http.ResponseWriter, r *http.Request) error {
	l, scope, err := s.given(w, r)
	if err != nil {
		return err
	}
	if len(l.Bad) > 0 && r.URL.Query().Get("partly") != "true" {
		return api.Invalid("", "Nothing was done. There is no e-mail address in "+lines(l.Bad)+".")
	}
	how := stops.How(r.URL.Query().Get("reason"))
	switch how {
	case "", stops.Import, stops.Staff, stops.Bounce, stops.Complaint:
	default:
		return api.Invalid("reason", "A reason is import, staff, bounce or complaint.")
	}
	all := make([]stops.Stop, len(l.Entries))
	for i, e := range l.Entries {
		all[i] = stops.Stop{Digest: s.Digest(e.Address), Scope: scope, How: e.How, At: e.At}
		if how != "" {
			all[i].How = how
		}
		if all[i].How == stops.Bounce { // holds every letter, whatever the list is about
			if err := api.Within(r.Context(), "", stops.All); err != nil {
				return err
			}
		}
	}
	for len(all) > 0 {
		n := min(len(all), atOnce)
		if _, err := s.Stop(r.Context(), all[:n]...); err != nil {
			return err
		}
		all = all[n:]
	}
	return page.WriteJSON(w, http.StatusOK, Suppressed{len(l.Entries), some(l.Bad)})
}

func (s *Section) check(w http.ResponseWriter, r *http.Request) error {
	l, scope, err := s.given(w, r)
	if err != nil {
		return err
	}
	out := Checked{Stopped: []int{}, Bad: some(l.Bad)}
	err = s.Store.View(r.Context(), func(tx *store.Tx) error {
		for _, e := range l.Entries {
			all, err := s.Of(r.Context(), tx, s.Digest(e.Address))
			if err != nil {
				return err
			}
			if all.Stopped(scope) {
				out.Stopped = append(out.Stopped, e.Row)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("check suppressions: %w", err)
	}
	return page.WriteJSON(w, http.StatusOK, out)
}

func some(n []int) []int {
	if n == nil {
		return []int{}
	}
	return n
}

// maxNamed is how many lines are named.
const maxNamed = 20

// lines names lines by their numbers as people count them.
func lines(bad []int) string {
	var b strings.Builder
	for i, n := range bad[:min(len(bad), maxNamed)] {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "line %d", n+1)
	}
	if more := len(bad) - maxNamed; more > 0 {
		fmt.Fprintf(&b, " and %d more", more)
	}
	return b.String()
}
