package paper

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"
)

// show writes the blocks of a file, one a line: its line, what it is, its text.
func show(t *testing.T, name, src string) string {
	t.Helper()
	doc, err := Read(name, []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	for _, b := range doc.Blocks {
		kind := map[Kind]string{Para: "p", Head: fmt.Sprintf("h%d", b.Level), Item: b.Mark, Row: "row"}[b.Kind]
		if b.Kind == Item && b.Level > 0 {
			kind = fmt.Sprint(b.Level, kind)
		}
		fmt.Fprintf(&s, "%d %s %s\n", b.Line(), kind, Markdown(b.Runs))
	}
	return s.String()
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ name, file, src, want string }{
		{"headings of Markdown", "a.md", "# One #\n\nTwo\n===\n\nThree\n---\ntext\n#### Four {#id}", "1 h1 One\n3 h1 Two\n6 h2 Three\n8 p text\n9 h4 Four\n"},
		{"bold lines", "a.md", "**_Cookies_**\n\n__Links__\ntext goes on.\n\n**Bold** is not all.", "1 h12 ***Cookies***\n3 h12 **Links**\n4 p text goes on.\n6 p **Bold** is not all.\n"},
		{"capitals", "a.txt", "OUR COOKIES\n\nWe use them.", "1 h8 OUR COOKIES\n3 p We use them.\n"},
		{"capitals are a paragraph", "a.txt", "THIS NOTICE SAYS HOW MEDICAL INFORMATION ABOUT YOU IS USED AND\nDISCLOSED BY US.", "1 p THIS NOTICE SAYS HOW MEDICAL INFORMATION ABOUT YOU IS USED AND DISCLOSED BY US.\n"},
		{"numbered", "a.txt", "1. Cookies we use\n\nText.\n\nSection 3 – Sharing\n\nText.\n\n2.1 More\n\nText.", "1 h9 1. Cookies we use\n3 p Text.\n5 h9 Section 3 – Sharing\n7 p Text.\n9 h10 2.1 More\n11 p Text.\n"},
		{"contents", "a.txt", "1. Cookies\n\n2. Links\n\n3. Children\n\nText.", "1 - 1. Cookies\n3 - 2. Links\n5 - 3. Children\n7 p Text.\n"},
		{"bullets", "a.txt", "·\u00a0 \u00a0One;\n\n• Two\n\n- Three\n  goes on", "1 - One;\n3 - Two\n5 - Three goes on\n"},
		{"ordinals", "a.txt", "(a) One\n(b) Two", "1 (a) One\n2 (b) Two\n"},
		{"nested", "a.md", "* One\n  * Two\n* Three", "1 - One\n2 1- Two\n3 - Three\n"},
		{"wrapped", "a.txt", "A line that is cut at a width like that of a\nletter goes on in the line below it. This is\nhow people typed for eighty columns, and then\nbegan anew.\n\nHere.",
			"1 p A line that is cut at a width like that of a letter goes on in the line below it. This is how people typed for eighty columns, and then began anew.\n6 p Here.\n"},
		{"table", "a.md", "| Name | For |\n|---|---|\n| _ga | counts |", "1 row Name · For\n3 row \\_ga · counts\n"},
		{"links", "a.md", "See [our page](https://a.example/b(c)) and <me@a.example>, [list][1], [text].\n\n[1]: https://a.example/x \"X\"",
			"1 p See [our page](https://a.example/b%28c%29) and me@a.example, [list](https://a.example/x), \\[text\\].\n"},
		{"emphasis", "a.md", "A **bold**, *slanted* and __strong__ snake_case 2 * 3 * 4 `code`.", "1 p A **bold**, *slanted* and **strong** snake_case 2 \\* 3 \\* 4 code.\n"},
		{"comment", "a.md", "<!-- one\ntwo -->\nText.", "3 p Text.\n"},
		{"front matter", "a.md", "---\ntitle: Ours\n---\nText.", "4 p Text.\n"},
		{"elements", "a.html", "<h2>One</h2><p>Two<br><br>three<br>four<p>five<hr>six", "1 h2 One\n1 p Two\n1 p three four\n1 p five\n1 p six\n"},
		{"lists", "a.html", "<ul><li>One<ul><li>Two</ul><li>Three</ul><ol><li>A<li>B</ol>", "1 - One\n1 1- Two\n1 - Three\n1 1. A\n1 2. B\n"},
		{"terms", "a.html", "<dl><dt>What?<dd>That.</dl><details><summary>Who?</summary>Us.</details>", "1 h7 What?\n1 p That.\n1 h7 Who?\n1 p Us.\n"},
		{"strong paragraph", "a.html", "<p><strong>Cookies</strong></p><p>We use <b>few</b>.</p>", "1 h12 **Cookies**\n1 p We use **few**.\n"},
		{"data table", "a.html", "<table><tr><th>Name<th>For<tr><td>_ga<td>counts</tr></table>", "1 p Name\n1 p For\n1 row \\_ga · counts\n"},
		{"lines", "a.html", "<p>One\n\ntwo</p>\n\n<p>\nThree</p>", "1 p One two\n6 p Three\n"},
		{"entities", "a.html", "<p>Marrow &amp; Pine&nbsp;LLC &lt;b&gt; &copy;", "1 p Marrow & Pine LLC \\<b> ©\n"},
		{"main", "a.html", "<div>Around it.</div><main><p>Inside it is the policy.</main>", "1 p Inside it is the policy.\n"},
		{"outside", "a.html", "<header>H</header><nav>N</nav><p>" + strings.Repeat("Text. ", 200) + "<footer>F</footer><script>S</script><div hidden>X</div><div style='display: none'>Y</div><p class='cookie-banner'>B</p><span hidden>Z</span>",
			"1 p H\n1 p " + strings.TrimSpace(strings.Repeat("Text. ", 200)) + "\n"},
		{"never closed", "a.html", "<nav><a href=/>Home</a><p>" + strings.Repeat("Text. ", 200), "1 p Home\n1 p " + strings.TrimSpace(strings.Repeat("Text. ", 200)) + "\n"},
		{"in page", "a.html", "<ul><li><a href='#a'>One</a><li><a href='#b'>Two</a></ul><p>See <a href='#a'>one</a>. " + strings.Repeat("Text. ", 200), "1 p See one. " + strings.TrimSpace(strings.Repeat("Text. ", 200)) + "\n"},
		{"button", "a.html", "<h3><button>Cookies</button></h3><p>Text.<button>OK</button>", "1 h3 Cookies\n1 p Text.\n"},
		{"html without a name", "policy", "<!DOCTYPE html><html><body><h1>One</h1>", "1 h1 One\n"},
		{"text with a wrong name", "a.html", "We will not.\nNever.", "1 p We will not.\n2 p Never.\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, show(t, c.file, c.src)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPageSaysWhoseItIs(t *testing.T) {
	doc, err := Read("a.html", []byte(`<!-- saved from url=(0030)https://a.example/privacy --><html lang=fr><head>
<title>Vie  privée</title><meta property="og:site_name" content="Ruche"><link rel=canonical href="https://b.example/p"></head><p>Texte.`))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Title != "Vie privée" || doc.Lang != "fr" || doc.Site != "Ruche" || doc.URL != "https://b.example/p" {
		t.Errorf("%+v", doc)
	}
}

func TestEncodings(t *testing.T) {
	const text = "Käuferschutz – “Größe” für Señor Ängström"
	latin, err := charmap.Windows1252.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	wide, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	koi, err := charmap.KOI8R.NewEncoder().String("Политика")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ src, want string }{
		"utf-8":              {text, text},
		"bom":                {"\ufeff" + text, text},
		"windows-1252":       {latin, text},
		"utf-16":             {wide, text},
		"meta":               {`<html><meta charset="koi8-r"><p>` + koi, "Политика"},
		"meta that lies":     {`<html><meta charset="windows-1252"><p>` + text, text},
		"decomposed":         {"Ka\u0308uferschutz", "Käuferschutz"},
		"invisible":          {"Da\u00adten\u200bschutz", "Datenschutz"},
		"carriage returns":   {"One\r\n\r\nTwo", "One Two"},
		"old Mac":            {"One\r\rTwo", "One Two"},
		"non-breaking space": {"10\u00a0days", "10 days"},
	} {
		doc, err := Read("a", []byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, b := range doc.Blocks {
			got = append(got, b.Text())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// rendered is the text of Markdown as another reader sees it.
func rendered(src string) string {
	source := []byte(src)
	var b strings.Builder
	ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return strings.ReplaceAll(regexp.MustCompile(`\\([[:punct:]])`).ReplaceAllString(b.String(), "$1"), "&amp;", "&")
}

// Whatever the text is, its Markdown renders as that text, in one paragraph.
func TestMarkdownRendersTheText(t *testing.T) {
	piece := rapid.StringOf(rapid.SampledFrom([]rune("ab é1*_`[](){}<>#!~|\\&;:.-+=\"'/@")))
	rapid.Check(t, func(t *rapid.T) {
		var runs []Run
		for n := range rapid.IntRange(1, 4).Draw(t, "runs") {
			runs = append(runs, Run{Text: piece.Draw(t, "text"), Line: n + 1, Bold: rapid.Bool().Draw(t, "bold"), Ital: rapid.Bool().Draw(t, "ital")})
			if rapid.IntRange(0, 5).Draw(t, "link") == 0 {
				runs[n].Href = "https://a.example/" + piece.Draw(t, "href")
			}
		}
		runs = fold(runs)
		b := Block{Runs: runs}
		md := EscapeStart(Markdown(runs))
		if got := rendered(md); got != b.Text() {
			t.Fatalf("%q\nas %q\nrenders as %q", b.Text(), md, got)
		}
	})
}

func TestCut(t *testing.T) {
	runs := []Run{{Text: "One. Two", Bold: true}, {Text: " three. Four."}}
	var got []string
	for _, part := range Cut(runs, 5, 16) {
		got = append(got, Markdown(part))
	}
	if want := []string{"**One.**", "**Two** three.", "Four."}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A page of tags takes time in proportion to its length.
func TestLinear(t *testing.T) {
	for name, unit := range map[string]string{"div": "<div>", "nav": "<nav>", "bold": "<b>", "cell": "<table><tr><td>", "list": "<ul><li>", "hidden": "<p hidden>", "open": "<a b", "entity": "&amp", "comment": "<!--"} {
		start := time.Now()
		Read("a.html", []byte("<p>Text.</p>"+strings.Repeat(unit, 200_000)))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: %s", name, took)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("a.md", []byte("# One\n\n**Two** [three](https://a.example)\n\n| a | b |\n"))
	f.Add("a.html", []byte("<nav>x</nav><main><h1>One</h1><table><tr><td>a<td>b</table></main>"))
	f.Add("a.txt", []byte("ONE\n\n1. Two\n\n(a) three\n"))
	f.Fuzz(func(t *testing.T, name string, src []byte) {
		doc, err := Read(name, src)
		if err != nil {
			return
		}
		lines := strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + 1
		for _, b := range doc.Blocks {
			if b.Text() == "" || b.Text() != strings.TrimSpace(b.Text()) {
				t.Errorf("a block is %q", b.Text())
			}
			if n := b.Line(); n < 1 || n > lines {
				t.Errorf("line %d of %d", n, lines)
			}
		}
	})
}
