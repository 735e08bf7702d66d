package markup

// In drawings (SVG) and formulas (MathML) the names of elements mean something
// else: style and script are no raw text there, and CDATA is. foreign follows
// which of them are open, from the outermost on, as long as that can be told
// without the tree around them.
type foreign struct {
	stack  []node
	unsure bool // it cannot be told any longer
	point  bool // unsure, and a place that holds HTML may be open
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

func (f *foreign) top() kind {
	if len(f.stack) == 0 {
		return html
	}
	return f.stack[len(f.stack)-1].kind
}

// plain says whether the next start tag surely is HTML.
func (f *foreign) plain() bool {
	k := f.top()
	return !f.unsure && k != svg && k != math
}

// drawing says whether the next start tag surely is not.
func (f *foreign) drawing() bool { return !f.unsure && !f.plain() }

func (f *foreign) lose() {
	f.unsure = true
	for _, n := range f.stack {
		f.point = f.point || n.kind == svgHole || n.kind == mathHole
	}
	f.stack = f.stack[:0]
}

func (f *foreign) push(k kind, name []byte) {
	if len(f.stack) == deepest || len(name) > len(node{}.name) {
		f.lose()
		return
	}
	n := node{kind: k, n: uint8(len(name))}
	for i, c := range name {
		n.name[i] = lower(c)
	}
	f.stack = append(f.stack, n)
}

// leave gets out of drawing or formula, up to the nearest place that holds HTML.
func (f *foreign) leave() {
	for len(f.stack) > 0 && !f.plain() {
		f.stack = f.stack[:len(f.stack)-1]
	}
}

// opened follows a start tag. Odd is set if a browser may not take it for what it is.
func (f *foreign) opened(e *element, name []byte, closed, odd bool) {
	switch {
	case f.unsure:
		f.point = f.point || e.is&(svgPoint|mathPoint) != 0 || e.id == elAnnotation
		if e.is&breaksOut != 0 && !f.point {
			f.unsure = false
		}
	case f.plain():
		f.openPlain(e, name, closed, odd)
	case e.is&breaksOut != 0:
		f.leave()
		f.openPlain(e, name, closed, odd)
	case e.id == elFont:
		f.lose() // breaks out with some attributes, and not with others
	case e.id == elAnnotation:
		f.lose()
		f.point = true
	case !closed:
		f.push(f.inside(e), name)
	}
}

// inside returns what an element of a drawing or formula is.
func (f *foreign) inside(e *element) kind {
	k := f.top()
	switch {
	case k == svg && e.is&svgPoint != 0:
		return svgHole
	case k == math && e.is&mathPoint != 0:
		return mathHole
	}
	return k
}

func (f *foreign) openPlain(e *element, name []byte, closed, odd bool) {
	switch {
	case e.id == elSvg || e.id == elMath:
		if odd {
			f.lose()
		} else if !closed && e.id == elSvg {
			f.push(svg, name)
		} else if !closed {
			f.push(math, name)
		}
	case len(f.stack) == 0 || e.is&(void|rawText) != 0:
	case e.is&ofTable != 0, e.id == elMglyph, e.id == elMalignmark:
		f.lose()
	default:
		f.push(html, name)
	}
}

// closed follows an end tag.
func (f *foreign) closed(e *element, name []byte) {
	if f.unsure || len(f.stack) == 0 {
		return
	}
	if f.top() != html && (e.id == elBr || e.id == elP) {
		f.leave()
		return
	}
	for i := len(f.stack) - 1; i >= 0; i-- {
		n := &f.stack[i]
		if same(name, string(n.name[:n.n])) && (n.kind != html || i == len(f.stack)-1) {
			f.stack = f.stack[:i]
			return
		}
		if n.kind == html {
			break
		}
	}
	f.lose()
}
