package carry

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What encoding/csv writes is read as it was, whatever divides it.
func TestReadsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 5).Draw(t, "width")
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("aé,;\t\"\n x")), 0, 8, -1)
		rows := rapid.SliceOf(rapid.SliceOfN(cell, width, width)).Draw(t, "rows")
		var text bytes.Buffer
		out := csv.NewWriter(&text)
		out.Comma = rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(t, "comma")
		out.UseCRLF = rapid.Bool().Draw(t, "crlf")
		names := []string{"one", "two", "three", "four", "five"}[:width]
		if err := errors.Join(out.Write(names), out.WriteAll(rows)); err != nil {
			t.Fatal(err)
		}
		in, err := open("x.csv", &text)
		if err != nil || !slices.Equal(in.columns(), names) {
			t.Fatalf("%q %v", in.columns(), err)
		}
		line := 2
		for _, want := range rows {
			r, err := in.next()
			for i := range want {
				if out.UseCRLF {
					want[i] = strings.ReplaceAll(want[i], "\n", "\r\n")
				}
			}
			if err != nil || r.bad != "" || !slices.Equal(r.cells, want) || r.line != line {
				t.Fatalf("row %q is read as %q at line %d (want %d): %s %v", want, r.cells, r.line, line, r.bad, err)
			}
			line += 1 + strings.Count(strings.Join(want, ""), "\n")
		}
		if _, err := in.next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
}

// What is wrong with one row costs that row.
func TestBadRows(t *testing.T) {
	for _, c := range []struct {
		name, text, says string
		good             int
	}{
		{"x.csv", "a,b\n1,2\n1\n1,2\n", "it has 1 cells where there are 2 columns", 2},
		{"x.csv", "a,b\n\xff,2\n1,2\n", "it is not UTF-8", 1},
		{"x.csv", "a,b\n\"x\"y,2\n1,2\n", "something follows a closing quote", 1},
		{"x.csv", "a,b\n1,2\n\"1,2\n", "a quote that is opened is never closed", 1},
		{"x.csv", "a,b\n\"" + strings.Repeat("x,y\n", maxRow/4) + "1,2\n", "it is longer than 256 KiB", 1},
		{"x.jsonl", "{\"a\":\"1\"}\n{\"a\":{}}\n\n{\"a\":null}\n", "it is not one flat JSON object of strings", 2},
		{"x.jsonl", "{\"a\":\"1\",\"a\":\"2\"}\n{\"b\":\"1\"}", "it is not one flat JSON object of strings", 1},
		{"x.jsonl", "{\"a\":\"" + strings.Repeat("x", maxRow) + "\"}\n{\"a\":\"1\"}\n", "it is longer than 256 KiB", 1},
	} {
		in, err := open(c.name, strings.NewReader(c.text))
		if err != nil {
			t.Fatal(err)
		}
		good, said := 0, ""
		for {
			r, err := in.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.bad == "" {
				good++
			} else {
				said = r.bad
			}
		}
		if good != c.good || said != c.says {
			t.Errorf("%.20q: %d good rows and %q, want %d and %q", c.text, good, said, c.good, c.says)
		}
	}
}

func TestHeads(t *testing.T) {
	for text, says := range map[string]string{
		"":                   "is empty",
		"\xff\xfea\x00":      "is UTF-16",
		"a,\xff\n":           "not UTF-8",
		"a,a\n":              "two columns have one name",
		"\"a":                "never closed",
		"\xef\xbb\xbf a,b\n": "",
	} {
		in, err := open("x.csv", strings.NewReader(text))
		if says == "" {
			if err != nil || in.columns()[0] != "a" {
				t.Errorf("%q: %v", text, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add("a,b\n1,\"2\"\"\"\r\n", true)
	f.Add("{\"a\":\"1\"}\n{", false)
	f.Fuzz(func(t *testing.T, text string, isCSV bool) {
		name := "x.jsonl"
		if isCSV {
			name = "x.csv"
		}
		in, err := open(name, strings.NewReader(text))
		if err != nil {
			return
		}
		for range strings.Count(text, "\n") + 2 {
			r, err := in.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.bad == "" && in.columns() != nil && len(r.cells) != len(in.columns()) {
				t.Fatalf("%q has %d cells", text, len(r.cells))
			}
		}
		t.Fatal("there are more rows than lines")
	})
}
