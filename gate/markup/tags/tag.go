// Package tags knows the elements of HTML, and reads their tags in however many pieces they come.
package tags

import (
	"bytes"

	"github.com/avow-privacy/avow/gate/markup/values"
)

// A Tag is what is known of the tag that is read. Offsets count from its start.
type Tag struct {
	Start   int // of the tag, or of what was not passed on of it
	at      place
	quote   byte
	End     bool // it is an end tag
	slash   int  // offset of the last slash between attributes
	Cut     bool // some of it was passed on
	lost    bool // the attribute that is read began before start
	NameLen int  // 0: not known yet
	cur     Part
	N       int
	Parts   [64]Part
	Elem    *Element
	name    [25]byte
	named   int // bytes of name
	Facts
}

// Facts are what some attributes say about others.
type Facts struct {
	Loads    bool // rel names something that is fetched
	related  bool // there was a rel
	image    bool // type=image
	Listed   bool // type names text that loads by itself, such as speculation rules
	Download bool
	Hidden   bool
	Refresh  bool
	policy   bool
	movie    bool   // name of a param that is an address
	told     uint64 // attributes that were read: the first one counts
	Stays    uint64 // attributes that were judged, and not made inert
}

// A Part is an attribute of the tag.
type Part struct {
	Name, NameEnd int // offsets
	Val, ValEnd   int
	Quote         byte // ', " or 0
	Valued        bool // has a value
	Cut           bool // the value goes on
	ID            Attr
	Act           Act
	From, To      int // of its new value
}

// An Act is what is done to a part.
type Act uint8

// A part is left as it is, or changed.
const (
	Leave    Act = iota
	Rename       // so that it says nothing any more
	Replace      // its value
	Lengthen     // its value
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

var (
	// NameEnds are the bytes that end the name of an element.
	NameEnds            = marks(" \n\t\r\f/>")
	attrEnds, valueEnds = marks(" \n\t\r\f/>="), marks(" \n\t\r\f>")
)

func marks(s string) (t [256]bool) {
	for i := range len(s) {
		t[s[i]] = true
	}
	return t
}

// Begin begins with the tag at i. Its name begins at from.
func (t *Tag) Begin(i int, end bool) {
	t.Start, t.at, t.End, t.slash, t.Cut, t.lost = i, inName, end, -1, false, false
	t.NameLen, t.N, t.named = 0, 0, 0
	t.Elem, t.Facts = Unknown, Facts{}
}

// Name is the name of the tag as it is written. One that is too long is
// not all there.
func (t *Tag) Name() []byte { return t.name[:t.named] }

// Closed says whether the tag, which ends at i, ends in />.
func (t *Tag) Closed(i int) bool { return t.slash >= 0 && t.Start+t.slash == i-2 }

// Ended says how a reading ended.
type Ended uint8

// A tag is at an end, or at the limit, or has more parts than there is room for.
const (
	AtLimit Ended = iota
	AtEnd
	Full
)

// Read reads on in a tag that stands in b, from p on, up to limit, and returns
// where it got to. It is the states of the standard from 13.2.5.8 to 13.2.5.40.
func (t *Tag) Read(b []byte, p, limit int) (int, Ended) {
	for b = b[:limit]; p < limit; {
		switch t.at {
		case inName:
			if p += until(b[p:], &NameEnds); p < limit {
				t.nameEnded(b, p)
			}
		case between:
			switch c := b[p]; {
			case values.Space(c):
			case c == '/':
				t.slash = p - t.Start
			case c == '>':
				return p + 1, AtEnd
			default:
				t.cur = Part{Name: p - t.Start}
				t.at, t.lost = inAttr, false
			}
			p++
		case inAttr:
			if p += until(b[p:], &attrEnds); p < limit {
				t.cur.NameEnd, t.at = p-t.Start, afterAttr
			}
		case afterAttr:
			switch c := b[p]; {
			case values.Space(c):
				p++
			case c == '=':
				p++
				t.at = beforeValue
			default:
				t.add(b)
			}
		case beforeValue:
			p = t.openValue(b, p)
		default:
			p = t.value(b, p)
		}
		if t.N == len(t.Parts) {
			return p, Full
		}
	}
	return p, AtLimit
}

// value reads on in a value, and past the quote at its end.
func (t *Tag) value(b []byte, p int) int {
	k, past := 0, 0
	if t.at == inQuotes {
		if k, past = bytes.IndexByte(b[p:], t.quote), 1; k < 0 {
			return len(b)
		}
	} else if k = until(b[p:], &valueEnds); p+k == len(b) {
		return len(b)
	}
	t.cur.ValEnd = p + k - t.Start
	t.add(b)
	return p + k + past
}

// until returns where the first of the marked bytes is, or the length of b.
func until(b []byte, marked *[256]bool) int {
	for i, c := range b {
		if marked[c] {
			return i
		}
	}
	return len(b)
}

// nameEnded is told that the name of the tag ends at p.
func (t *Tag) nameEnded(b []byte, p int) {
	t.at = between
	if t.Cut { // too long to be one that is known
		t.named = len(t.name)
		return
	}
	from := t.Start + 1
	if t.End {
		from++
	}
	t.NameLen = p - t.Start
	t.named = copy(t.name[:], b[from:p])
	t.Elem = Of(b[from:p])
}

// openValue looks at the byte at p, before a value, and returns where to go on.
func (t *Tag) openValue(b []byte, p int) int {
	switch c := b[p]; {
	case values.Space(c):
		return p + 1
	case c == '>':
		t.add(b)
		return p
	case c == '"' || c == '\'':
		t.quote, t.at = c, inQuotes
		p++
	default:
		t.quote, t.at = 0, inValue
	}
	t.cur.Val, t.cur.Quote, t.cur.Valued = p-t.Start, t.quote, true
	return p
}

// add adds the attribute that was read, if it matters.
func (t *Tag) add(b []byte) {
	t.at = between
	if t.lost || t.End {
		return
	}
	if a := attributeOf(b[t.Start+t.cur.Name : t.Start+t.cur.NameEnd]); a != nil {
		t.cur.ID = a.id
		t.Parts[t.N] = t.cur
		t.N++
	}
}

// Break ends a part of a tag at p, and returns where: before the attribute that
// is read, or, if there is nothing before it, in it. Then it is added as far as it goes.
func (t *Tag) Break(b []byte, p int) int {
	if t.at <= between || t.lost {
		return p
	}
	if t.cur.Name > 0 {
		return t.Start + t.cur.Name
	}
	t.lost = true
	if t.at == inAttr || t.End {
		return p
	}
	c := t.cur
	c.Cut = true
	if c.Valued {
		c.ValEnd = p - t.Start
	}
	if a := attributeOf(b[t.Start+c.Name : t.Start+c.NameEnd]); a != nil {
		c.ID = a.id
		t.Parts[t.N] = c
		t.N++
	}
	return p
}

// Resume goes on at p, all before it being done with.
func (t *Tag) Resume(p int) {
	shift := p - t.Start
	t.cur.Name -= shift
	t.cur.NameEnd -= shift
	t.cur.Val -= shift
	t.slash -= shift
	t.Start, t.N, t.Cut = p, 0, true
}
