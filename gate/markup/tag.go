package markup

import (
	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

// beginTag begins with the tag at i, whose name begins at from.
func (w *scanner) beginTag(i, from int, end bool) {
	w.pos, w.state = from, inTag
	w.extra, w.outward = "", false
	w.Begin(i, end)
}

// readTag reads on in a tag, and does what is to be done when it has ended.
func (w *scanner) readTag() int {
	limit := min(len(w.b), w.Start+longest)
	var ended tags.Ended
	w.pos, ended = w.Read(w.b, w.pos, limit)
	switch {
	case ended == tags.AtEnd:
		w.state = inData
		w.endOfTag()
		return more
	case ended == tags.Full:
		w.passParts(w.pos)
		return more
	case w.pos == w.Start+longest:
		w.passParts(w.Break(w.b, w.pos))
		return more
	}
	if w.last && w.noscript {
		w.pass(len(w.b))
	}
	return w.Start
}

// passParts passes on what was read of a tag that is too long, before its end.
// What there is of an attribute is judged as far as it goes, and made inert if that does not tell.
func (w *scanner) passParts(end int) {
	if !w.End {
		w.startOfTag(false)
	}
	w.passTag(end)
	w.Resume(end)
}

const (
	inert = "data-avow-"
	hide  = " hidden"
	alt   = ` alt="`
)

// passTag passes on the tag up to end, changed as its parts say.
func (w *scanner) passTag(end int) {
	if !w.Cut && w.extra != "" {
		w.pass(w.Start + w.NameLen)
		w.out = append(w.out, w.extra...)
		if w.extra == alt {
			w.out = append(values.Escape(w.out, w.r.Say), '"')
		}
	}
	for i := range w.Parts[:w.N] {
		p := &w.Parts[i]
		from, to := w.Start+p.Val, w.Start+p.ValEnd
		switch p.Act {
		case tags.Rename:
			w.pass(w.Start + p.Name)
			w.out = append(w.out, inert...)
		case tags.Replace:
			w.pass(from)
			w.requote(p, w.values[p.From:p.To])
			w.done = to
		case tags.Lengthen:
			if p.Quote == 0 {
				w.pass(from)
				w.out = append(w.out, '"')
				w.out = values.Quote(w.out, w.b[from:to], true)
				w.done = to
			} else {
				w.pass(to)
			}
			w.out = values.Escape(w.out, w.r.Say)
			if p.Quote == 0 {
				w.out = append(w.out, '"')
			}
		}
	}
	w.pass(end)
}

// requote writes a new value in the quotes of the old one.
func (w *scanner) requote(p *tags.Part, value []byte) {
	if p.Quote == 0 {
		w.out = append(w.out, '"')
	}
	w.out = values.Quote(w.out, value, false)
	if p.Quote == 0 {
		w.out = append(w.out, '"')
	}
}

// endOfTag does what is to be done when all of a tag was read.
func (w *scanner) endOfTag() {
	i := w.pos
	closed := w.Closed(i)
	if w.End {
		w.endTagSeen()
		return
	}
	w.startOfTag(true)
	w.passTag(i)
	w.placedStart(w.Elem, i)
	w.enter(closed)
}
