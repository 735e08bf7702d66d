package list

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/statement"
)

func compiled(t testing.TB) (s *statement.Statement, fields []avow.Field) {
	s, found := statement.Compile("statement.md", harbour.Statement, nil)
	if s == nil {
		t.Fatal(found)
	}
	for i := range s.Data {
		fields = append(fields, s.Data[i].Name)
	}
	return s, fields
}

// TestInvented: nobody is invented twice, all are known again, and each field has
// what somebody could have typed there.
func TestInvented(t *testing.T) {
	s, fields := compiled(t)
	seen := map[string]bool{}
	for range 3000 {
		p := Invent(s, fields)
		if !p.Known() {
			t.Fatalf("%q is not known again by %q", p.Marks, p.Values)
		}
		for _, mark := range p.Marks {
			if seen[mark] {
				t.Fatalf("%s is invented twice", mark)
			}
			seen[mark] = true
		}
		if len(p.Marks) != 3 || len(p.Values) != len(fields) {
			t.Fatalf("%q has %d values", p.Marks, len(p.Values))
		}
		for f, v := range p.Values {
			if d := s.Datum(f); len(v) == 0 || d.Max > 0 && len(v) > d.Max || len(d.Choices) > 0 && !strings.Contains(strings.Join(d.Choices, "|"), string(v)) {
				t.Fatalf("%s is %q", f, v)
			}
		}
	}
	if p := Invent(s, fields[:1]); len(p.Marks) != 1 || !p.Known() {
		t.Errorf("%+v", p)
	}
	p := Invent(s, fields)
	p.Values["email"] = []byte("somebody@else.example")
	if p.Known() {
		t.Error("somebody else is known again")
	}
}

// TestRows: whatever somebody typed, a list has it back in its place, and no cell
// of the spreadsheet begins as a formula.
func TestRows(t *testing.T) {
	columns := []avow.Field{"name", "address"}
	rapid.Check(t, func(t *rapid.T) {
		var given [][2]string
		csvOut, jsonOut := &bytes.Buffer{}, &bytes.Buffer{}
		c, j := New("csv", csvOut, columns), New("jsonl", jsonOut, columns)
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "=1", "+1", "-1", "@a", "\t=1", "\r\n=1", "＝1", "a,\"b\"", "'=1", " =1", "a;=1"}))
		for range rapid.IntRange(0, 4).Draw(t, "rows") {
			row := [2]string{text.Draw(t, "name"), text.Draw(t, "address")}
			given = append(given, row)
			for _, to := range []Rows{c, j} {
				if err := to.Row(Ref{1}, map[avow.Field][]byte{"name": []byte(row[0]), "address": []byte(row[1])}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if c.End() != nil || j.End() != nil {
			t.Fatal("it does not end")
		}
		// encoding/csv reads \r\n within a cell as \n.
		table, err := csv.NewReader(csvOut).ReadAll()
		if err != nil || len(table) != len(given)+1 {
			t.Fatalf("the table is %q (%v)", table, err)
		}
		lines := strings.Split(strings.TrimSuffix(jsonOut.String(), "\n"), "\n")
		for i, row := range given {
			var exact struct{ Ref, Name, Address string }
			if err := json.Unmarshal([]byte(lines[i]), &exact); err != nil || exact.Name != strings.ToValidUTF8(row[0], "\ufffd") || exact.Address != strings.ToValidUTF8(row[1], "\ufffd") || exact.Ref != (Ref{1}).String() {
				t.Fatalf("row %d is %q, and was %q (%v)", i, lines[i], row, err)
			}
			for k, cell := range table[i+1][1:] {
				want := strings.ReplaceAll(row[k], "\r\n", "\n")
				if cell != want && cell != "'"+want {
					t.Fatalf("cell %q was %q", cell, row[k])
				}
				if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") || strings.HasPrefix(cell, "＝") {
					t.Fatalf("cell %q is a formula", cell)
				}
			}
		}
	})
}

func TestMarks(t *testing.T) {
	for line, want := range map[string]string{
		"c/o Harbour, Ref. 7kq4m-mx2r9":             "7KQ4MMX2R9",
		"To: Anna <Anna.K.Keller1@Harbour.example>": "anna.k.keller1@harbour.example",
		"REF_00ff":      "ref_00ff",
		"nobody at all": "",
	} {
		if got := strings.Join(Marks(line), " "); got != want {
			t.Errorf("%q has %q, want %q", line, got, want)
		}
	}
}

// FuzzMarks reads whatever came by post.
func FuzzMarks(f *testing.F) {
	f.Add("c/o Harbour, Ref. 7KQ4M-MX2R9 <a@b.example>")
	f.Fuzz(func(t *testing.T, line string) {
		marks := Marks(line)
		if n := len(strings.Join(marks, "")); n > 4*len(line)+len(marks)*64 {
			t.Errorf("%d bytes of marks in %q", n, line)
		}
	})
}
