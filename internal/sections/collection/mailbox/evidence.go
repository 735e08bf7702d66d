package mailbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// grace is how long past its time a mail may be there: the job that lets go runs
// every minute.
const grace = time.Hour

// counts is what there is to show of mail.
type counts struct {
	at, due, oldest time.Time
	held, waiting   int64
	kinds           map[string]int64 // of the last 12 months
}

// Evidence shows how many mails came, of which kind, whether any waits for an
// answer, and that none is held past its time.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (found []avow.Evidence, err error) {
	for i := range now.Collect {
		c := &now.Collect[i]
		if c.By != "mail" {
			continue
		}
		n, err := s.counts(ctx, c.Name)
		if err != nil {
			return nil, fmt.Errorf("evidence of mail: %w", err)
		}
		found = append(found, shown(c, now.Keeper("collect."+string(c.Name)), n, answers(now)))
	}
	return found, nil
}

// answers is how long an answer may take, zero if nothing is said of it.
func answers(now *statement.Edition) avow.Period {
	if now.Questions == nil {
		return avow.Period{}
	}
	return now.Questions.Answer
}

func (s *Section) counts(ctx context.Context, name avow.Collection) (c counts, err error) {
	c.kinds = map[string]int64{}
	return c, s.Store.View(ctx, func(tx *store.Tx) (err error) {
		c.at = tx.Now
		var due int64
		if err := tx.Get(ctx, q.Held, store.Into(&c.held, &due), string(name)); err != nil {
			return err
		}
		c.due = time.UnixMicro(due).UTC()
		if c.waiting, c.oldest, err = waiting(ctx, tx); err != nil {
			return err
		}
		return tx.Each(ctx, q.Tallies, func(scan func(...any) error) error {
			var kind string
			var n int64
			err := scan(&kind, &n)
			c.kinds[kind] = n
			return err
		}, tx.Now.AddDate(-1, 0, 0).UTC().Format(time.DateOnly))
	})
}

func shown(c *statement.Collection, clause avow.ClauseID, n counts, answer avow.Period) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept, At: n.at, Says: "Every mail that was kept has its receipt, and none is held past its time.",
		Figures: []avow.Figure{{Name: "kept for", Value: c.Keep.String()}, {Name: "mails held", Value: strconv.FormatInt(n.held, 10)},
			{Name: "waiting for an answer", Value: strconv.FormatInt(n.waiting, 10)}}}
	if n.waiting > 0 {
		e.Figures = append(e.Figures, avow.Figure{Name: "the oldest waits since", Value: n.oldest.Format("2 January 2006")})
	}
	for _, kind := range slices.Sorted(maps.Keys(n.kinds)) {
		e.Figures = append(e.Figures, avow.Figure{Name: "mails in 12 months: " + kind, Value: strconv.FormatInt(n.kinds[kind], 10)})
	}
	switch {
	case len(n.kinds) == 0 && n.held == 0:
		e.Standing, e.Says = avow.Untested, "No mail came yet."
	case n.held > 0 && n.at.After(n.due.Add(grace)):
		e.Standing, e.Says = avow.Broken, "A mail is held past its time."
	case n.waiting > 0 && !answer.IsZero() && n.at.After(answer.After(n.oldest)):
		e.Standing, e.Says = avow.Broken, "A mail waits for an answer longer than was promised."
	}
	return e
}
