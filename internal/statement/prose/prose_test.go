package prose

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func said(d *Document, n *Span) string { return d.Fold(n.Said) }

func TestSpans(t *testing.T) {
	type span struct{ Start, Braces, Said, Attrs string }
	for _, c := range []struct {
		src  string
		want []span // Start and Braces are what stands there in the body
	}{
		{"[a b]{#x}", []span{{"[a", "{#x}", "a b", "#x"}}},
		{"x [a\nb]{#x\n.y} z", []span{{"[a", "{#x", "a b", "#x\n.y"}}},
		{"> - [a\n>   b]{#x}", []span{{"[a", "{#x}", "a b", "#x"}}},
		{"1. x\n\n   [ä]{.y} [b]{}", []span{{"[ä", "{.y}", "ä", ".y"}, {"[b", "{}", "b", ""}}},
		{"|a|b|\n|-|-|\n|[c]{#x}|[d]{#y}|", []span{{"[c", "{#x}", "c", "#x"}, {"[d", "{#y}", "d", "#y"}}},
		{"# h [a]{#x}", []span{{"[a", "{#x}", "a", "#x"}}},
		{"[a [b](c) *d* `e]` <f@g.h>]{#x}", []span{{"[a", "{#x}", "a b d e] f@g.h", "#x"}}},
		{"[a [b] c]{#x}", []span{{"[a", "{#x}", "a [b] c", "#x"}}},
		{"[a [b]{#y} c]{#x}", []span{{"[a", "{#x}", "a b c", "#x"}, {"[b", "{#y}", "b", "#y"}}},
		{"[a [b]{#y} c](d)", []span{{"[b", "{#y}", "b", "#y"}}},
		{"[a *b]{#x} c*", []span{{"[a", "{#x}", "a *b", "#x"}}},
		{"[a **b** &amp; \\]]{#x}", []span{{"[a", "{#x}", "a b & ]", "#x"}}},
		{"![a [b]{#y}](c)", []span{{"[b", "{#y}", "b", "#y"}}},
		{"[a]{#x", []span{{"[a", "{#x", "a", "#x…"}}},
		{"[a] {#x}", nil},
		{"[a\n\nb]{#x}", nil},
		{"a]{#x}", nil},
		{"`[a]{#x}`", nil},
		{"\\[a]{#x}", nil},
		{"[a\\]{#x}", nil},
		{"    [a]{#x}", nil},
		{"```\n[a]{#x}\n```", nil},
		{"[`a]{#x}`", nil},
	} {
		d := Parse([]byte(c.src))
		var got []span
		for _, n := range d.Spans {
			got = append(got, span{c.src[n.Start:], c.src[n.Braces:], said(d, n), n.Attrs})
		}
		if len(got) != len(c.want) {
			t.Errorf("%q: %q", c.src, got)
			continue
		}
		for i, w := range c.want {
			g := got[i]
			if !strings.HasPrefix(g.Start, w.Start) || !strings.HasPrefix(g.Braces, w.Braces) || g.Said != w.Said || g.Attrs != w.Attrs {
				t.Errorf("%q: %q, not %q", c.src, g, w)
			}
		}
	}
}

func TestMarking(t *testing.T) {
	for attrs, want := range map[string]Marking{
		"#a keeps=b,c":       {ID: "a", Keeps: []string{"b", "c"}},
		`keeps="b, c d" #a`:  {ID: "a", Keeps: []string{"b", "c", "d"}},
		".x #a-1_B\nkeeps=b": {ID: "a-1_B", Class: "x", Keeps: []string{"b"}},
		"":                   {},
		"keeps=":             {Keeps: []string{}},
		"#a #b":              {ID: "a", Bad: "#b"},
		".a .b":              {Class: "a", Bad: ".b"},
		"#1":                 {Bad: "#1"},
		"#ä":                 {Bad: "#ä"},
		"a=b":                {Bad: "a=b"},
		"#a keeps=b, c":      {ID: "a", Keeps: []string{"b"}, Bad: "c"},
		`keeps="a`:           {Keeps: []string{"a"}},
	} {
		if diff := cmp.Diff(want, (&Span{Attrs: attrs}).Marking()); diff != "" {
			t.Errorf("%q: %s", attrs, diff)
		}
	}
}

// Each letter of the text stands in the body where Source says, and the text
// is what a reader sees.
func TestSource(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"word ", "ä", "漢 ", "*a* ", "**b** ", "[c]{#d} ", "[e](f) ", "`g` ", "\\* ", "&amp; ", "&#228; ", "\n", "\n\n", "\n> ", "\n- ", "\n   ", "# ", "| ", "|-|\n", "<x@y.z> ", "\"q\" ", "]", "[", "{", "  \n"})
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Join(rapid.SliceOfN(pieces, 1, 40).Draw(t, "pieces"), "")
		d := Parse([]byte(body))
		last := -1
		for i := 0; i < len(d.Text); i++ {
			at := d.Source(i)
			if at < 0 || at > len(body) {
				t.Fatalf("%q: byte %d of %q is at %d", body, i, d.Text, at)
			}
			switch c := d.Text[i]; {
			case c == ' ' || c == '\n' || c == '&' || c == 0xc3 || c == 0xa4: // folded, or written as an entity
			case body[at] != c:
				t.Fatalf("%q: byte %d of %q is %q at %d", body, i, d.Text, body[at], at)
			case at <= last:
				t.Fatalf("%q: byte %d of %q goes back", body, i, d.Text)
			default:
				last = at
			}
		}
		for _, n := range d.Spans {
			if body[n.Start] != '[' || body[n.Braces] != '{' {
				t.Fatalf("%q: a span begins at %d and its braces at %d", body, n.Start, n.Braces)
			}
		}
	})
}

func TestText(t *testing.T) {
	for src, want := range map[string]string{
		"a\nb":                     "a b\n",
		"a\\\nb  \nc":              "a b c\n",
		"# a\n\nb\n\n- c\n- d\n":   "a\nb\nc\nd\n",
		"|a|b|\n|-|-|\n|c|d|":      "a\nb\nc\nd\n",
		"\\*a\\* &lt;b&gt; &nope;": "*a* <b> &nope;\n",
		"[a](b 'c') ![d](e)":       "a d\n",
		"<b>a</b> <!-- c -->":      "<b>a</b> <!-- c -->\n",
		"```\na\n```\n\n    b\n":   "",
		"{{a}} {{b}}":              "{{a}} {{b}}\n",
	} {
		d := Parse([]byte(src))
		if string(d.Text) != want {
			t.Errorf("%q: %q", src, d.Text)
		}
	}
}

func TestMute(t *testing.T) {
	for src, want := range map[string]string{ // the muted letters
		"a `b` “c d” e":        "b“cd",
		`a "b" c "d`:           `"b`,
		"„a“ »b« c «d» ‘e’":    "„a»b«d",
		"![a](b) c":            "a",
		"it’s “a\n\nb” c “d” ": "“d",
	} {
		d := Parse([]byte(src))
		var got strings.Builder
		for i, r := range string(d.Text) {
			if d.Mute[i] && r != ' ' {
				got.WriteRune(r)
			}
		}
		if got.String() != want {
			t.Errorf("%q: %q, not %q", src, got.String(), want)
		}
	}
}

func TestDirectives(t *testing.T) {
	for src, want := range map[string]string{
		"{{a}}":             "a",
		"{{ a }}\n{{b}}":    "a b",
		"{{a}} {{b}}":       "a b",
		"- {{a}}":           "a",
		"{{a}} b":           "",
		"a {{b}}":           "",
		"`{{a}}`":           "a",
		"{{}}":              "",
		"{a}":               "",
		"# {{a}}":           "",
		"|a|\n|-|\n|{{b}}|": "",
	} {
		var got []string
		for _, b := range Parse([]byte(src)).Blocks {
			if b.Directives != nil {
				got = append(got, b.Directives.Names...)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q", src, got)
		}
	}
}

func TestHTML(t *testing.T) {
	p := Printer{
		Span:  func(n *Span) (string, string) { return "<span>", "<a></a></span>" },
		Table: func(name string) string { return "<hr>" + name },
		Label: `a "table"`,
	}
	for src, want := range map[string]string{
		"# A *b*\n\n# C\n\n## D `e`":     "<h2 id=\"c\">C</h2>\n<h2 id=\"d-e\">D <code>e</code></h2>\n",
		"## Ä ß!\n## ä-ß\n## !":          "<h2 id=\"ä-ß\">Ä ß!</h2>\n<h2 id=\"ä-ß-2\">ä-ß</h2>\n<h2 id=\"section\">!</h2>\n",
		"## a\n## a-2\n## a":             "<h2 id=\"a\">a</h2>\n<h2 id=\"a-2\">a-2</h2>\n<h2 id=\"a-3\">a</h2>\n",
		"[a *b*]{#x} c":                  "<p><span>a <em>b</em><a></a></span> c</p>\n",
		"{{a}}\n{{b}}":                   "<hr>a<hr>b",
		"<script>a</script>\n<b>c</b>":   "<p>&lt;script&gt;a&lt;/script&gt;\n&lt;b&gt;c&lt;/b&gt;</p>\n",
		"[a](javascript:b) [c](//d 'e')": "<p><a href=\"\">a</a> <a href=\"//d\" title=\"e\">c</a></p>\n",
		"[a](data:text/html,b)":          "<p><a href=\"\">a</a></p>\n",
		"![a *b*](https://c.example/d)":  "<p>a <em>b</em></p>\n",
		"|a|\n|-|\n|b|":                  "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"a &quot;table&quot;\"><table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table></div>\n",
		"|a|\n|-|":                       "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"a &quot;table&quot;\"><table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n</table></div>\n",
		"[a] {#x}":                       "<p>[a] {#x}</p>\n",
	} {
		d := Parse([]byte(src))
		d.Anchors(map[string]bool{})
		if got := string(d.HTML(p)); got != want {
			t.Errorf("%q:\n%s\nnot\n%s", src, got, want)
		}
	}
	if got := (Table{Caption: "a<"}).HTML("None."); got != "<p>a&lt;: None.</p>\n" {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	for name, src := range map[string]string{
		"long":     strings.Repeat("a b\n", 5000),
		"crowded":  "a\n\n" + strings.Repeat("[\n", 1500),
		"heading":  "# " + strings.Repeat("[", 1500),
		"emphasis": strings.Repeat("*a ", 2001),
		"nest":     strings.Repeat("*a ", 60) + strings.Repeat("a* ", 60),
		"links":    "[a]: " + strings.Repeat("b", 10_000) + "\n\n" + strings.Repeat("[a] [a] [a] [a] [a]\n\n", 100),
	} {
		if d := Parse([]byte(src)); len(d.Refused) == 0 || d.Refused[0].Fix == "" {
			t.Errorf("%s is not refused: %v", name, d.Refused)
		}
	}
}
