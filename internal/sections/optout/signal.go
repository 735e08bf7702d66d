package optout

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Honour remembers, in the transaction that keeps their form, that a person's
// browser sent the signal. What it says holds for the person from then on,
// whatever browser they come with.
func (s *Section) Honour(ctx context.Context, tx *store.Tx, who avow.SubjectID) error {
	return tx.Do(ctx, q.Honour, who[:], tx.Now)
}

// Opted says whether a person opted out by the signal.
func (s *Section) Opted(ctx context.Context, tx *store.Tx, who avow.SubjectID) (bool, error) {
	var n int64
	err := tx.Get(ctx, q.Opted, &n, who[:])
	return n > 0, err
}

// Seen counts one page that was asked for with the signal, and whether it was
// honoured: not if the visitor, told of the conflict, had said yes. It waits for
// nothing.
func (s *Section) Seen(honoured bool) {
	s.mu.Lock()
	s.pending[0]++
	if !honoured {
		s.pending[1]++
	}
	s.mu.Unlock()
}

const (
	seen       = "seen"
	overridden = "overridden"
	keepDays   = 400 // that counts are kept
)

// flushSignals writes what was counted since the last time. What could not be
// written is counted again the next time.
func (s *Section) flushSignals(ctx context.Context) error {
	s.mu.Lock()
	counted := s.pending
	s.pending = [2]int64{}
	s.mu.Unlock()
	if counted[0] == 0 {
		return nil
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		today := tx.Now.UTC().Format(time.DateOnly)
		tx.Count(q.Seen, today, seen, counted[0])
		if counted[1] > 0 {
			tx.Count(q.Seen, today, overridden, counted[1])
		}
		return tx.Do(ctx, q.Forget, tx.Now.UTC().AddDate(0, 0, -keepDays).Format(time.DateOnly))
	})
	if err == nil {
		return nil
	}
	s.mu.Lock()
	for i, n := range counted {
		s.pending[i] += n
	}
	s.mu.Unlock()
	return fmt.Errorf("count signals: %w", err)
}

// wellKnown answers as the GPC specification has it (W3C, section 4).
func (s *Section) wellKnown(w http.ResponseWriter, _ *http.Request) error {
	now := s.Editions.InForce()
	if now == nil || now.Signals == nil || !now.Signals.GPC {
		return page.NotFound
	}
	w.Header().Set("Cache-Control", "max-age=3600")
	return page.WriteJSON(w, http.StatusOK, map[string]any{"gpc": true, "lastUpdate": now.Updated.String()})
}

// signalled tries the signal on what the statement offers: before any choice, and
// after a yes.
func (s *Section) signalled(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	if now.Signals == nil {
		return nil, nil
	}
	totals := map[string]int64{} // how many people sent it nobody is told: it would say whether one was new
	var at time.Time
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		at = tx.Now
		return tx.Each(ctx, q.Total, func(scan func(...any) error) error {
			var what string
			var n int64
			err := scan(&what, &n)
			totals[what] = n
			return err
		}, at.UTC().AddDate(0, 0, -30).Format(time.DateOnly))
	})
	if err != nil {
		return nil, fmt.Errorf("evidence of signals: %w", err)
	}
	e := avow.Evidence{Clause: now.Keeper("signals"), Standing: avow.Kept, At: at,
		Says: "Just now, a browser with the signal was tried before any choice and after a yes: nothing that asks for consent was let through, and nobody was asked.",
		Figures: []avow.Figure{{Name: "pages asked for with the signal, in 30 days", Value: strconv.FormatInt(totals[seen], 10)},
			{Name: "of those, where somebody who was told of the signal had said yes", Value: strconv.FormatInt(totals[overridden], 10)}}}
	if fault := try(choice.Offered(now.Statement), at); fault != "" {
		e.Standing, e.Says = avow.Broken, fault
	} else if !s.Enforced {
		e.Standing, e.Says = avow.Untested, "Nothing stands before the site at the moment that would stop what the signal forbids."
	}
	return []avow.Evidence{e}, nil
}

// try says what is wrong with how the signal is honoured.
func try(offers choice.Offers, now time.Time) string {
	if d := offers.Decide(choice.Choice{}, true, now); d.Allowed != 0 || d.Ask || !d.Honoured {
		return "A browser with the signal is not honoured before any choice."
	}
	yes := offers.Press(choice.Choice{}, choice.Press{Yes: offers.All()}, [16]byte{}, now)
	if d := offers.Decide(yes, true, now); d.Allowed != 0 || d.Ask {
		return "A signal that comes after a yes is not honoured."
	}
	return ""
}
