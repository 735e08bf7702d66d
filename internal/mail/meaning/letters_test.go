package meaning

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/mail"
)

var lettersDir = flag.String("letters", "", "a folder of letters to sort: LANGUAGE/KIND/*.txt, or NAME-KIND.txt")

// A letter is a mail and what it is. Its kind may say more: request/erase, and
// unsubscribe? if it is not sure.
type letter struct{ name, kind, right, language, subject, text string }

// readLetters reads a file of testdata/letters: "== kind | subject", and the
// text on the lines below.
func readLetters(t testing.TB, name string) (list []letter) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	language := strings.TrimSuffix(path.Base(name), ".txt")
	for i, part := range strings.Split("\n"+string(text), "\n== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		kind, subject, _ := strings.Cut(head, " | ")
		kind, right, _ := strings.Cut(kind, "/")
		list = append(list, letter{fmt.Sprintf("%s %d", language, i), kind, right, language, subject, body})
	}
	return list
}

func (l letter) meaning() Meaning {
	return Of(&mail.Message{Subject: l.subject, Text: l.text, To: []mail.Address{optOut}}, Own{OptOut: optOut})
}

// A confusion counts what letters were taken for.
type confusion map[[2]string]int

func (c confusion) right() (right, all int) {
	for k, n := range c {
		if all += n; k[0] == k[1] {
			right += n
		}
	}
	return right, all
}

func (c confusion) String() string {
	names := map[string]bool{}
	for k := range c {
		names[k[0]], names[k[1]] = true, true
	}
	list := slices.Sorted(maps.Keys(names))
	var b strings.Builder
	fmt.Fprintf(&b, "%-12s", "is \\ taken")
	for _, n := range list {
		fmt.Fprintf(&b, "%12s", n)
	}
	for _, is := range list {
		fmt.Fprintf(&b, "\n%-12s", is)
		for _, taken := range list {
			fmt.Fprintf(&b, "%12d", c[[2]string{is, taken}])
		}
	}
	right, all := c.right()
	fmt.Fprintf(&b, "\n%d of %d right", right, all)
	return b.String()
}

// sort sorts letters, and says in the test's log what it got wrong.
func sort(t *testing.T, list []letter) confusion {
	c := confusion{}
	for _, l := range list {
		m := l.meaning()
		kind, doubtful := strings.CutSuffix(l.kind, "?")
		c[[2]string{kind, string(m.Kind)}]++
		switch {
		case kind != string(m.Kind):
			t.Logf("%s: %q is a %s, taken for a %s %s (%s)", l.name, l.subject, kind, m.Kind, m.Right, m.Why)
		case l.right != "" && l.right != m.Right:
			t.Logf("%s: %q asks to %s, taken for %s", l.name, l.subject, l.right, m.Right)
		case kind == "unsubscribe" && doubtful == m.Sure:
			t.Logf("%s: %q: sure is %v", l.name, l.subject, m.Sure)
		case l.language != "" && m.Language != l.language && len(l.text) > 30:
			t.Logf("%s: %q is %s, taken for %q", l.name, l.subject, l.language, m.Language)
		}
	}
	return c
}

// TestLetters sorts the letters of every language. Each second one was never
// looked at while the lexicons were tuned.
func TestLetters(t *testing.T) {
	var halves [2][]letter
	for _, lang := range Languages {
		for i, l := range readLetters(t, "testdata/letters/"+lang+".txt") {
			halves[i%2] = append(halves[i%2], l)
		}
	}
	// Written last, in the tone of people who are annoyed.
	for i, l := range readLetters(t, "testdata/letters/blind.txt") {
		l.language = ""
		halves[i%2] = append(halves[i%2], l)
	}
	for i, want := range []float64{95, 90} {
		t.Run([]string{"tuned", "held-out"}[i], func(t *testing.T) {
			c := sort(t, halves[i])
			t.Logf("\n%s", c)
			if right, all := c.right(); float64(right)*100 < want*float64(all) {
				t.Errorf("%d of %d are right, want %v %%", right, all, want)
			}
		})
	}
}

// TestTraps: what sounds like a wish and is none, and letters in which one
// wish sounds like another. Each was looked at.
func TestTraps(t *testing.T) {
	list := readLetters(t, "testdata/letters/traps.txt")
	for i := range list {
		list[i].language = ""
	}
	c := sort(t, list)
	t.Logf("\n%s", c)
	if right, all := c.right(); right < all {
		t.Errorf("%d of %d are right", right, all)
	}
}

// TestFolder sorts the letters in the folder that the flag names.
func TestFolder(t *testing.T) {
	if *lettersDir == "" {
		t.Skip("no -letters DIR")
	}
	var list []letter
	err := filepath.WalkDir(*lettersDir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".txt" {
			return err
		}
		text, err := os.ReadFile(name)
		kind := filepath.Base(filepath.Dir(name))
		if !isKind(kind) {
			base := strings.TrimSuffix(filepath.Base(name), ".txt")
			for _, k := range append(kindNames(), rights...) {
				if strings.HasSuffix(base, "-"+k) {
					kind = k
				}
			}
		}
		l := letter{name: name, kind: kind, text: string(text)}
		if lang := filepath.Base(filepath.Dir(filepath.Dir(name))); slices.Contains(Languages, lang) {
			l.language = lang
		}
		if slices.Contains(rights, kind) {
			l.kind, l.right = "request", kind
		}
		if head, body, ok := strings.Cut(l.text, "\n"); ok && strings.HasPrefix(head, "Subject: ") {
			l.subject, l.text = head[9:], body
		}
		list = append(list, l)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", sort(t, list))
}

func kindNames() (names []string) {
	for _, k := range Kinds {
		names = append(names, string(k))
	}
	return names
}

func isKind(kind string) bool { return slices.Contains(append(kindNames(), rights...), kind) }
