package source

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		text, code   string
		line, column int
	}{
		{"a\nb", "", 0, 0},
		{"a", "", 0, 0},
		{"\n\n", "", 0, 0},
		{"---\n***\n- - -\n", "", 0, 0},
		{strings.Repeat("-", 5000), "", 0, 0},
		{"", "front-matter", 1, 1},
		{"ä\x00", "not-text", 1, 2},
		{"a\n\tb\xffc", "not-text", 2, 3},
		{"a\x1b[31m", "not-text", 1, 2},
		{"a\n" + strings.Repeat("b", 17<<10), "too-large", 2, 1},
		{strings.Repeat("a\n", 20_001), "too-large", 1, 1},
		{strings.Repeat("a\n", 20_000), "", 0, 0},
		{strings.Repeat("a", 1<<20+1), "too-large", 1, 1},
		{"a\n" + strings.Repeat(">", 41) + "a", "too-deep", 2, 1},
		{"a\n" + strings.Repeat(">", 40) + "a", "", 0, 0},
		{strings.Repeat("1. ", 41) + "a", "too-deep", 1, 1},
		{strings.Repeat(" ", 90) + "a", "too-deep", 1, 1},
		{strings.Repeat(" ", 90), "", 0, 0},
		{"> " + strings.Repeat("|-", 22) + "|", "too-large", 1, 1},
		{strings.Repeat("|a", 22), "", 0, 0},
	} {
		f, bad := Read([]byte(c.text))
		switch {
		case c.code == "" && bad != nil:
			t.Errorf("%.40q: %v", c.text, bad)
		case c.code == "" && f.Lines() != strings.Count(strings.TrimSuffix(c.text, "\n"), "\n")+1:
			t.Errorf("%.40q has %d lines", c.text, f.Lines())
		case c.code != "" && (bad == nil || bad.Code != c.code || bad.At != Position{c.line, c.column} || bad.Fix == ""):
			t.Errorf("%.40q: %+v", c.text, bad)
		}
	}
	if f, _ := Read([]byte("\ufeffa")); string(f.Text) != "a" {
		t.Error("the byte order mark is text")
	}
}

// Positions agree with counting, in whatever order they are asked for.
func TestSpot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`([aé漢 ]{0,5}\n?){1,20}`).Filter(func(s string) bool { return s != "" }).Draw(t, "text")
		f, bad := Read([]byte(text))
		if bad != nil {
			t.Fatal(bad)
		}
		for range 10 {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "offset")
			for !utf8.RuneStart(text[at]) {
				at--
			}
			before := text[:at]
			want := Position{strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1}
			if got := f.Spot(at); got != want {
				t.Fatalf("byte %d of %q is at %v, not %v", at, text, got, want)
			}
			if w := f.Width(at, len(text)); w < 1 || w > max(1, f.Room(want)) {
				t.Fatalf("byte %d of %q: width %d, room %d", at, text, w, f.Room(want))
			}
		}
	})
}

func TestExcerpt(t *testing.T) {
	long := strings.Repeat("word ", 40) + "HERE" + strings.Repeat(" word", 40)
	for _, c := range []struct {
		line          string
		column, width int
		text, carets  string
	}{
		{"abc def", 5, 3, "abc def", "    ^^^"},
		{"abc", 1, 99, "abc", "^^^"},
		{"abc", 4, 1, "abc", "   ^"},
		{"\ta\tb", 4, 1, "\ta\tb", "\t \t^"},
		{"漢字 word", 4, 4, "漢字 word", "     ^^^^"},
		{"漢字 word", 1, 2, "漢字 word", "^^^^"},
		{"e\u0301 x", 4, 1, "e\u0301 x", "  ^"},
		{"a\u202eb x", 5, 1, "a·b x", "    ^"},
		{"a\u009bb", 3, 1, "a·b", "  ^"},
		{long, 201, 4, "…ord word word word word word HERE word word word word word word word word word word word word word word word word word …", "                              ^^^^"},
	} {
		f, bad := Read([]byte("first\n" + c.line))
		if bad != nil {
			t.Fatal(bad)
		}
		text, carets := f.Excerpt(Position{2, c.column}, c.width)
		if text != c.text || carets != c.carets {
			t.Errorf("%.40q, %d:\n%q\n%q\nnot\n%q\n%q", c.line, c.column, text, carets, c.text, c.carets)
		}
	}
}

func TestHead(t *testing.T) {
	var ds Diagnostics
	for i := range 300 {
		ds = append(ds, Diagnostic{Severity: Note, At: Position{i + 1, 1}, Width: 1}, Diagnostic{Severity: Error, At: Position{i + 1, 2}})
	}
	head, more := ds.Head()
	if len(head) != Listed || more != 400 || head.Count(Note) != 0 || head[0].At.Line != 1 || head[199].At.Line != 200 {
		t.Errorf("%d of %d, %d notes", len(head), more, head.Count(Note))
	}
	var b strings.Builder
	ds.WriteText(&b, "x\x1b.md", []byte("a"))
	if !strings.HasSuffix(b.String(), "and 400 more\n") || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%.80q … %q", b.String(), b.String()[b.Len()-20:])
	}
	b.Reset()
	ds[:1].WriteStyled(&b, "x.md", []byte("a"), Style{Bold: "<b>", Reset: "</>", Severity: map[Severity]string{Note: "<n>"}})
	if want := "<b>x.md:1:1:</> <n>note[]</>: \n    a\n    <n>^</>\n    fix: \n"; b.String() != want {
		t.Errorf("%q", b.String())
	}
}
