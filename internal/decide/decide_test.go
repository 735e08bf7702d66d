package decide_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/statement"
)

// before lets little be done; after lets more be done with the same form, and
// less with its telephone number.
const before = `---
statement: 1
organisation: {name: Test Ltd, site: [https://test.example], contact: privacy@test.example}
updated: 2026-01-01
data:
  email: {category: user.contact.email, index: exact}
  phone: {category: user.contact.phone_number}
  message: {category: user.content}
purposes:
  reply: {say: answer you, basis: request}
  news: {say: send you news, basis: opt-in, channel: email}
collect:
  contact: {fields: [email!, phone, message!], for: [reply], keep: 12 months}
  letter: {fields: [email!], for: [news], keep: 12 months}
never: [sale]
---
# Privacy

## Use
[We keep your message for 12 months, to answer you.]{#contact keeps=collect.contact}
[We keep your address for 12 months, to send you news.]{#letter keeps=collect.letter}
[What you give us is used for nothing else.]{#purpose keeps=purposes}
[Nothing is sold.]{#no-sale keeps=never.sale}
[Forms ask for what this page says.]{#data keeps=data}
`

var after = strings.NewReplacer("[email!, phone, message!], for: [reply]", "[email!, message!], for: [reply, news]",
	"to answer you.", "to answer you and to send you news.", "  phone: {category: user.contact.phone_number}\n", "").Replace(before)

func compile(t interface{ Fatal(...any) }, text string) *statement.Statement {
	s, found := statement.Compile("test.md", []byte(text), []statement.Kind{"data", "purposes", "collect.form", "never", "recipients"})
	if found.Failed() {
		t.Fatal(found)
	}
	return s
}

func TestAllow(t *testing.T) {
	old, now := compile(t, before), compile(t, after)
	for _, c := range []struct {
		name string
		use  decide.Use
		by   avow.ClauseID // that refuses; "" when allowed
	}{
		{"for what it was asked", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "reply", Actor: "mia", Fields: []avow.Field{"email", "message"}}, ""},
		{"for something else", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "news", Actor: "mia"}, "contact"},
		{"for something unheard of", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "profiling", Actor: "mia"}, "contact"},
		{"for sale", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "sale", Actor: "mia"}, "no-sale"},
		{"from nowhere", decide.Use{Pinned: old, Current: old, Collection: "gossip", Purpose: "reply", Actor: "mia"}, decide.Undeclared},
		{"by nobody", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "reply"}, decide.Undeclared},
		{"a field it does not have", decide.Use{Pinned: old, Current: old, Collection: "contact", Purpose: "reply", Actor: "mia", Fields: []avow.Field{"email", "shoe-size"}}, "contact"},
		{"wider never reaches back", decide.Use{Pinned: old, Current: now, Collection: "contact", Purpose: "news", Actor: "mia", Agreed: false}, "purpose"},
		{"unless the person agreed", decide.Use{Pinned: old, Current: now, Collection: "contact", Purpose: "news", Actor: "mia", Agreed: true}, ""},
		{"narrower applies at once", decide.Use{Pinned: old, Current: now, Collection: "contact", Purpose: "reply", Actor: "mia", Fields: []avow.Field{"phone"}}, "contact"},
		{"a purpose that rides along needs its own yes", decide.Use{Pinned: now, Current: now, Collection: "contact", Purpose: "news", Actor: "mia"}, "purpose"},
		{"who sends the form for it has said yes", decide.Use{Pinned: old, Current: old, Collection: "letter", Purpose: "news", Actor: "mia"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			no := decide.Allow(c.use)
			switch {
			case no == nil && c.by != "":
				t.Errorf("allowed, want a refusal by %s", c.by)
			case no != nil && no.Clause != c.by:
				t.Errorf("%v, want %q", no, c.by)
			}
		})
	}
}

// TestNeverWider draws uses at random: whatever is allowed without the
// person's yes is allowed by both statements, each taken alone.
func TestNeverWider(t *testing.T) {
	all := []*statement.Statement{compile(t, before), compile(t, after)}
	rapid.Check(t, func(t *rapid.T) {
		u := decide.Use{
			Current: rapid.SampledFrom(all).Draw(t, "current"), Pinned: rapid.SampledFrom(all).Draw(t, "pinned"),
			Collection: rapid.SampledFrom([]avow.Collection{"contact", "letter", "gossip"}).Draw(t, "collection"),
			Purpose:    rapid.SampledFrom([]avow.Purpose{"reply", "news", "sale", "profiling"}).Draw(t, "purpose"),
			Fields:     rapid.SliceOf(rapid.SampledFrom([]avow.Field{"email", "phone", "message", "shoe-size"})).Draw(t, "fields"),
			Actor:      "mia",
		}
		if decide.Allow(u) != nil {
			return
		}
		for _, s := range []*statement.Statement{u.Current, u.Pinned} {
			c := s.Collection(u.Collection)
			if c == nil || !slices.Contains(c.For, u.Purpose) {
				t.Fatalf("%q for %q is allowed and not declared", u.Collection, u.Purpose)
			}
			for _, f := range u.Fields {
				if !slices.ContainsFunc(c.Fields, func(g statement.CollectedField) bool { return g.Name == f }) {
					t.Fatalf("%q is allowed and not declared", f)
				}
			}
		}
	})
}

func TestCollect(t *testing.T) {
	s := compile(t, before)
	if no := decide.Collect(s, "contact", []avow.Field{"email", "message"}); no != nil {
		t.Error(no)
	}
	if no := decide.Collect(s, "contact", []avow.Field{"email", "shoe-size"}); no == nil || no.Clause != "contact" {
		t.Errorf("an undeclared field: %v", no)
	}
	if no := decide.Collect(s, "gossip", nil); no == nil || no.Clause != decide.Undeclared {
		t.Errorf("an undeclared collection: %v", no)
	}
}

func BenchmarkAllow(b *testing.B) {
	old, now := compile(b, before), compile(b, after)
	u := decide.Use{Pinned: old, Current: now, Collection: "contact", Purpose: "reply", Actor: "mia", Fields: []avow.Field{"email", "message"}}
	b.ReportAllocs()
	for b.Loop() {
		if no := decide.Allow(u); no != nil {
			b.Fatal(no)
		}
	}
}
