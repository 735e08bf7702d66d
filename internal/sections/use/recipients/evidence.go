package recipients

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/statement"
)

// Evidence shows what went to whom, tries what must not go, invents somebody and
// finds them again, and shows whether recipients were told in time.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	if len(now.Recipients) == 0 && now.Sharing == nil {
		return nil, nil
	}
	g, err := s.read(ctx, now)
	if err != nil {
		return nil, err
	}
	var all []avow.Evidence
	if len(now.Recipients) > 0 {
		all = append(all, s.shared(now, g))
	}
	if now.Sharing != nil && now.Sharing.Canaries > 0 {
		all = append(all, s.carried(now, g))
	}
	if now.Sharing != nil && !now.Sharing.Tell.IsZero() {
		all = append(all, s.toldInTime(now, g))
	}
	return all, nil
}

// shared tries to give what must not be given.
func (s *Section) shared(now *statement.Edition, g *register) avow.Evidence {
	e := avow.Evidence{Standing: avow.Kept, At: g.at, Says: "Just now, a list for somebody who is not in the table, one for a contract that had ended, one of a field that is not " +
		"declared and one for sale were asked for and refused, and a formula in a list was made safe."}
	var lists, rows int64
	for i := range now.Recipients {
		if e.Clause == "" {
			e.Clause = now.Keeper("recipients." + now.Recipients[i].Name)
		}
		if fault := try(now, &now.Recipients[i], avow.DateOf(g.at.UTC())); fault != "" {
			e.Standing, e.Says = avow.Broken, fault
		}
	}
	for _, formula := range []string{`=cmd|'/C calc'!A0`, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"} {
		if got := list.Cell([]byte(formula)); got[0] != '\'' {
			e.Standing, e.Says = avow.Broken, "A formula in a list is not made safe."
		}
	}
	for _, a := range g.by {
		lists, rows = lists+a.lists, rows+a.rows
	}
	e.Figures = []avow.Figure{{Name: "lists given out", Value: thousands(lists)}, {Name: "rows in them", Value: said(rows)}, {Name: "sold", Value: "0"}}
	if n := len(g.runs); n > 0 && g.runs[n-1].leaf >= 0 {
		leaf := g.runs[n-1].leaf
		e.Entry = &leaf
	}
	return e
}

// try says what would be given that must not be.
func try(now *statement.Edition, r *statement.Recipient, today avow.Date) string {
	for i := range now.Collect {
		for _, p := range now.Collect[i].For {
			use := decide.Use{Current: now.Statement, Pinned: now.Statement, Collection: now.Collect[i].Name, Actor: "self-test", Purpose: p}
			field := use
			field.Fields = []avow.Field{"field-of-a-self-test"}
			sale := use
			sale.Purpose = "sale"
			tries := []decide.Giving{{Use: use, Recipient: "recipient-of-a-self-test", On: today}, {Use: field, Recipient: r.Name, On: today}, {Use: sale, Recipient: r.Name, On: today}}
			if !r.Until.IsZero() {
				tries = append(tries, decide.Giving{Use: use, Recipient: r.Name, On: avow.DateOf(r.Until.Time().AddDate(0, 0, 1))})
			}
			for _, t := range tries {
				if decide.Share(t) == nil {
					return fmt.Sprintf("%q would be given what is not declared, or after its contract.", t.Recipient)
				}
			}
		}
	}
	return ""
}

// carried invents somebody for each recipient, as a list would, and looks
// whether every list that went had its share.
func (s *Section) carried(now *statement.Edition, g *register) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("sharing.canaries"), Standing: avow.Kept, At: g.at,
		Says: "Just now, somebody was invented for each recipient, and known again by what a list says of them."}
	var out, touched int64
	for i := range now.Recipients {
		p := list.Invent(now.Statement, now.Recipients[i].Fields)
		if !p.Known() {
			e.Standing, e.Says = avow.Broken, "Somebody who was invented is not known again."
		}
	}
	for _, run := range g.runs {
		if run.canaries == 0 && run.at.After(now.Published) {
			e.Standing, e.Says = avow.Broken, "A list left without anybody invented in it."
		}
	}
	for name, a := range g.by {
		if out, touched = out+a.canaries, touched+a.touched; a.touched > 0 && e.Standing == avow.Kept {
			e.Says = fmt.Sprintf("Something came to an invented person whom only %q was given.", name)
		}
	}
	e.Figures = []avow.Figure{{Name: "invented people given out", Value: thousands(out)}, {Name: "of them that something came to", Value: thousands(touched)}}
	return e
}

// toldInTime looks whether somebody waits to be told for longer than we said.
func (s *Section) toldInTime(now *statement.Edition, g *register) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("sharing.tell"), Standing: avow.Kept, At: g.at,
		Says: "Recipients were told in time; those who have not said that it is done are asked every three days. Just now a notice was signed, and its signature held."}
	if !s.Signature(g.at) {
		e.Standing, e.Says = avow.Broken, "The signature of a notice does not hold."
	}
	var lists, open, untold int64
	var mute []string
	for name, a := range g.by {
		lists, open, untold = lists+a.lists, open+a.Open, untold+a.Untold
		if a.lists > 0 && tell.How(a.Tell) == "" {
			mute = append(mute, name)
		}
		if a.Untold > 0 && now.Sharing.Tell.After(a.Oldest).Before(g.at) {
			e.Standing, e.Says = avow.Broken, fmt.Sprintf("%q has not been told for longer than %s.", name, now.Sharing.Tell)
		}
	}
	if slices.Sort(mute); e.Standing == avow.Kept && len(mute) > 0 {
		e.Standing, e.Says = avow.Untested, "Nobody has said yet how these are told: "+strings.Join(mute, ", ")+"."
	}
	e.Figures = []avow.Figure{{Name: "still to be told", Value: waits(untold, lists)}, {Name: "told, and not yet done", Value: waits(open-untold, lists)}}
	return e
}
