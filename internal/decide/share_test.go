package decide_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/statement"
)

// shop is a statement with recipients, of which others are made.
const shop = `---
statement: 1
organisation: {name: Test Ltd, site: [https://test.example], contact: privacy@test.example}
updated: 2026-01-01
data:
  name: {category: user.name}
  email: {category: user.contact.email, index: exact}
  address: {category: user.contact.address}
  note: {category: user.content}
purposes:
  deliver: {say: deliver what you ordered, basis: contract}
  news: {say: send you news, basis: opt-in, channel: email}
collect:
  order: {fields: [name!, email!, address!, note], for: [deliver], keep: 12 months}
  letter: {fields: [email!], for: [news], keep: 12 months}
recipients:
  courier: {fields: [name, address], for: [deliver], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41", until: 2026-12-31}
  printer: {fields: [email], for: [news], contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41"}
  friend: {fields: [name], for: [deliver]}
never: [sale]
---
# Privacy

## Use
[We keep your order for 12 months, to deliver it.]{#order keeps=collect.order}
[We keep your address for 12 months, to send you news.]{#letter keeps=collect.letter}
[What you give us is used for nothing else.]{#purpose keeps=purposes}
[Nothing is sold.]{#no-sale keeps=never.sale}
[Only these are given anything.]{#share keeps=recipients}
[Forms ask for what this page says.]{#data keeps=data}

{{recipients}}
`

const courier = "  courier: {fields: [name, address], for: [deliver], contract: \"sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41\", until: 2026-12-31}\n"

var today = avow.Date{Year: 2026, Month: 11, Day: 24}

func giving(to string, pinned, now *statement.Statement) decide.Giving {
	return decide.Giving{Use: decide.Use{Pinned: pinned, Current: now, Collection: "order", Purpose: "deliver", Actor: "mia", Fields: []avow.Field{"name", "address"}},
		Recipient: to, On: today}
}

func TestShare(t *testing.T) {
	now := compile(t, shop)
	before := compile(t, strings.Replace(shop, courier, "", 1))
	narrow := compile(t, strings.Replace(shop, "courier: {fields: [name, address]", "courier: {fields: [address]", 1))
	ended := compile(t, strings.Replace(shop, "until: 2026-12-31", "until: 2026-11-23", 1))
	with := func(g decide.Giving, change func(*decide.Giving)) decide.Giving { change(&g); return g }
	for _, c := range []struct {
		name string
		give decide.Giving
		by   avow.ClauseID // that refuses; "" when allowed
	}{
		{"what was declared", giving("courier", now, now), ""},
		{"on the last day", with(giving("courier", now, now), func(g *decide.Giving) { g.On.Month, g.On.Day = 12, 31 }), ""},
		{"the day after", with(giving("courier", now, now), func(g *decide.Giving) { g.On = avow.Date{Year: 2027, Month: 1, Day: 1} }), "share"},
		{"to nobody that was declared", giving("acme-ads", now, now), "share"},
		{"without a contract", with(giving("friend", now, now), func(g *decide.Giving) { g.Fields = g.Fields[:1] }), "share"},
		{"a field that is not theirs", with(giving("courier", now, now), func(g *decide.Giving) { g.Fields = []avow.Field{"note"} }), "share"},
		{"a field nobody asked for", with(giving("courier", now, now), func(g *decide.Giving) { g.Fields = []avow.Field{"shoe-size"} }), "order"},
		{"for what the collection is not for", with(giving("printer", now, now), func(g *decide.Giving) { g.Purpose, g.Fields = "news", []avow.Field{"email"} }), "order"},
		{"for what the recipient is not for", with(giving("courier", now, now), func(g *decide.Giving) { g.Collection, g.Purpose, g.Fields = "letter", "news", []avow.Field{"email"} }), "share"},
		{"for what both are for", with(giving("printer", now, now), func(g *decide.Giving) { g.Collection, g.Purpose, g.Fields = "letter", "news", []avow.Field{"email"} }), ""},
		{"sold", with(giving("courier", now, now), func(g *decide.Giving) { g.Purpose = "sale" }), "no-sale"},
		{"by nobody", with(giving("courier", now, now), func(g *decide.Giving) { g.Actor = "" }), decide.Undeclared},
		{"to who became a recipient since", giving("courier", before, now), "share"},
		{"unless the person agreed", with(giving("courier", before, now), func(g *decide.Giving) { g.Agreed = true }), ""},
		{"to who is none any more", giving("courier", now, before), "share"},
		{"more than was said then", giving("courier", narrow, now), "share"},
		{"more than is said now", giving("courier", now, narrow), "share"},
		{"longer than was said then", giving("courier", ended, now), "share"},
		{"though the person agreed, not after the contract", with(giving("courier", now, ended), func(g *decide.Giving) { g.Agreed = true }), "share"},
	} {
		t.Run(c.name, func(t *testing.T) {
			no := decide.Share(c.give)
			switch {
			case no == nil && c.by != "":
				t.Errorf("allowed, want a refusal by %s", c.by)
			case no != nil && no.Clause != c.by:
				t.Errorf("%v, want %q", no, c.by)
			}
		})
	}
}

// TestShareNeverWider: a pinned statement that says less never lets more be
// given, and whatever is given was declared by both.
func TestShareNeverWider(t *testing.T) {
	base := compile(t, shop)
	var narrower []*statement.Statement
	for _, c := range [][2]string{{courier, ""}, {"until: 2026-12-31", "until: 2026-06-30"}, {"fields: [name, address], for", "fields: [name], for"},
		{"fields: [email], for: [news], contract", "fields: [email], for: [deliver], contract"}, {"never: [sale]", "never: [sale, news-letters]"}, {"address!, note]", "address!]"},
		{", contract: \"sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41\"}", "}"}} {
		text := strings.Replace(shop, c[0], c[1], 1)
		if text == shop {
			t.Fatal(c[0])
		}
		s, _ := statement.Compile("test.md", []byte(text), []statement.Kind{"data", "purposes", "collect.form", "never", "recipients"})
		narrower = append(narrower, s)
	}
	all := append([]*statement.Statement{base}, narrower...)
	rapid.Check(t, func(t *rapid.T) {
		g := decide.Giving{
			Use: decide.Use{
				Current: rapid.SampledFrom(all).Draw(t, "current"), Pinned: base, Actor: "mia",
				Collection: rapid.SampledFrom([]avow.Collection{"order", "letter", "gossip"}).Draw(t, "collection"),
				Purpose:    rapid.SampledFrom([]avow.Purpose{"deliver", "news", "sale"}).Draw(t, "purpose"),
				Fields:     rapid.SliceOfN(rapid.SampledFrom([]avow.Field{"name", "email", "address", "note"}), 0, 3).Draw(t, "fields"),
				Agreed:     rapid.Bool().Draw(t, "agreed"),
			},
			Recipient: rapid.SampledFrom([]string{"courier", "printer", "friend", "acme-ads"}).Draw(t, "recipient"),
			On:        avow.Date{Year: 2026, Month: 12, Day: rapid.IntRange(20, 40).Draw(t, "day")},
		}
		wide := decide.Share(g)
		g.Pinned = rapid.SampledFrom(narrower).Draw(t, "pinned")
		if no := decide.Share(g); no == nil && wide != nil {
			t.Fatalf("a narrower pin lets it go: %v", wide)
		} else if no != nil {
			return
		}
		pins := []*statement.Statement{g.Current}
		if !g.Agreed {
			pins = append(pins, g.Pinned)
		}
		for _, s := range pins {
			i := slices.IndexFunc(s.Recipients, func(r statement.Recipient) bool { return r.Name == g.Recipient })
			if i < 0 {
				t.Fatal("given to who was not declared")
			}
			r := s.Recipients[i]
			if r.Contract == "" || !slices.Contains(r.For, g.Purpose) || !r.Until.IsZero() && r.Until.Before(g.On) {
				t.Fatalf("given to %s outside of their contract", r.Name)
			}
			for _, f := range g.Fields {
				if !slices.Contains(r.Fields, f) {
					t.Fatalf("%q was not declared for %s", f, r.Name)
				}
			}
		}
	})
}

func TestShareIsFast(t *testing.T) {
	now := compile(t, shop)
	g := giving("courier", compile(t, strings.Replace(shop, "fields: [email!]", "fields: [email!, note]", 1)), now)
	if n := testing.AllocsPerRun(100, func() {
		if no := decide.Share(g); no != nil {
			panic(fmt.Sprint(no))
		}
	}); n != 0 {
		t.Errorf("%v allocations to allow", n)
	}
}

func BenchmarkShare(b *testing.B) {
	g := giving("courier", compile(b, strings.Replace(shop, "fields: [email!]", "fields: [email!, note]", 1)), compile(b, shop))
	b.ReportAllocs()
	for b.Loop() {
		if no := decide.Share(g); no != nil {
			b.Fatal(no)
		}
	}
}
