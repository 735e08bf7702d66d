package claims

import (
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/statement/prose"
	"github.com/avow-privacy/avow/internal/statement/words"
)

// found says what a checker found in a text, as "code words; code words".
func found(tag, text string, check func(*Checker, prose.Stretch)) string {
	d := prose.Parse([]byte(text))
	var out []string
	c := &Checker{Document: d, Lexicon: words.In(tag),
		Done:  map[string]string{"cookies": "cookies.a", "trackers": "trackers.a", "recipients": "recipients.a", "collect": "collect.a"},
		Never: map[string]string{"sale": "never.sale", "rent": "never.rent"},
		Report: func(at prose.Stretch, code, fix, format string, args ...any) {
			out = append(out, code+" "+d.Fold(at))
		}}
	for _, b := range d.Blocks {
		check(c, b.Stretch)
	}
	return strings.Join(out, "; ")
}

func TestContradictions(t *testing.T) {
	for _, c := range []struct{ tag, text, want string }{
		{"en", "This site uses no cookies.", "contradiction no cookies"},
		{"en", "It sets no cookies but one.", ""},
		{"en", "It sets no cookies unless you order.", ""},
		{"en", "Do you use no cookies?", ""},
		{"en", "Others say “no cookies”.", ""},
		{"en", "Our pages load nothing from third parties.", "contradiction load nothing from third parties"},
		{"en", "Nobody here would share your name with anyone.", ""},
		{"en", "Staff share your name with nobody.", "contradiction share your name with nobody"},
		{"en", "This page collects no personal data.", "contradiction collects no personal data"},
		{"en", "This page collects no personal data from children.", ""},
		{"en", "Partners sell your data to others.", "contradiction sell your data"},
		{"en", "Nobody may sell your data.", ""},
		{"en", "You may sell your old clock to us; our shop sells them and keeps your data.", ""},
		{"en", "The sale of customer lists pays for this site.", "contradiction sale of customer lists"},
		{"en", "The lease of your data pays for this site.", ""}, // no rule says never.lease
		{"de", "Diese Seiten brauchen Cookies.", ""},
		{"de", "Hier gibt es keine Cookies.", "contradiction keine Cookies"},
		{"de", "Hier gibt es keine anderen Cookies.", ""},
		{"de", "Der Verkauf von Adressen ist unser Geschäft.", "contradiction Verkauf von Adressen"},
		{"de", "Der Verkauf von Uhren ist unser Geschäft.", ""},
		{"fr", "Ce site pose aucun cookie.", "contradiction aucun cookie"},
		{"fr", "La vente de données nous nourrit.", "contradiction vente de données"},
		{"fr", "La vente d’horloges nous nourrit.", ""},
		{"es", "Aquí hay ninguna cookie.", "contradiction ninguna cookie"},
		{"es", "Vivimos de la venta de sus datos.", "contradiction venta de sus datos"},
		{"es", "Vivimos de la venta de relojes.", ""},
		{"xx", "We use no cookies and sell your data.", ""},
	} {
		got := found(c.tag, c.text, func(c *Checker, s prose.Stretch) { c.Clause(s, Facts{}) })
		if got != c.want {
			t.Errorf("%s %q: %q, not %q", c.tag, c.text, got, c.want)
		}
	}
}

func TestFacts(t *testing.T) {
	months := []Period{{Months: 24, Says: "24 months"}}
	for _, c := range []struct {
		text  string
		facts Facts
		want  string
	}{
		{"We keep it 24 months, or two years.", Facts{Periods: months}, ""},
		{"We keep it 23 months and every 30 days look.", Facts{Periods: months}, "contradiction 23 months"},
		{"Within a day, or 24 hours.", Facts{Periods: []Period{{Hours: 24}}}, ""},
		{"Within thirty (31) days.", Facts{Periods: []Period{{Hours: 30 * 24}}}, "contradiction 31) days"},
		{"Within a month.", Facts{Periods: []Period{{Hours: 30 * 24}}}, "contradiction a month"},
		{"Each month, and once a year for all.", Facts{Often: []string{"monthly", "yearly"}}, ""},
		{"Each month we try it.", Facts{Often: []string{"yearly"}}, "contradiction Each month"},
		{"Each month we try it.", Facts{}, ""},
		{"Children under 13 years, or 14.", Facts{Limits: []int{13}}, ""},
		{"Children under 14.", Facts{Limits: []int{13}}, "contradiction 14"},
		{"Children under 14.", Facts{}, ""},
		{"Write to A@b.example.", Facts{Mails: []string{"a@B.example"}}, ""},
		{"Write to a@b.example or [us](mailto:c@b.example?subject=x).", Facts{Mails: []string{"a@b.example"}}, "contradiction us"},
		{"Write to c@b.example.", Facts{Mails: []string{"a@b.example"}}, "contradiction c@b.example"},
		{"We answer promptly.", Facts{Promised: true}, "unmeasurable promptly"},
		{"We answer promptly.", Facts{}, ""},
		{"We answer promptly.", Facts{Promised: true, Periods: months}, ""},
		{"By using it you accept.", Facts{Promised: true}, "acceptance-as-consent By using it you accept"},
		{"By using it you accept.", Facts{Promised: true, Noticed: true}, ""},
		{"By using it you accept that we sell your data.", Facts{Promised: true}, "contradiction sell your data"},
	} {
		got := found("en", c.text, func(ch *Checker, s prose.Stretch) { ch.Clause(s, c.facts) })
		if got != c.want {
			t.Errorf("%q: %q, not %q", c.text, got, c.want)
		}
	}
}

func TestLoose(t *testing.T) {
	for text, want := range map[string]string{
		"We will. We do. They “will”. Will they? `We will`.": "unbound-promise We will",
		"By using it you accept, and we will.":               "acceptance-as-consent By using it you accept, and we will",
		"We will sell your data.":                            "contradiction sell your data",
		"Children under 12 will.":                            "contradiction 12; unbound-promise Children under 12 will",
		"a {#b} c":                                           "bad-span {#b} c",
		"a {.b}":                                             "bad-span {.b}",
		"`{#b}` and {keeps=c}":                               "bad-span {keeps=c}",
		"See {{cookies}}.":                                   "unknown-directive {{cookies}}.",
		"| We will | Never |\n|-|-|\n| you must | they won't |": "unbound-promise We will; unbound-promise Never; unbound-promise they won't",
		"> We will.\n\n- We\n  shall.\n":                        "unbound-promise We will; unbound-promise We shall",
	} {
		got := found("en", text, func(c *Checker, s prose.Stretch) { c.Loose(s, Facts{Limits: []int{13}}) })
		if got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
	if got := found("en", "# We will under 12", func(c *Checker, s prose.Stretch) { c.Heading(s, Facts{Limits: []int{13}}) }); got != "contradiction 12" {
		t.Error(got)
	}
}

func TestMentions(t *testing.T) {
	c := &Checker{Lexicon: words.In("en"), Never: map[string]string{"sale": "never.sale"}}
	for text, want := range map[string]string{"trader – a data broker": "never.sale", "sell your data": "never.sale", "sales – sell you clocks": "", "rent your data": ""} {
		if got := c.Mentions(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
