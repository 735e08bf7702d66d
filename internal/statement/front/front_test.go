package front

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		src, yml, body string
		ok             bool
	}{
		{"---\na: b\n---\n# c", "a: b\n", "# c", true},
		{"---\r\na: b\r\n--- \r\n# c", "a: b\r\n", "# c", true},
		{"---\n---", "", "", true},
		{"---\na: |\n  ---\nb\n---\n", "a: |\n  ---\nb\n", "", true},
		{"---\na\n---\n---\n", "a\n", "---\n", true},
		{"---\na: b\n", "", "", false},
		{" ---\n---\n", "", "", false},
		{"----\n---\n", "", "", false},
		{"", "", "", false},
	} {
		yml, base, ok := Split([]byte(c.src))
		if ok != c.ok || ok && (string(yml) != c.yml || c.src[base:] != c.body) {
			t.Errorf("%q: %q %d %v", c.src, yml, base, ok)
		}
	}
}

// notes collects what is reported, as line:column code.
type notes []string

func (n *notes) report(at *yaml.Node, code, fix, format string, args ...any) {
	*n = append(*n, fmt.Sprintf("%d:%d %s %s | %s", at.Line, at.Column, code, fmt.Sprintf(format, args...), fix))
}

func TestLoad(t *testing.T) {
	for yml, want := range map[string]string{
		"a: b":                             "",
		"a: [b":                            "3:1 front-matter the front matter cannot be read: did not",
		"a: b\nc: {d: e":                   "4:1 front-matter",
		"- a":                              "1:1 front-matter the front matter holds no keys",
		"":                                 "1:1 front-matter",
		"# only a comment":                 "1:1 front-matter",
		"a: &x b\nc: *x":                   "2:4 front-matter anchors",
		"a: {<<: {b: c}}":                  "2:5 front-matter anchors",
		"a: b\n...\n---\nc: d":             "front-matter",
		"\tb: c":                           "front-matter",
		"a: " + strings.Repeat("[", 10000): "front-matter",
		"a: !!python/object b":             "",
	} {
		var n notes
		top := Load([]byte(yml), n.report)
		got := strings.Join(n, "\n")
		if (top == nil) != (want != "") || !strings.Contains(got, want) || len(n) > 1 {
			t.Errorf("%.30q: %v %q", yml, top != nil, got)
		}
	}
}

func open(t *testing.T, yml string) (*Mapping, *notes) {
	t.Helper()
	n := &notes{}
	top := Load([]byte(yml), n.report)
	if top == nil {
		t.Fatal(*n)
	}
	return Open("it", top, top, n.report), n
}

func TestValues(t *testing.T) {
	for _, c := range []struct {
		yml  string
		read func(*Mapping) any
		want any
		note string
	}{
		{"k: a  b", func(m *Mapping) any { return m.Text("k", "x") }, "a b", ""},
		{"k: 12", func(m *Mapping) any { return m.Text("k", "x") }, "12", ""},
		{"j: a", func(m *Mapping) any { return m.Text("k", "x") }, "x", "unknown-key"},
		{"k:", func(m *Mapping) any { return m.Text("k", "x") }, "x", "k in it is empty where words"},
		{"k: [a]", func(m *Mapping) any { return m.Text("k", "x") }, "x", "is a list where words"},
		{"k: {a: b}", func(m *Mapping) any { return m.Text("k", "x") }, "x", "is a mapping where words"},
		{"k: " + strings.Repeat("a", 2001), func(m *Mapping) any { return m.Text("k", "x") }, "x", "longer than 2000"},
		{"k: yes", func(m *Mapping) any { return m.Yes("k") }, false, `k in it is "yes" | write true or false`},
		{"k: true", func(m *Mapping) any { return m.Yes("k") }, true, ""},
		{"k: monthy", func(m *Mapping) any { return m.Choice("k", "", "monthly", "yearly") }, "", "did you mean monthly?"},
		{"k: 7", func(m *Mapping) any { return m.Number("k", 3, 1, 7) }, 7, ""},
		{"k: 8", func(m *Mapping) any { return m.Number("k", 3, 1, 7) }, 3, "not a number from 1 to 7"},
		{"k: 1.5", func(m *Mapping) any { return m.Number("k", 3, 1, 7) }, 3, "not a number"},
		{"k: [b, a]", func(m *Mapping) any { return m.List("k") }, []string{"b", "a"}, ""},
		{"k: b", func(m *Mapping) any { return m.List("k") }, []string{"b"}, ""},
		{"k: [b, b, [c]]", func(m *Mapping) any { return m.List("k") }, []string{"b"}, `names "b" twice`},
		{"k: [" + strings.Repeat("a,", 300) + "]", func(m *Mapping) any { return len(m.List("k")) }, 1, "more than 200"},
		{"k: [law, order]", func(m *Mapping) any { return m.Choices("k", "law", "rights") }, []string{"law", "order"}, `does not know "order"`},
		{"k: 90m", func(m *Mapping) any { return Value(m, "k", "fix it", time.ParseDuration) }, 90 * time.Minute, ""},
		{"k: 90 m", func(m *Mapping) any { return Value(m, "k", "fix it", time.ParseDuration) }, time.Duration(0), "fix it"},
		{"k: a\nk: b", func(m *Mapping) any { return m.Text("k", "x") }, "a", "3:1 duplicate-key k is written twice"},
		{"key: a\nkez: b", func(m *Mapping) any { return m.Text("key", "x") }, "a", "3:1 unknown-key it knows no key \"kez\" | did you mean key?"},
		{"k: a\n[b]: c", func(m *Mapping) any { return m.Text("k", "x") }, "a", "a key in it is a list"},
	} {
		m, n := open(t, c.yml)
		got := c.read(m)
		m.Close()
		notes := strings.Join(*n, "\n")
		if !cmp.Equal(got, c.want) || (notes == "") != (c.note == "") || !strings.Contains(notes, c.note) {
			t.Errorf("%.40q: %v, %s", c.yml, got, notes)
		}
	}
	m, n := open(t, "a: b")
	if m.Need("a", ""); len(*n) > 0 {
		t.Error(*n)
	}
	if m.Need("b", "add it"); len(*n) != 1 || !strings.Contains((*n)[0], "missing-key it has no b | add it") {
		t.Error(*n)
	}
}

func TestSuggest(t *testing.T) {
	known := []string{"email", "address", "name", "a"}
	for wrote, want := range map[string]string{"emial": "email", "adress": "address", "Name": "name", "phone": "", "": "", "b": "", "nam": "name", strings.Repeat("x", 5000): ""} {
		if got := Suggest(wrote, known, ""); got != "" && want == "" || want != "" && got != "did you mean "+want+"?" {
			t.Errorf("%.20q: %s", wrote, got)
		}
	}
}

// RFC 8785: keys sorted by UTF-16, no spaces, shortest strings.
func TestCanonical(t *testing.T) {
	v := map[string]any{"b": []string{"ä\u2028"}, "a": 1, "\U0001f600": true, "\ufb33": "\x1f\"</"}
	if got, want := string(Canonical(v)), `{"a":1,"b":["ä`+"\u2028"+`"],"`+"\U0001f600"+`":true,"`+"\ufb33"+`":"\u001f\"</"}`; got != want {
		t.Errorf("%s\n%s", got, want)
	}
}
