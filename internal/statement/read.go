package statement

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/front"
	"github.com/avow-privacy/avow/internal/statement/prose"
)

// read takes clauses, sections and directives from the prose.
func (c *compiler) read() {
	for _, r := range c.prose.Refused {
		c.reportSource(r.At, r.At+1, Error, r.Code, r.Fix, "%s", r.Message)
	}
	section := "other"
	for _, b := range c.prose.Blocks {
		if b.Heading != nil {
			title := c.prose.Fold(b.Stretch)
			switch {
			case b.Heading.Level == 1 && c.Title == "":
				c.Title = title
			case b.Heading.Level == 2:
				section = c.lexicon.Section(title)
				c.Sections = append(c.Sections, Section{Title: title, Kind: section, At: c.spot(c.prose.Source(b.Start))})
			}
		}
		if b.Directives != nil {
			c.directives(b)
		}
		for _, n := range b.Spans {
			c.clause(n, section)
		}
	}
	c.anchors()
	if c.Title == "" {
		c.reportSource(0, 1, Warning, "missing-title", "begin the prose with # and a title", "the statement has no title")
	}
}

// directives are the tables a statement can ask for, and the rules each tells.
var directives = map[string]string{"collections": "collect", "cookies": "cookies", "trackers": "trackers",
	"purposes": "purposes", "recipients": "recipients", "never": "never", "retention": ""}

func (c *compiler) directives(b prose.Block) {
	for _, name := range b.Directives.Names {
		part, ok := directives[name]
		if !ok {
			known := slices.Sorted(maps.Keys(directives))
			c.report(b.Stretch, "unknown-directive", front.Suggest(name, known, "there are "+strings.Join(known, ", ")),
				"there is no table called %q", front.Clip(name))
		}
		c.tables[part] = true
	}
}

// clause makes a clause of a span, or says why it is none.
func (c *compiler) clause(n *prose.Span, section string) {
	c.marks = append(c.marks, -1)
	m := n.Marking()
	id := avow.ClauseID(m.ID)
	force := Force(m.Class)
	refuse := func(code, fix, format string, args ...any) {
		c.reportSource(n.Braces, n.Braces+len(n.Attrs)+2, Error, code, fix, format, args...)
	}
	switch {
	case n.Inner:
		refuse("bad-span", "end the outer span before the inner one begins", "a span stands inside another")
		return
	case m.Bad != "" || m.Class != "" && force != Information && force != Aspiration:
		refuse("bad-span", "write it like {#id keeps=collect.contact}, {#id .aspiration} or {.information}",
			"a span does not understand %q", front.Clip(cmp.Or(m.Bad, m.Class)))
		return
	case m.ID != "" && c.ids[m.ID]:
		refuse("duplicate-id", "choose another id", "the id %s is taken", id)
		return
	case force == Information && m.Keeps != nil:
		refuse("bad-span", "take away .information, or keeps=", "information binds nobody and so keeps no rule")
		return
	case force != Information && m.ID == "":
		refuse("unbound-promise", "give it an id, as in {#our-promise keeps=…}", "the %s has no id, so nothing can point at it", cmp.Or(force, Promise))
		return
	}
	c.marks[n.Index] = len(c.Clauses)
	c.Clauses = append(c.Clauses, Clause{ID: id, Force: cmp.Or(force, Promise), Keeps: m.Keeps,
		Text: c.prose.Fold(n.Said), Section: section, At: c.spot(n.Start)})
	c.ids[m.ID] = true
}

// anchors names the headings. The ids of clauses are taken already: receipts and
// reports point at them.
func (c *compiler) anchors() {
	ids, sections := c.prose.Anchors(c.ids), c.Sections
	for _, b := range c.prose.Blocks {
		if b.Heading == nil {
			continue
		}
		h := Heading{Level: b.Heading.Level, Title: c.prose.Fold(b.Stretch), ID: ids[0]}
		switch ids = ids[1:]; {
		case h.Level == 2:
			sections[0].ID, sections = h.ID, sections[1:]
			fallthrough
		case h.Level > 2:
			c.contents = append(c.contents, h)
		}
	}
}

// A Heading is one line of the table of contents.
type Heading struct {
	Level int
	Title string
	ID    string // anchor
}

// Contents are the headings below the title, in file order.
func (s *Statement) Contents() []Heading { return s.contents }
