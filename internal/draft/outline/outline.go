// Package outline divides a policy into sections and sentences, and knows what
// each sentence tells.
//
// A section is of one of the nine kinds that a statement has, or other: by its
// heading, or by its text where the heading is unclear or missing. How sentences
// are marked is a table, marks.yaml; the kinds are voted on by the same rows.
package outline

import (
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/draft/wording"
)

// When a heading fits two kinds as well, the one that is said more seldom is
// meant.
var precedence = []string{"children", "acceptance", "optout", "changes", "security", "links", "questions", "collection", "use", "other"}

// An Outline is a policy in parts.
type Outline struct {
	Title     []paper.Run
	TitleLine int
	Aside     string // what an archive wrote above it
	Parts     []*Part

	doc     *paper.Document
	lexicon *wording.Lexicon
}

// A Part is a heading and what stands under it, up to the next heading.
type Part struct {
	Head  []paper.Run
	Title string
	Kind  string
	Line  int
	Depth int // of its heading in the statement: 2 for a section, 0 for what comes before the first
	Body  []Passage

	ours bool // its title is not the policy's
}

// A Passage is a block in its sentences.
type Passage struct {
	Block     *paper.Block
	Sentences []*Sentence
}

// Sentences yields the sentences in the order of the policy.
func (o *Outline) Sentences() iter.Seq[*Sentence] {
	return func(yield func(*Sentence) bool) {
		for _, p := range o.Parts {
			for _, passage := range p.Body {
				for _, s := range passage.Sentences {
					if !yield(s) {
						return
					}
				}
			}
		}
	}
}

// Divide makes parts of a document: title, introduction, sections.
func Divide(doc *paper.Document, l *wording.Lexicon) *Outline {
	o := &Outline{doc: doc, lexicon: l}
	o.divide(o.takeTitle(doc.Blocks))
	o.classify()
	o.contents()
	return o
}

// contents finds the lines of a table of contents: items of a list that repeat
// a heading. They name what is spoken of elsewhere, and promise nothing.
func (o *Outline) contents() {
	titles := map[string]bool{}
	name := func(text string) string {
		return strings.TrimLeft(strings.Join(wording.Words(text), " "), "0123456789 ")
	}
	for _, p := range o.Parts {
		titles[name(p.Title)] = true
	}
	for s := range o.Sentences() {
		s.Caption = s.Caption || s.Listed && titles[name(s.Text)]
	}
}

func (o *Outline) divide(blocks []paper.Block) {
	for n := range blocks {
		if b := &blocks[n]; b.Kind == paper.Head && b.Level > 6 {
			if dates, _ := o.lexicon.Dates(b.Text()); dates != nil {
				b.Kind, b.Level = paper.Para, 0 // a date in a line of its own
			}
		}
		// A sentence that binds is a promise, even if it is set as a heading.
		if b := &blocks[n]; b.Kind == paper.Head && strings.HasSuffix(b.Text(), ".") && len(wording.Words(b.Text())) > 4 && o.lexicon.Tells("bind", b.Text()) > 0 {
			b.Kind, b.Level = paper.Para, 0
		}
	}
	blocks = o.plainHeadings(blocks)
	depth := depths(blocks)
	now, last := &Part{Line: 1, Kind: "other"}, 1
	var lead []string
	for n := range blocks {
		b := &blocks[n]
		if b.Kind == paper.Head {
			o.Parts = append(o.Parts, now)
			last = min(depth[b.Level], last+1)
			now = &Part{Head: plain(b.Runs), Title: b.Text(), Line: b.Line(), Depth: last}
			lead = nil
			continue
		}
		p := Passage{Block: b}
		var begins []string
		p.Sentences, begins = o.passage(b, lead)
		if b.Kind == paper.Para {
			lead = begins
		}
		now.Body = append(now.Body, p)
	}
	o.Parts = append(o.Parts, now)
	if o.Parts[0].Body == nil && len(o.Parts) > 1 {
		o.Parts = o.Parts[1:]
	}
	if intro := o.Parts[0]; intro.Depth == 0 && (len(o.Parts) == 1 || speaks(intro.Body) > 3) {
		o.Parts = append(o.splitByContent(intro), o.Parts[1:]...)
	}
}

// passage divides a block into sentences. It also returns the words that a
// list after the block completes, if it ends with a colon.
func (o *Outline) passage(b *paper.Block, lead []string) (list []*Sentence, begins []string) {
	if b.Kind == paper.Para {
		lead = nil
	}
	text := b.Text()
	ends := o.lexicon.Sentences(text)
	if b.Kind == paper.Row {
		ends = nil
	}
	ends = part(text, ends)
	for _, runs := range paper.Cut(b.Runs, ends...) {
		said := paper.Block{Runs: runs}
		s := &Sentence{Runs: runs, Text: said.Text(), Line: said.Line(), Listed: b.Kind != paper.Para}
		if s.Text == "" {
			continue
		}
		s.tell(o.lexicon, lead)
		if b.Kind == paper.Row {
			s.told["table"] = 1
		}
		if dates, _ := o.lexicon.Dates(s.Text[:min(len(s.Text), 400)]); dates != nil {
			s.told["date"] = 1
		}
		if s.Caption = len(list) == 0 && len(s.Words) <= 5 && len(ends) > 0 && (said.Bold() || capitals(s.Text)); s.Caption {
			lead = append(slices.Clone(lead), s.Words...)
		}
		list = append(list, s)
		begins = s.Words
	}
	if !strings.HasSuffix(text, ":") {
		return list, nil
	}
	return list, begins[max(0, len(begins)-40):]
}

// maxSentence is the length beyond which a sentence is parted at a space: it is
// a page of text without a full stop.
const maxSentence = 3_000

// part adds ends where a sentence is too long.
func part(text string, ends []int) []int {
	var out []int
	from := 0
	for _, end := range append(ends, len(text)) {
		for end-from > maxSentence {
			n := strings.LastIndexByte(text[from:from+maxSentence], ' ')
			if n <= 0 {
				break
			}
			from += n + 1
			out = append(out, from)
		}
		if from = end; end < len(text) {
			out = append(out, end)
		}
	}
	return out
}

// takeTitle takes the title out of blocks, and drops what an archive wrote
// above it.
func (o *Outline) takeTitle(blocks []paper.Block) []paper.Block {
	for len(blocks) > 1 && o.lexicon.Tells("aside", blocks[0].Text()) > 0 {
		o.Aside += " " + blocks[0].Text()
		blocks = blocks[1:]
	}
	for n := range min(len(blocks), 12) {
		b := &blocks[n]
		weight := o.lexicon.Tells("title", b.Text())
		extra := len(wording.Words(b.Text())) - weight
		short := b.Kind == paper.Head && extra < 9 || b.Kind == paper.Para && n < 3 && extra < 7 && !strings.HasSuffix(b.Text(), ".")
		if weight > 0 && short || b.Kind == paper.Head && b.Level == 1 {
			o.Title = plain(b.Runs)
			o.TitleLine = b.Line()
			rest := append(slices.Clone(blocks[:n]), blocks[n+1:]...)
			// What stands above the title, and a second title, are lines like any other.
			for m := range min(n+1, len(rest)) {
				if extra := len(wording.Words(rest[m].Text())) - o.lexicon.Tells("title", rest[m].Text()); m < n || extra <= 1 || extra < 6 && o.unclear(rest[m].Text()) {
					rest[m].Kind, rest[m].Level = paper.Para, 0
				}
			}
			return rest
		}
		if len(b.Text()) > 200 {
			break
		}
	}
	title := o.lexicon.Title
	if o.doc.Title != "" && len(o.doc.Title) < 150 {
		title = o.doc.Title
	}
	o.Title, o.TitleLine = []paper.Run{{Text: title, Line: 1}}, 1
	return blocks
}

// unclear says whether a heading tells a title and no kind of section.
func (o *Outline) unclear(title string) bool {
	_, weight := o.headingKind(title)
	return weight < 2 && o.lexicon.Tells("title", title) > 0
}

// plain takes the emphasis from a heading, which is set off as it is.
func plain(runs []paper.Run) []paper.Run {
	out := slices.Clone(runs)
	for n := range out {
		out[n].Bold, out[n].Ital = false, false
	}
	return out
}

// plainHeadings finds headings that nothing but their words and their place
// gives away, when the policy has few others.
func (o *Outline) plainHeadings(blocks []paper.Block) []paper.Block {
	heads := 0
	for _, b := range blocks {
		if b.Kind == paper.Head {
			heads++
		}
	}
	if heads >= 3 {
		return blocks
	}
	if split := paper.RunIn(blocks); split != nil {
		return split
	}
	for n := range blocks {
		b := &blocks[n]
		text := b.Text()
		list := wording.Words(text)
		if b.Kind != paper.Para || len(list) == 0 || len(list) > 9 || len(text) > 90 || strings.ContainsAny(text[len(text)-1:], ".,;:!") ||
			n+1 == len(blocks) || len(blocks[n+1].Text()) < len(text) {
			continue
		}
		if _, weight := o.headingKind(text); weight >= 2 || weight == 1 && (capitals(text) || len(list) < 8) {
			b.Kind, b.Level = paper.Head, 14
		}
	}
	return blocks
}

// capitals says whether each longer word of a line begins with a capital.
func capitals(text string) bool {
	return !slices.ContainsFunc(strings.Fields(text), func(w string) bool {
		first, _ := utf8.DecodeRuneInString(w)
		return len(w) > 4 && unicode.IsLower(first)
	})
}

// depths says how deep in the statement a heading of each level stands. The
// sections are the highest level that makes at least three of them.
func depths(blocks []paper.Block) map[int]int {
	count := map[int]int{}
	var levels []int
	for _, b := range blocks {
		if b.Kind == paper.Head {
			if count[b.Level]++; count[b.Level] == 1 {
				levels = append(levels, b.Level)
			}
		}
	}
	slices.Sort(levels)
	depth, sum, next := map[int]int{}, 0, 2
	for _, level := range levels {
		depth[level] = min(next, 6)
		if sum += count[level]; sum >= 3 {
			next++
		}
	}
	return depth
}

// headingKind returns the kind that a heading names and how surely.
func (o *Outline) headingKind(title string) (kind string, weight int) {
	found := o.lexicon.Match(wording.Words(title), 0)
	for _, k := range precedence {
		if w := found["section."+k]; w > weight {
			kind, weight = k, w
		}
	}
	return kind, weight
}

// classify says which kind each part is: by its heading, or by its text where
// the heading is unclear. A heading inside a section that is unclear too
// belongs to that section.
func (o *Outline) classify() {
	section, lifted := "other", false
	for n, p := range o.Parts {
		switch {
		case p.Depth == 2:
			lifted = false
		case lifted && p.Depth > 2:
			p.Depth--
		}
		if !p.ours {
			kind, weight := o.headingKind(p.Title)
			if p.Depth == 0 {
				kind, weight = "other", 2
			}
			if weight < 2 {
				var all []Passage
				for m := n; m < len(o.Parts) && (m == n || o.Parts[m].Depth > p.Depth); m++ {
					all = append(all, o.Parts[m].Body...)
				}
				if voted := vote(all); voted != "" && p.Depth <= 2 {
					kind = voted
				}
			}
			if p.Depth == 3 && weight >= 4 && kind != section && kind != "other" {
				p.Depth, lifted = 2, true // a section that the policy hides in another
			}
			if p.Kind = kind; kind == "" || p.Depth > 2 && (kind == "other" || weight < 2) {
				p.Kind = "other"
				if p.Depth > 2 {
					p.Kind = section
				}
			}
		}
		if p.Depth == 2 {
			section = p.Kind
		}
		cookies := o.lexicon.Tells("cookie", p.Title) > 0
		for _, passage := range p.Body {
			for _, s := range passage.Sentences {
				if s.Kind = p.Kind; s.Listed && cookies {
					s.told["cookie"] = 1 // a list under this heading lists them
				}
			}
		}
	}
}

// vote returns the kind of section that most sentences speak of, or "".
func vote(body []Passage) string {
	count, most, best := map[string]int{}, 0, ""
	var order []string // of their first sentences, which decides between equals
	for _, p := range body {
		for _, s := range p.Sentences {
			for n := range Known().Marks {
				if m := &Known().Marks[n]; m.Votes != "" && m.Fits(s) {
					if count[m.Votes]++; count[m.Votes] == 1 {
						order = append(order, m.Votes)
					}
					break
				}
			}
		}
	}
	for _, k := range order {
		if count[k] > most {
			most, best = count[k], k
		}
	}
	return best
}

// speaks says how many paragraphs speak of something that a section is for.
func speaks(body []Passage) (n int) {
	for _, p := range body {
		if p.Block.Kind == paper.Para && vote([]Passage{p}) != "" {
			n++
		}
	}
	return n
}

// splitByContent gives a policy without headings sections of our titles, by
// what each paragraph speaks of.
func (o *Outline) splitByContent(whole *Part) []*Part {
	parts := []*Part{{Line: 1, Kind: "other"}}
	seen := map[string]bool{}
	for _, p := range whole.Body {
		last := parts[len(parts)-1]
		kind := vote([]Passage{p})
		if kind == "" || kind == last.Kind || p.Block.Kind != paper.Para || seen[kind] {
			last.Body = append(last.Body, p)
			continue
		}
		seen[kind] = true
		title := o.lexicon.Sections[kind]
		parts = append(parts, &Part{Title: title, Head: []paper.Run{{Text: title, Line: p.Block.Line()}},
			Kind: kind, Line: p.Block.Line(), Depth: 2, ours: true, Body: []Passage{p}})
	}
	if len(parts) > 1 && parts[0].Body == nil {
		parts = parts[1:]
	}
	return parts
}
