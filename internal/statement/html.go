package statement

import (
	"cmp"
	"html"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/prose"
	"github.com/avow-privacy/avow/internal/statement/words"
)

// A Mark is the small link behind a clause that leads to its proof.
type Mark struct {
	Class string // class of the clause, such as kept
	Label string // words of the link
	Href  string // no link if empty
}

// HTML prints the prose without its title, each promise and aspiration as
//
//	<span class="clause CLASS" id="ID">text <a class="mark" href="HREF">LABEL</a></span>
//
// with what mark, which may be nil, says of it, each directive as a table, and links to other sites as that. It is safe to show:
// raw HTML in a statement is text, and no link in it runs a script.
func (s *Statement) HTML(mark func(*Clause) Mark) []byte {
	if mark == nil {
		mark = func(*Clause) Mark { return Mark{} }
	}
	l := words.In(s.Language)
	return s.prose.HTML(prose.Printer{
		Span: func(n *prose.Span) (before, after string) {
			if s.marks[n.Index] < 0 {
				return "<span>", "</span>"
			}
			c := &s.Clauses[s.marks[n.Index]]
			if c.Force == Information {
				return `<span class="information">`, "</span>"
			}
			m := mark(c)
			before = `<span class="` + html.EscapeString(strings.TrimSpace("clause "+m.Class)) + `" id="` + string(c.ID) + `">`
			if m.Href == "" {
				return before, "</span>"
			}
			return before, ` <a class="mark" href="` + html.EscapeString(m.Href) + `">` + html.EscapeString(m.Label) + "</a></span>"
		},
		Table: func(name string) string { return s.table(name, l).HTML(l.Text("none")) },
		Label: l.Text("table"),
		Out:   `<span role="img" aria-label="` + html.EscapeString(l.Text("out")) + `">&nbsp;↗&#xfe0e;</span>`,
		Own:   s.Organisation.Site,
	})
}

// table returns the table of a directive in the words of a language.
func (s *Statement) table(name string, l *words.Lexicon) prose.Table {
	t := prose.Table{Caption: l.Text(name)}
	head := func(keys ...string) {
		for _, k := range keys {
			t.Head = append(t.Head, l.Text(k))
		}
	}
	row := func(cells ...string) { t.Rows = append(t.Rows, cells) }
	switch name {
	case "collections":
		head("where", "what", "for", "long")
		for _, c := range s.Collect {
			row(c.Say, s.fields(c.Fields, l), s.purposes(c.For), spell(c.Keep, l))
		}
	case "retention":
		head("where", "long")
		for _, c := range s.Collect {
			row(c.Say, spell(c.Keep, l))
		}
	case "purposes":
		head("purpose", "basis", "channel")
		for _, p := range s.Purposes {
			row(p.Say, l.Text("basis."+p.Basis), l.Text("channel."+p.Channel))
		}
	case "cookies":
		head("cookie", "for", "long", "consent")
		for _, c := range s.Cookies {
			row(c.Name, c.For, keep(c.Keep, l), l.Text("consent."+c.Consent))
		}
		if s.Asks() && !slices.ContainsFunc(s.Cookies, func(c Cookie) bool { return c.Name == ChoiceCookie }) {
			row(ChoiceCookie+" / "+SecureChoiceCookie, l.Text("choice"), keep("12 months", l), l.Text("consent.none"))
		}
	case "trackers":
		head("host", "for", "consent")
		for _, r := range s.Trackers {
			row(r.Host, r.For, l.Text("consent."+r.Consent))
		}
	case "recipients":
		head("who", "what", "for")
		for _, r := range s.Recipients {
			var fields []CollectedField
			for _, f := range r.Fields {
				fields = append(fields, CollectedField{Name: f})
			}
			row(r.Say, s.fields(fields, l), s.purposes(r.For))
		}
	case "never":
		head("practice")
		for _, n := range s.Never {
			row(cmp.Or(l.Text("never."+n.Name), capital(n.Name)))
		}
	}
	return t
}

func (s *Statement) fields(fields []CollectedField, l *words.Lexicon) string {
	var out []string
	for _, f := range fields {
		say := capital(string(f.Name))
		if d := s.Datum(f.Name); d != nil {
			say = d.Say
		}
		if f.Required {
			say += " (" + l.Text("required") + ")"
		}
		out = append(out, say)
	}
	return strings.Join(out, "; ")
}

func (s *Statement) purposes(names []avow.Purpose) string {
	var out []string
	for _, name := range names {
		if p := s.Purpose(name); p != nil {
			out = append(out, p.Say)
		}
	}
	return strings.Join(out, "; ")
}

// spell is a period in the words of a language.
func spell(p avow.Period, l *words.Lexicon) string { return l.Length(p.Months, p.Days, p.Hours) }

// keep is how long a cookie stays in the words of a language.
func keep(text string, l *words.Lexicon) string {
	if p, err := avow.ParsePeriod(text); err == nil {
		return spell(p, l)
	}
	return l.Text(text)
}
