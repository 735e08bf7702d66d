package markup

// startOfTag judges what was read of a start tag, and puts in what goes before
// it. All says whether all of the tag was read.
func (w *Writer) startOfTag(all bool) {
	if !w.cut {
		w.placeStart(w.elem, w.start)
		w.force()
	}
	if w.n == 0 {
		return
	}
	w.values = w.values[:0]
	for i := range w.parts[:w.n] {
		w.note(&w.parts[i])
	}
	stand := Found{}
	for i := range w.parts[:w.n] {
		w.judgePart(&w.parts[i], all, &stand)
	}
	if w.elem.id == elArea && w.outward && all {
		w.describe()
	}
	if stand.Inert && w.elem.is&standsIn != 0 && !w.cut && !w.hidden && w.plain() {
		w.extra = hide
		if w.r.Placeholder != nil {
			w.upTo(w.start)
			w.out = w.r.Placeholder(w.out, stand)
		}
	}
}

// force puts in, before an element whose content is text, what makes sure
// that a browser takes it for such.
func (w *Writer) force() {
	e := w.elem
	if e.is&rawText == 0 || w.drawing() || !w.careful {
		return
	}
	doubt := w.unsure || w.choosing || w.noscript || w.frames || w.columns
	if e.id == elPlaintext && doubt { // nothing could end it
		w.instead(w.start, 1, "&lt;")
		w.elem = unknown
		return
	}
	w.upTo(w.start)
	if w.unsure {
		w.out = append(w.out, "<b></b>"...)
		w.unsure = w.point
	}
	if w.choosing && e.id != elScript && e.id != elTextarea {
		w.out = append(w.out, "</select>"...)
		w.choosing = false
	}
}

// enter goes on after a start tag.
func (w *Writer) enter(closed bool) {
	e := w.elem
	if e == unknown && len(w.stack) == 0 {
		return
	}
	drawing := w.drawing()
	switch e.id {
	case elA:
		w.link, w.linkDrawn = w.outward, drawing
	case elNoscript:
		if !drawing && !w.noscript {
			w.noscript, w.before = true, w.plain() && len(w.stack) == 0
		}
	case elTemplate:
		if !drawing {
			w.templates++
		}
	case elSelect:
		w.choosing = w.choosing || !drawing
	case elFrameset:
		w.frames = true
	case elCol:
		w.columns = w.columns || w.templates > 0
	}
	if e.is&rawText != 0 && !drawing {
		w.enterText(e)
	}
	w.opened(e, w.name[:w.named], closed, w.choosing || w.frames || w.columns)
}

// enterText goes on in an element whose content is text.
func (w *Writer) enterText(e *element) {
	w.raw, w.escape, w.dashes, w.seen = e, 0, 0, w.pos
	w.report = w.r.Found != nil && (e.id == elStyle || e.id == elScript && w.listed)
	switch e.id {
	case elScript:
		w.state = inScript
	case elPlaintext:
		w.state = inPlaintext
	default:
		w.state = inRaw
	}
}

// endTagSeen goes on after an end tag.
func (w *Writer) endTagSeen() {
	e, i := w.elem, w.pos
	if !w.cut {
		w.placeEnd(e, w.start)
	}
	switch drawing := w.drawing(); {
	case e.id == elA:
		w.label(drawing)
	case e.id == elNoscript && w.noscript:
		w.upTo(i)
		w.noscript = false
		if !w.before || w.unsure || len(w.stack) > 0 {
			w.lose()
			w.point = true
		}
		w.ended = false
		return
	case e.id == elTemplate && !drawing && w.templates > 0:
		w.templates--
		w.columns = w.columns && w.templates > 0
	case e.id == elSelect && w.plain():
		w.choosing = false
	}
	w.pass(i)
	if w.ended {
		w.ended = false
		return
	}
	w.closed(e, w.name[:w.named])
}

// label says at the end of a link that it leaves the site.
func (w *Writer) label(drawing bool) {
	switch {
	case !w.link || w.cut:
	case !drawing && !w.linkDrawn && w.plain():
		w.upTo(w.start)
		w.put(w.r.Label)
	case drawing && w.linkDrawn && w.r.Say != "":
		w.upTo(w.start)
		w.out = append(w.out, "<title>"...)
		w.out = append(appendEscaped(w.out, w.r.Say), "</title>"...)
	}
	w.link = false
}

// describe says at an area of a map that it leaves the site.
func (w *Writer) describe() {
	if w.r.Say == "" {
		return
	}
	var best *part
	for i := range w.parts[:w.n] {
		p := &w.parts[i]
		if p.id == atAriaLabel && p.valued && (best == nil || best.id != atAriaLabel) || p.id == atAlt && p.valued && best == nil {
			best = p
		}
	}
	if best == nil && !w.cut {
		w.extra = alt
	} else if best != nil {
		best.act = lengthen
	}
}
