package statement

import (
	"maps"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/claims"
	"github.com/avow-privacy/avow/internal/statement/front"
	"github.com/avow-privacy/avow/internal/statement/prose"
	"github.com/avow-privacy/avow/internal/statement/source"
	"github.com/avow-privacy/avow/internal/statement/words"
)

// check holds prose and rules against each other.
func (c *compiler) check() {
	c.claims = &claims.Checker{Document: c.prose, Lexicon: c.lexicon, Report: c.report, Done: map[string]string{}, Never: map[string]string{}}
	for part, rules := range c.index.parts {
		c.claims.Done[part] = rules[0].Path
	}
	for _, n := range c.Never {
		c.claims.Never[n.Name] = "never." + n.Name
	}
	c.checkSpans()
	c.checkTold()
	c.checkRules()
	section, sections := "other", c.Sections
	for _, b := range c.prose.Blocks {
		if b.Heading != nil && b.Heading.Level == 2 {
			section, sections = sections[0].Kind, sections[1:]
		}
		if b.Directives == nil {
			c.checkBlock(b, c.loose(section))
		}
	}
}

// checkBlock checks what stands in spans by what the rules say, and the rest as
// what nobody promised.
func (c *compiler) checkBlock(b prose.Block, f claims.Facts) {
	check := c.claims.Loose
	if b.Heading != nil {
		check = c.claims.Heading
	}
	at := b.Start
	for _, n := range b.Spans {
		if n.Inner {
			continue
		}
		check(prose.Stretch{Start: at, End: n.Said.Start}, f)
		if i := c.marks[n.Index]; i >= 0 {
			c.claims.Clause(n.Said, c.facts(&c.Clauses[i]))
		}
		at = n.Said.End
	}
	check(prose.Stretch{Start: at, End: b.End}, f)
}

// related are the parts of the rules that a section usually speaks of.
var related = map[string][]string{
	"collection": {"collect", "data", "cookies", "trackers", "receipts"}, "use": {"purposes", "never", "recipients", "sharing", "disclosure", "popular"},
	"children": {"children"}, "optout": {"optout", "signals"}, "links": {"links"}, "security": {"security"},
	"changes": {"changes"}, "acceptance": {"acceptance"}, "questions": {"questions"},
}

// loose are the facts about sentences that nobody marked.
func (c *compiler) loose(section string) claims.Facts {
	keeps := "…"
	for _, part := range related[section] {
		if path := c.claims.Done[part]; path != "" {
			keeps = path
			break
		}
	}
	f := claims.Facts{By: section, Fix: "mark it […]{#an-id keeps=" + keeps + "}, or […]{#an-id .aspiration}, or […]{.information} if it binds nobody"}
	if section == "children" && c.Children != nil {
		f.Limits = []int{c.Children.Under}
	}
	return f
}

// facts are what the rules say that a clause names.
func (c *compiler) facts(cl *Clause) claims.Facts {
	f := claims.Facts{By: strings.Join(cl.Keeps, ", "), Promised: cl.Force == Promise}
	for _, word := range cl.Keeps {
		r := c.ref(word)
		f.Periods = append(f.Periods, r.periods...)
		for _, rule := range r.rules[:min(len(r.rules), 8)] { // enough for security, the largest part with facts
			switch rule.Path {
			case "children":
				f.Limits = append(f.Limits, c.Children.Under)
			case "popular":
				f.Limits = append(f.Limits, c.Popular.HideUnder)
			case "optout.address":
				f.Mails = append(f.Mails, c.OptOut.Address)
			case "questions":
				f.Mails = append(f.Mails, c.Organisation.Contact)
			case "security.staff":
				f.Often = append(f.Often, c.Security.Staff)
			case "security.drills":
				f.Often = append(f.Often, c.Security.Drills)
			case "acceptance.notice":
				f.Noticed = true
			}
		}
	}
	return f
}

// maxPeriods is how many lengths of time one word of keeps= can stand for.
const maxPeriods = 100

// A ref is what one word of keeps= comes to.
type ref struct {
	rules   []*Rule
	unkept  *Rule // one that no part of this build keeps
	periods []claims.Period
}

func (c *compiler) ref(word string) *ref {
	if r := c.refs[word]; r != nil {
		return r
	}
	r := &ref{rules: c.Covered(word)}
	for _, rule := range r.rules {
		c.told[rule.Path] = true
		if r.unkept == nil && !slices.Contains(c.keeps, rule.Kind) {
			r.unkept = rule
		}
		for _, p := range c.periods(rule) {
			said := claims.Period{Months: p.Months, Hours: p.Days*24 + p.Hours, Says: spell(p, words.In("en"))}
			unsaid := p.IsZero() && rule.Path != "children" // and that is reported elsewhere
			if !unsaid && len(r.periods) < maxPeriods && !slices.Contains(r.periods, said) {
				r.periods = append(r.periods, said)
			}
		}
	}
	c.refs[word] = r
	return r
}

// periods are the lengths of time a rule promises.
func (c *compiler) periods(r *Rule) []avow.Period {
	part, name, _ := strings.Cut(r.Path, ".")
	switch {
	case part == "collect":
		return []avow.Period{c.Collection(avow.Collection(name)).Keep}
	case r.Path == "children":
		return []avow.Period{c.Children.Freeze, c.Children.Erase} // frozen in no time is a promise too
	case r.Path == "optout.within":
		return []avow.Period{c.OptOut.Within}
	case r.Path == "sharing.tell":
		return []avow.Period{c.Sharing.Tell}
	case part == "purposes" && c.Purpose(avow.Purpose(name)).AtMost.Times > 0:
		return []avow.Period{c.Purpose(avow.Purpose(name)).AtMost.Per}
	case r.Path == "popular":
		return []avow.Period{c.Popular.Keep}
	case r.Path == "questions":
		return []avow.Period{c.Questions.Answer}
	case r.Path == "changes.notice":
		return []avow.Period{c.Changes.Notice}
	}
	return nil
}

// checkSpans holds what the clauses name against the rules there are.
func (c *compiler) checkSpans() {
	for i, n := range c.prose.Spans {
		if c.marks[i] < 0 {
			continue
		}
		cl := &c.Clauses[c.marks[i]]
		wrong := func(code, fix, format string, args ...any) {
			c.reportSource(n.Braces, n.Braces+len(n.Attrs)+2, Error, code, fix, format, args...)
		}
		if cl.Force == Promise && len(cl.Keeps) == 0 {
			wrong("unbound-promise", "name the rule that keeps it, as in keeps=collect.contact, or mark it .aspiration or .information",
				"the promise %s names no rule, so nothing keeps it", cl.ID)
		}
		for _, word := range cl.Keeps {
			switch r := c.ref(word); {
			case len(r.rules) == 0:
				wrong("unknown-rule", c.nearestRule(word), "%s keeps %q, which is no rule of the front matter", cl.ID, front.Clip(word))
			case cl.Force == Promise && r.unkept != nil:
				wrong("unknown-rule", "mark the promise .aspiration until one does", "no part of this avow keeps %s", r.unkept.Path)
			}
		}
	}
}

func (c *compiler) nearestRule(word string) string {
	var paths []string
	if len(c.found) < source.Listed { // beyond, nobody reads it, and looking takes time
		for _, r := range c.Rules {
			paths = append(paths, r.Path)
		}
		paths = append(paths, slices.Sorted(maps.Keys(c.index.parts))...)
	}
	return front.Suggest(word, paths, "name a rule that is there, or add "+front.Clip(word)+" to the front matter")
}

// checkTold looks for rules that the prose keeps to itself.
func (c *compiler) checkTold() {
	cited := c.told
	used, usedTold := map[string]bool{}, map[string]bool{}
	for _, col := range c.Collect {
		path := "collect." + string(col.Name)
		for _, f := range col.Fields {
			datum := "data." + string(f.Name)
			used[datum] = true
			usedTold[datum] = usedTold[datum] || cited[path] || c.tables["collect"]
		}
	}
	for i := range c.Rules {
		r := &c.Rules[i]
		part, _, _ := strings.Cut(r.Path, ".")
		width := len(r.Path)
		if part != r.Path {
			width -= len(part) + 1
		}
		isTold := cited[r.Path] || c.tables[part] || usedTold[r.Path]
		switch {
		case !isTold && part == "data" && !used[r.Path]:
			c.add(r.At, width, Warning, "undisclosed-practice", "collect it somewhere, tell it in a clause, or take it out",
				"%s is declared, but collected nowhere and told nowhere", r.Path)
		case !isTold && part != "data":
			c.add(r.At, width, Error, "undisclosed-practice", c.tellIt(r, part), "the prose does not tell %s", r.Path)
		case isTold && !cited[r.Path] && !slices.Contains(c.keeps, r.Kind) && !usedTold[r.Path]:
			c.add(r.At, width, Error, "unknown-rule", "tell it in a clause marked .aspiration until one does, as in {#my-clause .aspiration keeps="+r.Path+"}",
				"no part of this avow keeps %s", r.Path)
		}
	}
}

func (c *compiler) tellIt(r *Rule, part string) string {
	fix := "tell it in a sentence, as in […]{#my-clause keeps=" + r.Path + "}"
	for table, tells := range directives {
		if tells == part {
			fix += ", or print {{" + table + "}}"
		}
	}
	return fix
}

// checkRules holds the rules against each other.
func (c *compiler) checkRules() {
	for _, col := range c.Collect {
		for _, name := range col.For {
			if p := c.Purpose(name); p != nil && p.Basis == "opt-in" && col.By != "form" {
				c.add(col.At, len(col.Name), Error, "contradiction", "ask in a form, or let the purpose rest on something else",
					"collect.%s takes information by %s, where nobody opts in, for purposes.%s, which rests on opt-in", col.Name, col.By, name)
			}
		}
		for _, f := range col.Fields {
			if d := c.Datum(f.Name); d != nil && d.Store == "token" && col.By == "form" {
				c.add(col.At, len(col.Name), Error, "contradiction", "let the provider ask for it (by: purchase), or keep it sealed",
					"collect.%s asks in a form for data.%s, of which only a provider's token may be kept", col.Name, f.Name)
			}
		}
	}
	for _, p := range c.Purposes {
		c.checkNever(p.At, "purposes."+string(p.Name), string(p.Name), p.Say)
	}
	for _, r := range c.Recipients {
		c.checkNever(r.At, "recipients."+r.Name, r.Name, r.Say)
	}
}

// checkNever looks for a rule that speaks of what another says is never done.
func (c *compiler) checkNever(at Position, path, name, say string) {
	if never := c.claims.Mentions(strings.ReplaceAll(name, "-", " ") + " – " + say); never != "" {
		c.add(at, len(name), Error, "contradiction", "take out one of the two", "%s speaks of what %s says is not done", path, never)
	}
}
