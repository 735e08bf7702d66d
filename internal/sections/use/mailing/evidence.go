package mailing

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// window is what the figures tell of.
const window = 30 // days

// A shown is what is known of the letters for the purposes that one promise is
// about.
type shown struct {
	sent    map[string]int64 // by purpose
	refused map[Reason]int64
	waiting int64
	fault   string
	capped  bool
}

// Evidence shows what was sent and refused, that nobody had more than they may,
// and that a letter to somebody who never asked would be refused now.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (all []avow.Evidence, err error) {
	by := map[avow.ClauseID][]*statement.Purpose{}
	for i := range now.Purposes {
		if p := &now.Purposes[i]; p.Channel == "email" {
			clause := now.Keeper("purposes." + string(p.Name))
			by[clause] = append(by[clause], p)
		}
	}
	delete(by, "")
	return all, s.Store.View(ctx, func(tx *store.Tx) error {
		for _, clause := range slices.Sorted(maps.Keys(by)) {
			is, err := s.look(ctx, tx, now, by[clause])
			if err != nil {
				return fmt.Errorf("evidence for %s: %w", clause, err)
			}
			all = append(all, is.evidence(clause, tx.Now))
		}
		return nil
	})
}

func (s *Section) look(ctx context.Context, tx *store.Tx, now *statement.Edition, purposes []*statement.Purpose) (is shown, err error) {
	is = shown{sent: map[string]int64{}, refused: map[Reason]int64{}}
	mine := map[string]bool{}
	stranger, err := mail.ParseAddress(rand.Text() + "@nobody.invalid")
	if err != nil {
		return is, err
	}
	for _, p := range purposes {
		mine[string(p.Name)] = true
		o, _, err := s.admit(ctx, tx, now, p, stranger, false)
		if err != nil {
			return is, err
		}
		if o.Queued {
			is.fault = fmt.Sprintf("A letter for %q would go to somebody who never asked for it.", p.Name)
		}
		if p.AtMost.Times == 0 {
			continue
		}
		is.capped = true
		var over int64
		if err := tx.Get(ctx, q.Over, &over, string(p.Name), since(tx.Now, p.AtMost.Per), int64(p.AtMost.Times)); err != nil {
			return is, err
		}
		if over > 0 {
			is.fault = fmt.Sprintf("Somebody had more letters for %q than %s.", p.Name, p.AtMost)
		}
	}
	if err := tx.Get(ctx, q.Waiting, &is.waiting); err != nil {
		return is, err
	}
	return is, tx.Each(ctx, q.Tallies, func(scan func(...any) error) error {
		var purpose string
		var outcome Reason
		var n int64
		err := scan(&purpose, &outcome, &n)
		switch {
		case err != nil || !mine[purpose] || outcome == queued:
		case outcome == sent:
			is.sent[purpose] += n
		default:
			is.refused[outcome] += n
		}
		return err
	}, tx.Now.UTC().AddDate(0, 0, -window).Format(time.DateOnly))
}

// words say what the figures count.
var words = map[Reason]string{
	NotAsked: "letters refused because nobody had asked for them", "stopped": "refused because they had been stopped", "unconfirmed": "refused because the address was not confirmed",
	TooOften: "refused because there had been as many as there may be", "child": "refused because they were for a child", NoAddress: "refused because it was no address",
	NotALetter: "refused because the purpose is none that letters are sent for", "bounced": "refused because nobody is at the address", returned: "refused by the mail system they were for", undone: "given up after five days", gone: "let go because the person was erased",
}

func (is *shown) evidence(clause avow.ClauseID, at time.Time) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept, At: at}
	e.Says = "Just now, a letter to somebody who never asked for one was handed in for each purpose, and refused."
	if is.capped {
		e.Says += " Nobody had more than they may have."
	}
	if is.fault != "" {
		e.Standing, e.Says = avow.Broken, is.fault
	}
	add := func(name string, n int64) {
		e.Figures = append(e.Figures, avow.Figure{Name: name, Value: strconv.FormatInt(n, 10)})
	}
	if len(is.sent) == 0 {
		add("letters sent in 30 days", 0)
	}
	for _, purpose := range slices.Sorted(maps.Keys(is.sent)) {
		add("letters sent in 30 days for "+purpose, is.sent[purpose])
	}
	for _, reason := range slices.Sorted(maps.Keys(is.refused)) {
		if words[reason] != "" {
			add(words[reason], is.refused[reason])
		}
	}
	add("letters waiting to be sent, in full tens", is.waiting/10*10) // one more or less would tell of one person
	return e
}
