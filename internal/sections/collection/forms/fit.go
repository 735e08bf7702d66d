package forms

import (
	"net/http"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vault"
)

// A fault is what is wrong with one field of what a program handed over. It
// never holds the value.
type fault struct {
	field   avow.Field
	outcome string // how it is counted
	reason  string
}

// How much of a form a program hands over.
const (
	whole = true  // all that is required
	part  = false // what changes
)

// fit checks values against the statement, as a form does. Of a part, an empty
// value takes the field away.
func fit(s *statement.Statement, c *statement.Collection, given map[avow.Field]string, all bool) (Values, []fault) {
	var faults []fault
	values := make(Values, len(given))
	known := 0
	for i := range c.Fields {
		f := &c.Fields[i]
		text, sent := given[f.Name]
		if sent {
			known++
		}
		text = strings.TrimSpace(text)
		switch {
		case text != "":
			if reason := unfit(s.Datum(f.Name), text); reason != "" {
				faults = append(faults, fault{f.Name, "incomplete", reason})
				continue
			}
			values[f.Name] = vault.Conceal([]byte(text))
		case f.Required && (all || sent):
			faults = append(faults, fault{f.Name, "incomplete", "Please fill this in."})
		case sent && !all:
			values[f.Name] = vault.Conceal(nil)
		}
	}
	if known != len(given) {
		faults = append([]fault{{undeclared(c, given), "undeclared", "This collection does not ask for it, so it was not kept. Nothing of what you sent was."}}, faults...)
	}
	return values, faults
}

func unfit(d *statement.Datum, text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f }) {
		return "Its value holds control characters."
	}
	return check(d, text)
}

// undeclared returns the first field, in order, that c does not ask for.
func undeclared(c *statement.Collection, given map[avow.Field]string) (first avow.Field) {
	for name := range given {
		declared := slices.ContainsFunc(c.Fields, func(f statement.CollectedField) bool { return f.Name == name })
		if !declared && (first == "" || name < first) {
			first = name
		}
	}
	return first
}

// problem is the fault as an answer.
func (f fault) problem(e *statement.Edition, c *statement.Collection) error {
	p := wrong(http.StatusUnprocessableEntity, string(f.field), f.reason)
	if f.outcome == "undeclared" {
		p.Clause = e.Keeper("data." + string(c.Fields[0].Name))
	}
	return p
}

// shown names the field of a fault as it may be shown.
func (f fault) shown() avow.Field { return wrong(0, string(f.field), "").Field }
