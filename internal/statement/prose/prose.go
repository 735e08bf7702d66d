// Package prose reads Markdown with bracketed spans, and knows of each word
// where it stands in the file.
package prose

import (
	"bytes"
	"fmt"
	"html"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// A Document is Markdown read. Text holds its words without the markup, block
// after block; all else points into Text.
type Document struct {
	Root    ast.Node
	Body    []byte
	Text    []byte
	Blocks  []Block
	Spans   []*Span // in the order of their first words
	Mails   []Mail  // of links to addresses
	Mute    []bool  // for each byte of Text, whether it is code, an image or a quotation
	Refused []Refusal

	marks  []mark
	masked []Stretch
	links  int // bytes of addresses so far
}

// Limits on what is read, beside those of package source.
const (
	maxParagraph = 16 << 10
	maxNest      = 50      // emphasis, links and spans inside each other
	maxLinks     = 4 << 20 // of all addresses: one reference can stand in many places
)

// A Refusal is a part of the body that was not read.
type Refusal struct {
	At                 int
	Code, Message, Fix string
}

// A Stretch is a part of a Document's Text.
type Stretch struct{ Start, End int }

// Has says whether a place is in the stretch.
func (s Stretch) Has(at int) bool { return s.Start <= at && at < s.End }

// A Block is a paragraph, a cell, a heading or a line of directives.
type Block struct {
	Stretch
	Spans      []*Span      // those inside it, in the order of their first words
	Heading    *ast.Heading // or nil
	Directives *Directives  // or nil
}

// A Mail is the address a link writes to.
type Mail struct {
	Stretch // of the words of the link
	Address string
}

// A mark says that the text from plain on stands in the body from source on.
type mark struct{ plain, source int }

// Parse reads Markdown.
func Parse(body []byte) *Document {
	d := &Document{Body: body}
	d.cut()
	pc := parser.NewContext()
	d.Root = markdown.Parse(text.NewReader(d.Body), parser.WithContext(pc))
	starts, _ := pc.Get(longKey).([]int)
	for _, at := range starts {
		d.refuse(at, "too-large", fmt.Sprintf("the paragraph is longer than %d KiB, or crowded with brackets or marks of emphasis", maxParagraph>>10), "make several of it")
	}
	d.blocks(d.Root)
	d.Mute = make([]bool, len(d.Text))
	for _, m := range d.masked {
		for i := m.Start; i < m.End; i++ {
			d.Mute[i] = true
		}
	}
	return d
}

// cut ends the body before a line that is too crowded: headings and cells are
// not paragraphs, and never longer than a line.
func (d *Document) cut() {
	for at := 0; at < len(d.Body); {
		line, _, _ := bytes.Cut(d.Body[at:], []byte("\n"))
		if crowded(line) {
			d.refuse(at, "too-large", "the line is crowded with brackets or marks of emphasis", "make several paragraphs of it")
			d.Body = d.Body[:at]
		}
		at += len(line) + 1
	}
}

func (d *Document) refuse(at int, code, message, fix string) {
	d.Refused = append(d.Refused, Refusal{at, code, message, fix})
}

func (d *Document) blocks(n ast.Node) {
	for child := n.FirstChild(); child != nil; {
		next := child.NextSibling()
		switch child := child.(type) {
		case *ast.Heading:
			d.block(child, child)
		case *ast.Paragraph, *ast.TextBlock, *extast.TableCell:
			d.block(child, nil)
		default:
			d.blocks(child)
		}
		child = next
	}
}

var directives = regexp.MustCompile(`^\s*(\{\{[^{}]*\}\}\s*)+$`)

func (d *Document) block(n ast.Node, heading *ast.Heading) {
	b := Block{Stretch: Stretch{Start: len(d.Text)}, Heading: heading}
	spans := len(d.Spans)
	d.flatten(n, 0, false)
	b.End, b.Spans = len(d.Text), d.Spans[spans:]
	words := d.Text[b.Start:]
	d.quotations(b.Stretch)
	if alone := n.Kind() == ast.KindParagraph || n.Kind() == ast.KindTextBlock; alone && bytes.Contains(words, []byte("{{")) && directives.Match(words) {
		b.Directives = &Directives{Start: d.Source(b.Start), Names: strings.FieldsFunc(string(words), func(r rune) bool {
			return r == '{' || r == '}' || unicode.IsSpace(r)
		})}
		n.Parent().ReplaceChild(n.Parent(), n, b.Directives)
	}
	d.Blocks = append(d.Blocks, b)
	d.Text = append(d.Text, '\n')
}

// flatten appends the words of the inline nodes below n.
func (d *Document) flatten(n ast.Node, depth int, inSpan bool) {
	if depth == maxNest {
		d.refuse(d.Source(len(d.Text)), "too-deep", fmt.Sprintf("emphasis and links stand more than %d deep inside each other", maxNest), "take some of it out")
		return
	}
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		start := len(d.Text)
		switch child := child.(type) {
		case *ast.Text:
			d.write(child.Segment.Value(d.Body), child.Segment.Start, n.Kind() == ast.KindCodeSpan)
			if child.SoftLineBreak() || child.HardLineBreak() {
				d.write([]byte(" "), child.Segment.Stop, true)
			}
		case *ast.AutoLink:
			d.write(child.Label(d.Body), child.Pos()+1, true)
		case *Span:
			child.Index, child.Inner = len(d.Spans), inSpan
			d.Spans = append(d.Spans, child)
			d.flatten(child, depth+1, true)
			child.Said = Stretch{start, len(d.Text)}
		default:
			d.flatten(child, depth+1, inSpan)
		}
		switch child := child.(type) {
		case *ast.Link:
			if d.links += len(child.Destination) + len(child.Title); d.links > maxLinks {
				if child.Destination != nil {
					d.refuse(d.Source(start), "too-large", "the addresses of links are too long", "link less")
				}
				child.Destination, child.Title = nil, nil
			}
			if address, ok := bytes.CutPrefix(child.Destination, []byte("mailto:")); ok {
				address, _, _ = bytes.Cut(address, []byte("?"))
				d.Mails = append(d.Mails, Mail{Stretch{start, len(d.Text)}, string(address)})
			}
		case *ast.CodeSpan, *ast.Image:
			d.masked = append(d.masked, Stretch{start, len(d.Text)})
		}
	}
}

// write appends a piece of the body, with its escapes and entities resolved
// unless it is raw.
func (d *Document) write(piece []byte, source int, raw bool) {
	d.mark(source)
	for i := 0; i < len(piece); {
		if n := special(piece[i:]); n > 0 && !raw {
			d.mark(source + i)
			if piece[i] == '\\' {
				d.mark(source + i + 1)
				d.Text = append(d.Text, piece[i+1])
			} else {
				d.Text = append(d.Text, html.UnescapeString(string(piece[i:i+n]))...)
			}
			i += n
			d.mark(source + i)
			continue
		}
		d.Text = append(d.Text, piece[i])
		i++
	}
}

// special returns the length of the escape or entity that s begins with, or 0.
func special(s []byte) int {
	switch {
	case s[0] == '\\' && len(s) > 1 && s[1] < utf8.RuneSelf && unicode.In(rune(s[1]), unicode.P, unicode.S):
		return 2
	case s[0] == '&':
		return 1 + bytes.IndexByte(s[:min(len(s), 34)], ';')
	}
	return 0
}

func (d *Document) mark(source int) { d.marks = append(d.marks, mark{len(d.Text), source}) }

// Source is the byte of the body that a byte of Text stands for.
func (d *Document) Source(at int) int {
	i := sort.Search(len(d.marks), func(i int) bool { return d.marks[i].plain > at }) - 1
	if i < 0 {
		return 0
	}
	return min(d.marks[i].source+at-d.marks[i].plain, len(d.Body))
}

// Fold is a stretch of the text in one line.
func (d *Document) Fold(s Stretch) string {
	return strings.Join(strings.Fields(string(d.Text[s.Start:s.End])), " ")
}

// quotations masks what stands in quotation marks within one block.
func (d *Document) quotations(s Stretch) {
	open, closer := -1, ""
	for i := s.Start; i < s.End; {
		r, n := utf8.DecodeRune(d.Text[i:s.End])
		switch ends, opens := quotes[r]; {
		case open >= 0 && strings.ContainsRune(closer, r):
			d.masked = append(d.masked, Stretch{open, i})
			open = -1
		case open < 0 && opens:
			open, closer = i, ends
		}
		i += n
	}
}

// quotes are the marks that open a quotation, and those that close it.
var quotes = map[rune]string{'"': `"`, '“': `”`, '„': `“”`, '«': `»`, '»': `«`}

// Anchors gives every heading an id like its words and unlike all others and
// those taken, and returns them in the order of the headings.
func (d *Document) Anchors(taken map[string]bool) (ids []string) {
	last := map[string]int{}
	for _, b := range d.Blocks {
		if b.Heading == nil {
			continue
		}
		slug := strings.Join(strings.FieldsFunc(strings.ToLower(d.Fold(b.Stretch)), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r)
		}), "-")
		if slug == "" {
			slug = "section"
		}
		id := slug
		for n := max(2, last[slug]+1); taken[id]; n++ {
			id, last[slug] = slug+"-"+strconv.Itoa(n), n
		}
		taken[id] = true
		b.Heading.SetAttributeString("id", id)
		ids = append(ids, id)
	}
	return ids
}
