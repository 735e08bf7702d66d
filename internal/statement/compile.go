package statement

import (
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/avow-privacy/avow/internal/statement/claims"
	"github.com/avow-privacy/avow/internal/statement/front"
	"github.com/avow-privacy/avow/internal/statement/prose"
	"github.com/avow-privacy/avow/internal/statement/source"
	"github.com/avow-privacy/avow/internal/statement/words"
)

const (
	maxFront = 1 << 18 // bytes of front matter
	maxOpen  = 500     // open questions
)

// A compiler holds what Compile knows while it works.
type compiler struct {
	*Statement
	lexicon  *words.Lexicon
	name     string
	keeps    []Kind
	file     *source.File
	base     int // where the prose starts in the file
	promiser map[string]any
	mentions []mention
	ids      map[string]bool // of clauses and headings
	tables   map[string]bool // first parts of the paths that directives tell
	refs     map[string]*ref
	told     map[string]bool // paths that clauses name
	claims   *claims.Checker
	found    Diagnostics
}

// Compile reads a statement and holds its prose against its rules. The name is
// the file's, for the diagnostics; keeps are the kinds of rules that this build
// enforces. The Statement is nil if src could not be read at all: too large, not
// text, no front matter or none that is YAML. With other errors it holds what
// could be read, good for tools and not for serving; Diagnostics.Failed tells.
func Compile(name string, src []byte, keeps []Kind) (*Statement, Diagnostics) {
	c := &compiler{Statement: &Statement{Source: src, Language: "en"}, name: name, keeps: keeps,
		ids: map[string]bool{}, tables: map[string]bool{}, refs: map[string]*ref{}, told: map[string]bool{}}
	c.index.rules = map[string]int{}
	if !c.compile() {
		c.Statement = nil
	}
	c.found.Sort()
	return c.Statement, c.found
}

func (c *compiler) compile() bool {
	var bad *Diagnostic
	if c.file, bad = source.Read(c.Source); bad != nil {
		c.add(bad.At, bad.Width, Error, bad.Code, bad.Fix, "%s", bad.Message)
		return false
	}
	yml, base, ok := front.Split(c.file.Text)
	switch {
	case !ok:
		c.add(Position{Line: 1, Column: 1}, 1, Error, "front-matter", "begin the file with a line ---, the rules, and another line ---",
			"the file does not begin with front matter")
		return false
	case len(yml) > maxFront:
		c.add(Position{Line: 1, Column: 1}, 3, Error, "too-large", "declare less", "the front matter is larger than %d KiB", maxFront>>10)
		return false
	}
	top := front.Load(yml, c.wrong)
	if top == nil {
		return false
	}
	c.rules(top)
	c.base = base
	c.prose = prose.Parse(c.file.Text[base:])
	c.read()
	c.RuleHash, c.TextHash = c.ruleHash(), sha256.Sum256(c.Source)
	c.buildIndex()
	c.check()
	return true
}

// spot is the position of a byte of the prose.
func (c *compiler) spot(at int) Position { return c.file.Spot(c.base + at) }

// wrong reports an error at a node of the front matter.
func (c *compiler) wrong(n *yaml.Node, code, fix, format string, args ...any) {
	at, width := place(n), 1
	if n.Kind == yaml.ScalarNode {
		width = max(1, min(utf8.RuneCountInString(n.Value), c.file.Room(at)))
	}
	c.add(at, width, Error, code, fix, format, args...)
}

// report reports what was found in a stretch of the prose's text.
func (c *compiler) report(s prose.Stretch, code, fix, format string, args ...any) {
	c.reportSource(c.prose.Source(s.Start), c.prose.Source(max(s.End-1, s.Start))+1, Error, code, fix, format, args...)
}

// reportSource reports what was found from one byte of the prose to another.
func (c *compiler) reportSource(from, to int, sev Severity, code, fix, format string, args ...any) {
	width := c.file.Width(c.base+from, c.base+to)
	c.add(c.spot(from), width, sev, code, fix, format, args...)
}

func (c *compiler) add(at Position, width int, sev Severity, code, fix, format string, args ...any) {
	c.found = append(c.found, Diagnostic{File: c.name, Code: code, Severity: sev, At: at, Width: width,
		Message: fmt.Sprintf(format, args...), Fix: fix})
}
