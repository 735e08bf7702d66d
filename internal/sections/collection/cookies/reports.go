package cookies

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/scrub"
)

const (
	maxCells   = 1000 // of a day: what is more is counted together
	maxText    = 300  // bytes of a host or a path
	perSecond  = 20   // reports that are read, over time
	burst      = 200  // and at once
	keepCounts = 90   // days that counts are kept
)

// A cell is one thing that was done, or tried, against the statement.
type cell struct{ kind, what, place, how string }

type tally struct {
	n    int64
	last time.Time
}

// others stands for what found no cell of its own.
const others = "(others)"

// watched ends the how of what was seen and not stopped.
const watched = " (watched)"

// report takes what browsers report. Anybody can send such a thing, so it is
// bounded in every way: in size, in number, and in what is kept of it.
func (s *Section) report(w http.ResponseWriter, r *http.Request) error {
	if !s.bucket.take(s.Store.Now()) {
		w.WriteHeader(http.StatusTooManyRequests)
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wall.MaxReport))
	if err != nil {
		return err
	}
	found, err := wall.Report(body)
	if err != nil {
		return &page.Problem{Status: http.StatusBadRequest, Title: "That is no report"}
	}
	for _, v := range found {
		s.Violation(v)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Violation counts something that was done, or tried, against the statement. It
// waits for nothing: it is a method of gate.Watch.
func (s *Section) Violation(v wall.Violation) {
	c := cell{string(v.Kind), nameless(short(v.What)), short(pagePath(v.Where)), short(v.How)}
	if v.Let {
		c.how += watched
	}
	now := s.Store.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.pending[c]; !known && len(s.pending) >= maxCells {
		c = cell{c.kind, others, "", ""}
	}
	s.add(c, tally{1, now})
}

// pagePath is what is kept of the path of a page, on which there may be somebody's
// name or number.
func pagePath(path string) string {
	if plain, err := url.PathUnescape(path); err == nil { // as reports have it
		path = plain
	}
	return scrub.Path(path)
}

// nameless is the name of a cookie or a host, unless it tells of a person.
func nameless(what string) string {
	if len(scrub.Find([]byte(what))) > 0 {
		return "…"
	}
	return what
}

func (s *Section) add(c cell, t tally) {
	sum := s.pending[c]
	sum.n += t.n
	if t.last.After(sum.last) {
		sum.last = t.last
	}
	s.pending[c] = sum
}

func short(text string) string {
	if len(text) > maxText {
		text = text[:maxText]
	}
	clean := []rune{}
	for _, r := range text {
		if r < ' ' || r == 0xfffd {
			r = '?'
		}
		clean = append(clean, r)
	}
	return string(clean)
}

// Flush writes what was counted since the last time. What could not be written is
// counted again the next time.
func (s *Section) Flush(ctx context.Context) error {
	s.mu.Lock()
	counted := s.pending
	s.pending = map[cell]tally{}
	s.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	var fresh []cell
	err := s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		fresh, err = flush(ctx, tx, counted)
		return err
	})
	if err == nil {
		s.tell(fresh)
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c, t := range counted {
		s.add(c, t)
	}
	return fmt.Errorf("count violations: %w", err)
}

// tell says in the log of the house what was not seen before that day: who
// watches a site before it is held to its statement needs to know what to declare.
func (s *Section) tell(fresh []cell) {
	if s.Log == nil {
		return
	}
	for _, c := range fresh {
		s.Log.Info("against the statement", "kind", c.kind, "what", c.what, "page", c.place, "how", c.how)
	}
}

// flush returns the cells that were not there.
func flush(ctx context.Context, tx *store.Tx, counted map[cell]tally) (fresh []cell, err error) {
	today := tx.Now.UTC().Format(time.DateOnly)
	if err := tx.Do(ctx, q.Forget, tx.Now.UTC().AddDate(0, 0, -keepCounts).Format(time.DateOnly)); err != nil {
		return nil, err
	}
	var cells int64
	if err := tx.Get(ctx, q.Cells, &cells, today); err != nil {
		return nil, err
	}
	for c, t := range counted {
		known, err := tx.Exec(ctx, q.Again, today, c.kind, c.what, c.place, c.how, t.n, t.last)
		if err != nil {
			return nil, err
		}
		if known > 0 {
			continue
		}
		if cells >= maxCells {
			c = cell{c.kind, others, "", ""}
		} else {
			fresh = append(fresh, c)
		}
		cells++
		if _, err := tx.Exec(ctx, q.Violated, today, c.kind, c.what, c.place, c.how, t.n, t.last); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

// A bucket lets so many through, over time, whoever they are: to bound them one
// by one somebody would have to be told from the other.
type bucket struct {
	mu   sync.Mutex
	used float64
	last time.Time
}

func (b *bucket) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used = max(0, b.used-perSecond*max(0, now.Sub(b.last).Seconds()))
	b.last = now
	if b.used >= burst {
		return false
	}
	b.used++
	return true
}
