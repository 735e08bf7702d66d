package statement

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func FuzzCompile(f *testing.F) {
	f.Add(harbour(f))
	seeds, _ := filepath.Glob("testdata/*.md")
	for _, name := range seeds {
		src, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte(head + "[a [b](c) `]{#x}` *d*\n> e]{#x keeps=data}\n\n| [t]{#y} |\n|--|\n| {{never}} |\n"))
	f.Add([]byte(head + "<script>x</script> [a](javascript:x) ![b](data:x) <javascript:x> [c]{#d onclick=x}\n"))
	f.Add([]byte("# A\n\n1. [a *b*\n   c]{.information} “We will” &amp; \\[d]{#e}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		compiles(t, src)
		if !bytes.HasPrefix(src, []byte("---")) {
			compiles(t, append([]byte(head), src...))
		}
	})
}

// compiles holds a compilation to what is true of every one.
func compiles(t testing.TB, src []byte) (*Statement, Diagnostics) {
	t.Helper()
	start := time.Now()
	s, found := Compile("x.md", src, kept)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %s for %d bytes", took, len(src))
	}
	if s == nil && !found.Failed() {
		t.Error("no statement, and no word why")
	}
	lines := strings.Split(string(bytes.TrimPrefix(src, []byte("\ufeff"))), "\n")
	widths := make([]int, len(lines))
	for i, line := range lines {
		widths[i] = utf8.RuneCountInString(strings.TrimRight(line, " \t\r"))
	}
	for _, d := range found {
		inFile(t, widths, d)
	}
	if s == nil {
		return nil, found
	}
	for i, c := range s.Clauses {
		if i == 100 {
			break
		}
		line := []rune(lines[c.At.Line-1])
		if c.At.Column > len(line) || line[c.At.Column-1] != '[' {
			t.Errorf("clause %q does not begin at %v", c.ID, c.At)
		}
	}
	safe(t, s.HTML(func(c *Clause) Mark { return Mark{"kept", "kept", "/promises/" + string(c.ID)} }), found.Failed())
	return s, found
}

func inFile(t testing.TB, widths []int, d Diagnostic) {
	t.Helper()
	if d.Fix == "" || d.Message == "" || d.Code == "" {
		t.Errorf("says too little: %+v", d)
	}
	if d.At.Line < 1 || d.At.Line > len(widths) || d.At.Column < 1 || d.Width < 1 {
		t.Errorf("is nowhere: %+v", d)
		return
	}
	width := widths[d.At.Line-1]
	if d.At.Column > width+1 || d.Width > 1 && d.At.Column+d.Width-1 > width {
		t.Errorf("is outside line %d of %d characters: %+v", d.At.Line, width, d)
	}
}

// safe says whether a page may show what a stranger wrote.
func safe(t testing.TB, page []byte, failed bool) {
	t.Helper()
	nodes, err := html.ParseFragment(bytes.NewReader(page), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div})
	if err != nil && strings.Contains(err.Error(), "exceeds 512 nodes") && failed {
		return // a browser stops there too, and such a statement is not published
	}
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	var look func(*html.Node)
	look = func(n *html.Node) {
		if n.Type == html.ElementNode && !known[n.Data] {
			t.Errorf("element %s in %.300q", n.Data, page)
		}
		for _, a := range n.Attr {
			if !attributes[a.Key] {
				t.Errorf("attribute %s=%q in %.300q", a.Key, a.Val, page)
			}
			if link := strings.ToLower(strings.TrimSpace(a.Val)); a.Key == "href" && (strings.HasPrefix(link, "javascript:") || strings.HasPrefix(link, "data:") || strings.HasPrefix(link, "vbscript:")) {
				t.Errorf("link to %q", a.Val)
			}
			if a.Key == "id" {
				if ids[a.Val] {
					t.Errorf("id %s twice", a.Val)
				}
				ids[a.Val] = true
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			look(c)
		}
	}
	for _, n := range nodes {
		look(n)
	}
}

var known = setOf("p h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong a span br hr div table caption thead tbody tr th td")
var attributes = setOf("id class href title tabindex role aria-label scope start")

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}

const head = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
---
# Privacy
`

func TestHostile(t *testing.T) {
	big := func(s string, n int) string { return strings.Repeat(s, n) }
	// Lines of 10,000 bytes in paragraphs just short of the limit.
	lines := func(s string) string {
		return big(big(s, 10_000/len(s))+"\n"+big(s, 5_000/len(s))+"\n\n", 20)
	}
	for name, src := range map[string]string{
		"empty":              "",
		"no front matter":    "# Privacy\n",
		"no end":             "---\nstatement: 1\n",
		"only rules":         "---\n---\n",
		"NUL":                head + "a\x00b",
		"binary":             "\x7fELF\x02\x01\x01\x00",
		"invalid UTF-8":      head + "Gr\xfc\xdfe",
		"50 MB":              head + big("a", 50<<20),
		"1 MiB of a":         head + big("a", 1<<20-len(head)),
		"1 MiB of lines":     head + big("\n", 1<<20-len(head)),
		"10000 errors":       head + big("We will.\n\n", 9000),
		"10000 in a line":    head + lines("We will. "),
		"brackets":           head + lines("["),
		"bracket pairs":      head + big(big("[", 8000)+"\n"+big("]", 8000)+"\n\n", 20),
		"spans in spans":     head + big(big("[", 2_500)+"a"+big("]{#a}", 2_500)+"\n\n", 20),
		"spans":              head + lines("[a]{#a keeps=b} "),
		"braces":             head + lines("]{#a "),
		"open braces":        head + lines("[a]{"),
		"stars":              head + lines("*a "),
		"stars and lines":    head + lines("*a_ "),
		"strong":             head + big(big("*", 8000)+"a\na"+big("*", 8000)+"\n\n", 20),
		"emphasis nest":      head + lines("*a **b "),
		"backticks":          head + backticks(),
		"ticks":              head + lines("`a "),
		"images":             head + big(big("![", 3_000)+big("](x)", 2_000)+"\n\n", 20),
		"links":              head + lines("[a](b"),
		"angle":              head + lines("<a "),
		"autolinks":          head + lines("<http:"),
		"entities":           head + lines("&a"),
		"quotes":             head + lines("\"a. We will "),
		"quote levels":       head + big(">", 500_000) + "a",
		"quote levels apart": head + big("> ", 39) + "a\n" + big(big(">", 39)+"a\n", 15_000),
		"list levels":        head + big("- ", 400_000) + "a",
		"list stairs":        head + stairs(),
		"references":         head + big("[a]: b\n", 19_000),
		"reference uses":     head + "[a]: " + big("b", 16_000) + "\n\n" + lines("[a] "),
		"wide table":         head + big("|a", 100_000) + "\n" + big("|-", 100_000) + "\n" + big("|b\n", 19_000),
		"titles":             head + lines("[a](b (c "),
		"emphasis inside":    head + big(big("*a ", 2500)+big("a* ", 2500)+"\n\n", 20),
		"table 20 columns":   head + big("|a", 20) + "\n" + big("|-", 20) + "\n" + big("|\n", 19_000),
		"crowded heading":    head + big("## "+big("[", 8000)+big("]", 8000)+"\n", 20),
		"crowded table":      head + "|a|b|\n|-|-|\n" + big("|"+big("*a_ ", 4000)+"|\n", 20),
		"crowded setext":     head + big(big("[", 8000)+"\n"+big("]", 8000)+"\n===\n\n", 20),
		"less crowded":       head + big(big("[", 1000)+"\n"+big("]", 1000)+big("*a_ ", 990)+"\n\n", 40),
		"links less":         head + big(big(big("[a](b", 499)+"\n", 2)+"\n", 50),
		"long setext":        head + big(big("a b ", 3000)+"\n", 2) + "===\n",
		"long line":          head + big("a ", 500_000),
		"long paragraph":     head + big("a b\n", 10_000),
		"long table":         head + "|a|b|\n|-|-|\n" + big("|`\\|`|\n", 19_000),
		"headings":           head + big("## a\n", 19_000),
		"headings alike":     head + big("## a-"+"\n", 10_000) + big("# a\n", 5000),
		"words":              head + lines("by using you "),
		"acceptance":         head + lines("by using you accept "),
		"we nicht":           strings.Replace(head, "updated", "language: de\nupdated", 1) + lines("wir "),
		"mails":              head + lines("[](mailto:a@b.c) "),
		"numbers":            head + "[" + big("30 days ", 1_900) + "]{#a keeps=b}",
		"deep flow":          "---\na: " + big("[", 100_000) + "\n---\n",
		"deep map":           "---\n" + big("{a: ", 50_000) + "\n---\n",
		"bomb":               "---\na: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: [*b,*b]\n---\n",
		"many data":          "---\ndata: {" + big("a: {},\n ", 15_000) + "}\n---\n",
		"many names":         "---\n" + data(9000) + "---\n",
		"many mentions":      "---\n" + data(4000) + mentions(2500) + "---\n",
		"many kept":          "---\n" + mentions(4000) + "---\n" + clauses(7000),
		"long word":          "---\nstatement: " + big("a", 200_000) + "\n---\n",
		"long list":          "---\nnever: [" + big("a,\n ", 15_000) + "]\n---\n",
		"many opens":         "---\nopen: [" + big("{line: 1, ask: b},\n ", 10_000) + "]\n---\n",
		"comments":           "---\n" + big("# a\n", 15_000) + "a: b\n---\n",
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			compiles(t, []byte(src))
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func backticks() string {
	var b strings.Builder
	for n := 1; b.Len() < 500_000; n++ {
		b.WriteString(strings.Repeat("`", n) + "a")
	}
	return b.String()
}

func stairs() string {
	var b strings.Builder
	for n := range 40 {
		b.WriteString(strings.Repeat("  ", n) + "- a\n")
	}
	for b.Len() < 1_000_000 {
		b.WriteString(strings.Repeat("  ", 39) + "- a\n")
	}
	return b.String()
}

func data(n int) string {
	var b strings.Builder
	b.WriteString("data:\n")
	for i := range n {
		b.WriteString("  d" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + ": {}\n")
	}
	return b.String()
}

func mentions(n int) string {
	var b strings.Builder
	b.WriteString("collect:\n")
	for i := range n {
		b.WriteString("  c" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676%26)) + ": {fields: [dxxxxx, dyyyyy, dzzzz], keep: " + strconv.Itoa(i) + " days}\n")
	}
	return b.String()
}

func clauses(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("[30 days]{#a" + strconv.Itoa(i) + " keeps=collect,collect.form}\n\n")
	}
	return b.String()
}
