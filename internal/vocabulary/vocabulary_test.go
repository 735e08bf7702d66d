package vocabulary_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vocabulary"
)

func compile(t testing.TB, path string) *statement.Statement {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, found := statement.Compile(path, src, nil)
	if s == nil {
		t.Fatal(found)
	}
	return s
}

const (
	clocks  = "testdata/statement.md"
	harbour = "../../examples/harbour/statement.md"
)

func golden(t *testing.T, name string, got []byte, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
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

func TestGolden(t *testing.T) {
	s := compile(t, clocks)
	js, err := vocabulary.JSON(&statement.Edition{Statement: s, Version: 3, Class: "wider", Leaf: 41,
		Published: time.Date(2026, 11, 24, 12, 30, 0, 0, time.FixedZone("", 3600))})
	golden(t, "statement.json", js, err)
	ld, err := vocabulary.LD(s)
	golden(t, "statement.jsonld", ld, err)
	fides, err := vocabulary.Fides(s)
	golden(t, "fides.yml", fides, err)
}

// A statement that is not published has no version, and nothing that goes with one.
func TestUnpublished(t *testing.T) {
	js, err := vocabulary.JSON(&statement.Edition{Statement: compile(t, clocks)})
	var d map[string]any
	if err != nil || json.Unmarshal(js, &d) != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"version", "published", "class", "entry"} {
		if v, ok := d[key]; ok {
			t.Errorf("%s is %v", key, v)
		}
	}
	if len(d["clauses"].([]any)) != 4 || len(d["rules"].([]any)) != 15 {
		t.Errorf("%d clauses, %d rules", len(d["clauses"].([]any)), len(d["rules"].([]any)))
	}
}

// Every term is one of DPV 2.1. The list in testdata was checked against the
// vocabulary as its community group publishes it.
func TestTerms(t *testing.T) {
	f, err := os.Open("testdata/dpv-terms.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		known["dpv:"+lines.Text()] = true
	}
	for _, path := range []string{clocks, harbour} {
		ld, err := vocabulary.LD(compile(t, path))
		if err != nil || !json.Valid(ld) {
			t.Fatal(err)
		}
		for _, term := range regexp.MustCompile(`dpv:[A-Za-z]+`).FindAllString(string(ld), -1) {
			if !known[term] {
				t.Errorf("%s: %s is no term of DPV", path, term)
			}
		}
	}
}

// What is written as fideslang is read as the same information and purposes.
func TestFidesAndBack(t *testing.T) {
	for _, path := range []string{clocks, harbour} {
		s := compile(t, path)
		src, err := vocabulary.Fides(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := vocabulary.FromFides(src)
		if err != nil {
			t.Fatal(err)
		}
		collected := map[string]bool{}
		served := map[string]bool{}
		for _, c := range s.Collect {
			for _, f := range c.Fields {
				collected[string(f.Name)] = true
			}
			for _, p := range c.For {
				served[string(p)] = true
			}
		}
		for _, d := range s.Data {
			same := func(x statement.Datum) bool { return x.Name == d.Name && x.Category == d.Category && x.Say == d.Say }
			if collected[string(d.Name)] && !slices.ContainsFunc(back.Data, same) {
				t.Errorf("%s: %+v did not come back: %+v", path, d, back.Data)
			}
		}
		for _, p := range s.Purposes {
			same := func(x statement.Purpose) bool {
				// A use that was not opted in to has no word for its channel.
				return x.Name == p.Name && x.Say == p.Say && x.Basis == p.Basis && (x.Channel == p.Channel || p.Basis != "opt-in")
			}
			if served[string(p.Name)] && !slices.ContainsFunc(back.Purposes, same) {
				t.Errorf("%s: %+v did not come back: %+v", path, p, back.Purposes)
			}
		}
		if len(back.Data) != len(collected) || len(back.Purposes) != len(served) {
			t.Errorf("%s: %d kinds of information and %d purposes came back", path, len(back.Data), len(back.Purposes))
		}
	}
}

func TestFromFides(t *testing.T) {
	src, err := os.ReadFile("testdata/foreign.yml")
	if err != nil {
		t.Fatal(err)
	}
	in, err := vocabulary.FromFides(src)
	if err != nil {
		t.Fatal(err)
	}
	front, err := in.YAML()
	golden(t, "foreign.front.yml", front, err)
}

func TestFromFidesRefuses(t *testing.T) {
	deep := strings.Repeat("a: {", 40) + strings.Repeat("}", 40)
	for name, c := range map[string]struct{ src, says string }{
		"nothing":   {"", "there is no dataset"},
		"else":      {"policy: []\n", "there is no dataset"},
		"not YAML":  {"system: [\n", "line "},
		"a list":    {"system: {a: b}\n", "read fideslang"},
		"category":  {"dataset: [{collections: [{fields: [{name: x, data_categories: ['user..x']}]}]}]", `"user..x" is no category`},
		"no use":    {"system: [{privacy_declarations: [{name: Sell, data_categories: [user.name]}]}]", `"Sell" has no data_use`},
		"deep":      {deep, "read fideslang"},
		"aliases":   {"a: &a [x]\nsystem: *a\n", "read fideslang"},
		"too large": {strings.Repeat("#", 1<<20+1), "larger than"},
		"too many": {"system: [{privacy_declarations: [" + strings.Repeat("{data_use: a.b}, ", 2) +
			func() (s string) {
				for i := range 501 {
					s += "{data_use: a.x" + strings.Repeat("y", i%40) + string(rune('a'+i/40)) + "}, "
				}
				return s
			}() + "]}]", "more than 500"},
	} {
		if _, err := vocabulary.FromFides([]byte(c.src)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// Whatever is read makes a front matter that the compiler understands.
func FuzzFromFides(f *testing.F) {
	for _, name := range []string{"foreign.yml", "fides.yml"} {
		src, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Add([]byte("system: [{privacy_declarations: [{data_use: \"\x00.1-\"}]}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		in, err := vocabulary.FromFides(src)
		if err != nil {
			return
		}
		front, err := in.YAML()
		if err != nil {
			t.Fatal(err)
		}
		text := "---\nstatement: 1\nupdated: 2026-11-24\norganisation: {name: A, site: [https://a.example], contact: a@a.example}\n" + string(front) + "---\n# A\n"
		s, found := statement.Compile("x", []byte(text), nil)
		if s == nil {
			t.Fatalf("%v\n%s", found, text)
		}
		if len(s.Data) != len(in.Data) || len(s.Purposes) != len(in.Purposes) {
			t.Fatalf("%v\n%s", found, text)
		}
		for _, d := range found {
			if d.Code == "bad-value" || d.Code == "unknown-key" || d.Code == "missing-key" {
				t.Fatalf("%v\n%s", d, text)
			}
		}
	})
}
