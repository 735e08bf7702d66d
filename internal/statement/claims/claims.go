// Package claims holds what sentences say against what is so.
package claims

import (
	"bytes"
	"slices"
	"sort"
	"strings"

	"github.com/avow-privacy/avow/internal/statement/prose"
	"github.com/avow-privacy/avow/internal/statement/words"
)

// A Checker checks the sentences of one document.
type Checker struct {
	Document *prose.Document
	Lexicon  *words.Lexicon
	Report   func(at prose.Stretch, code, fix, format string, args ...any)
	// Done names a rule by what it allows, such as cookies; a sentence that says
	// there are none contradicts it. Never does so by what it forbids, such as sale.
	Done, Never map[string]string
}

// Facts are what is so of the subject of a sentence. What is empty is not known
// and not checked.
type Facts struct {
	By       string   // the rules they are from, for messages
	Periods  []Period // the lengths of time that are right
	Limits   []int    // the numbers that something is under
	Mails    []string // the addresses that are right
	Often    []string // how often it is done: weekly, monthly, quarterly, half-yearly or yearly
	Promised bool     // the sentence binds, so it has to be measurable
	Noticed  bool     // that the site was used is recorded as a notice, and no more
	Fix      string   // how to mark a sentence that binds and is not marked
}

// A Period is a length of time: 24 hours are a day, but 30 days are no month.
type Period struct {
	Months, Hours int
	Says          string
}

// hours is how many hours a unit has, and months how many months.
var (
	hours  = map[string]int{"weeks": 7 * 24, "days": 24, "hours": 1}
	months = map[string]int{"years": 12, "months": 1}
)

// Heading checks what a heading says.
func (c *Checker) Heading(s prose.Stretch, f Facts) {
	for _, sentence := range c.Lexicon.Sentences(c.Document.Text, s.Start, s.End) {
		c.limits(sentence.Words, f)
	}
}

// Loose checks sentences that nobody marked: they must not bind.
func (c *Checker) Loose(s prose.Stretch, f Facts) {
	for _, sentence := range c.Lexicon.Sentences(c.Document.Text, s.Start, s.End) {
		c.limits(sentence.Words, f)
		if c.contradicts(sentence) || c.accepts(sentence) {
			continue
		}
		if h, ok := c.Lexicon.Binding(sentence, c.mute); ok {
			c.Report(whole(sentence.Words), "unbound-promise", f.Fix, "%q binds, and no rule keeps this sentence", c.said(sentence.Words, h))
		}
	}
	c.braces(s)
}

// Clause checks the sentences of a clause that its rules are known of.
func (c *Checker) Clause(s prose.Stretch, f Facts) {
	var all []words.Word
	for _, sentence := range c.Lexicon.Sentences(c.Document.Text, s.Start, s.End) {
		all = append(all, sentence.Words...)
		if !c.contradicts(sentence) && f.Promised && !f.Noticed {
			c.accepts(sentence)
		}
	}
	c.periods(all, f)
	c.often(all, f)
	c.limits(all, f)
	c.mails(s, all, f)
}

// Mentions returns what words of a rule speak of that is never done, or "".
func (c *Checker) Mentions(text string) string {
	for _, s := range c.Lexicon.Sentences([]byte(text), 0, len(text)) {
		for _, h := range c.Lexicon.Find("practice", s.Words) {
			if rule := c.Never[h.Means]; rule != "" {
				return rule
			}
		}
	}
	return ""
}

// accepts reports the use of a site taken for consent.
func (c *Checker) accepts(s words.Sentence) bool {
	h, ok := c.Lexicon.Acceptance(s, c.mute)
	if ok {
		c.Report(whole(s.Words), "acceptance-as-consent", "say what is recorded, as in […]{#notice keeps=acceptance.notice}, or take it out",
			"%q takes the use of a site for consent, which it is not", c.said(s.Words, h))
	}
	return ok
}

// contradicts reports a sentence that says the opposite of a rule.
func (c *Checker) contradicts(s words.Sentence) bool {
	denials, practices := c.Lexicon.Claims(s, c.mute)
	for i, h := range append(denials, practices...) {
		rule := c.Done[h.Means]
		if i >= len(denials) {
			rule = c.Never[h.Means]
		}
		if rule != "" {
			c.Report(hit(s.Words, h), "contradiction", "change the sentence or the rule", "%q contradicts %s", c.said(s.Words, h), rule)
			return true
		}
	}
	return false
}

// periods holds the lengths of time in a clause against those in its rules.
func (c *Checker) periods(ws []words.Word, f Facts) {
	if len(f.Periods) == 0 {
		if hits := c.Lexicon.Find("unmeasurable", ws); len(hits) > 0 && f.Promised {
			c.Report(hit(ws, hits[0]), "unmeasurable", "say within how long, in the sentence and in the rule it keeps",
				"nobody can measure %q", c.said(ws, hits[0]))
		}
		return
	}
	for _, p := range c.Lexicon.Periods(ws) {
		right := func(q Period) bool { return q.Months == p.Number*months[p.Unit] && q.Hours == p.Number*hours[p.Unit] }
		if !slices.ContainsFunc(f.Periods, right) {
			var says []string
			for _, q := range f.Periods[:min(len(f.Periods), 5)] {
				says = append(says, q.Says)
			}
			c.Report(hit(ws, p.Hit), "contradiction", "say the same in the sentence and in the rule",
				"%q is not what %s says: %s", c.said(ws, p.Hit), f.By, strings.Join(slices.Compact(says), " or "))
		}
	}
}

// often holds "each month" against how often the rules say.
func (c *Checker) often(ws []words.Word, f Facts) {
	if len(f.Often) == 0 {
		return
	}
	for _, h := range c.Lexicon.Find("often", ws) {
		if !slices.Contains(f.Often, h.Means) {
			c.Report(hit(ws, h), "contradiction", "say the same in the sentence and in the rule",
				"%q is not what %s says: %s", c.said(ws, h), f.By, strings.Join(f.Often, " or "))
		}
	}
}

// limits holds "under 13" against the numbers in the rules.
func (c *Checker) limits(ws []words.Word, f Facts) {
	if len(f.Limits) == 0 {
		return
	}
	for _, p := range c.Lexicon.Limits(ws) {
		if !slices.Contains(f.Limits, p.Number) {
			c.Report(hit(ws, p.Hit), "contradiction", "say the same in the text and in the rule",
				"%q is not what %s says: under %d", c.said(ws, p.Hit), f.By, f.Limits[0])
		}
	}
}

// mails holds the addresses in a clause against the ones in the rules.
func (c *Checker) mails(s prose.Stretch, ws []words.Word, f Facts) {
	if len(f.Mails) == 0 {
		return
	}
	check := func(at prose.Stretch, address string) {
		if !slices.ContainsFunc(f.Mails, func(a string) bool { return strings.EqualFold(a, address) }) {
			c.Report(at, "contradiction", "write the same address in the sentence and in the rule",
				"%q is not what %s says: %s", address, f.By, strings.Join(f.Mails, " or "))
		}
	}
	for _, w := range ws {
		if name, host, ok := strings.Cut(w.Text, "@"); ok && name != "" && strings.Contains(host, ".") {
			check(prose.Stretch{Start: w.Start, End: w.End}, w.Text)
		}
	}
	mails := c.Document.Mails
	for _, m := range mails[sort.Search(len(mails), func(i int) bool { return mails[i].Start >= s.Start }):] {
		if !s.Has(m.Start) {
			break
		}
		check(m.Stretch, m.Address)
	}
}

// braces reports the braces of a span that has lost its brackets, and of a
// directive that does not stand alone.
func (c *Checker) braces(s prose.Stretch) {
	const lost = "put { straight behind the ] of a span that begins with [ in the same paragraph"
	for _, b := range [...]struct{ start, code, fix, what string }{
		{"{#", "bad-span", lost, "these braces belong to no span"},
		{"{.", "bad-span", lost, "these braces belong to no span"},
		{"{keeps=", "bad-span", lost, "these braces belong to no span"},
		{"{{", "unknown-directive", "give it a paragraph of its own", "a table cannot stand here"},
	} {
		i := s.Start + bytes.Index(c.Document.Text[s.Start:s.End], []byte(b.start))
		if i >= s.Start && !c.Document.Mute[i] {
			c.Report(prose.Stretch{Start: i, End: s.End}, b.code, b.fix, "%s", b.what)
			return
		}
	}
}

func (c *Checker) mute(w words.Word) bool { return c.Document.Mute[w.Start] }

// said is what a hit stands for, as it is written.
func (c *Checker) said(ws []words.Word, h words.Hit) string { return c.Document.Fold(hit(ws, h)) }

func hit(ws []words.Word, h words.Hit) prose.Stretch {
	return prose.Stretch{Start: ws[h.First].Start, End: ws[h.Last].End}
}

func whole(ws []words.Word) prose.Stretch {
	return prose.Stretch{Start: ws[0].Start, End: ws[len(ws)-1].End}
}
