package avow_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/avow-privacy/avow"

// TestHouse holds the tree to the four laws of ARCHITECTURE.md.
func TestHouse(t *testing.T) {
	h, err := readHouse(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, law := range laws {
		t.Run(law.name, func(t *testing.T) {
			for _, broken := range law.check(h) {
				t.Error(broken)
			}
		})
	}
}

// TestLawsCanFail breaks a copy of the tree, once for each thing a law is
// there to notice: a law that cannot fail holds nothing.
func TestLawsCanFail(t *testing.T) {
	for _, b := range breaks {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			dir := copyTree(t)
			b.break_(t, dir)
			h, err := readHouse(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, law := range laws {
				if law.name != b.law {
					continue
				}
				for _, said := range law.check(h) {
					if strings.Contains(said, b.says) {
						return
					}
				}
			}
			t.Errorf("%s did not say %q", b.law, b.says)
		})
	}
}

var laws = []struct {
	name  string
	check func(*house) []string
}{
	{"lattice", (*house).lattice},
	{"mirror", (*house).mirror},
	{"one door", (*house).oneDoor},
	{"budget", (*house).budget},
}

// A house is the tree as the laws see it.
type house struct {
	floors   map[string]floor  // by package folder, "." for the root
	rooms    map[string]*room  // by package folder
	headings map[string]string // heading of the example statement → section folder, "" if none yet
	clauses  []clause          // of the example statement
	top      []string          // its level-two headings
}

type floor struct {
	number   int
	sentence string
	imports  []string // short names; "everything below" is one of them
}

type room struct {
	doc   string
	files map[string]*ast.File
	lines map[string]int
	fset  *token.FileSet
}

type clause struct {
	id, heading, text string
	keeps             []string
	promise           bool
}

func readHouse(root string) (*house, error) {
	h := &house{floors: map[string]floor{}, rooms: map[string]*room{}, headings: map[string]string{}}
	plan, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		return nil, err
	}
	h.readPlan(string(plan))
	statement, err := os.ReadFile(filepath.Join(root, "examples/harbour/statement.md"))
	if err != nil {
		return nil, err
	}
	h.readStatement(string(statement))
	return h, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return h.readFile(root, name, d)
	})
}

func (h *house) readPlan(plan string) {
	for line := range strings.Lines(plan) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		folder := strings.Trim(cells[min(1, len(cells)-1)], "`")
		if folder == "avow" {
			folder = "."
		}
		switch n, err := strconv.Atoi(cells[0]); {
		case len(cells) == 4 && err == nil:
			h.floors[folder] = floor{n, cells[2], strings.Fields(strings.ReplaceAll(cells[3], "everything below", "*"))}
		case len(cells) == 2 && strings.HasPrefix(cells[1], "`internal/sections/"):
			h.headings[cells[0]] = folder
		case len(cells) == 2 && cells[1] == "later":
			h.headings[cells[0]] = ""
		}
	}
}

var (
	span   = regexp.MustCompile(`(?s)\[([^\[\]]*)\]\{([^{}]*)\}`)
	number = regexp.MustCompile(`(?m)^## (.*)$`)
)

func (h *house) readStatement(text string) {
	parts := number.Split(text, -1)
	for i, m := range number.FindAllStringSubmatch(text, -1) {
		h.top = append(h.top, m[1])
		for _, s := range span.FindAllStringSubmatch(parts[i+1], -1) {
			h.clauses = append(h.clauses, readClause(m[1], s[1], s[2]))
		}
	}
}

func readClause(heading, text, attributes string) clause {
	c := clause{heading: heading, text: fold(text), promise: true}
	for _, a := range strings.Fields(attributes) {
		switch {
		case strings.HasPrefix(a, "#"):
			c.id = a[1:]
		case strings.HasPrefix(a, "."):
			c.promise = false
		case strings.HasPrefix(a, "keeps="):
			c.keeps = strings.Split(strings.TrimPrefix(a, "keeps="), ",")
		}
	}
	return c
}

func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func (h *house) readFile(root, name string, d fs.DirEntry) error {
	rel, err := filepath.Rel(root, name)
	if err != nil {
		return err
	}
	if d.IsDir() {
		_, own := os.Stat(filepath.Join(name, "go.mod"))
		hidden := rel != "." && strings.HasPrefix(d.Name(), ".")
		if hidden || d.Name() == "testdata" || d.Name() == "node_modules" || own == nil && rel != "." {
			return filepath.SkipDir // another module, or no Go of ours
		}
		return nil
	}
	if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
		return nil
	}
	folder := filepath.ToSlash(filepath.Dir(rel))
	r := h.rooms[folder]
	if r == nil {
		r = &room{files: map[string]*ast.File{}, lines: map[string]int{}, fset: token.NewFileSet()}
		h.rooms[folder] = r
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(r.fset, name, src, parser.ParseComments)
	if err != nil {
		return err
	}
	rel = filepath.ToSlash(rel)
	r.files[rel], r.lines[rel] = f, strings.Count(string(src), "\n")
	r.doc += f.Doc.Text()
	return nil
}

// lattice: every package has a row, every import is in its row and goes down,
// the row's sentence opens the package doc.
func (h *house) lattice() (broken []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for folder := range h.floors {
		if h.rooms[folder] == nil {
			say("%s has a row in ARCHITECTURE.md and no code", folder)
		}
	}
	for folder, r := range h.rooms {
		f, ok := h.floors[folder]
		if !ok {
			say("%s has no row in ARCHITECTURE.md", folder)
			continue
		}
		if want := "Package " + packageName(folder, r) + " " + f.sentence + "."; !strings.HasPrefix(fold(r.doc), want) {
			say("%s: the package doc does not open with %q", folder, want)
		}
		for other := range r.imports() {
			g, ok := h.floors[other]
			allowed := slices.Contains(f.imports, shortName(other)) || slices.Contains(f.imports, "*")
			if !ok || !allowed || g.number >= f.number {
				say("%s (floor %d) imports %s (floor %d), which its row does not allow", folder, f.number, other, g.number)
			}
		}
	}
	return broken
}

func packageName(folder string, r *room) string {
	for _, f := range r.files {
		return f.Name.Name
	}
	return path.Base(folder)
}

func shortName(folder string) string {
	if folder == "." {
		return "avow"
	}
	return path.Base(folder)
}

// imports returns the folders of this module that r imports.
func (r *room) imports() map[string]bool {
	found := map[string]bool{}
	for _, f := range r.files {
		for _, i := range f.Imports {
			p, _ := strconv.Unquote(i.Path.Value)
			if p == module {
				found["."] = true
			} else if folder, ok := strings.CutPrefix(p, module+"/"); ok {
				found[folder] = true
			}
		}
	}
	return found
}

// mirror: every heading has its section, every promise is kept by a section
// that quotes it, and no section quotes a promise that is not made.
func (h *house) mirror() (broken []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for _, heading := range h.top {
		folder, ok := h.headings[heading]
		if !ok {
			say("heading %q is missing in the mirror of ARCHITECTURE.md", heading)
		} else if folder != "" && h.rooms[folder] == nil {
			say("heading %q: %s does not exist", heading, folder)
		}
	}
	made := map[string]bool{}
	for _, c := range h.clauses {
		if !c.promise {
			continue
		}
		quote := c.id + ": " + c.text
		made[quote] = true
		if h.headings[c.heading] == "" {
			say("%s is promised under %q, which has no section yet", c.id, c.heading)
		}
		keeper := h.keeper(c)
		if keeper == "" {
			say("%s is kept by nobody", c.id)
		} else if !slices.Contains(quotes(h.rooms[keeper].doc), quote) {
			say("%s: the package doc does not quote %q", keeper, quote)
		}
	}
	for folder, r := range h.rooms {
		for _, q := range quotes(r.doc) {
			if strings.HasPrefix(folder, "internal/sections/") && !made[q] {
				say("%s quotes a promise that the example does not make: %q", folder, q)
			}
		}
	}
	return broken
}

// quotes returns the indented "id: text" blocks of a package doc.
func quotes(doc string) (found []string) {
	in := false
	for _, line := range strings.Split(doc, "\n") {
		switch {
		case !strings.HasPrefix(line, "\t"):
			in = false
		case in && !quoteStart.MatchString(line):
			found[len(found)-1] += " " + fold(line)
		default:
			found, in = append(found, fold(line)), true
		}
	}
	return found
}

var quoteStart = regexp.MustCompile(`^\t[a-z0-9-]+: `)

// keeper returns the folder of the section that keeps c's rules.
func (h *house) keeper(c clause) (keeper string) {
	for _, folder := range slices.Sorted(maps.Keys(h.rooms)) {
		r := h.rooms[folder]
		for _, kind := range r.keeps() {
			for _, p := range c.keeps {
				first, _, _ := strings.Cut(kind, ".")
				head, _, _ := strings.Cut(p, ".")
				if kind == p || kind == head || first == p || first == head && (head == "collect" || head == "data") {
					// By which rule exactly the front matter says: of those who could,
					// who quotes it keeps it.
					if keeper == "" || slices.Contains(quotes(r.doc), c.id+": "+c.text) {
						keeper = folder
					}
				}
			}
		}
	}
	return keeper
}

// keeps returns the rule kinds in r's Keeps variable.
func (r *room) keeps() (kinds []string) {
	for _, f := range r.files {
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || len(v.Names) != 1 || v.Names[0].Name != "Keeps" || len(v.Values) != 1 {
				return true
			}
			ast.Inspect(v.Values[0], func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					kind, _ := strconv.Unquote(lit.Value)
					kinds = append(kinds, kind)
				}
				return true
			})
			return false
		})
	}
	return kinds
}

// doors lists what may be used in few places only, and why.
var doors = []struct {
	uses  string // an import path, or import path + "." + name
	rooms []string
	why   string
}{
	{"net/http.Client", []string{"client", "internal/egress"}, "one door out: everything that leaves is logged first"},
	{"net/http.Get", []string{"client"}, "one door out"},
	{"net/http.Post", []string{"client"}, "one door out"},
	{"net/http.PostForm", []string{"client"}, "one door out"},
	{"net/http.DefaultClient", []string{"client", "server/servertest"}, "one door out"},
	{"net/http.Transport", []string{"client", "internal/egress", "gate"}, "one door out; the gate asks the site behind it"},
	{"net.Dial", []string{"client", "internal/bench"}, "one door out; a benchmark asks its own house over loopback"},
	{"net.DialTimeout", []string{"client"}, "one door out"},
	{"net.Dialer", []string{"client", "internal/egress", "gate"}, "one door out"},
	{"net/smtp", nil, "one door out"},
	{"github.com/emersion/go-smtp", []string{"internal/egress", "internal/mail/listen"}, "one door out, and one for mail to come in"},
	{"database/sql", []string{"internal/store", "internal/store/sqlite", "internal/store/postgres", "internal/store/storetest"}, "one transaction holds a change and its entries"},
	{"github.com/jackc/pgx/v5", []string{"internal/store/postgres"}, "one transaction holds a change and its entries"},
	{"github.com/ncruces/go-sqlite3", []string{"internal/store/sqlite", "internal/store/storetest"}, "one transaction holds a change and its entries"},
	{"crypto/cipher", []string{"internal/seal"}, "one place to read when asking what is sealed and how"},
	{"time.Now", []string{"internal/store", "internal/store/sqlite", "cmd/avow"}, "one moment per transaction, so that time can be tested"},
	{"os.Getenv", []string{"internal/cli"}, "a promise belongs in the statement, not in the environment"},
	{"os.LookupEnv", []string{"internal/cli"}, "a promise belongs in the statement, not in the environment"},
	{"html/template.HTML", []string{"internal/page"}, "one place to read when asking what is escaped"},
}

// oneDoor: what is dangerous in many places happens in one.
func (h *house) oneDoor() (broken []string) {
	for folder, r := range h.rooms {
		for name, f := range r.files {
			used := uses(f)
			for _, d := range doors {
				if used[d.uses] && !slices.Contains(d.rooms, folder) {
					broken = append(broken, fmt.Sprintf("%s uses %s: %s", name, d.uses, d.why))
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if fn, ok := n.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					broken = append(broken, name+" has an init: the house is a list, not a side effect")
				}
				return true
			})
		}
	}
	return broken
}

// uses returns the import paths of f and each path.Name that it mentions.
func uses(f *ast.File) map[string]bool {
	found, local := map[string]bool{}, map[string]string{}
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		found[p] = true
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		local[name] = p
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && local[x.Name] != "" {
				found[local[x.Name]+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return found
}

const maxFile, maxFunction, maxPackage = 500, 60, 1500

// budget: what is small enough to be read is read.
func (h *house) budget() (broken []string) {
	say := func(format string, args ...any) { broken = append(broken, fmt.Sprintf(format, args...)) }
	for folder, r := range h.rooms {
		total := 0
		for name, f := range r.files {
			total += r.lines[name]
			if r.lines[name] > maxFile {
				say("%s has %d lines, more than %d", name, r.lines[name], maxFile)
			}
			for _, d := range f.Decls {
				broken = append(broken, r.budgetOf(name, d)...)
			}
		}
		if total > maxPackage {
			say("%s has %d lines, more than %d", folder, total, maxPackage)
		}
	}
	return broken
}

func (r *room) budgetOf(name string, d ast.Decl) (broken []string) {
	undocumented := func(ident *ast.Ident, docs ...*ast.CommentGroup) {
		if ident.IsExported() && !slices.ContainsFunc(docs, func(c *ast.CommentGroup) bool { return c != nil }) {
			broken = append(broken, fmt.Sprintf("%s: %s has no documentation", name, ident.Name))
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if n := r.fset.Position(d.End()).Line - r.fset.Position(d.Pos()).Line + 1; n > maxFunction {
			broken = append(broken, fmt.Sprintf("%s: %s has %d lines, more than %d", name, d.Name.Name, n, maxFunction))
		}
		if d.Recv == nil || exportedReceiver(d) && !obvious[d.Name.Name] {
			undocumented(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				undocumented(s.Name, s.Doc, d.Doc)
			case *ast.ValueSpec:
				undocumented(s.Names[0], s.Doc, s.Comment, d.Doc)
			}
		}
	}
	return broken
}

// obvious methods say nothing that their interface does not say.
var obvious = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Len": true, "Less": true, "Swap": true}

func exportedReceiver(d *ast.FuncDecl) bool {
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}
