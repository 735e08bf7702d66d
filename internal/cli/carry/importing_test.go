package carry

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// A houseOf takes rows as a house does: the same chunk twice is one.
type houseOf struct {
	chunks map[int]*client.Imported
	rows   map[string]int
	fail   func(chunk int) error
}

func (h *houseOf) hand(chunk int, rows client.Rows) (*client.Imported, error) {
	if done, ok := h.chunks[chunk]; ok {
		return done, nil
	}
	out := &client.Imported{}
	for i, r := range rows {
		if strings.HasPrefix(r["email"], "bad") {
			out.Refused = append(out.Refused, client.BadRow{Row: i, Field: "email", Reason: "no address"})
			continue
		}
		h.rows[r["email"]]++
		out.Accepted++
	}
	h.chunks[chunk] = out
	if h.fail != nil {
		return out, h.fail(chunk) // it was done, and the answer was lost
	}
	return out, nil
}

// begin opens the file as a new process does.
func begin(t *testing.T, name string, h *houseOf) *importing {
	t.Helper()
	c := &Import{File: name, Collection: "contact"}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	digest, size, err := c.digest(f)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	rows, err := open(name, f)
	if err != nil {
		t.Fatal(err)
	}
	i := &importing{Import: c, rows: rows, read: func() int64 { return 0 }, size: size, bar: func(int64, int64) {}, hand: h.hand}
	if err := i.begin(digest); err != nil {
		t.Fatal(err)
	}
	return i
}

// An import that is interrupted, wherever, takes each row once, and puts each
// row that does not fit aside once.
func TestGoesOn(t *testing.T) {
	var text strings.Builder
	text.WriteString("email,message\n")
	for n := range 4500 {
		kind := "good"
		if n%700 == 3 {
			kind = "bad"
		}
		fmt.Fprintf(&text, "%s%d,hello\n", kind, n)
	}
	for stop := range 5 {
		for _, lost := range []bool{false, true} {
			name := filepath.Join(t.TempDir(), "people.csv")
			if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			h := &houseOf{chunks: map[int]*client.Imported{}, rows: map[string]int{}}
			h.fail = func(chunk int) error {
				if chunk == stop {
					return errors.New("the connection broke")
				}
				return nil
			}
			i := begin(t, name, h)
			if err := i.all(); err == nil {
				t.Fatal("the house was not heard, and the import went on")
			}
			if lost && i.bad.file != nil {
				// A crash after rows were put aside and before that was noted.
				if _, err := i.bad.file.WriteString("half a row"); err != nil {
					t.Fatal(err)
				}
			}
			if err := i.bad.close(); err != nil {
				t.Fatal(err)
			}
			h.fail = nil
			i = begin(t, name, h)
			var out strings.Builder
			if err := errors.Join(i.all(), i.end(&world.World{Stdout: &out})); !errors.Is(err, world.ErrFound) {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "imported 4493 rows into contact\n7 rows refused") {
				t.Errorf("stopped at chunk %d: %s", stop, out.String())
			}
			for n := range maps.Values(h.rows) {
				if n != 1 {
					t.Fatalf("a row was taken %d times", n)
				}
			}
			refused, err := os.ReadFile(name + ".refused.csv")
			if err != nil || strings.Count(string(refused), "\n") != 8 || strings.Contains(string(refused), "half") {
				t.Errorf("stopped at chunk %d: put aside %q %v", stop, refused, err)
			}
			if info, err := os.Stat(name + ".refused.csv"); err != nil || info.Mode().Perm() != 0o600 {
				t.Error(info.Mode(), err)
			}
			if _, err := os.Stat(name + ".avow-import"); !errors.Is(err, os.ErrNotExist) {
				t.Error("the state stays", err)
			}
		}
	}
}
