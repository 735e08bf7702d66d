package forms

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// receiptIssued is counted when the entry that a receipt proves gets its place
// in the log.
const receiptIssued = "receipt"

// tally counts the outcomes of one form, or of all.
type tally map[string]int64

// Evidence shows what was taken and what was refused, and that a field nobody
// declared would be refused now.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	all := tally{}
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.Tallies, func(scan func(...any) error) error {
			var form, outcome string
			var n int64
			if err := scan(&form, &outcome, &n); err != nil {
				return err
			}
			all[outcome] += n
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	found := []avow.Evidence{receipts(now, all["accepted"], all[receiptIssued])}
	for _, clause := range keepers(now) {
		found = append(found, declared(now, clause, all))
	}
	return found, nil
}

// keepers returns the promises that speak of what forms ask for.
func keepers(now *statement.Edition) (clauses []avow.ClauseID) {
	for i := range now.Data {
		clause := now.Keeper("data." + string(now.Data[i].Name))
		if clause != "" && !slices.Contains(clauses, clause) {
			clauses = append(clauses, clause)
		}
	}
	return clauses
}

// declared tries on every form a field that it does not ask for.
func declared(now *statement.Edition, clause avow.ClauseID, all tally) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept,
		Says: "Just now, every form was offered a field that it does not ask for, and refused it.",
		Figures: []avow.Figure{{Name: "forms taken", Value: strconv.FormatInt(all["accepted"], 10)},
			{Name: "refused for a field nobody declared", Value: strconv.FormatInt(all["undeclared"], 10)},
			{Name: "sent back as incomplete", Value: strconv.FormatInt(all["incomplete"], 10)}}}
	for i := range now.Collect {
		if c := &now.Collect[i]; c.By == "form" && decide.Collect(now.Statement, c.Name, []avow.Field{"a field nobody declared"}) == nil {
			e.Standing, e.Says = avow.Broken, fmt.Sprintf("The form %q takes a field that it does not ask for.", c.Name)
		}
	}
	return e
}

// receipts holds the forms that were taken against the receipts that were
// issued. A receipt is counted for good, also when whose it was is forgotten.
func receipts(now *statement.Edition, taken, issued int64) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("receipts.form"), Standing: avow.Kept,
		Says: "As many receipts were issued as forms were taken. A form and its receipt are one transaction.",
		Figures: []avow.Figure{{Name: "receipts issued", Value: strconv.FormatInt(issued, 10)},
			{Name: "forms taken", Value: strconv.FormatInt(taken, 10)}}}
	switch {
	case taken == 0 && issued == 0:
		e.Standing, e.Says = avow.Untested, "No form was sent yet."
	case issued < taken:
		e.Standing, e.Says = avow.Broken, "Some forms were taken without a receipt."
	}
	return e
}
