package prose

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// A Span is […]{…} in the prose. Its children are what stands in the brackets.
type Span struct {
	ast.BaseInline
	Index  int    // in Document.Spans
	Start  int    // of the [ in the body
	Braces int    // of the { in the body
	Attrs  string // what stands in the braces; Marking reads it
	Inner  bool   // it stands inside another span
	Said   Stretch
}

// Directives is {{name}} alone in a paragraph, once or more often: tables that
// are printed from the rules.
type Directives struct {
	ast.BaseBlock
	Names []string
	Start int // in the body
}

// The kinds of node that this package adds to CommonMark.
var (
	KindSpan       = ast.NewNodeKind("Span")
	KindDirectives = ast.NewNodeKind("Directives")
)

// Kind implements ast.Node.
func (*Span) Kind() ast.NodeKind { return KindSpan }

// Dump implements ast.Node.
func (n *Span) Dump(src []byte, level int) { ast.DumpHelper(n, src, level, nil, nil) }

// Kind implements ast.Node.
func (*Directives) Kind() ast.NodeKind { return KindDirectives }

// Dump implements ast.Node.
func (n *Directives) Dump(src []byte, level int) { ast.DumpHelper(n, src, level, nil, nil) }

// markdown is CommonMark with tables and spans and without raw HTML.
var markdown = newMarkdown()

func newMarkdown() parser.Parser {
	var blocks, inlines []util.PrioritizedValue
	html, raw := parser.NewHTMLBlockParser(), parser.NewRawHTMLParser()
	for _, b := range parser.DefaultBlockParsers() {
		if b.Value != html {
			blocks = append(blocks, b)
		}
	}
	for _, i := range parser.DefaultInlineParsers() {
		if i.Value != raw {
			inlines = append(inlines, i)
		}
	}
	return parser.NewParser(
		parser.WithBlockParsers(blocks...),
		parser.WithInlineParsers(append(inlines, util.Prioritized(spanParser{}, 150))...), // code spans are read before it, links after
		parser.WithParagraphTransformers(append(parser.DefaultParagraphTransformers(),
			util.Prioritized(extension.NewTableParagraphTransformer(), 200), util.Prioritized(long{}, 300))...),
	)
}

// long empties paragraphs that are too long or too crowded before their words are looked at:
// there are texts of which that takes time by the square.
type long struct{}

var longKey = parser.NewContextKey()

// Transform implements parser.ParagraphTransformer.
func (long) Transform(n *ast.Paragraph, r text.Reader, pc parser.Context) {
	lines := n.Lines()
	first, last := lines.At(0), lines.At(lines.Len()-1)
	if last.Stop-first.Start > maxParagraph || crowded(r.Source()[first.Start:last.Stop]) {
		starts, _ := pc.Get(longKey).([]int)
		pc.Set(longKey, append(starts, first.Start))
		lines.SetSliced(0, 0)
	}
}

// spanParser reads spans. A [ opens one if the ] that balances it is followed
// by {, which pairs knows beforehand; so no bracket is looked at twice.
type spanParser struct{}

// A spanOpener stands for the [ of a span until its ] is reached.
type spanOpener struct {
	Span
	close  int      // of the ] in the body
	bottom ast.Node // the last delimiter of emphasis before the span
}

type spanState struct {
	block ast.Node
	pairs map[int]int
	open  []*spanOpener
}

var spanKey = parser.NewContextKey()

// Trigger implements parser.InlineParser.
func (spanParser) Trigger() []byte { return []byte{'[', ']'} }

// Parse implements parser.InlineParser.
func (spanParser) Parse(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	state, _ := pc.Get(spanKey).(*spanState)
	if state == nil || state.block != parent {
		state = &spanState{block: parent, pairs: pairs(parent.Lines(), block.Source())}
		pc.Set(spanKey, state)
	}
	line, at := block.PeekLine()
	if line[0] == '[' {
		end, ok := state.pairs[at.Start]
		if !ok {
			return nil
		}
		o := &spanOpener{close: end, Span: Span{Start: at.Start}}
		if d := pc.LastDelimiter(); d != nil {
			o.bottom = d
		}
		state.open = append(state.open, o)
		block.Advance(1)
		return o
	}
	// Openers whose ] went into a code span or a link are left behind.
	for n := len(state.open); n > 0 && state.open[n-1].close < at.Start; n = len(state.open) {
		state.open[n-1].leave()
		state.open = state.open[:n-1]
	}
	n := len(state.open)
	if n == 0 || state.open[n-1].close != at.Start || state.open[n-1].Parent() != parent {
		return nil
	}
	o := state.open[n-1]
	state.open = state.open[:n-1]
	return o.closed(parent, block, pc)
}

// CloseBlock implements parser.CloseBlocker.
func (spanParser) CloseBlock(parent ast.Node, _ text.Reader, pc parser.Context) {
	if state, _ := pc.Get(spanKey).(*spanState); state != nil && state.block == parent {
		for _, o := range state.open {
			o.leave()
		}
		pc.Set(spanKey, nil)
	}
}

// leave makes the opener the [ it was.
func (o *spanOpener) leave() {
	if p := o.Parent(); p != nil {
		p.ReplaceChild(p, o, ast.NewTextSegment(text.NewSegment(o.Start, o.Start+1)))
	}
}

// closed turns the opener and all that came after it into a span.
func (o *spanOpener) closed(parent ast.Node, block text.Reader, pc parser.Context) ast.Node {
	parser.ProcessDelimiters(o.bottom, pc)
	s := &Span{Start: o.Start}
	block.Advance(1)
	_, at := block.PeekLine()
	s.Braces = at.Start
	s.Attrs = attributes(block)
	for child := o.NextSibling(); child != nil; {
		next := child.NextSibling()
		s.AppendChild(s, child)
		child = next
	}
	parent.RemoveChild(parent, o)
	s.SetPos(s.Start)
	return s
}

// attributes reads {…}, which may go over the end of a line.
func attributes(block text.Reader) string {
	block.Advance(1)
	var b strings.Builder
	for b.Len() < 1000 {
		line, _ := block.PeekLine()
		if line == nil {
			break
		}
		inside, _, found := bytes.Cut(line, []byte("}"))
		b.Write(inside)
		if found {
			block.Advance(len(inside) + 1)
			return b.String()
		}
		block.AdvanceLine()
	}
	return b.String() + "…" // refused as a word nobody knows
}

// crowded says whether a text holds more brackets or marks of emphasis than
// anybody needs in one paragraph: reading them takes time by their square.
func crowded(text []byte) bool {
	return bytes.Count(text, []byte("[")) > 1000 || bytes.Count(text, []byte("*"))+bytes.Count(text, []byte("_")) > 2000
}

// pairs finds the [ and ] of every span in the lines of a block.
func pairs(lines *text.Segments, src []byte) map[int]int {
	found := map[int]int{}
	var open []int
	for i := range lines.Len() {
		seg := lines.At(i)
		for at := seg.Start; at < seg.Stop; at++ {
			switch src[at] {
			case '\\':
				at++
			case '`':
				at = skipCode(src[:seg.Stop], at)
			case '[':
				open = append(open, at)
			case ']':
				if n := len(open); n > 0 {
					if at+1 < seg.Stop && src[at+1] == '{' {
						found[open[n-1]] = at
					}
					open = open[:n-1]
				}
			}
		}
	}
	return found
}

// skipCode returns the last byte of the code span that opens at at, if it ends
// in the same line, or of the run of backticks.
func skipCode(line []byte, at int) int {
	run := at
	for run < len(line) && line[run] == '`' {
		run++
	}
	ticks := line[at:run]
	for from := run; len(ticks) < 4; {
		i := bytes.Index(line[from:], ticks)
		if i < 0 {
			break
		}
		end := from + i + len(ticks)
		if end == len(line) || line[end] != '`' {
			return end - 1
		}
		for end < len(line) && line[end] == '`' {
			end++
		}
		from = end
	}
	return run - 1
}

// A Marking is what the braces of a span say.
type Marking struct {
	ID, Class string
	Keeps     []string
	Bad       string // the word that was not understood
}

var (
	idPattern   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	wordPattern = regexp.MustCompile(`keeps="[^"]*"|\S+`)
)

// Marking reads the braces of a span.
func (n *Span) Marking() (a Marking) {
	words := strings.Fields(n.Attrs)
	if strings.Contains(n.Attrs, `"`) {
		words = wordPattern.FindAllString(n.Attrs, -1)
	}
	for _, word := range words {
		id, isID := strings.CutPrefix(word, "#")
		class, isClass := strings.CutPrefix(word, ".")
		keeps, isKeeps := strings.CutPrefix(word, "keeps=")
		switch {
		case isID && a.ID == "" && idPattern.MatchString(id):
			a.ID = id
		case isClass && a.Class == "":
			a.Class = class
		case isKeeps && a.Keeps == nil:
			a.Keeps = strings.FieldsFunc(strings.Trim(keeps, `"`), func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
		default:
			a.Bad = word
			return a
		}
	}
	return a
}
