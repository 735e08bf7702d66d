package draft

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/statement"
)

// maxParagraph is the length beyond which a paragraph is parted. It is far
// beyond what people read, and below what the compiler refuses.
const maxParagraph = 6_000

var reNumber = regexp.MustCompile(`^\d{1,4}\.$`)

// A writer writes a statement and remembers which sentence stands on which
// line of it.
type writer struct {
	strings.Builder
	line  int
	lines map[int]*sentence
	of    map[*outline.Sentence]*sentence
	items bool // the block above is an item of a list
}

func (w *writer) put(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.line += strings.Count(text, "\n")
	w.WriteString(text)
}

// sentence writes one, at the start of a line or not.
func (w *writer) sentence(s *sentence, starts bool) {
	w.lines[w.line] = s
	w.put("%s", s.markdown(starts))
}

// write writes the statement: the rules, then the policy's own words with their
// marks.
func (d *drafter) write() string {
	asked := d.Open
	d.askAll()
	front := d.FrontMatter()
	w := &writer{line: 1 + strings.Count(front, "\n"), lines: map[int]*sentence{}, of: d.of}
	w.put("# %s\n", heading(d.Title))
	tables := d.tables()
	for _, p := range d.Parts {
		if p.Depth > 0 {
			w.put("\n%s %s\n", strings.Repeat("#", p.Depth), heading(p.Head))
		}
		level, base := -1, 0 // of the item above, if there is one; of the first item of its list
		for _, passage := range p.Body {
			if level < 0 {
				base = passage.Block.Level
			}
			if level = min(max(passage.Block.Level-base, 0), level+1); passage.Block.Kind == paper.Para {
				level = -1
			}
			w.passage(passage, level)
		}
		for _, table := range tables[p] {
			w.put("\n{{%s}}\n", table)
		}
	}
	text := front + w.String()
	d.lines, d.asked, d.Open = w.lines, d.Open, asked
	return text
}

// heading is the Markdown of a heading, of which closing # are a part.
func heading(runs []paper.Run) string {
	text := paper.Markdown(runs)
	if before, ok := strings.CutSuffix(text, "#"); ok {
		return before + `\#`
	}
	return text
}

// passage writes one block, a sentence a line, so that a diff shows which
// sentence changed.
func (w *writer) passage(p outline.Passage, level int) {
	if level < 1 && !(level == 0 && w.items) {
		w.put("\n")
	}
	if w.items = level >= 0; !w.items {
		start := w.Len()
		for _, s := range p.Sentences {
			if w.Len()-start > maxParagraph {
				w.put("\n")
				start = w.Len()
			}
			w.sentence(w.of[s], true)
			w.put("\n")
		}
		return
	}
	indent, mark, own := strings.Repeat("   ", level), "-", ""
	if m := p.Block.Mark; reNumber.MatchString(m) {
		mark = m
	} else if m != "-" {
		own = paper.EscapeStart(m + " ")
	}
	w.put("%s%s %s", indent, mark, own)
	start := w.Len()
	for n, s := range p.Sentences {
		if w.Len()-start > maxParagraph {
			w.put("\n")
			start = w.Len()
		}
		if n > 0 {
			w.put("\n%s%s ", indent, strings.Repeat(" ", len(mark)))
		}
		w.sentence(w.of[s], n > 0 || own == "")
	}
	w.put("\n")
}

// markdown writes a sentence, in brackets if it is marked.
func (s *sentence) markdown(starts bool) string {
	text := paper.Markdown(s.Runs)
	var attributes []string
	switch {
	case s.force == "":
		if starts {
			return paper.EscapeStart(text)
		}
		return text
	case s.id != "":
		attributes = append(attributes, "#"+s.id)
	}
	if s.force != statement.Promise {
		attributes = append(attributes, "."+string(s.force))
	}
	if len(s.keeps) == 1 {
		attributes = append(attributes, "keeps="+s.keeps[0])
	} else if len(s.keeps) > 1 {
		attributes = append(attributes, `keeps="`+strings.Join(s.keeps, " ")+`"`)
	}
	return "[" + text + "]{" + strings.Join(attributes, " ") + "}"
}
