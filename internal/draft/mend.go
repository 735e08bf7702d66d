package draft

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/proposal"
	"github.com/avow-privacy/avow/internal/statement"
)

// The compiler reads with words of its own. Where it finds an error, the draft
// gives way: it promises less, never what the policy does not say.
const mostMends = 12

var errStubborn = errors.New("no statement that compiles can be made of it: start with avow init without --from")

// compile writes the statement and has the compiler read it, until the
// compiler finds no error.
func (d *drafter) compile() ([]byte, error) {
	for n := range mostMends {
		d.tellRules()
		d.settle()
		src := []byte(d.write())
		_, found := statement.Compile("statement.md", src, d.opts.Keeps)
		if !slices.ContainsFunc(found, func(f statement.Diagnostic) bool { return f.Severity == statement.Error }) {
			return src, nil
		}
		mended := false
		seen := map[int]bool{}
		for _, f := range found {
			if f.Severity == statement.Error && (!seen[f.At.Line] || d.lines[f.At.Line] == nil) {
				mended = d.mend(f) || mended
				seen[f.At.Line] = true
			}
		}
		if !mended || n == mostMends-2 {
			d.giveWay()
		}
	}
	return nil, errStubborn
}

// mend changes the draft so that an error goes away, and says whether it could.
func (d *drafter) mend(f statement.Diagnostic) bool {
	s := d.lines[f.At.Line]
	if m := reAgainst.FindStringSubmatch(f.Message); m != nil && f.Code == "contradiction" {
		return d.drop(m[1], s)
	}
	switch {
	case s != nil && f.Code == "contradiction" && (len(s.keeps) > 0 || s.force == ""):
		if len(s.keeps) > 0 {
			d.ask(s.Line, "The sentence and the rule that it would keep (%s) disagree: which is right?", strings.Join(s.keeps, ", "))
		}
		s.barred, s.keeps, s.force = true, nil, statement.Information
		if s.Has("bind") && s.Has("ours") {
			s.force = statement.Aspiration
		}
		return true
	case s != nil && s.force == "":
		s.force = statement.Information
		return true
	case s != nil && s.force != statement.Information:
		was := s.force
		if s.force, s.barred, s.keeps = statement.Information, true, nil; was == statement.Promise {
			s.force = statement.Aspiration
		}
		return true
	}
	if m := reUntold.FindStringSubmatch(f.Message); m != nil && d.Has(m[1]) {
		delete(d.Lines, m[1])
		d.forget()
		return true
	}
	return false
}

var (
	reAgainst = regexp.MustCompile(`contradicts ([a-z]+(?:\.\S+)?)$`)
	reUntold  = regexp.MustCompile(`(?:does not tell|keeps) ([a-z]+(?:\.\S+)?)$`)
)

// drop takes back a rule that the sentence s contradicts. One that says there
// are no cookies or trackers contradicts them all.
func (d *drafter) drop(path string, s *sentence) bool {
	key, _, _ := strings.Cut(path, ".")
	line := 0
	for _, other := range d.paths() {
		if other == path || (key == "cookies" || key == "trackers") && strings.HasPrefix(other, key+".") {
			line = max(line, d.Lines[other])
			delete(d.Lines, other)
		}
	}
	if line == 0 {
		return false
	}
	if s != nil {
		d.ask(s.Line, "This sentence says the opposite of line %d: which is true? No rule is proposed.", line)
	}
	d.forget()
	return true
}

// forget has no sentence keep a rule that is not proposed any more.
func (d *drafter) forget() {
	for _, s := range d.sentences {
		had := len(s.keeps)
		s.keeps = slices.DeleteFunc(s.keeps, func(ref string) bool { return !d.proposed(ref) })
		if had > 0 && len(s.keeps) == 0 {
			s.force = statement.Aspiration
		}
	}
}

// giveWay is the last resort: a draft that proposes nothing still has the
// sections, and every sentence marked as one that nothing keeps.
func (d *drafter) giveWay() {
	for path := range d.Lines {
		delete(d.Lines, path)
	}
	for _, s := range d.sentences {
		s.keeps, s.force = nil, statement.Information
	}
	d.ask(d.TitleLine, "The rules that this policy suggests contradict it or each other, so none is proposed. Which do you want to keep?")
}

// tells counts the rules of a key that the sentences of a part keep.
func (d *drafter) tells(p *outline.Part, key string) (n int) {
	for _, passage := range p.Body {
		for _, s := range passage.Sentences {
			for _, ref := range d.of[s].keeps {
				if root, _, _ := strings.Cut(ref, "."); root == key || root == "data" && key == "collect" {
					n++
				}
			}
		}
	}
	return n
}

// tables says which tables are printed after which part: after the one that
// speaks most of what is in them.
func (d *drafter) tables() map[*outline.Part][]string {
	after := map[*outline.Part][]string{}
	for _, table := range []struct{ name, key, kind string }{{"collections", "collect", "collection"}, {"cookies", "cookies", "collection"},
		{"trackers", "trackers", "collection"}, {"purposes", "purposes", "use"}, {"recipients", "recipients", "use"}} {
		most, best := 0, (*outline.Part)(nil)
		for _, p := range d.Parts {
			n := d.tells(p, table.key)
			if p.Kind == table.kind {
				n *= 4
			}
			if p.Depth > 0 && n > most {
				most, best = n, p
			}
		}
		if best != nil && d.allTold(table.key) {
			after[best] = append(after[best], table.name)
		}
	}
	return after
}

// allTold says whether sentences keep every rule of a key: a table alone does
// not tell what this build does not keep.
func (d *drafter) allTold(key string) bool {
	names := d.Names(key)
	for _, name := range names {
		told := d.kept(key + "." + name)
		for _, s := range d.sentences {
			told = told || slices.ContainsFunc(s.keeps, func(ref string) bool { return proposal.Covers(ref, key+"."+name) })
		}
		if !told {
			return false
		}
	}
	return names != nil
}
