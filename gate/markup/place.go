package markup

import (
	"bytes"

	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

// phase is how far a page has come, in the insertion modes of the standard
// (13.2.6.4): it says where head and body begin if no tag says so.
type phase uint8

const (
	beforeHead phase = iota
	inHeadPhase
	afterHead
	inBody
)

// text is told of text between tags.
func (w *scanner) text(i, end int) {
	if w.phase == inBody {
		return
	}
	for ; i < end; i++ {
		if !values.Space(w.b[i]) {
			w.needBody(i)
			return
		}
	}
}

// settled says whether nothing can go in here, or no more has to.
func (w *scanner) settled() bool { return w.phase == inBody || w.templates > 0 || w.noscript }

func (w *scanner) needHead(i int) {
	if !w.settled() && w.phase == beforeHead {
		w.upTo(i)
		w.put(w.r.Head)
		w.phase = inHeadPhase
	}
}

func (w *scanner) needBody(i int) {
	if !w.settled() {
		w.needHead(i)
		w.upTo(i)
		w.putBody()
	}
}

func (w *scanner) putBody() {
	w.phase = inBody
	if w.r.LateBody != nil {
		w.out = w.r.LateBody(w.out)
		return
	}
	w.put(w.r.Body)
}

// placeStart puts in what goes before the start tag of e.
func (w *scanner) placeStart(e *tags.Element, i int) {
	switch {
	case w.settled() || e.ID == tags.HTML:
	case e.ID == tags.Head:
		if w.phase != beforeHead {
			return
		}
	case e.ID == tags.Body:
		w.needHead(i)
	case e.ID == tags.Frameset:
		w.needHead(i)
		w.phase = inBody
	case e.Is&tags.InHead != 0:
		w.needHead(i)
	default:
		w.needBody(i)
	}
}

// placedStart puts in what goes after the start tag of e, which ends at i.
func (w *scanner) placedStart(e *tags.Element, i int) {
	switch {
	case w.settled():
	case e.ID == tags.Head && w.phase == beforeHead:
		w.needHead(i)
	case e.ID == tags.Body:
		w.needBody(i)
	}
}

// placeEnd puts in what goes before the end tag of e.
func (w *scanner) placeEnd(e *tags.Element, i int) {
	switch {
	case w.settled():
	case e.ID == tags.Head:
		w.needHead(i)
		w.phase = afterHead
	case e.ID == tags.Body, e.ID == tags.HTML, e.ID == tags.Br:
		w.needBody(i)
	}
}

// finish puts in what found no place before the end. An empty answer stays empty.
func (w *scanner) finish() {
	if w.state == inData && w.phase != beforeHead && !w.settled() {
		w.putBody()
	}
}

const noscriptEnd = "</noscript"

// A browser that runs scripts takes what is in a noscript for text, up to the
// first </noscript>, be it in a comment, in a raw text or in an attribute.
// One that runs none takes it for markup. escapes looks before end for a
// </noscript> that only the first would see.
func (w *scanner) escapes(end int) int {
	if !w.noscript || !w.careful {
		return -1
	}
	b := w.b[:end]
	for i := max(0, w.seen); ; i++ {
		k := bytes.IndexByte(b[min(i, end):], '<')
		if k < 0 {
			break
		}
		if i += k; w.word(b[i:], noscriptEnd) == yes {
			return i
		}
	}
	w.seen = max(w.seen, end-len(noscriptEnd))
	return -1
}

// cutShort ends a comment or a raw text at k, so that both see the same.
func (w *scanner) cutShort(k int) {
	w.upTo(k)
	switch w.state {
	case inComment:
		w.out = append(w.out, "-->"...)
	case inBogus:
		w.out = append(w.out, '>')
	case inCDATA:
		w.out = append(w.out, "]]>"...)
	case inRaw, inScript:
		if w.escape > 0 {
			w.out = append(w.out, "-->"...)
		}
		w.out = append(append(append(w.out, "</"...), w.raw.Name...), '>')
		w.report, w.ended = false, false
	}
	w.pos, w.state = k, inData
}

// pass passes on all of a tag before k. A </noscript> in it is taken apart.
func (w *scanner) pass(k int) {
	for i := w.done; w.noscript && w.careful && i < k; i++ {
		if w.b[i] == '<' && w.word(w.b[i:], noscriptEnd) == yes {
			w.instead(i+1, 1, "_")
		}
	}
	w.upTo(k)
}

// guard looks at the < at i in a raw text. Yes: the text was ended before it.
//
// In frames, and among the columns of a template, a browser does not take style
// or script for what they are, and goes on reading markup; but there it heeds only few tags.
func (w *scanner) guard(i int) answer {
	if !w.careful || !w.noscript && !w.frames && !w.columns {
		return no
	}
	rest := w.b[i+1:]
	if w.noscript {
		a := w.word(rest, noscriptEnd[1:])
		if a == yes {
			w.searched(i)
			w.cutShort(i)
		}
		if a != no {
			return a
		}
	}
	for _, s := range []string{"frame", "template", "/template"} {
		switch a := w.word(rest, s); {
		case a == maybe:
			return maybe
		case a == yes && (w.frames || w.columns):
			w.instead(i, 1, "_")
		}
	}
	return no
}
