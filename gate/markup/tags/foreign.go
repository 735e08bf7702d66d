package tags

import "github.com/avow-privacy/avow/gate/markup/values"

// Foreign follows drawings and formulas.
//
// In drawings (SVG) and formulas (MathML) the names of elements mean something
// else: style and script are no raw text there, and CDATA is. It follows
// which of them are open, from the outermost on, as long as that can be told
// without the tree around them. The zero Foreign is outside of all.
type Foreign struct {
	stack  []node
	Unsure bool // it cannot be told any longer
	Point  bool // unsure, and a place that holds HTML may be open
}

// A node is an open element.
type node struct {
	kind kind
	n    uint8
	name [24]byte // in lower case
}

type kind uint8

const (
	html     kind = iota // HTML in a point of a drawing or formula
	svg                  // in a drawing
	math                 // in a formula
	svgHole              // a point in a drawing
	mathHole             // a point in a formula
)

const deepest = 64

func (f *Foreign) top() kind {
	if len(f.stack) == 0 {
		return html
	}
	return f.stack[len(f.stack)-1].kind
}

// Reset gets out of all.
func (f *Foreign) Reset() { *f = Foreign{stack: f.stack[:0]} }

// Inside says whether some are open.
func (f *Foreign) Inside() bool { return len(f.stack) > 0 }

// Between says whether a drawing or formula is what text would go into, so
// that CDATA may stand there.
func (f *Foreign) Between() bool { return f.top() != html }

// Plain says whether the next start tag surely is HTML.
func (f *Foreign) Plain() bool {
	k := f.top()
	return !f.Unsure && k != svg && k != math
}

// Drawing says whether the next start tag surely is not.
func (f *Foreign) Drawing() bool { return !f.Unsure && !f.Plain() }

// Lose says that it cannot be told any longer.
func (f *Foreign) Lose() {
	f.Unsure = true
	for _, n := range f.stack {
		f.Point = f.Point || n.kind == svgHole || n.kind == mathHole
	}
	f.stack = f.stack[:0]
}

func (f *Foreign) push(k kind, name []byte) {
	if len(f.stack) == deepest || len(name) > len(node{}.name) {
		f.Lose()
		return
	}
	n := node{kind: k, n: uint8(len(name))}
	for i, c := range name {
		n.name[i] = values.Lower(c)
	}
	f.stack = append(f.stack, n)
}

// leave gets out of drawing or formula, up to the nearest place that holds HTML.
func (f *Foreign) leave() {
	for len(f.stack) > 0 && !f.Plain() {
		f.stack = f.stack[:len(f.stack)-1]
	}
}

// Opened follows a start tag. Odd is set if a browser may not take it for what it is.
func (f *Foreign) Opened(e *Element, name []byte, closed, odd bool) {
	switch {
	case f.Unsure:
		f.Point = f.Point || e.Is&(SvgPoint|MathPoint) != 0 || e.ID == Annotation
		if e.Is&BreaksOut != 0 && !f.Point {
			f.Unsure = false
		}
	case f.Plain():
		f.openPlain(e, name, closed, odd)
	case e.Is&BreaksOut != 0:
		f.leave()
		f.openPlain(e, name, closed, odd)
	case e.ID == Font:
		f.Lose() // breaks out with some attributes, and not with others
	case e.ID == Annotation:
		f.Lose()
		f.Point = true
	case !closed:
		f.push(f.within(e), name)
	}
}

// within returns what an element of a drawing or formula is.
func (f *Foreign) within(e *Element) kind {
	k := f.top()
	switch {
	case k == svg && e.Is&SvgPoint != 0:
		return svgHole
	case k == math && e.Is&MathPoint != 0:
		return mathHole
	}
	return k
}

func (f *Foreign) openPlain(e *Element, name []byte, closed, odd bool) {
	switch {
	case e.ID == Svg || e.ID == Math:
		if odd {
			f.Lose()
		} else if !closed && e.ID == Svg {
			f.push(svg, name)
		} else if !closed {
			f.push(math, name)
		}
	case len(f.stack) == 0 || e.Is&(Void|RawText) != 0:
	case e.Is&OfTable != 0, e.ID == Mglyph, e.ID == Malignmark:
		f.Lose()
	default:
		f.push(html, name)
	}
}

// Closed follows an end tag.
func (f *Foreign) Closed(e *Element, name []byte) {
	if f.Unsure || len(f.stack) == 0 {
		return
	}
	if f.top() != html && (e.ID == Br || e.ID == P) {
		f.leave()
		return
	}
	for i := len(f.stack) - 1; i >= 0; i-- {
		n := &f.stack[i]
		if values.Same(name, string(n.name[:n.n])) && (n.kind != html || i == len(f.stack)-1) {
			f.stack = f.stack[:i]
			return
		}
		if n.kind == html {
			break
		}
	}
	f.Lose()
}
