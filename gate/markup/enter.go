package markup

import (
	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

// startOfTag judges what was read of a start tag, and puts in what goes before
// it. All says whether all of the tag was read.
func (w *scanner) startOfTag(all bool) {
	if !w.Cut {
		w.placeStart(w.Elem, w.Start)
		w.force()
	}
	if w.N == 0 {
		return
	}
	w.values = w.values[:0]
	for i := range w.Parts[:w.N] {
		p := &w.Parts[i]
		w.Note(p, w.value(p))
	}
	stand := Found{}
	for i := range w.Parts[:w.N] {
		w.judgePart(&w.Parts[i], all, &stand)
	}
	if w.Elem.ID == tags.Area && w.outward && all {
		w.describe()
	}
	if stand.Inert && w.Elem.Is&tags.StandsIn != 0 && !w.Cut && !w.Hidden && w.Plain() {
		w.extra = hide
		if w.r.Placeholder != nil {
			w.upTo(w.Start)
			w.out = w.r.Placeholder(w.out, stand)
		}
	}
}

// force puts in, before an element whose content is text, what makes sure
// that a browser takes it for such.
func (w *scanner) force() {
	e := w.Elem
	if e.Is&tags.RawText == 0 || w.Drawing() || !w.careful {
		return
	}
	doubt := w.Unsure || w.choosing || w.noscript || w.frames || w.columns
	if e.ID == tags.Plaintext && doubt { // nothing could end it
		w.instead(w.Start, 1, "&lt;")
		w.Elem = tags.Unknown
		return
	}
	w.upTo(w.Start)
	if w.Unsure {
		w.out = append(w.out, "<b></b>"...)
		w.Unsure = w.Point
	}
	if w.choosing && e.ID != tags.Script && e.ID != tags.Textarea {
		w.out = append(w.out, "</select>"...)
		w.choosing = false
	}
}

// enter goes on after a start tag.
func (w *scanner) enter(closed bool) {
	e := w.Elem
	if e == tags.Unknown && !w.Inside() {
		return
	}
	drawing := w.Drawing()
	switch e.ID {
	case tags.A:
		w.link, w.linkDrawn = w.outward, drawing
	case tags.Noscript:
		if !drawing && !w.noscript {
			w.noscript, w.before = true, w.Plain() && !w.Inside()
		}
	case tags.Template:
		if !drawing {
			w.templates++
		}
	case tags.Select:
		w.choosing = w.choosing || !drawing
	case tags.Frameset:
		w.frames = true
	case tags.Col:
		w.columns = w.columns || w.templates > 0
	}
	if e.Is&tags.RawText != 0 && !drawing {
		w.enterText(e)
	}
	w.Foreign.Opened(e, w.Name(), closed, w.choosing || w.frames || w.columns)
}

// enterText goes on in an element whose content is text.
func (w *scanner) enterText(e *tags.Element) {
	w.raw, w.escape, w.dashes, w.seen = e, 0, 0, w.pos
	w.report = w.r.Found != nil && (e.ID == tags.Style || e.ID == tags.Script && w.Listed)
	switch e.ID {
	case tags.Script:
		w.state = inScript
	case tags.Plaintext:
		w.state = inPlaintext
	default:
		w.state = inRaw
	}
}

// endTagSeen goes on after an end tag.
func (w *scanner) endTagSeen() {
	e, i := w.Elem, w.pos
	if !w.Cut {
		w.placeEnd(e, w.Start)
	}
	switch drawing := w.Drawing(); {
	case e.ID == tags.A:
		w.label(drawing)
	case e.ID == tags.Noscript && w.noscript:
		w.upTo(i)
		w.noscript = false
		if !w.before || w.Unsure || w.Inside() {
			w.Lose()
			w.Point = true
		}
		w.ended = false
		return
	case e.ID == tags.Template && !drawing && w.templates > 0:
		w.templates--
		w.columns = w.columns && w.templates > 0
	case e.ID == tags.Select && w.Plain():
		w.choosing = false
	}
	w.pass(i)
	if w.ended {
		w.ended = false
		return
	}
	w.Foreign.Closed(e, w.Name())
}

// label says at the end of a link that it leaves the site.
func (w *scanner) label(drawing bool) {
	switch {
	case !w.link || w.Cut:
	case !drawing && !w.linkDrawn && w.Plain():
		w.upTo(w.Start)
		w.put(w.r.Label)
	case drawing && w.linkDrawn && w.r.Say != "":
		w.upTo(w.Start)
		w.out = append(w.out, "<title>"...)
		w.out = append(values.Escape(w.out, w.r.Say), "</title>"...)
	}
	w.link = false
}

// describe says at an area of a map that it leaves the site.
func (w *scanner) describe() {
	if w.r.Say == "" {
		return
	}
	var best *tags.Part
	for i := range w.Parts[:w.N] {
		p := &w.Parts[i]
		if p.ID == tags.AtAriaLabel && p.Valued && (best == nil || best.ID != tags.AtAriaLabel) || p.ID == tags.AtAlt && p.Valued && best == nil {
			best = p
		}
	}
	if best == nil && !w.Cut {
		w.extra = alt
	} else if best != nil {
		best.Act = tags.Lengthen
	}
}
