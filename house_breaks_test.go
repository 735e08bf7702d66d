package avow_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// breaks are the ways in which a copy of the tree is broken.
var breaks = []struct {
	name, law, says string
	break_          func(t *testing.T, dir string)
}{
	{"a package without a row", "lattice", "has no row", add("internal/helpers/helpers.go", "// Package helpers helps.\npackage helpers\n")},
	{"a row without a package", "lattice", "and no code", add("ARCHITECTURE.md", "\n| 3 | `internal/ghost` | haunts | |\n")},
	{"an import that goes up", "lattice", "which its row does not allow", add("internal/decide/up.go", "package decide\n\nimport _ \""+module+"/server\"\n")},
	{"an import outside the row", "lattice", "which its row does not allow", add("internal/decide/side.go", "package decide\n\nimport _ \""+module+"/internal/store\"\n")},
	{"a doc that says something else", "lattice", "does not open with", swap("ARCHITECTURE.md", "reads a privacy statement as a program", "reads tea leaves")},
	{"a promise nobody keeps", "mirror", "kept by nobody", swap("examples/harbour/statement.md", "keeps=never}", "keeps=wishes}")},
	{"a promise reworded", "mirror", "does not quote", swap("examples/harbour/statement.md", "now or later", "now")},
	{"a quote of no promise", "mirror", "does not make", swap("examples/harbour/statement.md", "#never-sold keeps", "#never-sold .aspiration keeps")},
	{"a heading without a section", "mirror", "is missing in the mirror", swap("examples/harbour/statement.md", "## Security", "## Safekeeping")},
	{"a second door", "one door", "one door out", add("internal/decide/door.go", "package decide\n\nimport \"net/http\"\n\nvar c http.Client\n")},
	{"a second clock", "one door", "one moment", add("internal/decide/clock.go", "package decide\n\nimport \"time\"\n\nvar now = time.Now()\n")},
	{"a second database", "one door", "one transaction", add("internal/decide/db.go", "package decide\n\nimport _ \"database/sql\"\n")},
	{"an init", "one door", "not a side effect", add("internal/decide/init.go", "package decide\n\nfunc init() {}\n")},
	{"a long file", "budget", "more than 500", add("internal/decide/long.go", "package decide\n"+strings.Repeat("\n// x\n", maxFile))},
	{"a long function", "budget", "more than 60", add("internal/decide/fn.go", "package decide\n\nfunc f() {\n"+strings.Repeat("\tprintln()\n", maxFunction)+"}\n")},
	{"a fat package", "budget", "more than 1500", func(t *testing.T, dir string) {
		for i := range 4 {
			add(fmt.Sprintf("internal/decide/fat%d.go", i), "package decide\n"+strings.Repeat("\n", maxFile-10))(t, dir)
		}
	}},
	{"an undocumented name", "budget", "has no documentation", add("internal/decide/doc.go", "package decide\n\nfunc Mystery() {}\n")},
}

// add appends text to a file, which it makes if there is none.
func add(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		full := filepath.Join(dir, name)
		old, _ := os.ReadFile(full)
		write(t, full, string(old)+text)
	}
}

// swap replaces text in a file, and insists that it was there.
func swap(name, from, to string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		full := filepath.Join(dir, name)
		old, err := os.ReadFile(full)
		if err != nil || !strings.Contains(string(old), from) {
			t.Fatalf("%s does not contain %q (%v)", name, from, err)
		}
		write(t, full, strings.Replace(string(old), from, to, 1))
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyTree copies what the laws read.
func copyTree(t *testing.T) string {
	dir := t.TempDir()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir(), !strings.HasSuffix(name, ".go") && filepath.Ext(name) != ".md" && d.Name() != "go.mod":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		write(t, filepath.Join(dir, name), string(text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
