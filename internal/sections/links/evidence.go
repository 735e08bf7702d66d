package links

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// grace is how long a host that a page links to may wait to be described.
const grace = 7 * 24 * time.Hour

// stale is how old a crawl may be that still says how the pages are.
const stale = 92 * 24 * time.Hour

// A crawl is what the last look at all pages found.
type crawl struct {
	at                                time.Time // zero if there was none
	pages, links, unlabelled, leaking int64
}

// Evidence shows what the last crawl of the site found, what the gate labels, and
// whether the register is whole.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (all []avow.Evidence, err error) {
	if now.Links == nil {
		return nil, nil
	}
	var last crawl
	var hosts []host
	var at time.Time
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		at = tx.Now
		if last, err = s.crawl(ctx, tx); err != nil {
			return err
		}
		hosts, err = s.all(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("evidence of links: %w", err)
	}
	all = append(all, s.labels(now, last, at), registered(now, hosts, at))
	if now.Links.Leaks != "" {
		e, err := s.leaks(ctx, now, last, at)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

func (s *Section) crawl(ctx context.Context, tx *store.Tx) (c crawl, err error) {
	var at int64
	err = tx.Get(ctx, q.Crawl, store.Into(&at, &c.pages, &c.links, &c.unlabelled, &c.leaking))
	if errors.Is(err, store.ErrNone) {
		return crawl{}, nil
	}
	c.at = moment(at)
	return c, err
}

// holds says whether there was a crawl that is not too old.
func (c crawl) holds(now time.Time) bool { return !c.at.IsZero() && now.Sub(c.at) < stale }

func (c crawl) figures() []avow.Figure {
	return []avow.Figure{{Name: "pages looked at", Value: number(c.pages)}, {Name: "links to other sites on them", Value: number(c.links)},
		{Name: "last looked", Value: c.at.Format("2 January 2006")}}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (s *Section) labels(now *statement.Edition, last crawl, at time.Time) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("links.label"), Standing: avow.Untested, At: at, Says: "Nobody has looked through the pages yet; avow links does it."}
	labelled := int64(0)
	if s.Gate != nil {
		labelled = s.Gate.Labelled()
	}
	switch {
	case last.holds(at) && last.unlabelled > 0:
		e.Standing, e.Says = avow.Broken, "When all pages were last looked through, some links did not say that they leave."
	case last.holds(at):
		e.Standing, e.Says = avow.Kept, "When all pages were last looked through, each link to another site said so in its name."
	case labelled > 0:
		e.Standing, e.Says = avow.Kept, "Links to other sites are labelled as pages pass; all pages were not looked through lately."
	}
	if last.holds(at) {
		e.Figures = append([]avow.Figure{{Name: "links that do not say so", Value: number(last.unlabelled)}}, last.figures()...)
	}
	if labelled > 0 {
		e.Figures = append(e.Figures, avow.Figure{Name: "links labelled as pages passed, since the last start", Value: number(labelled)})
	}
	return e
}

// registered looks whether the register is whole.
func registered(now *statement.Edition, hosts []host, at time.Time) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("links.register"), Standing: avow.Kept, At: at, Says: "Every site that a page links to is described in the register."}
	described, stated, late := 0, 0, 0
	for i := range hosts {
		h := &hosts[i]
		switch {
		case h.described() && h.statement != "":
			stated++
			fallthrough
		case h.described():
			described++
		case at.Sub(moment(h.met)) > grace:
			late++
		}
	}
	switch waiting := len(hosts) - described; {
	case len(hosts) == 0:
		e.Standing, e.Says = avow.Untested, "No link to another site was seen yet."
	case late > 0:
		e.Standing, e.Says = avow.Broken, "A site that a page links to has waited for more than a week to be described."
	case waiting > 0:
		e.Says = "Every site that a page links to is in the register; a new one is described within a week."
	}
	if len(hosts) > 0 {
		e.Figures = []avow.Figure{{Name: "sites in the register", Value: strconv.Itoa(len(hosts))}, {Name: "not yet described", Value: strconv.Itoa(len(hosts) - described)},
			{Name: "with the address of their statement", Value: strconv.Itoa(stated)}}
	}
	return e
}

// leaks puts together what visitors' browsers and the last crawl have seen.
func (s *Section) leaks(ctx context.Context, now *statement.Edition, last crawl, at time.Time) (avow.Evidence, error) {
	e := avow.Evidence{Clause: now.Keeper("links.leaks"), Standing: avow.Untested, At: at, Says: "Nobody has looked through the pages yet; avow links does it."}
	seen := int64(0)
	if s.Leaks != nil {
		var err error
		if seen, err = s.Leaks.Leaks(ctx); err != nil {
			return e, fmt.Errorf("evidence of leaks: %w", err)
		}
	}
	switch {
	case seen > 0 || last.holds(at) && last.leaking > 0:
		e.Standing, e.Says = avow.Broken, "A link to another site carried something about a person."
	case last.holds(at):
		e.Standing, e.Says = avow.Kept, "When all pages were last looked through, no link carried an address, a number, an id or a field of our forms to another site."
	}
	if last.holds(at) {
		e.Figures = append([]avow.Figure{{Name: "links that carry something", Value: number(last.leaking)}}, last.figures()...)
	}
	if seen > 0 { // one link many times, maybe
		e.Figures = append(e.Figures, avow.Figure{Name: "times that such a link was on a page, today and yesterday", Value: number(seen)})
	}
	return e, nil
}
