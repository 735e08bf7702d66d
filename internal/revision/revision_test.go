package revision_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/revision"
	"github.com/avow-privacy/avow/internal/statement"
)

// example is a statement with a rule of every kind.
func example(t testing.TB) string {
	t.Helper()
	src, err := os.ReadFile("testdata/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// compile reads a statement. What this build keeps is no matter here, and what
// else is wrong with a text that a test has cut up is none either.
func compile(t interface {
	Helper()
	Fatalf(string, ...any)
}, src string) *statement.Statement {
	t.Helper()
	s, found := statement.Compile("test.md", []byte(src), nil)
	if s == nil {
		t.Fatalf("does not compile: %v", found)
	}
	return s
}

// A mutation replaces one piece of the example statement. Each is one change,
// and its reverse is the same change the other way.
type mutation struct {
	name, old, new string
	class          revision.Class
	reason         string // of the change from old to new
	oneWay         bool   // the class of the reverse is wider too
}

var mutations = []mutation{
	{name: "kept longer", old: "for: [reply], keep: 24 months", new: "for: [reply], keep: 36 months", class: "wider", reason: "kept longer"},
	{name: "kept by days", old: "for: [operate], keep: 30 days", new: "for: [operate], keep: 1 week", class: "narrower", reason: "kept for a shorter time"},
	{name: "another use", old: "for: [reply], keep: 24", new: "for: [reply, news], keep: 24", class: "wider", reason: "news added: more uses"},
	{name: "another field", old: "[name, email!, message!]", new: "[name, email!, message!, address]", class: "wider", reason: "address added: more is asked"},
	{name: "required", old: "[name, email!, message!]", new: "[name!, email!, message!]", class: "wider", reason: "name now required"},
	{name: "collection", old: "  survey:     {say: Tell us what you think, fields: [rating!, remarks], for: [opinion], keep: 12 months}\n", class: "narrower", reason: "less is collected"},
	{name: "sale", old: "never: [sale, rent, lease]", new: "never: [rent, lease]", class: "wider", reason: "a promise gone"},
	{name: "recipient", old: "recipients:\n", new: "recipients:\n  bank: {fields: [name], for: [deliver]}\n", class: "wider", reason: "more recipients"},
	{name: "recipient's fields", old: "fields: [name, address], for: [deliver],", new: "fields: [name], for: [deliver],", class: "narrower", reason: "address removed: less is given away"},
	{name: "contract", old: `contract: "sha256:5a1c7f0e2b94d83f6a0c1e7d92b5f4883c6e0a917fd2b45c8e13f7a60d9b2c41", `, class: "wider", reason: "no longer bound by contract"},
	{name: "until", old: "until: 2028-12-31", new: "until: 2029-12-31", class: "wider", reason: "ends later"},
	{name: "for ever", old: ", until: 2028-12-31", class: "wider", reason: "ends later"},
	{name: "older children", old: "under: 13", new: "under: 16", class: "narrower", reason: "more protected"},
	{name: "slower", old: "erase: 24h", new: "erase: 48h", class: "wider", reason: "slower"},
	{name: "another way to consent", old: "[email-plus, signed-form]", new: "[email-plus, signed-form, call]", class: "wider", reason: "call added: more ways to consent"},
	{name: "ground", old: "grounds: [law, rights, safety]", new: "grounds: [law]", class: "narrower", reason: "rights, safety removed: fewer grounds to disclose"},
	{name: "silence", old: "notice: after", new: "notice: none", class: "wider", reason: "people are no longer told"},
	{name: "approvers", old: "approvers: 2", new: "approvers: 3", class: "narrower", reason: "more must agree"},
	{name: "letters", old: "within: 2 days", new: "within: 10 days", class: "wider", reason: "slower"},
	{name: "cookie", old: "cookies:\n", new: "cookies:\n  seen: {for: count visits, keep: 12 months}\n", class: "wider", reason: "a new cookie"},
	{name: "cookie stays", old: "keep: session", new: "keep: 1 hour", class: "wider", reason: "stays longer"},
	{name: "tracker", old: "  maps.harbour.example:", new: "  ads.example: {for: show ads}\n  maps.harbour.example:", class: "wider", reason: "more is loaded from elsewhere"},
	{name: "tracker's consent", old: "workshop, consent: opt-in", new: "workshop, consent: none", class: "wider", reason: "asked less"},
	{name: "basis", old: "say: tell you about new instruments, basis: opt-in", new: "say: tell you about new instruments, basis: legitimate-interest", class: "wider", reason: "no longer asked for first"},
	{name: "another basis", old: "answer your question, basis: request", new: "answer your question, basis: contract", class: "wider", reason: "it rests on something else", oneWay: true},
	{name: "channel", old: "basis: opt-in, channel: email", new: "basis: opt-in", class: "narrower", reason: "nobody is contacted any more"},
	{name: "purpose's words", old: "say: answer your question", new: "say: deal with you", class: "wider", reason: "it is used for something else", oneWay: true},
	{name: "category", old: "{category: user.contact.email,", new: "{category: user.contact, type: email,", class: "wider", reason: "other information"},
	{name: "index", old: ", index: exact", class: "narrower", reason: "can no longer be looked up"},
	{name: "token", old: "say: Payment card, store: token", new: "say: Payment card", class: "wider", reason: "kept itself, not a token"},
	{name: "choices", old: "[Tide clock, Marine barometer, Pocket sextant]", new: "[Tide clock, Marine barometer]", class: "narrower", reason: "Pocket sextant removed: fewer answers to choose from"},
	{name: "max", old: "max: 400}", new: "max: 500}", class: "wider", reason: "more fits in"},
	{name: "datum", old: "  card:       {category: user.financial.account_number, say: Payment card, store: token}\n", class: "narrower", reason: "a kind of information less"},
	{name: "signal", old: "signals: {gpc: honour}\n", class: "wider", reason: "signals are no longer honoured"},
	{name: "label", old: "label: true", new: "label: false", class: "wider", reason: "a promise gone"},
	{name: "small numbers", old: "hide-under: 10", new: "hide-under: 5", class: "wider", reason: "fewer small numbers are hidden"},
	{name: "drills", old: "drills: monthly", new: "drills: yearly", class: "wider", reason: "less often"},
	{name: "public log", old: ", log: public", class: "wider", reason: "a promise gone"},
	{name: "pinned", old: "pinned: true", new: "pinned: false", class: "wider", reason: "a promise gone"},
	{name: "notice period", old: "notice: 30 days}", new: "notice: 14 days}", class: "wider", reason: "announced later"},
	{name: "answer", old: "answer: 30 days", new: "answer: 14 days", class: "narrower", reason: "faster"},
	{name: "receipts", old: "receipts: {form: every}\n", class: "wider", reason: "a promise gone"},
	{name: "owner", old: "name: Harbour Instruments Ltd", new: "name: Harbour Holdings", class: "wider", reason: "somebody else may be promising", oneWay: true},
	{name: "bound", old: "{#cookies .aspiration keeps=cookies}", new: "{#cookies keeps=cookies}", class: "narrower", reason: "now binding"},
	{name: "aim", old: "{#own-key keeps=security.keys}", new: "{#own-key .aspiration keeps=security.keys}", class: "wider", reason: "now only an aim"},
	{name: "talk", old: "{#never-sold keeps=never}", new: "{.information}", class: "wider", reason: "a promise gone"},
	{name: "keeps less", old: "{#never-sold keeps=never}", new: "{#never-sold keeps=never.sale}", class: "wider", reason: "no longer keeps never.rent, never.lease"},
	{name: "keeps the same", old: "{#never-sold keeps=never}", new: `{#never-sold keeps="never.sale never.rent never.lease"}`, class: "wording", oneWay: true},
	{name: "another id", old: "{#never-sold keeps=never}", new: "{#no-sale keeps=never}", class: "wording", oneWay: true},
	{name: "another aim", old: "{#restore .aspiration}", new: "{#reborn .aspiration}", class: "wording", oneWay: true},
	{name: "other words", old: "with one click in the letter", new: "with a click", class: "wording", oneWay: true},
	{name: "another order of fields", old: "[name, email!, message!]", new: "[message!, name, email!]", class: "wording", oneWay: true},
	{name: "another spelling", old: "keep: 6 years", new: "keep: 72 months", class: "wording", oneWay: true},
}

func (m mutation) apply(src string) string { return strings.Replace(src, m.old, m.new, 1) }

func TestClasses(t *testing.T) {
	src := example(t)
	before := compile(t, src)
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			if m.apply(src) == src {
				t.Fatal("the statement does not have what is to be replaced")
			}
			after := compile(t, m.apply(src))
			c, back := revision.Compare(before, after), revision.Compare(after, before)
			if c.Class != m.class {
				t.Errorf("%s, want %s: %+v %+v", c.Class, m.class, c.Rules, c.Promises)
			}
			if reverse := map[revision.Class]revision.Class{"wider": "narrower", "narrower": "wider", "wording": "wording"}[m.class]; !m.oneWay && back.Class != reverse {
				t.Errorf("the other way %s, want %s: %+v %+v", back.Class, reverse, back.Rules, back.Promises)
			}
			if m.oneWay && back.Class != m.class {
				t.Errorf("the other way %s, want %s", back.Class, m.class)
			}
			if m.class == "wording" {
				return
			}
			if reasons := reasons(c); !strings.Contains(reasons, m.reason) {
				t.Errorf("reasons %q, want %q", reasons, m.reason)
			}
		})
	}
}

func reasons(c *revision.Change) string {
	var b strings.Builder
	for _, r := range c.Rules {
		fmt.Fprintln(&b, r.Reason)
	}
	for _, p := range c.Promises {
		fmt.Fprintln(&b, p.Reason)
	}
	return b.String()
}

// Several changes at once: equal hashes are no rules changed and the other way
// about, one that is wider makes all wider, and nothing differs from itself.
func TestSeveral(t *testing.T) {
	src := example(t)
	before := compile(t, src)
	rapid.Check(t, func(t *rapid.T) {
		text, want := src, revision.Wording
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			m := rapid.SampledFrom(mutations).Draw(t, "mutation")
			if next := m.apply(text); next != text {
				text = next
				if m.class == revision.Wider || want == revision.Wording {
					want = m.class
				}
			}
		}
		after := compile(t, text)
		c := revision.Compare(before, after)
		if (len(c.Rules) == 0) != (before.RuleHash == after.RuleHash) {
			t.Fatalf("hashes equal: %v, changes: %+v", before.RuleHash == after.RuleHash, c.Rules)
		}
		if c.Class != want {
			t.Fatalf("%s, want %s: %+v %+v", c.Class, want, c.Rules, c.Promises)
		}
		if same := revision.Compare(after, after); same.Class != revision.Wording || len(same.Rules)+len(same.Promises)+len(same.Sections) > 0 {
			t.Fatalf("a statement differs from itself: %+v", same)
		}
	})
}

// A form that goes with its promise is less being collected, and no promise
// broken; one that comes with its promise makes up for nothing.
func TestRuleWithItsPromise(t *testing.T) {
	src := example(t)
	with := compile(t, src)
	without := compile(t, strings.NewReplacer(
		"  careers:    {say: Work with us, fields: [name!, email!, experience!], for: [recruit], keep: 6 months}\n", "",
		"[When you apply for work, we keep your application for 6 months.]{#careers keeps=collect.careers}\n", "").Replace(src))
	for want, c := range map[revision.Class]*revision.Change{
		revision.Narrower: revision.Compare(with, without), revision.Wider: revision.Compare(without, with),
	} {
		if c.Class != want || len(c.Promises) != 1 || c.Promises[0].Class != "" {
			t.Errorf("%s, want %s: %+v %+v", c.Class, want, c.Rules, c.Promises)
		}
	}
}

// Of two periods the longer is wider for what is kept, and narrower for how
// long a change is announced ahead.
func TestPeriods(t *testing.T) {
	src := example(t)
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"hours", "days", "weeks", "months", "years"})
		count := rapid.IntRange(1, 99)
		old := fmt.Sprint(count.Draw(t, "old"), " ", unit.Draw(t, "unit"))
		now := fmt.Sprint(count.Draw(t, "new"), " ", unit.Draw(t, "unit"))
		p, _ := avow.ParsePeriod(old)
		q, _ := avow.ParsePeriod(now)
		longer, shorter := revision.Wider, revision.Narrower
		for text, at := range map[string]string{"keep: 24 months}\n  order:": "keep: %s}\n  order:", "notice: 30 days}": "notice: %s}"} {
			with := func(period string) *statement.Statement {
				return compile(t, strings.Replace(src, text, fmt.Sprintf(at, period), 1))
			}
			want := revision.Wording
			switch {
			case strings.HasPrefix(at, "notice") && q.Longer(p):
				want = shorter
			case strings.HasPrefix(at, "notice") && p.Longer(q):
				want = longer
			case q.Longer(p):
				want = longer
			case p.Longer(q):
				want = shorter
			case p.String() != q.String():
				want = revision.Wider // as long, but counted another way
			}
			if c := revision.Compare(with(old), with(now)); c.Class != want {
				t.Fatalf("%s → %s: %s, want %s", old, now, c.Class, want)
			}
		}
	})
}

// Whatever the words, a diff holds both texts, and a block that is listed as
// the same is.
func FuzzProse(f *testing.F) {
	f.Add("# A\n\n[We *do* this.]{#a keeps=x} And that.\n\n- one\n- two\n", "# A\n\n[We do this!]{#a .aspiration}\n\n- two\n")
	f.Add("a b c d e f", "a b x d e f\n\na b c d e f")
	f.Add("]{[\\[ []{}", "[[x]{y}]{z} \u009b")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 1<<14 {
			return
		}
		from, to := revision.Blocks(a), revision.Blocks(b)
		var before, after []string
		for _, block := range revision.DiffBlocks(from, to) {
			before = appendSome(before, block.Before())
			after = appendSome(after, block.After())
		}
		if !slices.Equal(before, from) || !slices.Equal(after, to) {
			t.Errorf("%q\n%q\nbecame\n%q\n%q", from, to, before, after)
		}
	})
}

func appendSome(list []string, s string) []string {
	if s == "" {
		return list
	}
	return append(list, s)
}

// Every part of every rule the compiler writes has a direction, so that no
// field is wider only because it was forgotten.
func TestEveryFieldHasADirection(t *testing.T) {
	s := compile(t, example(t))
	for _, r := range s.Rules {
		if !revision.Known(r.Path, r.Canonical) {
			t.Errorf("%s: %s", r.Path, r.Canonical)
		}
	}
}

// Golden files: the text as a terminal shows it without colour, and the JSON.
func TestGolden(t *testing.T) {
	src := example(t)
	for name, edits := range map[string][]string{
		"wording": {"We do not sell, rent or lease what we know about you, to anyone, now or later.",
			"We never sell, rent or lease what we know about you to anybody, not now and not later.",
			"No security is perfect. Should something go wrong, we say so.", "No security is perfect, and should something go wrong we say so."},
		"narrower": {"for: [reply], keep: 24 months", "for: [reply], keep: 12 months", "message for 24 months, to", "message for 12 months, to",
			"under: 13", "under: 16", "Children under the age of 13", "Children under the age of 16", "from children under 13", "from children under 16"},
		"wider": {"for: [reply], keep: 24 months", "for: [reply, news], keep: 36 months", "message for 24 months, to", "message for 36 months, to",
			"never: [sale, rent, lease]", "never: [rent, lease]", "do not sell, rent or lease", "do not rent or lease",
			"{#own-key keeps=security.keys}", "{#own-key .aspiration keeps=security.keys}",
			"[A backup that is restored forgets everyone who was erased since it was made.]{#restore .aspiration}\n", "",
			"## Acceptance", "[We may ask you more than we used to.]{.information}\n\n## Acceptance"},
	} {
		t.Run(name, func(t *testing.T) {
			c := revision.Compare(compile(t, src), compile(t, strings.NewReplacer(edits...).Replace(src)))
			if string(c.Class) != name {
				t.Errorf("%s: %s", c.Class, reasons(c))
			}
			var text bytes.Buffer
			if err := c.WriteText(&text, "old.md", "new.md", false); err != nil {
				t.Fatal(err)
			}
			js, err := c.JSON()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".txt", text.Bytes())
			golden(t, name+".json", js)
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("GOLDEN") == "write" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (GOLDEN=write accepts it):\n%s", path, got)
	}
}

func TestColour(t *testing.T) {
	src := example(t)
	c := revision.Compare(compile(t, src), compile(t, strings.Replace(src, "No security is perfect.", "No security is \u009b31mperfect.", 1)))
	var plain, coloured bytes.Buffer
	c.WriteText(&plain, "a", "b", false)
	c.WriteText(&coloured, "a", "b", true)
	if strings.ContainsAny(plain.String(), "\x1b\u009b") || !strings.Contains(coloured.String(), "\x1b[32m") || strings.Contains(coloured.String(), "\u009b") {
		t.Errorf("%q\n%q", plain.String(), coloured.String())
	}
}

func TestJSONIsJSON(t *testing.T) {
	src := example(t)
	js, err := revision.Compare(compile(t, src), compile(t, src)).JSON()
	var back map[string]any
	if err != nil || json.Unmarshal(js, &back) != nil {
		t.Fatal(err)
	}
	if list, ok := back["rules"].([]any); !ok || len(list) != 0 {
		t.Errorf("rules of an empty change are %v, not an empty list", back["rules"])
	}
}

func BenchmarkCompare(b *testing.B) {
	src := example(b)
	s := compile(b, src)
	other := compile(b, strings.NewReplacer("we", "they", "our", "their").Replace(src))
	for b.Loop() {
		revision.Compare(s, other)
	}
}
