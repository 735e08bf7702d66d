package optout

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// shownDays is over how many days the evidence counts.
const shownDays = 30

// found is what the evidence of letters is made of.
type found struct {
	at     time.Time
	tally  map[string]int64
	sent   int64 // after a stop
	mails  int64 // that wait
	oldest time.Time
}

// Evidence tries what is promised of letters and of the signal.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	all, err := s.signalled(ctx, now)
	if err != nil || now.OptOut == nil {
		return all, err
	}
	f, err := s.look(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("evidence of letters: %w", err)
	}
	within := s.stopping(now, f)
	if within.Clause = now.Keeper("optout.within"); within.Clause != "" {
		all = append(all, within)
	}
	if address := now.Keeper("optout.address"); address != "" && address != within.Clause {
		within.Clause = address
		all = append(all, within)
	}
	for _, e := range []avow.Evidence{s.staying(now, f), s.choosing(now, f), s.confirming(now, f)} {
		if e.Clause != "" {
			all = append(all, e)
		}
	}
	return all, nil
}

func (s *Section) look(ctx context.Context, now *statement.Edition) (f found, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		f.at = tx.Now
		since := tx.Now.UTC().AddDate(0, 0, -shownDays)
		if f.tally, err = s.Counts(ctx, tx, since); err != nil {
			return err
		}
		f.sent, err = s.Against(ctx, tx, now, since)
		return err
	})
	if err == nil && s.Waiting != nil {
		f.mails, f.oldest, err = s.Waiting.Waiting(ctx)
	}
	return f, err
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// stopping tries a link of a letter, by one click, and looks at what waits.
func (s *Section) stopping(now *statement.Edition, f found) avow.Evidence {
	e := avow.Evidence{Standing: avow.Kept, At: f.at,
		Says: "Just now, a link of a letter was tried: it opens for nobody else's letters, and one click stops at once. A stop is durable before it is answered.",
		Figures: []avow.Figure{{Name: "stopped by click, in 30 days", Value: number(f.tally[string(stops.Click)])},
			{Name: "by a page", Value: number(f.tally[string(stops.Page)])}, {Name: "by mail", Value: number(f.tally[string(stops.Mail)])}}}
	for _, how := range []stops.How{stops.Bounce, stops.Complaint, stops.Import, stops.Staff} {
		if n := f.tally[string(how)]; n > 0 {
			e.Figures = append(e.Figures, avow.Figure{Name: "by " + string(how), Value: number(n)})
		}
	}
	if s.Waiting != nil {
		e.Figures = append(e.Figures, avow.Figure{Name: "mails that wait for somebody", Value: number(f.mails)})
	}
	if s.Taking != nil && !s.Taking() && f.tally[string(stops.Mail)] == 0 {
		e.Standing, e.Says = avow.Untested, "A link of a letter was tried just now, and stops at once. But nothing takes mail for us at the moment, so whether a mail stops letters is not known."
	}
	fault := s.TryLink()
	switch {
	case f.mails > 0 && now.OptOut.Within.After(f.oldest).Before(f.at):
		fault = "A mail that may ask us to stop has waited for longer than " + now.OptOut.Within.String() + "."
	case s.Failed():
		fault = "Some stops are in the journal, and could not be put into the table yet."
	}
	return broken(e, fault)
}

// broken is e unless there is a fault.
func broken(e avow.Evidence, fault string) avow.Evidence {
	if fault != "" {
		e.Standing, e.Says = avow.Broken, fault
	}
	return e
}

// staying tries an import after a stop, and looks for letters that were sent all
// the same.
func (s *Section) staying(now *statement.Edition, f found) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("optout.stays"), Standing: avow.Kept, At: f.at,
		Says:    "Just now, an address that had stopped was imported again with consent from elsewhere, and stayed stopped. Every letter that was sent was held against the stops.",
		Figures: []avow.Figure{{Name: "letters sent after a stop, in 30 days", Value: number(f.sent)}, {Name: "started again by the person", Value: number(f.tally["started"])}}}
	fault := stops.TryImport()
	if f.sent > 0 {
		fault = "Letters were sent to an address after it had stopped them."
	}
	return broken(e, fault)
}

// choosing tries each topic alone, and nothing at all.
func (s *Section) choosing(now *statement.Edition, f found) avow.Evidence {
	all, goesOn := topics(now)
	e := avow.Evidence{Clause: now.Keeper("optout.topics"), Standing: avow.Kept, At: f.at,
		Says: "Just now, each topic was stopped alone, and then everything: each time that ended, and nothing else. The page asks for an address and for no sign-in.",
		Figures: []avow.Figure{{Name: "topics to choose from", Value: strconv.Itoa(len(all))}, {Name: "what goes on after “nothing at all”", Value: strconv.Itoa(len(goesOn))},
			{Name: "stopped on a page, in 30 days", Value: number(f.tally[string(stops.Page)])}}}
	if len(all) == 0 {
		e.Standing, e.Says = avow.Untested, "The statement has no letters to choose from."
	}
	names := make([]avow.Purpose, len(all))
	for i, t := range all {
		names[i] = t.Purpose
	}
	return broken(e, stops.TryTopics(now, names))
}

// confirming tries an address that nobody has confirmed.
func (s *Section) confirming(now *statement.Edition, f found) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("optout.confirm"), Standing: avow.Kept, At: f.at,
		Says:    "Just now, an address that nobody had confirmed was tried, and got no letter; one that was confirmed did.",
		Figures: []avow.Figure{{Name: "confirmed by letter, in 30 days", Value: number(f.tally["started"])}}}
	return broken(e, stops.TryConfirm(now))
}
