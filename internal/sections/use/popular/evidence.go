package popular

import (
	"context"
	"strconv"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// Evidence shows what was counted, and looks at every number that is shown.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	if now.Popular == nil {
		return nil, nil
	}
	n, err := s.numbers(ctx)
	if err != nil {
		return nil, err
	}
	e := avow.Evidence{Clause: now.Keeper("popular"), Standing: avow.Untested, At: n.at, Says: "No page has been read often enough yet for a number to be shown."}
	least, count := int64(0), 0
	n.all(func(c int64) {
		count++
		if least == 0 || c < least {
			least = c
		}
	})
	if count == 0 {
		return []avow.Evidence{e}, nil
	}
	e.Standing = avow.Kept
	e.Says = "Just now each number that is shown was looked at. Who reads is known only in memory, by a hash, and forgotten each midnight."
	if least < int64(now.Popular.HideUnder) {
		e.Standing, e.Says = avow.Broken, "A number is shown that is under the limit."
	}
	e.Figures = []avow.Figure{{Name: "pages read, last 30 days", Value: shown(sum(n.days))}, {Name: "pages shown", Value: strconv.Itoa(len(n.pages))},
		{Name: "smallest number shown", Value: thousands(least)}, {Name: "never shown under", Value: strconv.Itoa(now.Popular.HideUnder)}}
	return []avow.Evidence{e}, nil
}
