package statement

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
)

var update = flag.Bool("update", false, "write the golden files anew")

// kept is what the first avow keeps; the tests do not follow later ones.
var kept = []Kind{"data", "purposes", "collect.form", "never", "receipts.form", "security.keys", "security.log", "security.restore",
	"changes.date", "changes.history", "changes.pinned", "acceptance.notice", "cookies", "trackers", "signals", "collect.visit", "popular",
	"links.label", "links.register", "links.leaks", "collect.mail", "recipients", "sharing.canaries", "sharing.tell", "optout.address",
	"optout.within", "optout.confirm", "optout.stays", "optout.topics", "optout.elsewhere"}

func harbour(t testing.TB) []byte {
	t.Helper()
	src, err := os.ReadFile("testdata/en.md") // the example as it was in the beginning
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// good compiles what has to compile.
func good(t testing.TB, src []byte) *Statement {
	t.Helper()
	s, found := Compile("x.md", src, kept)
	if len(found) > 0 {
		var b strings.Builder
		found.WriteText(&b, "x.md", src)
		t.Fatal(b.String())
	}
	return s
}

func TestStatementsCompile(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.md")
	for _, name := range names {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := good(t, src)
		if len(s.Sections) < 7 || slices.ContainsFunc(s.Sections, func(s Section) bool { return s.Kind == "other" }) {
			t.Errorf("%s: sections %v", name, s.Sections)
		}
		// The end of a line is not part of the text.
		crlf := good(t, []byte(strings.ReplaceAll(string(src), "\n", "\r\n")))
		if crlf.RuleHash != s.RuleHash || crlf.TextHash == s.TextHash || !cmp.Equal(crlf.Clauses, s.Clauses) {
			t.Errorf("%s: with other ends of lines it is another statement", name)
		}
		if bom := good(t, append([]byte("\ufeff"), src...)); !cmp.Equal(bom.Clauses, s.Clauses) {
			t.Errorf("%s: with a byte order mark it is another statement", name)
		}
	}
}

// The example keeps more from one avow to the next; whatever it promises, it
// holds together.
func TestExample(t *testing.T) {
	src, err := os.ReadFile("../../examples/harbour/statement.md")
	if err != nil {
		t.Fatal(err)
	}
	var all []Kind
	s, _ := Compile("x.md", src, nil)
	for _, r := range s.Rules {
		all = append(all, r.Kind)
	}
	if _, found := Compile("x.md", src, all); len(found) > 0 {
		t.Error(found)
	}
}

func TestLookups(t *testing.T) {
	s := good(t, harbour(t))
	if d := s.Datum("email"); d == nil || d.Type != "email" || d.Max != 254 || d.Index != "exact" || d.Store != "sealed" {
		t.Errorf("email is %+v", d)
	}
	if d := s.Datum("card"); d == nil || d.Store != "token" || s.Rule("data.card").Kind != "data.token" {
		t.Errorf("card is %+v", d)
	}
	if c := s.Collection("contact"); c == nil || !c.Fields[1].Required || c.Fields[0].Required || c.Keep != (avow.Period{Months: 24}) || c.By != "form" {
		t.Errorf("contact is %+v", c)
	}
	if p := s.Purpose("news"); p == nil || p.Basis != "opt-in" || p.Channel != "email" {
		t.Errorf("news is %+v", p)
	}
	if c := s.Clause("own-key"); c == nil || c.Section != "security" || c.Force != Promise || !strings.HasPrefix(c.Text, "Your information is encrypted") {
		t.Errorf("own-key is %+v", c)
	}
	if s.Datum("x") != nil || s.Purpose("x") != nil || s.Collection("x") != nil || s.Clause("") != nil || s.Rule("x") != nil || s.Keeper("x") != "" {
		t.Error("what is not there is found")
	}
	for path, keeper := range map[string]avow.ClauseID{
		"collect.contact": "contact", "collect.access-log": "access-log", "data.email": "only-forms", "data.card": "", "never.sale": "never-sold",
		"purposes.reply": "purpose", "security.keys": "own-key", "changes.pinned": "pinned", "acceptance.notice": "notice", "links.label": "outward", "links": "",
	} {
		if got := s.Keeper(path); got != keeper {
			t.Errorf("%s is kept by %q, not %q", path, got, keeper)
		}
	}
	if n := testing.AllocsPerRun(100, func() {
		_, _, _, _, _, _ = s.Datum("email"), s.Purpose("news"), s.Collection("contact"), s.Clause("contact"), s.Rule("links"), s.Keeper("never.sale")
	}); n > 0 {
		t.Errorf("lookups allocate %v times", n)
	}
	want := []Heading{{2, "Collection of information", "collection-of-information"}, {3, "What you tell us", "what-you-tell-us"}}
	if diff := cmp.Diff(want, s.Contents()[:2]); diff != "" {
		t.Error(diff)
	}
}

// What a rule says no to is no rule that could be promised.
func TestNoRule(t *testing.T) {
	src := strings.Replace(string(harbour(t)), "pinned: true", "pinned: false", 1)
	s, found := Compile("x.md", []byte(src), kept)
	if s.Rule("changes.pinned") != nil || s.Rule("changes.date") == nil || s.Changes.Pinned {
		t.Error("pinned: false is a rule")
	}
	if len(found) != 1 || found[0].Code != "unknown-rule" {
		t.Errorf("found %v", found)
	}
}

// What is told of a collection is told of its data; of a kind that nobody keeps
// somebody has to say so in a clause.
func TestTold(t *testing.T) {
	const rules = `---
statement: 1
organisation: {name: Quay, site: [https://quay.example], contact: a@quay.example}
updated: 2026-11-24
data: {card: {category: user.financial, store: token}}
purposes: {deliver: {say: deliver, basis: contract}}
collect: {order: {by: purchase, fields: [card], for: [deliver], keep: 1 year}}
---
# P
{{purposes}}

`
	for prose, want := range map[string]string{
		"":                                  "undisclosed-practice collect.order",
		"[a]{#a .aspiration keeps=collect}": "",
		"{{collections}}":                   "unknown-rule collect.order",
		"{{collections}}\n\n[a]{#a .aspiration keeps=collect}": "",
		"{{retention}}":                  "undisclosed-practice collect.order",
		"[a]{#a .aspiration keeps=data}": "undisclosed-practice collect.order",
		"[a]{#a keeps=collect.purchase}": "unknown-rule collect.order",
	} {
		_, found := Compile("x.md", []byte(rules+strings.ReplaceAll(prose, `\n`, "\n")), kept)
		var got []string
		for _, d := range found {
			got = append(got, d.Code+" "+regexp.MustCompile(`[a-z]+\.[a-z]+`).FindString(d.Message))
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%q: %q, not %q", prose, got, want)
		}
	}
}

// Of two promises, the one that names the rule keeps it.
func TestKeeper(t *testing.T) {
	const rules = `---
statement: 1
organisation: {name: Quay, site: [https://quay.example], contact: a@quay.example}
updated: 2026-11-24
data: {email: {category: user.contact.email}, name: {category: user.name}}
purposes: {reply: {say: answer, basis: request}}
collect: {contact: {fields: [email, name], for: [reply], keep: 1 day}}
security: {keys: per-subject, log: public}
---
# P
{{collections}}
{{purposes}}

`
	for _, c := range []struct{ prose, path, keeper string }{
		{"[a]{#a keeps=data}\n[b]{#b keeps=data.email}", "data.email", "b"},
		{"[a]{#a keeps=data.email}\n[b]{#b keeps=data.email}", "data.email", "a"},
		{"[a]{#a keeps=data}\n[b]{#b keeps=data.email}", "data.name", "a"},
		{"[a]{#a .aspiration keeps=data.email}\n[b]{#b keeps=data}", "data.email", "b"},
		{"[a]{#a keeps=security}", "security.keys", "a"},
		{"[a]{#a keeps=collect}\n[b]{#b keeps=collect.form}", "collect.contact", "b"},
		{"[a]{#a keeps=\"data, security\"}", "security.log", "a"},
	} {
		all := rules + c.prose + "\n[x]{#x keeps=security,collect,data}\n"
		if got := good(t, []byte(all)).Keeper(c.path); string(got) != c.keeper {
			t.Errorf("%s: %s is kept by %q, not %q", c.prose, c.path, got, c.keeper)
		}
	}
}

func TestHTML(t *testing.T) {
	s := good(t, harbour(t))
	page := s.HTML(func(c *Clause) Mark {
		if c.Force == Aspiration {
			return Mark{Class: "aspiration"}
		}
		return Mark{"kept", "kept <proof>", "/privacy/promises/" + string(c.ID) + "?a&b"}
	})
	safe(t, page, false)
	golden(t, "en.html", page)
	for _, tag := range []string{"de", "fr", "es"} {
		src, err := os.ReadFile("testdata/" + tag + ".md")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, tag+".html", good(t, src).HTML(func(c *Clause) Mark { return Mark{"kept", "P", "#" + string(c.ID)} }))
	}
}

// TestOut: a link to another site says so, in the language of the statement; one
// to the site itself does not.
func TestOut(t *testing.T) {
	src := string(harbour(t)) + "\n[a](https://law.example/x \"t\") [b](//law.example) <https://law.example/y> [c](https://HARBOUR.example/z) [d](/e) <privacy@law.example>\n"
	page := string(good(t, []byte(src)).HTML(nil))
	const out = `<span role="img" aria-label="leaves this site">&nbsp;↗&#xfe0e;</span></a>`
	for _, want := range []string{`<a href="https://law.example/x" title="t">a` + out, `<a href="//law.example">b` + out, `>https://law.example/y` + out, `z">c</a>`, `<a href="/e">d</a>`, `>privacy@law.example</a>`} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not in\n%s", want, page[max(0, len(page)-1200):])
		}
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (go test -update writes it anew): %s", name, diff)
	}
}

// Every code that is reported is explained, and every one explained is reported.
func TestCodes(t *testing.T) {
	codes := map[string]bool{}
	for _, c := range Codes() {
		codes[c.Name] = true
		if c.Short == "" || codes[""] {
			t.Errorf("%+v explains nothing", c)
		}
	}
	var code strings.Builder
	for _, dir := range []string{".", "front", "prose", "source", "claims"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if src, err := os.ReadFile(name); err == nil && !strings.HasSuffix(name, "_test.go") {
				code.Write(src)
			}
		}
	}
	for name := range codes {
		if !strings.Contains(code.String(), `"`+name+`"`) {
			t.Errorf("%s is explained and never reported", name)
		}
	}
	// The scripts of avow check report each; what they do not know is not reported.
	_, found := Compile("x.md", []byte("---\nstatement: 2\nopen: [{line: 1, ask: a}]\ndata: {a: {x: 1}}\n---\n{{x}} will {#a}\n\n[a]{#b}"), nil)
	for _, d := range found {
		if !codes[d.Code] {
			t.Errorf("%s is reported and not explained", d.Code)
		}
	}
}

// A model of rules, to be written down in many ways.
type model map[string]any

func drawModel(t *rapid.T) model {
	word := rapid.SampledFrom([]string{"alpha", "beta", "gamma", "delta"})
	period := rapid.SampledFrom([]string{"24 months", "30 days", "5 h", "0"})
	say := rapid.SampledFrom([]string{"say it", "ä: \"b\"", "c # d", "- e"})
	each := func(label string, make func(name string) model) model {
		m := model{}
		for _, name := range rapid.SliceOfNDistinct(word, 1, 3, rapid.ID).Draw(t, label) {
			m[name] = make(name)
		}
		return m
	}
	data := each("data", func(name string) model {
		m := model{"category": rapid.SampledFrom([]string{"user.name", "user.contact.email"}).Draw(t, "category"), "say": say.Draw(t, "say"),
			"max": rapid.IntRange(1, 100).Draw(t, "max")}
		if rapid.Bool().Draw(t, "choice") {
			m["choices"] = rapid.SliceOfNDistinct(word, 1, 4, rapid.ID).Draw(t, "choices")
		}
		return m
	})
	purposes := each("purposes", func(string) model {
		return model{"say": say.Draw(t, "say"), "basis": rapid.SampledFrom([]string{"request", "opt-in"}).Draw(t, "basis")}
	})
	fields, aims := slices.Sorted(maps.Keys(data)), slices.Sorted(maps.Keys(purposes))
	return model{
		"data": data, "purposes": purposes,
		"collect": each("collect", func(string) model {
			f := rapid.SliceOfNDistinct(rapid.SampledFrom(fields), 1, len(fields), rapid.ID).Draw(t, "fields")
			f[0] += rapid.SampledFrom([]string{"", "!"}).Draw(t, "required")
			return model{"fields": f, "for": rapid.SliceOfNDistinct(rapid.SampledFrom(aims), 1, len(aims), rapid.ID).Draw(t, "for"), "keep": period.Draw(t, "keep")}
		}),
		"never":    rapid.SliceOfNDistinct(word, 1, 4, rapid.ID).Draw(t, "never"),
		"children": model{"under": rapid.IntRange(2, 18).Draw(t, "under"), "erase": period.Draw(t, "erase")},
		"security": model{"keys": "per-subject", "staff": rapid.SampledFrom([]string{"yearly", "monthly"}).Draw(t, "staff")},
		"changes":  model{"pinned": rapid.Bool().Draw(t, "pinned"), "notice": period.Draw(t, "notice")},
	}
}

var spellings = map[string][]string{"24 months": {"24 months", "2 years"}, "30 days": {"30 days", "30 day", " 30  days"}, "5 h": {"5 h", "5 hours"}, "0": {"0", "0s"}}

// write writes v in flow or block style, keys and lists in any order.
func write(t *rapid.T, b *strings.Builder, v any, indent string) {
	switch v := v.(type) {
	case model:
		flow := rapid.Bool().Draw(t, "flow") || indent == "flow"
		if flow {
			b.WriteString("{")
		}
		for i, k := range rapid.Permutation(slices.Sorted(maps.Keys(v))).Draw(t, "order") {
			if flow {
				if i > 0 {
					b.WriteString(rapid.SampledFrom([]string{", ", ",\n      "}).Draw(t, "comma"))
				}
				b.WriteString(k + ": ")
				write(t, b, v[k], "flow")
				continue
			}
			b.WriteString("\n" + indent + rapid.SampledFrom([]string{"", "# comment\n" + indent, "\n" + indent}).Draw(t, "between") + k + ": ")
			write(t, b, v[k], indent+"  ")
		}
		if flow {
			b.WriteString("}")
		}
	case []string:
		b.WriteString("[" + strings.Join(rapid.Permutation(v).Draw(t, "list"), ", ") + "]")
	case string:
		if same := spellings[v]; same != nil {
			v = rapid.SampledFrom(same).Draw(t, "spelling")
		}
		fmt.Fprintf(b, "%q", v)
	default:
		fmt.Fprint(b, v)
	}
}

func statementOfModel(t *rapid.T, m model) []byte {
	var b strings.Builder
	prose := rapid.SampledFrom([]string{"# A\n", "# B\n\n[We will]{.information}\n"}).Draw(t, "prose")
	b.WriteString("---\nstatement: 1\nupdated: " + rapid.SampledFrom([]string{"2026-11-24", "2026-11-25"}).Draw(t, "updated") + "\n")
	b.WriteString("organisation: {name: Q, site: [https://q.example], contact: a@q.example}\n")
	for _, k := range rapid.Permutation(slices.Sorted(maps.Keys(m))).Draw(t, "order") {
		b.WriteString(k + ": ")
		write(t, &b, m[k], "  ")
		b.WriteString("\n")
	}
	return []byte(b.String() + "---\n" + prose)
}

func hashOf(t *rapid.T, src []byte) [32]byte {
	s, found := Compile("x.md", src, kept)
	for _, d := range found {
		if d.Code != "undisclosed-practice" && d.Code != "contradiction" {
			t.Fatalf("%s\n%s", d, src)
		}
	}
	return s.RuleHash
}

// The hash is of what the rules mean: how they are written, and the prose, do
// not change it; whatever else is changed does.
func TestRuleHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawModel(t)
		one := hashOf(t, statementOfModel(t, m))
		if one != hashOf(t, statementOfModel(t, m)) {
			t.Fatal("written in another way, the hash is another")
		}
		if change := changeOne(t, m); one == hashOf(t, statementOfModel(t, m)) {
			t.Fatalf("the hash does not see a change of %s", change)
		}
	})
}

// changeOne changes the meaning of one leaf.
func changeOne(t *rapid.T, m model) string {
	k := rapid.SampledFrom(slices.Sorted(maps.Keys(m))).Draw(t, "change")
	switch v := m[k].(type) {
	case model:
		if k == "data" || k == "purposes" || k == "collect" {
			return k + "." + changeOne(t, v)
		}
		if k == "keys" {
			return changeOne(t, m)
		}
		return k + "." + changeOne(t, v)
	case []string:
		switch {
		case k == "fields" && strings.HasSuffix(v[0], "!"):
			v[0] = strings.TrimSuffix(v[0], "!")
		case k == "fields":
			v[0] += "!"
		case len(v) > 1:
			m[k] = v[1:]
		case k == "for":
			delete(m, k) // refused, and another hash all the same
			m[k] = v
			m["keep"] = "77 days"
		default:
			m[k] = append(v, "epsilon")
		}
	case string:
		m[k] = map[string]string{"keep": "99 days", "erase": "99 days", "notice": "99 days", "say": "something else", "basis": "contract",
			"category": "user.device", "staff": "weekly"}[k]
		if m[k] == "" {
			delete(m, k)
		}
	case int:
		m[k] = v + 1
	case bool:
		m[k] = !v
	}
	return k
}
