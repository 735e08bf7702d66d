package use

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Evidence shows what was read for which purpose, and that a use off purpose
// would be refused now.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	read, refused := map[string]int64{}, int64(0)
	err := s.Store.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.Tallies, func(scan func(...any) error) error {
			var purpose, outcome string
			var n int64
			if err := scan(&purpose, &outcome, &n); err != nil {
				return err
			}
			if outcome == "read" {
				read[purpose] = n
			} else {
				refused += n
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return append(never(now, read), purposes(now, read, refused)), nil
}

// purposes tries to use every collection for something it is not for.
func purposes(now *statement.Edition, read map[string]int64, refused int64) avow.Evidence {
	e := avow.Evidence{Standing: avow.Kept, Says: "Just now, every collection was asked for a purpose it is not for, and refused it."}
	for i := range now.Purposes {
		if e.Clause == "" {
			e.Clause = now.Keeper("purposes." + string(now.Purposes[i].Name))
		}
	}
	for i := range now.Collect {
		c := &now.Collect[i]
		off, ok := offPurpose(now.Statement, c)
		if ok && decide.Allow(decide.Use{Current: now.Statement, Pinned: now.Statement, Collection: c.Name, Actor: "self-test", Purpose: off}) == nil {
			e.Standing, e.Says = avow.Broken, fmt.Sprintf("%q may be used for %q.", c.Name, off)
		}
	}
	for _, purpose := range slices.Sorted(maps.Keys(read)) {
		e.Figures = append(e.Figures, avow.Figure{Name: "records read for " + purpose, Value: strconv.FormatInt(read[purpose], 10)})
	}
	e.Figures = append(e.Figures, avow.Figure{Name: "reads refused", Value: strconv.FormatInt(refused, 10)})
	return e
}

// never tries each thing that is never done.
func never(now *statement.Edition, read map[string]int64) (all []avow.Evidence) {
	for _, n := range now.Never {
		e := avow.Evidence{Clause: now.Keeper("never." + n.Name), Standing: avow.Kept,
			Says:    "No purpose can express it, nothing was ever handed over for it, and a try just now was refused.",
			Figures: []avow.Figure{{Name: "records handed over for " + n.Name, Value: strconv.FormatInt(read[n.Name], 10)}}}
		if read[n.Name] > 0 {
			e.Standing, e.Says = avow.Broken, "Records were handed over for "+n.Name+"."
		}
		for i := range now.Collect {
			if decide.Allow(decide.Use{Current: now.Statement, Pinned: now.Statement, Collection: now.Collect[i].Name, Actor: "self-test", Purpose: avow.Purpose(n.Name)}) == nil {
				e.Standing, e.Says = avow.Broken, fmt.Sprintf("%q may be used for %s.", now.Collect[i].Name, n.Name)
			}
		}
		all = append(all, e)
	}
	return all
}
