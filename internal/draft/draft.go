// Package draft drafts a statement from a policy that already exists.
//
// Policy reads a privacy policy as a company has it today (text, Markdown or a
// saved web page), finds its sections, marks each sentence that binds, proposes
// the rules that would keep it, and lists what only the company can answer. The
// policy's own words stay as they are. What the package knows of languages and
// of policies is data: marks.yaml here, and that of the packages below.
package draft

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/draft/proposal"
	"github.com/avow-privacy/avow/internal/draft/wording"
	"github.com/avow-privacy/avow/internal/statement"
)

// MaxSource is how large a file may be. A saved page carries scripts and
// pictures beside its text.
const MaxSource = paper.MaxSource

// Options are the facts a draft needs from outside the policy.
type Options struct {
	Today avow.Date        // dates a policy that carries no date
	Keeps []statement.Kind // the kinds of rules this build keeps; a promise of any other is an aspiration
}

// A Draft is a statement drafted from a policy. Lines count in the policy.
type Draft struct {
	Source    []byte // the statement, ready for statement.Compile
	Language  string
	Sections  []Section
	Marks     []Mark
	Rules     []Rule
	Questions []Question
}

// A Section is a part of the policy under one heading.
type Section struct {
	Title string `json:"title"`
	Kind  string `json:"kind"` // one of the nine, or other
	Line  int    `json:"line"`
}

// A Mark is a sentence of the policy that was marked.
type Mark struct {
	ID    string          `json:"id,omitempty"`
	Force statement.Force `json:"force"`
	Keeps []string        `json:"keeps,omitempty"`
	Line  int             `json:"line"`
}

// A Rule is a line of the front matter that the policy suggested.
type Rule struct {
	Path string `json:"path"`
	Line int    `json:"line"` // where the policy suggests it
}

// A Question is something only the company can answer.
type Question = proposal.Question

var errNoPolicy = errors.New("it does not read like a privacy policy: nothing in it says what is collected, used or kept")

// A sentence of the policy, with how it is marked.
type sentence struct {
	*outline.Sentence
	row    *outline.Mark
	id     string
	force  statement.Force // "" while it is not marked
	keeps  []string
	barred bool // from keeping rules: the compiler found that it says something else
}

// A drafter holds what is found in one policy.
type drafter struct {
	doc     *paper.Document
	opts    Options
	lexicon *wording.Lexicon

	*outline.Outline
	*proposal.Set
	sentences   []*sentence
	of          map[*outline.Sentence]*sentence
	by          map[string][]*sentence // by path of a rule: who suggests it
	contactLine int
	updatedLine int
	unsure      bool // the date can be read in two ways
	guessed     bool // the name is a guess
	general     string
	generalBy   *sentence         // says that all is kept for as long as general
	asked       []Question        // all questions, as the draft lists them
	lines       map[int]*sentence // by line of the draft
}

// Policy drafts a statement from the policy src. The name of its file is a hint
// of its format; its content decides.
func Policy(name string, src []byte, opts Options) (*Draft, error) {
	doc, err := paper.Read(name, src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &drafter{doc: doc, opts: opts, by: map[string][]*sentence{}, of: map[*outline.Sentence]*sentence{},
		Set: &proposal.Set{Lines: map[string]int{}, Periods: map[string]string{}}}
	if !d.speaks() {
		return nil, fmt.Errorf("%s: %w", name, errNoPolicy)
	}
	d.Outline = outline.Divide(doc, d.lexicon)
	for s := range d.Sentences() {
		d.of[s] = &sentence{Sentence: s}
		d.sentences = append(d.sentences, d.of[s])
	}
	d.findName()
	d.findAddresses()
	d.findUpdated()
	d.assess()
	d.parameters()
	d.bind()
	out, err := d.compile()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d.draft(out), nil
}

// speaks finds the language, and says whether the text is about privacy.
func (d *drafter) speaks() bool {
	all := wording.Words(d.doc.Title)
	for _, b := range d.doc.Blocks {
		if all = append(all, wording.Words(b.Text())...); len(all) > 20_000 {
			break
		}
	}
	d.Language = wording.Detect(all)
	if d.lexicon = wording.In(d.Language); d.lexicon == nil {
		if d.Language = "en"; reLanguage.MatchString(d.doc.Lang) {
			d.Language = strings.ToLower(d.doc.Lang[:2])
		}
		d.lexicon = wording.In("en")
		d.ask(1, "The policy is in none of the languages this program knows (English, German, French, Spanish). Which sentences bind you, and what rules keep them?")
	}
	return wording.AboutPrivacy(all)
}

var reLanguage = regexp.MustCompile(`^[A-Za-z]{2}(?:-|$)`)

func (d *drafter) ask(line int, format string, args ...any) {
	d.Open = append(d.Open, Question{Line: max(line, 1), Ask: fmt.Sprintf(format, args...)})
}

func textOf(runs []paper.Run) string {
	b := paper.Block{Runs: runs}
	return b.Text()
}

// paths returns the rules proposed, by line, then name.
func (d *drafter) paths() []string {
	return slices.SortedFunc(maps.Keys(d.Lines), func(a, b string) int {
		return cmp.Or(cmp.Compare(d.Lines[a], d.Lines[b]), cmp.Compare(a, b))
	})
}

func (d *drafter) draft(src []byte) *Draft {
	out := &Draft{Source: src, Language: d.Language, Questions: d.asked}
	for _, p := range d.Parts {
		if p.Depth == 2 {
			out.Sections = append(out.Sections, Section{p.Title, p.Kind, p.Line})
		}
	}
	for _, s := range d.sentences {
		if s.force != "" {
			out.Marks = append(out.Marks, Mark{s.id, s.force, s.keeps, s.Line})
		}
	}
	for _, path := range d.paths() {
		out.Rules = append(out.Rules, Rule{path, d.Lines[path]})
	}
	return out
}
