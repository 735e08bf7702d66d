package popular

import (
	"context"
	"fmt"
	"time"

	"github.com/avow-privacy/avow/internal/store"
)

// numbers are what is shown. A number that is not there is 0.
type numbers struct {
	at    time.Time
	limit int64
	days  []count // the last 30 that are over, oldest first
	month []count // the last 12, this one included, oldest first
	pages []pageCount
}

// A count is a number and what it is of: a day or a month, as 2026-11-24 or
// 2026-11.
type count struct {
	of time.Time
	n  int64
}

// A pageCount is how often a page was read in the last 30 days, and in the last
// 12 months.
type pageCount struct {
	path       string
	days, year int64
}

// fresh is how long numbers are shown before they are summed up again.
const fresh = time.Minute

const shownDays, shownMonths = 30, 12

// numbers sums up what is settled. Days that are not are left out, and so are
// numbers under a limit that came later than they did.
func (s *Section) numbers(ctx context.Context) (*numbers, error) {
	limit := int64(0)
	if rule := s.rule(); rule != nil {
		limit = int64(rule.HideUnder)
	}
	s.look.Lock()
	defer s.look.Unlock()
	if d := s.Store.Now(); s.shown != nil && s.shown.limit == limit && d.Sub(s.shown.at) < fresh {
		return s.shown, nil
	}
	var n *numbers
	err := s.Store.View(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		n = empty(tx.Now, limit)
		return n.read(ctx, tx)
	})
	if err != nil {
		return nil, fmt.Errorf("sum up the counts of pages: %w", err)
	}
	s.shown = n
	return n, nil
}

// empty are the days and months that are shown at a moment.
func empty(at time.Time, limit int64) *numbers {
	at = at.UTC()
	n := &numbers{at: at, limit: limit}
	for i := shownDays; i > 0; i-- {
		n.days = append(n.days, count{of: time.Date(at.Year(), at.Month(), at.Day()-i, 0, 0, 0, 0, time.UTC)})
	}
	for i := shownMonths - 1; i >= 0; i-- {
		n.month = append(n.month, count{of: time.Date(at.Year(), at.Month()-time.Month(i), 1, 0, 0, 0, 0, time.UTC)})
	}
	return n
}

func (n *numbers) read(ctx context.Context, tx *store.Tx) error {
	since := day(n.month[0].of)
	byDay, byMonth := map[string]int64{}, map[string]int64{}
	err := tx.Each(ctx, q.Days, func(scan func(...any) error) error {
		var on string
		var views int64
		err := scan(&on, &views)
		byDay[on] = views
		byMonth[on[:min(len(on), len("2026-11"))]] += views
		return err
	}, since, n.limit)
	if err != nil {
		return err
	}
	for i := range n.days {
		n.days[i].n = byDay[day(n.days[i].of)]
	}
	for i := range n.month {
		n.month[i].n = byMonth[n.month[i].of.Format("2006-01")]
	}
	return tx.Each(ctx, q.Pages, func(scan func(...any) error) error {
		var p pageCount
		err := scan(&p.path, &p.days, &p.year)
		n.pages = append(n.pages, p)
		return err
	}, day(n.days[0].of), since, n.limit)
}

// all calls fn for each number that is shown.
func (n *numbers) all(fn func(int64)) {
	for _, list := range [][]count{n.days, n.month} {
		for _, c := range list {
			if c.n != 0 {
				fn(c.n)
			}
		}
	}
	for _, p := range n.pages {
		for _, c := range []int64{p.days, p.year} {
			if c != 0 {
				fn(c)
			}
		}
	}
}

// sum adds counts up. It is a sum of shown numbers, and so tells nothing else.
func sum(counts []count) (n int64) {
	for _, c := range counts {
		n += c.n
	}
	return n
}
