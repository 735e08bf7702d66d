package markup

import "bytes"

// tag is what is known of the tag that is read. Offsets count from its start.
type tag struct {
	start   int // of the tag, or of what was not passed on of it
	at      place
	quote   byte
	end     bool // it is an end tag
	slash   int  // offset of the last slash between attributes
	cut     bool // some of it was passed on
	lost    bool // the attribute that is read began before start
	nameLen int  // 0: not known yet
	cur     part
	n       int
	parts   [64]part
	elem    *element
	name    [25]byte
	named   int    // bytes of name
	extra   string // to be added after the name
	facts
}

// facts are what some attributes say about others.
type facts struct {
	loads    bool // rel names something that is fetched
	related  bool // there was a rel
	image    bool // type=image
	listed   bool // type names text that loads by itself, such as speculation rules
	download bool
	hidden   bool
	refresh  bool
	policy   bool
	movie    bool   // name of a param that is an address
	outward  bool   // it is a link to another site
	told     uint64 // attributes that were read: the first one counts
	stays    uint64 // attributes that were judged, and not made inert
}

// A part is an attribute of the tag.
type part struct {
	name, nameEnd int // offsets
	val, valEnd   int
	quote         byte // ', " or 0
	valued        bool // has a value
	cut           bool // the value goes on
	id            attr
	act           act
	from, to      int // of the new value, in values
}

// An act is what is done to a part.
type act uint8

const (
	leave    act = iota
	rename       // so that it says nothing any more
	replace      // its value
	lengthen     // its value
)

// place is where in a tag the reader is.
type place uint8

const (
	inName place = iota
	between
	inAttr
	afterAttr
	beforeValue
	inQuotes
	inValue
)

var nameEnds, attrEnds, valueEnds = marks(" \n\t\r\f/>"), marks(" \n\t\r\f/>="), marks(" \n\t\r\f>")

func marks(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

// beginTag begins with the tag at i, whose name begins at from.
func (w *Writer) beginTag(i, from int, end bool) {
	w.start, w.pos, w.state = i, from, inTag
	w.at, w.end, w.slash, w.cut, w.lost = inName, end, -1, false, false
	w.nameLen, w.n, w.named = 0, 0, 0
	w.elem, w.facts, w.extra = unknown, facts{}, ""
}

// readTag reads on in a tag, and does what is to be done when it has ended.
func (w *Writer) readTag() int {
	limit := min(len(w.b), w.start+longest)
	if w.readParts(limit) {
		w.state = inData
		w.endOfTag()
		return more
	}
	if w.pos >= w.start+longest {
		w.cutTag()
		return more
	}
	if limit < len(w.b) {
		return more
	}
	if w.last && w.noscript {
		w.pass(len(w.b))
	}
	return w.start
}

// readParts reads up to limit, and says whether the tag has ended. It is the
// states of the standard from 13.2.5.8 to 13.2.5.40.
func (w *Writer) readParts(limit int) bool {
	b, p := w.b[:limit], w.pos
	for p < limit {
		switch w.at {
		case inName:
			for p < limit && !nameEnds[b[p]] {
				p++
			}
			if p < limit {
				w.pos = p
				w.nameEnded()
				w.at = between
			}
		case between:
			switch c := b[p]; {
			case space(c):
			case c == '/':
				w.slash = p - w.start
			case c == '>':
				w.pos = p + 1
				return true
			default:
				w.cur = part{name: p - w.start}
				w.at, w.lost = inAttr, false
			}
			p++
		case inAttr:
			for p < limit && !attrEnds[b[p]] {
				p++
			}
			if p < limit {
				w.cur.nameEnd = p - w.start
				w.at = afterAttr
			}
		case afterAttr:
			switch c := b[p]; {
			case space(c):
				p++
			case c == '=':
				p++
				w.at = beforeValue
			default:
				w.pos = p
				w.addPart()
			}
		case beforeValue:
			p = w.openValue(b, p)
		case inQuotes:
			k := bytes.IndexByte(b[p:], w.quote)
			if k < 0 {
				p = limit
				break
			}
			p += k
			w.closeValue(p)
			p++
		case inValue:
			for p < limit && !valueEnds[b[p]] {
				p++
			}
			if p < limit {
				w.closeValue(p)
			}
		}
	}
	w.pos = p
	return false
}

// openValue looks at the byte at p, before a value, and returns where to go on.
func (w *Writer) openValue(b []byte, p int) int {
	switch c := b[p]; {
	case space(c):
		return p + 1
	case c == '>':
		w.pos = p
		w.addPart()
		return p
	case c == '"' || c == '\'':
		w.quote, w.at = c, inQuotes
		p++
	default:
		w.quote, w.at = 0, inValue
	}
	w.cur.val, w.cur.quote, w.cur.valued = p-w.start, w.quote, true
	return p
}

func (w *Writer) closeValue(p int) {
	w.cur.valEnd, w.pos = p-w.start, p
	w.addPart()
}

// addPart adds the attribute that was read, if it matters.
func (w *Writer) addPart() {
	w.at = between
	if w.lost || w.end {
		return
	}
	a := attributeOf(w.b[w.start+w.cur.name : w.start+w.cur.nameEnd])
	if a == nil {
		return
	}
	w.cur.id = a.id
	w.parts[w.n] = w.cur
	if w.n++; w.n == len(w.parts) {
		w.passParts(w.pos)
	}
}

// nameEnded is told that the name of the tag has ended.
func (w *Writer) nameEnded() {
	if w.cut {
		w.named = len(w.name)
		return // too long to be one that is known
	}
	from := w.start + 1
	if w.end {
		from++
	}
	w.nameLen = w.pos - w.start
	name := w.b[from:w.pos]
	w.named = copy(w.name[:], name)
	w.elem = elementOf(name)
}

// cutTag passes on what there is of a tag that is too long. What it has read of
// an attribute is judged as far as it goes, and made inert if that does not tell.
func (w *Writer) cutTag() {
	end := w.pos
	if w.at > between && !w.lost && w.cur.name > 0 {
		end = w.start + w.cur.name // wait for the rest of this one
	} else if w.at > between && !w.lost && !w.end {
		c := w.cur
		switch {
		case w.at == inAttr:
			c.nameEnd = c.name
		case c.valued:
			c.valEnd = w.pos - w.start
		}
		c.cut = true
		if a := attributeOf(w.b[w.start+c.name : w.start+c.nameEnd]); a != nil {
			c.id = a.id
			w.parts[w.n] = c
			w.n++
		}
	}
	w.lost = w.lost || end == w.pos
	w.passParts(end)
}

// passParts passes on what was read of the tag, before its end.
func (w *Writer) passParts(end int) {
	if !w.end {
		w.startOfTag(false)
	}
	w.passTag(end)
	shift := end - w.start
	w.cur.name -= shift
	w.cur.nameEnd -= shift
	w.cur.val -= shift
	w.slash -= shift
	w.start, w.n, w.cut = end, 0, true
}

const (
	inert = "data-avow-"
	hide  = " hidden"
	alt   = ` alt="`
)

// passTag passes on the tag up to end, changed as its parts say.
func (w *Writer) passTag(end int) {
	if !w.cut && w.extra != "" {
		w.pass(w.start + w.nameLen)
		w.out = append(w.out, w.extra...)
		if w.extra == alt {
			w.out = append(appendEscaped(w.out, w.r.Say), '"')
		}
	}
	for i := range w.parts[:w.n] {
		p := &w.parts[i]
		from, to := w.start+p.val, w.start+p.valEnd
		switch p.act {
		case rename:
			w.pass(w.start + p.name)
			w.out = append(w.out, inert...)
		case replace:
			w.pass(from)
			w.requote(p, w.values[p.from:p.to])
			w.done = to
		case lengthen:
			if p.quote == 0 {
				w.pass(from)
				w.out = append(w.out, '"')
				w.out = appendQuoted(w.out, w.b[from:to], true)
				w.done = to
			} else {
				w.pass(to)
			}
			w.out = appendEscaped(w.out, w.r.Say)
			if p.quote == 0 {
				w.out = append(w.out, '"')
			}
		}
	}
	w.pass(end)
}

// requote writes a new value in the quotes of the old one.
func (w *Writer) requote(p *part, value []byte) {
	if p.quote == 0 {
		w.out = append(w.out, '"')
	}
	w.out = appendQuoted(w.out, value, false)
	if p.quote == 0 {
		w.out = append(w.out, '"')
	}
}

// endOfTag does what is to be done when all of a tag was read.
func (w *Writer) endOfTag() {
	i := w.pos
	closed := w.slash >= 0 && w.start+w.slash == i-2
	if w.end {
		w.endTagSeen()
		return
	}
	w.startOfTag(true)
	w.passTag(i)
	w.placedStart(w.elem, i)
	w.enter(closed)
}
