// Package acceptance records which version was in force when someone used the site.
//
// A notice served is counted by version and day, without anything about who it
// was served to. It is never taken for consent: the compiler refuses a purpose
// that rests on it.
//
// It keeps this promise:
//
//	notice: We record which version of this statement was in force and shown when you used this site. We do not take your visit for consent to anything.
package acceptance

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"acceptance.notice"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Served, Total string }](queries)

// Section counts the notices that were served.
type Section struct {
	db *store.DB

	mu      sync.Mutex
	pending map[avow.Version]int64
}

// New returns a Section that writes its counts to db.
func New(db *store.DB) *Section { return &Section{db: db, pending: map[avow.Version]int64{}} }

// Served counts one notice of version v. It waits for nothing: a page is never
// slower for being counted.
func (s *Section) Served(v avow.Version) {
	s.mu.Lock()
	s.pending[v]++
	s.mu.Unlock()
}

// Flush writes what was counted since the last time. What could not be written
// is counted again the next time.
func (s *Section) Flush(ctx context.Context) error {
	s.mu.Lock()
	counted := s.pending
	s.pending = map[avow.Version]int64{}
	s.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	err := s.db.Commit(ctx, func(tx *store.Tx) error {
		for v, n := range counted {
			if _, err := tx.Exec(ctx, q.Served, int64(v), tx.Now.UTC().Format(time.DateOnly), n); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		return nil
	}
	s.mu.Lock()
	for v, n := range counted {
		s.pending[v] += n
	}
	s.mu.Unlock()
	return fmt.Errorf("count notices served: %w", err)
}

// Evidence shows how many notices were served, by version.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	totals, err := s.totals(ctx)
	if err != nil {
		return nil, err
	}
	e := avow.Evidence{Clause: now.Keeper("acceptance.notice"), Standing: avow.Untested, Says: "Nobody has opened the statement yet."}
	for v := now.Version; v >= 1; v-- {
		if totals[v] > 0 {
			e.Standing, e.Says = avow.Kept, "Each time the statement or a form is shown, its version is counted, and nothing about who saw it."
			e.Figures = append(e.Figures, avow.Figure{Name: fmt.Sprintf("times version %d was shown", v), Value: strconv.FormatInt(totals[v], 10)})
		}
	}
	return []avow.Evidence{e}, nil
}

// totals returns what is written and what still waits to be.
func (s *Section) totals(ctx context.Context) (map[avow.Version]int64, error) {
	s.mu.Lock()
	totals := maps.Clone(s.pending)
	s.mu.Unlock()
	err := s.db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.Total, func(scan func(...any) error) error {
			var v avow.Version
			var n int64
			if err := scan(&v, &n); err != nil {
				return err
			}
			totals[v] += n
			return nil
		})
	})
	return totals, err
}
