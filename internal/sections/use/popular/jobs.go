package popular

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// unsettled comes before a day whose counts may still be under the limit.
const unsettled = "0"

// Flush writes what was counted since the last time, to the day on which it is
// written. What could not be written is counted again the next time.
func (s *Section) Flush(ctx context.Context) error {
	counted := s.take()
	if len(counted) == 0 {
		return nil
	}
	// Always in one order, so that two houses over a database do not wait for
	// each other.
	paths := slices.Sorted(maps.Keys(counted))
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		today := unsettled + day(tx.Now)
		known, err := s.paths(ctx, tx, today)
		if err != nil {
			return err
		}
		for _, path := range paths {
			to := path
			if !known[path] && len(known) >= maxPaths {
				to = other
			}
			known[to] = true
			if err := tx.Do(ctx, q.Add, today, to, counted[path]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for path, n := range counted {
		s.add(path, n)
	}
	return fmt.Errorf("count pages: %w", err)
}

// take empties the counts.
func (s *Section) take() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	counted := map[string]int64{}
	for path, n := range s.pending {
		if *n > 0 {
			counted[path], *n = *n, 0
		}
	}
	return counted
}

func (s *Section) paths(ctx context.Context, tx *store.Tx, day string) (map[string]bool, error) {
	known := map[string]bool{}
	return known, tx.Each(ctx, q.Paths, func(scan func(...any) error) error {
		var path string
		err := scan(&path)
		known[path] = true
		return err
	}, day)
}

// A tally is what was counted of one page by the end of a day.
type tally struct {
	day string
	n   int64
}

// Settle ends the days that are over: what has come to the limit is shown from
// now on and never changes again, the rest is carried over to today or
// forgotten. Then it lets go what is older than the statement says. It is for
// one house of those over a database.
func (s *Section) Settle(ctx context.Context) error {
	rule := s.rule()
	if rule == nil {
		return nil
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		today := day(tx.Now)
		over, err := s.over(ctx, tx, today)
		if err != nil {
			return err
		}
		for _, path := range slices.Sorted(maps.Keys(over)) {
			if to := settle(over[path], today, rule); to != "" {
				if err := tx.Do(ctx, q.Add, to, path, over[path].n); err != nil {
					return err
				}
			}
		}
		if rule.Keep.IsZero() {
			return nil
		}
		return tx.Do(ctx, q.Expire, day(oldest(rule.Keep, tx.Now)))
	})
	if err != nil {
		return fmt.Errorf("settle the counts of pages: %w", err)
	}
	return nil
}

// over takes the counts of all days that are over out of the table, and sums
// them up by page.
func (s *Section) over(ctx context.Context, tx *store.Tx, today string) (map[string]tally, error) {
	sums := map[string]tally{}
	return sums, tx.Each(ctx, q.Take, func(scan func(...any) error) error {
		var on, path string
		var n int64
		if err := scan(&on, &path, &n); err != nil {
			return err
		}
		sum := sums[path]
		sums[path] = tally{max(sum.day, on[len(unsettled):]), sum.n + n}
		return nil
	}, unsettled+today)
}

// settle says under which day the count of a page goes on: the one that it ends
// on if it has come to the limit, today if it is carried over, "" if it is
// forgotten. Nothing is carried out of its month, or at all where nothing is kept
// that long.
func settle(t tally, today string, rule *statement.Popular) string {
	month := len("2026-11")
	switch {
	case t.n >= int64(rule.HideUnder):
		return t.day
	case t.day[:month] == today[:month] && (rule.Keep.IsZero() || !avow.Period{Days: 31}.Longer(rule.Keep)):
		return unsettled + today
	}
	return ""
}

// oldest is the first day that is kept for the period now.
func oldest(keep avow.Period, now time.Time) time.Time {
	today := avow.DateOf(now.UTC()).Time()
	ago := sort.Search(maxDays, func(n int) bool { return !keep.After(today.AddDate(0, 0, -n)).After(today) })
	return today.AddDate(0, 0, 1-ago)
}

// maxDays is more than any period that makes sense.
const maxDays = 100 * 366
