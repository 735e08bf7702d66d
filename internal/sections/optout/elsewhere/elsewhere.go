// Package elsewhere lists where others can be told to stop.
//
// Others are the recipients of the statement and the third parties whose parts
// its pages load. Where an opt-out of theirs is a page, it is asked for once a
// week, and each day while it does not answer.
//
// It keeps this promise:
//
//	elsewhere: Sites of other companies have their own way to opt out, and our list of them says where.
package elsewhere

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"optout.elsewhere"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ All, Note, Drop string }](queries)

//go:embed *.html
var templates embed.FS

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Door asks whether a page is there.
type Door interface {
	Head(ctx context.Context, address string) (*egress.Answer, error)
	Get(ctx context.Context, address string) (*egress.Answer, error)
}

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Pages    *page.Pages
	Editions Editions
	Door     Door
}

// Section is the list of one site.
type Section struct {
	Deps
	set *page.Set
}

// New returns the section over d.
func New(d Deps) *Section { return &Section{d, d.Pages.Parse(templates, "elsewhere.html")} }

const (
	week = 7 * 24 * time.Hour
	day  = 24 * time.Hour
)

// A check is what was last found at an address.
type check struct {
	At     time.Time // zero if it was never asked for
	Status int64     // 0 if there was no answer
	Fault  string
	Dead   time.Time // since when it does not answer; zero if it does
}

func (s *Section) checks(ctx context.Context) (all map[string]check, now time.Time, err error) {
	all = map[string]check{}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		now = tx.Now
		return tx.Each(ctx, q.All, func(scan func(...any) error) error {
			var c check
			var address string
			var dead int64
			err := scan(&address, &c.At, &c.Status, &c.Fault, &dead)
			if dead > 0 {
				c.Dead = time.UnixMicro(dead).UTC()
			}
			all[address] = c
			return err
		})
	})
	if err != nil {
		return nil, now, fmt.Errorf("read what answers elsewhere: %w", err)
	}
	return all, now, nil
}

// where reads an opt-out of the statement: the page it is on, or the address to
// write to. Anything else is text.
func where(optout string) (href string, web bool) {
	u, err := url.Parse(optout)
	switch {
	case err != nil:
	case u.Scheme == "https" && u.Host != "" && u.User == nil:
		return optout, true
	case u.Scheme == "mailto" && strings.Contains(u.Opaque, "@"):
		return optout, false
	}
	return "", false
}

// pages are the addresses that can be asked for, each once.
func pages(e *statement.Edition) (all []string) {
	seen := map[string]bool{}
	for i := range e.Recipients {
		if a, web := where(e.Recipients[i].OptOut); web && !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all
}

// CheckDue asks for the pages whose time it is, one after the other, and forgets
// those that are not listed any more. The server calls it each hour.
func (s *Section) CheckDue(ctx context.Context) error {
	e := s.Editions.InForce()
	if e == nil {
		return nil
	}
	known, now, err := s.checks(ctx)
	if err != nil {
		return err
	}
	found := map[string]check{}
	for _, a := range pages(e) {
		last, again := known[a], week
		delete(known, a)
		if !last.Dead.IsZero() {
			again = day
		}
		if now.Sub(last.At) >= again && ctx.Err() == nil {
			found[a] = s.ask(ctx, a)
		}
	}
	if ctx.Err() != nil || len(found)+len(known) == 0 {
		return ctx.Err()
	}
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		for a, c := range found {
			dead := int64(0)
			if c.Fault != "" {
				dead = tx.Now.UnixMicro()
			}
			if err := tx.Do(ctx, q.Note, a, tx.Now, c.Status, c.Fault, dead); err != nil {
				return err
			}
		}
		for a := range known {
			if err := tx.Do(ctx, q.Drop, a); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what answers elsewhere: %w", err)
	}
	return nil
}

// ask looks whether there is a page. A server that does not answer the short
// question is asked the long one.
func (s *Section) ask(ctx context.Context, address string) (c check) {
	a, err := s.Door.Head(ctx, address)
	if err != nil || a.Status >= 300 {
		a, err = s.Door.Get(ctx, address)
	}
	switch {
	case errors.Is(err, egress.ErrInside):
		c.Fault = "its address is not a public one"
	case err != nil:
		c.Fault = "it does not answer"
	case a.Status >= 500 || a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		c.Fault = "it answers " + strconv.Itoa(a.Status)
	}
	if err == nil {
		c.Status = int64(a.Status) // one that shows itself to people only has answered
	}
	return c
}

// Routes are the list.
func (s *Section) Routes() []page.Route {
	return []page.Route{{Pattern: "GET " + page.Base + "/elsewhere", Keeps: "optout.elsewhere", Handle: s.page}}
}

// A row is one of the others.
type row struct {
	Who, For   string
	Href, Says string // where to opt out: a link and its words, or words alone
	Leaves     bool
	Own        bool // by our own page of choices
	check
}

func (s *Section) page(w http.ResponseWriter, r *http.Request) error {
	e := s.Editions.InForce()
	if e == nil {
		return page.NotFound
	}
	known, _, err := s.checks(r.Context())
	if err != nil {
		return err
	}
	var rows []row
	for i := range e.Recipients {
		p := &e.Recipients[i]
		line := row{Who: p.Say, For: purposes(e, p.For), Says: p.OptOut}
		if line.Href, line.Leaves = where(p.OptOut); line.Href != "" {
			line.Says = strings.TrimPrefix(strings.TrimPrefix(p.OptOut, "https://"), "mailto:")
		}
		if line.Leaves {
			line.check = known[p.OptOut]
		}
		rows = append(rows, line)
	}
	for i := range e.Trackers {
		rows = append(rows, row{Who: e.Trackers[i].Host, For: e.Trackers[i].For, Own: true})
	}
	return s.set.Write(w, r, "elsewhere.html", page.View{Title: "Opting out elsewhere", Here: "elsewhere", Data: struct {
		Rows    []row
		Contact string
	}{rows, e.Organisation.Contact}})
}

func purposes(e *statement.Edition, names []avow.Purpose) string {
	var all []string
	for _, n := range names {
		if p := e.Purpose(n); p != nil {
			all = append(all, p.Say)
		}
	}
	return strings.Join(all, "; ")
}

// Evidence shows which of the listed pages answer.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	if now.OptOut == nil || now.OptOut.Elsewhere == "" {
		return nil, nil
	}
	known, at, err := s.checks(ctx)
	if err != nil {
		return nil, err
	}
	e := avow.Evidence{Clause: now.Keeper("optout.elsewhere"), Standing: avow.Kept, At: at, Says: "Every page on the list answered when it was last asked for, at most a week ago."}
	all, dead, unasked := pages(now), 0, 0
	var longest time.Duration
	for _, a := range all {
		c := known[a]
		if !c.Dead.IsZero() {
			dead++
			longest = max(longest, at.Sub(c.Dead))
		}
		if at.Sub(c.At) > week+day {
			unasked++
		}
	}
	switch {
	case len(all) == 0:
		e.Says = "The list says where to write; there is no page on it that could be asked for."
	case longest >= week:
		e.Standing, e.Says = avow.Broken, "A page on the list has not answered for a week."
	case unasked > 0:
		e.Standing, e.Says = avow.Untested, "A page on the list was not asked for within the last week."
	case dead > 0:
		e.Says = "A page on the list does not answer at the moment; it is asked for again each day."
	}
	e.Figures = []avow.Figure{{Name: "listed", Value: strconv.Itoa(len(now.Recipients) + len(now.Trackers))}, {Name: "dead links", Value: strconv.Itoa(dead)}}
	return []avow.Evidence{e}, nil
}
