package revision

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// What each class means, in a line.
var meanings = map[Class]string{
	Wording:  "the rules and promises are the same",
	Narrower: "less is done than before, or more is promised",
	Wider:    "more may be done than before, or less is promised",
}

// The colours of a terminal: red and green as people know them from diffs, and
// the words that differ set off from those that do not.
const (
	plainColour = "\x1b[0m"
	bold        = "\x1b[1m"
	faint       = "\x1b[2m"
	red         = "\x1b[31m"
	green       = "\x1b[32m"
	yellow      = "\x1b[33m"
	reverse     = "\x1b[7m"
	unreverse   = "\x1b[27m"
)

// A sheet is a page of text under way. It remembers the first error, as a bufio.Writer does.
type sheet struct {
	*bufio.Writer
	colour bool
}

// WriteText writes c for a terminal, in the manner of diff -u. The names are of
// the two files.
func (c *Change) WriteText(w io.Writer, from, to string, colour bool) error {
	s := &sheet{bufio.NewWriter(w), colour}
	s.line(bold, fmt.Sprintf("--- %s, updated %s", from, c.From.Updated))
	s.line(bold, fmt.Sprintf("+++ %s, updated %s", to, c.To.Updated))
	s.line(classColour(c.Class), fmt.Sprintf("%s: %s", c.Class, meanings[c.Class]))
	s.rules(c.Rules)
	s.promises(c.Promises)
	for _, section := range c.Sections {
		s.section(section)
	}
	return s.Flush()
}

func classColour(c Class) string {
	switch c {
	case Wider:
		return yellow
	case Narrower:
		return green
	}
	return faint
}

func (s *sheet) line(colour, text string) {
	text = printable(text)
	if s.colour && colour != "" {
		text = colour + text + plainColour
	}
	s.WriteString(text + "\n")
}

func (s *sheet) heading(text string) { s.line(bold, "\n@@ "+text+" @@") }

var signs = map[Status]string{Added: "+", Removed: "-", Changed: "!"}

func (s *sheet) rules(rules []RuleChange) {
	if len(rules) > 0 {
		s.heading("rules")
	}
	for _, r := range rules {
		colour := classColour(r.Class)
		if r.Status != Changed {
			s.line(colour, fmt.Sprintf("%s %s  %s: %s", signs[r.Status], r.Path, r.Class, r.Reason))
			continue
		}
		s.line(colour, fmt.Sprintf("! %s  %s", r.Path, r.Class))
		for _, f := range r.Fields {
			s.line(classColour(f.Class), "    "+f.String())
		}
	}
}

func (s *sheet) promises(promises []PromiseChange) {
	if len(promises) > 0 {
		s.heading("promises")
	}
	for _, p := range promises {
		class := ""
		if p.Class != "" {
			class = string(p.Class) + ": "
		}
		s.line(classColour(p.Class), fmt.Sprintf("%s %s  %s%s", signs[p.Status], p.ID, class, p.Reason))
	}
}

func (s *sheet) section(c SectionChange) {
	s.heading(c.Title)
	skipped := false
	for _, b := range c.Blocks {
		if !b.Changed() {
			skipped = true
			continue
		}
		if skipped {
			s.line(faint, "  …")
			skipped = false
		}
		s.block("- ", red, b, Delete)
		s.block("+ ", green, b, Insert)
	}
}

// block writes one side of a block, wrapped, with what only that side has set
// off if the rest is on both.
func (s *sheet) block(sign, colour string, b Block, side Op) {
	var words []string
	glued := false
	partly := false
	for _, r := range b.Runs {
		partly = partly || r.Op == Equal
	}
	for _, r := range b.Runs {
		if r.Op != Equal && r.Op != side {
			continue
		}
		mark := s.colour && partly && r.Op == side
		for i, w := range strings.Split(printable(r.Text), " ") {
			shown := w
			if mark && w != "" {
				shown = reverse + w + unreverse
			}
			if i == 0 && glued {
				words[len(words)-1] += shown
				continue
			}
			words = append(words, shown)
		}
		glued = true
	}
	for _, line := range wrap(words, 96) {
		if s.colour {
			s.WriteString(colour + sign + line + plainColour + "\n")
		} else {
			s.WriteString(sign + line + "\n")
		}
	}
}

// wrap fills lines with words up to a width that does not count colours.
func wrap(words []string, width int) (lines []string) {
	var line []string
	used := 0
	for _, w := range words {
		if w == "" {
			continue
		}
		n := utf8.RuneCountInString(strings.NewReplacer(reverse, "", unreverse, "").Replace(w))
		if used > 0 && used+1+n > width {
			lines, line, used = append(lines, strings.Join(line, " ")), nil, 0
		}
		line, used = append(line, w), used+1+n
	}
	if len(line) > 0 {
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

// printable keeps what stands in a statement from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r < ' ' || r >= 0x7f && r <= 0x9f {
			return '·'
		}
		return r
	}, s)
}
