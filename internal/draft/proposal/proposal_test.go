package proposal_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/draft/proposal"
	"github.com/avow-privacy/avow/internal/draft/wording"
	"github.com/avow-privacy/avow/internal/statement"
)

// everything is every rule that can be proposed.
func everything() (paths []string) {
	k := proposal.Rules()
	for _, f := range k.Fields {
		paths = append(paths, "data."+f.Name)
	}
	for _, p := range k.Purposes {
		paths = append(paths, "purposes."+p.Name)
	}
	for _, c := range k.Collections {
		paths = append(paths, "collect."+c.Name)
	}
	for _, r := range k.Recipients {
		paths = append(paths, "recipients."+r.Name)
	}
	for _, t := range k.Trackers {
		paths = append(paths, "trackers."+t.Host)
	}
	for _, c := range k.Cookies {
		paths = append(paths, "cookies."+c.Name)
	}
	return append(paths, "cookies.session", "never.sale", "never.rent", "never.lease", "never.trade", "never.loan", "never.automated-decision",
		"children", "disclosure", "optout", "signals", "popular", "links", "security.keys", "security.log", "security.staff", "security.drills",
		"changes.date", "changes.history", "changes.pinned", "changes.notice", "acceptance.notice", "questions")
}

func set(language string, paths []string) *proposal.Set {
	s := &proposal.Set{Lines: map[string]int{}, Periods: map[string]string{}, Grounds: []string{"law"}, Under: 13, Language: language,
		Name: "Ours: \"a\" & b", Site: "a.example", Contact: "a@a.example", OptOut: "a@a.example", Updated: avow.Date{Year: 2020, Month: 1, Day: 2},
		Within: "2 days", Notice: "30 days", Reply: "1 month"}
	for n, p := range paths {
		s.Add(p, n+1)
	}
	s.Complete()
	return s
}

// rules are the rules of a front matter, told by one clause each.
func rules(t interface{ Fatalf(string, ...any) }, s *proposal.Set) *statement.Statement {
	var told strings.Builder
	for path := range s.Lines {
		told.WriteString("[a]{#x-" + strings.NewReplacer(".", "-", "_", "-").Replace(path) + " .aspiration keeps=" + path + "}\n")
	}
	compiled, found := statement.Compile("a.md", []byte(s.FrontMatter()+"# A\n\n"+told.String()), nil)
	for _, f := range found {
		if f.Severity == statement.Error {
			t.Fatalf("line %d: %s\n%s", f.At.Line, f.Message, s.FrontMatter())
		}
	}
	return compiled
}

// Whatever is proposed together compiles, and is of the kind it is taken for.
func TestAnySetCompiles(t *testing.T) {
	all := everything()
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 12, rapid.ID).Draw(t, "rules")
		s := set(rapid.SampledFrom([]string{"en", "de", "fr", "es", "nl"}).Draw(t, "language"), picked)
		rules(t, s)
	})
}

func TestEverythingCompiles(t *testing.T) {
	s := rules(t, set("en", everything()))
	for _, r := range s.Rules {
		if got := proposal.KindOf(r.Path); got != string(r.Kind) {
			t.Errorf("%s is of the kind %s, not %s", r.Path, r.Kind, got)
		}
	}
	if len(s.Rules) < len(everything()) {
		t.Errorf("%d rules of %d", len(s.Rules), len(everything()))
	}
}

// A collection that is proposed alone has fields and purposes of its own.
func TestComplete(t *testing.T) {
	for _, c := range proposal.Rules().Collections {
		s := rules(t, set("en", []string{"collect." + c.Name}))
		col := s.Collection(avow.Collection(c.Name))
		if len(col.For) == 0 || len(col.Fields) == 0 && c.Name != "payment" || col.Keep.IsZero() {
			t.Errorf("%s: %+v", c.Name, col)
		}
	}
	for _, f := range proposal.Rules().Fields {
		s := rules(t, set("en", []string{"data." + f.Name}))
		if !slices.ContainsFunc(s.Collect, func(c statement.Collection) bool {
			return slices.ContainsFunc(c.Fields, func(cf statement.CollectedField) bool { return string(cf.Name) == f.Name })
		}) {
			t.Errorf("%s is collected nowhere", f.Name)
		}
	}
}

// There are words for all that can be proposed, and phrases that suggest it.
func TestWorded(t *testing.T) {
	k, en := proposal.Rules(), wording.In("en")
	for _, f := range k.Fields {
		if en.Fields[f.Name] == "" || en.Phrases["field."+f.Name] == nil && f.Name != "message" {
			t.Errorf("field %s", f.Name)
		}
	}
	for _, p := range k.Purposes {
		if en.Purposes[p.Name] == "" || en.Phrases["purpose."+p.Name] == nil {
			t.Errorf("purpose %s", p.Name)
		}
	}
	for _, c := range k.Collections {
		if en.Forms[c.Name] == "" || en.Phrases["collect."+c.Name] == nil && c.Name != "payment" || c.Noun == "" {
			t.Errorf("collection %s", c.Name)
		}
	}
	for _, r := range k.Recipients {
		if en.Recipient[r.Name] == "" || en.Phrases["recipient."+r.Name] == nil {
			t.Errorf("recipient %s", r.Name)
		}
	}
	for _, tr := range k.Trackers {
		if tr.For == "" || en.Purposes[tr.For] == "" {
			t.Errorf("tracker %s", tr.Host)
		}
	}
}
