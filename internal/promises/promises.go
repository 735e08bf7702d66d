// Package promises shows of every promise whether it is kept, with the proof.
//
// Each section says what it can show; this package asks them all, now and then,
// and puts the answers beside the words. A promise that no section speaks of is
// untested, and the page says so.
package promises

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
)

//go:embed *.html
var templates embed.FS

// Evidence is what a section can show of its promises.
type Evidence interface {
	Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error)
}

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Deps are what the pages are made of.
type Deps struct {
	Pages    *page.Pages
	Editions Editions
	Sections []Evidence
	Clock    func() time.Time
	Log      *slog.Logger
}

// Promises knows how every promise stands.
type Promises struct {
	Deps
	set *page.Set

	mu   sync.Mutex
	last *Account
}

// New returns Promises over d.
func New(d Deps) *Promises {
	return &Promises{Deps: d, set: d.Pages.Parse(templates, "promises.html", "promise.html")}
}

// An Account says how every promise of one edition stands at one moment.
type Account struct {
	Edition  *statement.Edition
	At       time.Time
	Promises []Promise
	Counts   map[avow.Standing]int
	index    map[avow.ClauseID]int
}

// A Promise is a clause and what is known of it.
type Promise struct {
	*statement.Clause
	avow.Evidence
}

// fresh is how long an account is shown before the sections are asked again.
const fresh = 2 * time.Second

// Account returns how the promises stand now, or stood within the last two
// seconds: a busy page does not make the server test itself busily.
func (p *Promises) Account(ctx context.Context) (*Account, error) {
	now, e := p.Clock(), p.Editions.InForce()
	if e == nil {
		return nil, page.NotFound
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last != nil && p.last.Edition == e && now.Sub(p.last.At) < fresh {
		return p.last, nil
	}
	// What one impatient visitor stops waiting for, the next one still wants.
	a, err := p.account(context.WithoutCancel(ctx), e, now)
	if err == nil {
		p.last = a
	}
	return a, err
}

func (p *Promises) account(ctx context.Context, e *statement.Edition, now time.Time) (*Account, error) {
	a := &Account{Edition: e, At: now, Counts: map[avow.Standing]int{}, index: map[avow.ClauseID]int{}}
	for i := range e.Clauses {
		if c := &e.Clauses[i]; c.ID != "" && c.Force != statement.Information {
			a.index[c.ID] = len(a.Promises)
			a.Promises = append(a.Promises, Promise{c, unproven(c, now)})
		}
	}
	for _, s := range p.Sections {
		found, err := s.Evidence(ctx, e)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			a.add(f)
		}
	}
	for _, promise := range a.Promises {
		a.Counts[promise.Standing]++
	}
	return a, nil
}

// unproven is how a clause stands before any section spoke of it.
func unproven(c *statement.Clause, now time.Time) avow.Evidence {
	if c.Force == statement.Aspiration {
		return avow.Evidence{Clause: c.ID, Standing: avow.Aspiration, At: now, Says: "We aim at this. Nothing enforces it yet, so we do not promise it."}
	}
	return avow.Evidence{Clause: c.ID, Standing: avow.Untested, At: now, Says: "Nothing has tried this promise yet."}
}

// add puts evidence to its promise. Where a promise rests on several rules it
// stands as the worst of them does.
func (a *Account) add(f avow.Evidence) {
	i, ok := a.index[f.Clause]
	if !ok || a.Promises[i].Force == statement.Aspiration {
		return
	}
	if f.At.IsZero() {
		f.At = a.At
	}
	old := &a.Promises[i].Evidence
	if !a.Promises[i].shown() {
		*old = f
		return
	}
	if worse(f.Standing, old.Standing) {
		old.Standing, old.Says = f.Standing, f.Says
	}
	old.Figures = append(old.Figures, f.Figures...)
}

// shown says whether a section has spoken of p.
func (p *Promise) shown() bool { return p.Figures != nil }

func worse(a, b avow.Standing) bool {
	rank := map[avow.Standing]int{avow.Kept: 0, avow.Untested: 1, avow.Broken: 2}
	return rank[a] > rank[b]
}

// Standings returns how the promises stand, and when they were looked at.
// Evidence that cannot be had is no evidence: every promise is untested then.
func (p *Promises) Standings(ctx context.Context) (of func(avow.ClauseID) avow.Standing, at time.Time) {
	a, err := p.Account(ctx)
	if err != nil {
		p.Log.Error("evidence", "error", err)
		return func(avow.ClauseID) avow.Standing { return avow.Untested }, p.Clock()
	}
	return a.standing, a.At
}

func (a *Account) standing(id avow.ClauseID) avow.Standing {
	if i, ok := a.index[id]; ok {
		return a.Promises[i].Standing
	}
	return avow.Information
}
