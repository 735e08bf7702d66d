package draft

import (
	"cmp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/proposal"
	"github.com/avow-privacy/avow/internal/statement"
)

// parameters fills in what the rules say beyond that they are there.
func (d *drafter) parameters() {
	d.Under = d.age()
	for _, s := range d.sentences {
		if s.row == nil || s.row.Keeps != "disclosure" {
			continue
		}
		for _, ground := range s.Named("ground.") { // law, rights, safety: in this order
			if !slices.Contains(d.Grounds, ground) {
				d.Grounds = append(d.Grounds, ground)
			}
		}
	}
	slices.Sort(d.Grounds)
	d.Within = d.said("optout", "10 days")
	d.Notice = d.said("changes.notice", "30 days")
	d.Reply = d.said("questions", "30 days")
	d.generalKeep()
	if label := strings.Split(strings.TrimPrefix(d.Site, "www."), ".")[0]; d.Name == "" && label != "" {
		d.Name, d.guessed = d.spelled(label), true
	}
	d.Name = cmp.Or(d.Name, noName)
	d.Site = cmp.Or(d.Site, noSite)
	d.Contact = cmp.Or(d.Contact, "privacy@"+strings.TrimPrefix(d.Site, "www."))
	d.OptOut = cmp.Or(d.OptOut, d.Contact)
}

// spelled writes the label of a host as the policy writes it, or with a capital.
func (d *drafter) spelled(label string) string {
	for _, s := range d.sentences {
		for _, w := range strings.Fields(s.Text) {
			if w = strings.Trim(w, `.,;:()"“”'’`); strings.EqualFold(w, label) && w != label {
				return w
			}
		}
	}
	return strings.ToUpper(label[:1]) + label[1:]
}

// What stands for a name and a site that the policy does not tell.
const (
	noName = "Your company"
	noSite = "www.your-site.example"
)

// age finds the age under which somebody is a child.
func (d *drafter) age() int {
	found := 0
	for _, s := range d.sentences {
		if !s.Has("child") {
			continue
		}
		for _, w := range s.Words {
			if n, ok := d.lexicon.Number(w); ok && n >= 10 && n <= 21 {
				if s.Kind == "children" {
					return n
				}
				found = cmp.Or(found, n)
			}
		}
	}
	return cmp.Or(found, 13)
}

// said returns the first period in a sentence that keeps the rule, or what is
// proposed. The sentence must not say two.
func (d *drafter) said(path, proposal string) string {
	for _, s := range d.sentences {
		if !slices.Contains(s.keeps, path) || path == "questions" && s.row.ID != "answered" {
			continue
		}
		if period, several := d.lexicon.Period(s.Words); period != "" && !several {
			d.Periods[path] = period
			return period
		}
	}
	return proposal
}

// generalKeep applies a period that the policy names for all it keeps to every
// form that has none of its own.
func (d *drafter) generalKeep() {
	if d.generalBy == nil {
		return
	}
	for _, c := range proposal.Rules().Collections {
		if path := "collect." + c.Name; d.Has(path) && c.By == "" && d.Periods[path] == "" {
			d.Periods[path] = d.general
			d.generalBy.keeps = append(d.generalBy.keeps, path)
		}
	}
}

// askAll lists what only the company can answer.
func (d *drafter) askAll() {
	d.askAbout()
	for _, c := range proposal.Rules().Collections {
		if path := "collect." + c.Name; d.Has(path) && d.Periods[path] == "" {
			d.ask(d.Lines[path], "How long do you keep %s? The policy does not say; %s is a proposal.", c.Noun, c.Keep)
		}
	}
	for _, a := range outline.Known().Asks {
		if d.Has(a.Rule) && !(a.Unsaid && d.Periods[a.Rule] != "") {
			d.ask(d.Lines[a.Rule], "%s", a.Ask)
		}
	}
	for _, name := range d.Names("recipients") {
		d.ask(d.Lines["recipients."+name], "Who are the recipients called %s, what are they given, and under which contract? The fields are a proposal.", name)
	}
	d.askOnce(func(s *sentence) bool { return s.Has("tracker") && d.Names("trackers") == nil && !s.Has("negate") },
		"Which third parties load parts into your pages? The policy speaks of them and names none: list them under trackers.")
	d.askOnce(func(s *sentence) bool {
		return s.row != nil && s.row.Keeps == "retention" && len(s.keeps) == 0 && s.force == statement.Aspiration && !s.barred
	}, "How long is that, in months or days? A period without a number cannot be kept.")
	slices.SortStableFunc(d.Open, func(a, b Question) int { return cmp.Compare(a.Line, b.Line) })
}

// askOnce asks about the first sentence that raises a question.
func (d *drafter) askOnce(raises func(*sentence) bool, ask string) {
	for _, s := range d.sentences {
		if raises(s) {
			d.ask(s.Line, "%s", ask)
			return
		}
	}
}

// askAbout asks about the company, its addresses and the date.
func (d *drafter) askAbout() {
	if d.Name == noName || d.guessed {
		d.ask(d.TitleLine, "What is the name of your company? The policy does not say; %s stands for it.", d.Name)
	}
	if d.Site == noSite {
		d.ask(d.TitleLine, "Which site does the policy cover? It names none.")
	}
	if d.contactLine == 0 {
		d.ask(d.TitleLine, "Which address takes questions about privacy? The policy names none; %s is a guess.", d.Contact)
	}
	switch {
	case d.Updated.IsZero():
		d.Updated = d.opts.Today
		d.ask(d.TitleLine, "When did the policy last change? It carries no date; today is a proposal.")
	case d.unsure:
		d.ask(d.updatedLine, "Is the date %s? Day and month can be read either way.", d.Updated)
	}
}
