package draft_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/draft"
	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/statement"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var options = draft.Options{
	Today: avow.Date{Year: 2026, Month: 11, Day: 24},
	Keeps: []statement.Kind{"data", "purposes", "collect.form", "never", "receipts.form", "security.keys", "security.log",
		"changes.date", "changes.history", "changes.pinned", "acceptance.notice"},
}

func policy(t *testing.T, name string) (*draft.Draft, []byte) {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := draft.Policy(filepath.Base(name), src, options)
	if err != nil {
		t.Fatal(err)
	}
	return d, src
}

func fixtures(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, ext := range []string{"txt", "md", "html"} {
		found, err := filepath.Glob("testdata/*." + ext)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, found...)
	}
	if len(list) < 25 {
		t.Fatalf("only %d fixtures", len(list))
	}
	return list
}

// compiles says what the compiler finds wrong with a draft; a question left
// open is no error, and must be there as a warning.
func compiles(t interface{ Errorf(string, ...any) }, d *draft.Draft) *statement.Statement {
	s, found := statement.Compile("statement.md", d.Source, options.Keeps)
	asked := 0
	for _, f := range found {
		if f.Severity == statement.Error {
			t.Errorf("line %d: %s: %s", f.At.Line, f.Code, f.Message)
		}
		if f.Code == "open-question" {
			asked++
		}
	}
	if asked != len(d.Questions) {
		t.Errorf("%d questions, %d warnings", len(d.Questions), asked)
	}
	return s
}

func TestEveryFixtureCompiles(t *testing.T) {
	for _, name := range fixtures(t) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			d, src := policy(t, name)
			s := compiles(t, d)
			if s == nil {
				t.Fatal("no statement")
			}
			for _, r := range d.Rules {
				if s.Rule(r.Path) == nil && r.Path != "changes" && r.Path != "links" && r.Path != "optout" {
					t.Errorf("rule %s is listed and not written", r.Path)
				}
			}
			lines := bytes.Count(src, []byte("\n")) + 1
			for _, q := range d.Questions {
				if q.Line < 1 || q.Line > lines {
					t.Errorf("question about line %d of %d", q.Line, lines)
				}
			}
			again, _ := policy(t, name)
			if !bytes.Equal(d.Source, again.Source) {
				t.Error("a second draft differs from the first")
			}
		})
	}
}

// words are the words of a text, whatever stands between them.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \n·[]", r) })
}

// The policy's words stay as they are: those of the statement as it renders are
// those of the policy in their order, and nothing else but the titles of
// sections that had none.
func TestWordsStay(t *testing.T) {
	ours := map[string]bool{"plain.txt": true, "asso.txt": true, "nothing.txt": true}
	for _, name := range fixtures(t) {
		if ours[filepath.Base(name)] {
			continue
		}
		d, src := policy(t, name)
		doc, err := paper.Read(name, src)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, b := range doc.Blocks {
			want = append(want, words(b.Text())...)
		}
		have := map[string]int{}
		for _, w := range words(rendered(d.Source)) {
			have[w]++
		}
		for _, w := range want {
			if have[w]--; have[w] < 0 && !archived(name, w) {
				t.Errorf("%s: the word %q got lost", filepath.Base(name), w)
			}
		}
	}
}

// archived says that a word may stand in the note of the archive, which is no
// part of the policy.
func archived(name, _ string) bool { return strings.HasSuffix(name, "classic.md") }

func TestSections(t *testing.T) {
	for name, want := range map[string]string{
		"classic.md":           "collection use children optout links security changes acceptance questions",
		"generator.html":       "other collection use use collection collection security children questions collection changes questions",
		"shop.html":            "collection children use collection collection changes questions",
		"definitions.html":     "other collection use collection use security children links changes questions",
		"weblog.html":          "other collection use collection questions other",
		"hospital.txt":         "other use questions security changes questions",
		"newspaper.md":         "acceptance collection use use optout links children changes",
		"datenschutz.html":     "other questions collection use use security children questions links changes",
		"confidentialite.html": "collection use use collection collection questions optout security children changes",
		"privacidad.md":        "questions collection use collection use children security questions changes",
		"runin.html":           "collection collection use use children security changes questions",
		"folded.html":          "collection use use questions security collection",
		"plain.txt":            "collection use children optout links",
		"sections.txt":         "other collection use use security collection use questions changes questions",
	} {
		d, _ := policy(t, filepath.Join("testdata", name))
		var got []string
		for _, s := range d.Sections {
			got = append(got, s.Kind)
		}
		if diff := cmp.Diff(strings.Fields(want), got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRules(t *testing.T) {
	for name, want := range map[string]string{
		"generator.html":       "collect.account data.card data.phone trackers.www.google-analytics.com cookies.session recipients.providers purposes.account children optout changes.date security.drills",
		"shop.html":            "cookies.cart cookies._shopify_y collect.order data.card recipients.carrier purposes.advertise children",
		"gdpr.md":              "never.automated-decision collect.careers cookies.PHPSESSID trackers.matomo.cloud recipients.payment changes.notice changes.history questions",
		"california.html":      "signals optout never.sale purposes.protect",
		"bank.html":            "data.income disclosure purposes.news security.drills",
		"hospital.txt":         "data.health never.sale disclosure questions",
		"kids.md":              "children never.sale never.rent never.trade recipients.hosting",
		"datenschutz.html":     "never.sale never.rent collect.newsletter collect.access-log security.staff disclosure cookies.session",
		"confidentialite.html": "never.sale never.rent collect.contact collect.order purposes.news recipients.carrier changes.date children",
		"privacidad.md":        "never.sale never.rent data.card security.staff purposes.deliver children questions",
		"sections.txt":         "security.keys security.staff collect.access-log changes.notice",
		"site.md":              "trackers.fonts.googleapis.com collect.donation never.sale",
		"plain.txt":            "optout links data.card cookies.session",
	} {
		d, _ := policy(t, filepath.Join("testdata", name))
		for _, path := range strings.Fields(want) {
			if !slices.ContainsFunc(d.Rules, func(r draft.Rule) bool { return r.Path == path }) {
				t.Errorf("%s: no rule %s", name, path)
			}
		}
	}
}

// The draft says in its rules what the policy says in its text.
func TestFacts(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"classic.md", "name: Lanternworks Lighting International Ltd."},
		{"classic.md", "updated: 2018-04-09"},
		{"shop.html", "updated: 2022-08-03"},
		{"shop.html", `site: ["https://tinkettle.example"]`},
		{"shop.html", "keep: 7 years}"},
		{"weblog.html", "name: Mossy Path Walks"},
		{"weblog.html", "for: [reply], keep: 12 months}"},
		{"university.html", "updated: 2004-09-12"},
		{"bank.html", "updated: 2019-06-01"},
		{"kids.md", "name: Pebble Pals Ltd."},
		{"gdpr.md", "keep: 14 days}"},
		{"gdpr.md", "questions: {answer: 1 month}"},
		{"california.html", "contact: privacy@driftline.example"},
		{"california.html", "optout: {address: optout@driftline.example"},
		{"newspaper.md", "contact: webmaster@heatherherald.example"},
		{"plain.txt", "optout: {address: plants@copperleaf.example, within: 5 days}"},
		{"definitions.html", "name: Marrow & Pine LLC"},
		{"praxis.txt", "updated: 2018-05-01"},
		{"datenschutz.html", "keep: 7 days}"},
		{"datenschutz.html", "name: Uhrwerk Seidel GmbH"},
		{"confidentialite.html", "children: {under: 15"},
		{"confidentialite.html", "updated: 2020-06-12"},
		{"privacidad.md", "children: {under: 14"},
		{"aviso.html", "updated: 2017-03-15"},
		{"generator.html", "children: {under: 18"},
		{"app.txt", "updated: 2022-05-19"},
	} {
		d, _ := policy(t, filepath.Join("testdata", c.name))
		if !strings.Contains(strings.ReplaceAll(string(d.Source), `"Marrow & Pine LLC"`, "Marrow & Pine LLC"), c.want) {
			t.Errorf("%s: nothing says %s", c.name, c.want)
		}
	}
}

// What surrounds a policy on a page is no part of the statement.
func TestSurroundings(t *testing.T) {
	for name, gone := range map[string][]string{
		"shop.html":            {"free shipping", "120 partners", "always love tea", "sell your data", "skip to content", "home"},
		"weblog.html":          {"never spam", "powered by"},
		"confidentialite.html": {"partageons jamais rien"},
		"generator.html":       {"table of contents"},
		"university.html":      {"directory"},
		"classic.md":           {"wayback", "archived"},
		"site.md":              {"reviewed by legal", "permalink"},
	} {
		d, _ := policy(t, filepath.Join("testdata", name))
		for _, text := range gone {
			if strings.Contains(strings.ToLower(string(d.Source)), text) {
				t.Errorf("%s: %q is still there", name, text)
			}
		}
	}
}

func TestGolden(t *testing.T) {
	for _, name := range []string{"classic.md", "shop.html", "datenschutz.html", "plain.txt", "privacidad.md"} {
		d, _ := policy(t, filepath.Join("testdata", name))
		golden := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(golden, d.Source, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(d.Source)); diff != "" {
			t.Errorf("%s (rewrite with -update):\n%s", name, diff)
		}
	}
}

// The real statement that started the project is not ours to copy here. Where
// it is at hand, its draft must hold what the draft of classic.md, written in
// its shape, holds.
func TestClassic(t *testing.T) {
	files := []string{filepath.Join("testdata", "classic.md")}
	for _, real := range []string{os.Getenv("AVOW_STATEMENT_2016"), filepath.Join("..", "..", "..", "shared", "statement-2016.md")} {
		if readable(real) {
			files = append(files, real)
		}
	}
	for _, name := range files {
		d, _ := policy(t, name)
		s := compiles(t, d)
		kinds := map[string]bool{}
		for _, sec := range s.Sections {
			kinds[sec.Kind] = true
		}
		ours := map[string]bool{}
		for _, sec := range d.Sections {
			ours[sec.Kind] = true
		}
		for _, kind := range []string{"collection", "use", "children", "optout", "links", "security", "changes", "acceptance", "questions"} {
			if !ours[kind] {
				t.Errorf("%s: no section %s", name, kind)
			}
		}
		promises := 0
		for _, cl := range s.Clauses {
			if cl.ID != "" && len(cl.Keeps) > 0 {
				promises++
			}
		}
		if promises < 20 {
			t.Errorf("%s: only %d promises are marked", name, promises)
		}
		for _, path := range []string{"collect.contact", "collect.survey", "collect.newsletter", "collect.order", "collect.access-log", "data.card",
			"cookies.session", "purposes.deliver", "purposes.news", "purposes.survey", "purposes.popularity", "purposes.recruit",
			"never.sale", "never.rent", "never.lease", "disclosure", "children", "optout.address", "optout.within", "links.label", "links.register", "popular", "security.staff",
			"changes.date", "acceptance.notice", "questions"} {
			if s.Rule(path) == nil {
				t.Errorf("%s: no rule %s", name, path)
			}
		}
		if card := s.Datum("card"); card == nil || card.Store != "token" {
			t.Errorf("%s: a card is not kept as a token", name)
		}
		if diff := cmp.Diff([]string{"law", "rights", "safety"}, s.Disclosure.Grounds); diff != "" {
			t.Error(name, diff)
		}
		if s.Children.Under != 13 || s.Updated.IsZero() || s.OptOut.Address != s.Organisation.Contact {
			t.Errorf("%s: under %d, updated %s, opt out at %s", name, s.Children.Under, s.Updated, s.OptOut.Address)
		}
	}
}

func readable(name string) bool { _, err := os.Stat(name); return err == nil }

// A policy that contradicts itself loses the rule in question and no other, and
// the company is asked.
func TestContradictions(t *testing.T) {
	for _, c := range []struct{ text, gone, stays, asks string }{
		{"We will never sell or rent your data.\n\nWe sell your personal data to partners.", "never.sale", "never.rent", "the opposite"},
		{"We use cookies on our site.\n\nWe do not use cookies.\n\nWe never rent your data.", "cookies.session", "never.rent", "the opposite"},
		{"We will answer your questions within 5 days. Contact us: we answer within 90 days.\n\nWe never rent your data.", "", "never.rent", ""},
		{"We do not knowingly collect data from children under 13.\n\nWe do not sell data of children under 16.", "", "children", ""},
	} {
		d, err := draft.Policy("a.md", []byte("# Privacy policy\n\n## Ours\n\n"+c.text), options)
		if err != nil {
			t.Fatal(err)
		}
		compiles(t, d)
		has := func(path string) bool {
			return slices.ContainsFunc(d.Rules, func(r draft.Rule) bool { return r.Path == path })
		}
		if c.gone != "" && has(c.gone) || !has(c.stays) {
			t.Errorf("%q gives %v", c.text, d.Rules)
		}
		if !slices.ContainsFunc(d.Questions, func(q draft.Question) bool { return strings.Contains(q.Ask, c.asks) }) {
			t.Errorf("%q asks nothing of it", c.text)
		}
	}
}

// A promise of a kind that this build keeps is one; when a build keeps more,
// more are.
func TestPromisesFollowTheBuild(t *testing.T) {
	src, err := os.ReadFile("testdata/classic.md")
	if err != nil {
		t.Fatal(err)
	}
	count := func(keeps []statement.Kind) (n int) {
		d, err := draft.Policy("classic.md", src, draft.Options{Today: options.Today, Keeps: keeps})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range d.Marks {
			if m.Force == statement.Promise {
				n++
			}
		}
		return n
	}
	none, some, more := count(nil), count(options.Keeps), count(append(slices.Clone(options.Keeps), "children", "optout", "cookies"))
	if none != 0 || some < 8 || more <= some {
		t.Errorf("promises: %d, %d, %d", none, some, more)
	}
}

func TestStarterCompiles(t *testing.T) {
	s, found := statement.Compile("statement.md", draft.Starter(options.Today), options.Keeps)
	for _, f := range found {
		if f.Severity == statement.Error {
			t.Error(f.At.Line, f.Message)
		}
	}
	if s.Updated != options.Today {
		t.Errorf("updated %s", s.Updated)
	}
}

// Whatever came in, the answer is an error that says what to do or a draft,
// and it comes soon.
func TestBadInput(t *testing.T) {
	const soon = 10 * time.Second
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	legal := "Privacy policy\n\nWe collect your name. "
	for _, c := range []struct{ name, src, says string }{
		{"empty.txt", "", "no text"},
		{"blank.html", "<html><body> </body></html>", "no text"},
		{"large.txt", legal + many("We will never sell your data. ", 50<<20/30), "larger than 16 MB"},
		{"book.txt", legal + many("We will never sell your data. ", 2<<20/30), "more text than any policy"},
		{"long.html", "<p>" + legal + many("We will never sell your data. ", 2<<20/30), "more text than any policy"},
		{"picture.png", "\x89PNG\r\n\x1a\n" + many("\x00\x01\xfe\x02", 1000), "not text"},
		{"policy.pdf", "%PDF-1.7 privacy", "not text"},
		{"policy.docx", "PK\x03\x04 privacy", "not text"},
		{"recipe.txt", "Pancakes\n\nMix flour, eggs and milk. Bake in butter.", "does not read like a privacy policy"},
		{"main.go", "package main\n\nfunc main() {}\n", "does not read like a privacy policy"},
		{"done.md", "---\nstatement: 1\n---\n# Privacy", "avow check"},
		{"deep.html", many("<div>", 100_000) + legal + many("</div>", 100_000), ""},
		{"nested.html", many("<nav><ul><li>", 50_000) + legal, ""},
		{"bold.html", many("<b><i>", 100_000) + legal, ""},
		{"open.html", "<p>" + legal + many("<a href='x", 50_000), ""},
		{"attributes.html", "<p " + many("a=b ", 100_000) + ">" + legal, "*"},
		{"comment.html", "<p>" + legal + many("<!-", 100_000), ""},
		{"rows.html", "<p>" + legal + "</p><table>" + many("<tr><td>a<td>b", 3_000), ""},
		{"brackets.md", legal + many("[ ", 100_000), "*"},
		{"word.md", legal + many("[", 200_000), "a word of more than"},
		{"links.md", legal + many("[a]( ", 50_000), "*"},
		{"stars.md", legal + many("*a **b ", 30_000), "*"},
		{"quotes.md", many(">", 100_000) + legal, ""},
		{"spaces.txt", legal + many(" ", 300_000), ""},
		{"stops.txt", legal + many("A. ", 4_000), ""},
		{"noend.txt", legal + many("will not ", 30_000), ""},
		{"lines.txt", legal + many("only\n", 60_000), "more text than any policy"},
		{"heads.md", legal + many("\n# only\n\n", 3_000), ""},
		{"braces.txt", legal + "We will never sell {#a keeps=b} [x]{.information} {{cookies}} it.", ""},
		{"far.html", many("\n", 5_000) + "<p>" + legal, ""},
		{"fences.txt", legal + "\n---\nwe will\n---\n\n```\ncode will\n```\n\n    will indent\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			d, err := draft.Policy(c.name, []byte(c.src), options)
			if took := time.Since(start); took > soon {
				t.Errorf("took %s", took)
			}
			switch {
			case c.says == "*": // either way
				if err == nil {
					compiles(t, d)
				}
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("error %v, want %q", err, c.says)
			case c.says == "" && err != nil:
				t.Error(err)
			case c.says == "":
				compiles(t, d)
			}
		})
	}
}

// Any sequence of things that policies are made of gives a draft that compiles.
func TestAnyMixCompiles(t *testing.T) {
	var pieces []string
	for _, name := range fixtures(t) {
		if src, err := os.ReadFile(name); err == nil && filepath.Ext(name) != ".html" {
			pieces = append(pieces, strings.Split(string(src), "\n\n")...)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		picked := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 25).Draw(t, "pieces")
		d, err := draft.Policy("mix.md", []byte("# Privacy\n\n"+strings.Join(picked, "\n\n")), options)
		if err != nil {
			t.Fatal(err)
		}
		compiles(t, d)
	})
}

func FuzzPolicy(f *testing.F) {
	for _, name := range []string{"classic.md", "shop.html", "bank.html", "hospital.txt", "gdpr.md", "asso.txt", "newspaper.md"} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(name, src)
	}
	f.Add("a.txt", []byte("Privacy. We will {#x} never [sell]{keeps=a} your `data`.\n---\n# x #\n1. will\n{{cookies}}"))
	f.Fuzz(func(t *testing.T, name string, src []byte) {
		if d, err := draft.Policy(name, src, options); err == nil {
			compiles(t, d)
		}
	})
}
