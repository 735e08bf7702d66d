package markup

import "bytes"

// value returns the value of p without character references. It holds until
// the next call.
func (w *Writer) value(p *part) []byte {
	if !p.valued {
		return nil
	}
	v := w.b[w.start+p.val : w.start+p.valEnd]
	if bytes.IndexByte(v, '&') < 0 && bytes.IndexByte(v, 0) < 0 {
		return v
	}
	w.decoded = decode(w.decoded[:0], v)
	return w.decoded
}

// note reads what an attribute says about the others. The first of a name counts.
func (w *Writer) note(p *part) {
	if w.told>>p.id&1 == 1 {
		return
	}
	w.told |= 1 << p.id
	switch p.id {
	case atRel:
		w.related = true
		w.loads = w.elem.id == elLink && (p.cut || fetched(w.value(p)))
	case atType:
		v := w.value(p)
		w.image = same(v, "image")
		w.listed = same(v, "speculationrules") || same(v, "importmap")
	case atDownload:
		w.download = true
	case atHidden:
		w.hidden = true
	case atStyle:
		w.hidden = w.elem.is&standsIn != 0 && unseen(w.value(p)) || w.hidden
	case atHTTPEquiv:
		v := w.value(p)
		w.refresh = p.cut || same(v, "refresh")
		w.policy = same(v, "content-security-policy")
	case atName:
		switch v := w.value(p); {
		case same(v, "movie"), same(v, "src"), same(v, "data"), same(v, "url"), same(v, "filename"), same(v, "codebase"), same(v, "code"):
			w.movie = true
		}
	}
}

// unseen says whether a style hides its element.
func unseen(v []byte) bool {
	return bytes.Contains(v, []byte("display:none")) || bytes.Contains(v, []byte("display: none")) ||
		bytes.Contains(v, []byte("visibility:hidden"))
}

// fetched says whether a link of this rel is fetched, or prepared to be.
func fetched(rel []byte) bool {
	for i := 0; i < len(rel); {
		for i < len(rel) && space(rel[i]) {
			i++
		}
		from := i
		for i < len(rel) && !space(rel[i]) {
			i++
		}
		word := rel[from:i]
		if begins(word, "apple-touch-") {
			return true
		}
		for _, s := range fetching {
			if same(word, s) {
				return true
			}
		}
	}
	return false
}

var fetching = []string{"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "prerender",
	"manifest", "mask-icon", "fluid-icon", "import", "search", "subresource", "serviceworker", "compression-dictionary", "monetization",
	"next-prefetch", "webmanifest"}

// A use is what an attribute is to an element.
type use uint8

const (
	useNone   use = iota
	usePart       // the address of what is loaded
	useSet        // a srcset
	useList       // addresses, divided by white space
	useValues     // addresses, divided by semicolons
	useLink
	useBase
	useForm
	useStyle
	useFrame   // a document
	useRefresh // seconds, and an address
	usePolicy
)

// useOf says what an attribute is to the element that is read.
func (w *Writer) useOf(id attr, all bool) use {
	e := w.elem
	switch id {
	case atSrc:
		return w.useOfSrc()
	case atHref, atXlink:
		switch {
		case e.id == elA, e.id == elArea:
			return useLink
		case e.id == elBase && id == atHref:
			return useBase
		case e.is&drawn != 0, e.id == elLink && (w.loads || !w.related && !all):
			return usePart
		}
	case atSrcset:
		return when(e.id == elImg || e.id == elImage || e.id == elSource, useSet)
	case atImagesrcset:
		return when(e.id == elLink, useSet)
	case atPoster:
		return when(e.id == elVideo, usePart)
	case atData:
		return when(e.id == elObject, usePart)
	case atCodebase:
		return when(e.id == elObject || e.id == elApplet || e.id == elEmbed, usePart)
	case atValue:
		return when(e.id == elParam && (w.movie || !all), usePart)
	case atBackground:
		return when(e.is&backed != 0, usePart)
	case atManifest:
		return when(e.id == elHTML, usePart)
	case atAction:
		return when(e.id == elForm, useForm)
	case atFormaction:
		return when(e.id == elButton || e.id == elInput, useForm)
	case atPing:
		return when(e.id == elA || e.id == elArea, useList)
	case atAttributionsrc:
		return useList
	case atTo, atFrom, atBy, atValues:
		return when(e.id == elAnimate || e.id == elSet, useValues)
	case atStyle, atPaint:
		return when(w.r.Found != nil, useStyle)
	case atSrcdoc:
		return when(e.id == elIframe, useFrame)
	case atContent:
		if e.id == elMeta && w.policy {
			return usePolicy
		}
		return when(e.id == elMeta && (w.refresh || !all), useRefresh)
	}
	return useNone
}

func when(yes bool, u use) use {
	if yes {
		return u
	}
	return useNone
}

func (w *Writer) useOfSrc() use {
	switch w.elem.id {
	case elScript, elImg, elImage, elSource, elVideo, elAudio, elTrack, elIframe, elFrame, elEmbed, elPortal, elModel:
		return usePart
	case elInput:
		return when(w.image, usePart)
	}
	return useNone
}

// judgePart says what is to be done to p. The first of a name counts, of those
// that are not made inert. Stand is set to what needs a placeholder.
func (w *Writer) judgePart(p *part, all bool, stand *Found) {
	u := w.useOf(p.id, all)
	if u == useNone || w.stays>>p.id&1 == 1 {
		return
	}
	v := w.value(p)
	switch u {
	case usePart:
		s := w.locate(v)
		w.judgeSite(p, s)
		if p.act == rename && (p.id == atSrc || p.id == atData) {
			*stand = w.found(p.id, s)
			stand.Inert = true
		}
	case useSet:
		w.judgeSet(p, v)
	case useList:
		w.judgeList(p, v, space)
	case useValues:
		w.judgeList(p, v, func(c byte) bool { return c == ';' })
	case useLink:
		w.judgeLink(p, v)
	case useBase:
		w.judgeBase(p, v)
	case useForm:
		if s := w.locate(v); !s.none {
			w.tell(w.found(p.id, s))
		}
	case useStyle:
		if p.id == atStyle || bytes.Contains(v, []byte("url")) {
			w.hosts(v, 0, true, p.id)
		}
	case useFrame:
		w.judgeFrame(p, v)
	case useRefresh:
		w.judgeRefresh(p, v, all)
	case usePolicy:
		if w.r.Policy != nil {
			w.r.Policy(v)
		}
	}
	if p.act != rename {
		w.stays |= 1 << p.id
	}
}

func (w *Writer) found(id attr, s site) Found {
	f := Found{Verdict: s.verdict}
	if w.r.Found == nil && w.r.Placeholder == nil {
		return f
	}
	f.Host = string(s.host)
	if f.Element = w.elem.name; w.elem == unknown {
		f.Element = string(bytes.ToLower(w.name[:w.named]))
	}
	f.Attr = attrNames[id]
	return f
}

func (w *Writer) tell(f Found) {
	if w.r.Found != nil && f.Verdict != Ours {
		w.r.Found(f)
	}
}

// judgeSite makes p inert if s may not be loaded, or might not be where p goes on.
func (w *Writer) judgeSite(p *part, s site) {
	if p.cut && s.open {
		p.act = rename
		return
	}
	if s.none || s.verdict == Ours {
		return
	}
	f := w.found(p.id, s)
	if f.Inert = s.verdict >= Waiting; f.Inert {
		p.act = rename
	}
	w.tell(f)
}

// judgeSet judges each candidate of a srcset.
func (w *Writer) judgeSet(p *part, v []byte) {
	if p.cut {
		p.act = rename
		return
	}
	for i := 0; i < len(v); {
		for i < len(v) && (space(v[i]) || v[i] == ',') {
			i++
		}
		from := i
		for i < len(v) && !space(v[i]) {
			i++
		}
		u := v[from:i]
		if len(u) == 0 {
			return
		}
		w.judgeSite(p, w.locate(bytes.TrimRight(u, ",")))
		if u[len(u)-1] == ',' {
			continue
		}
		for deep := 0; i < len(v) && (v[i] != ',' || deep > 0); i++ {
			switch {
			case v[i] == '(':
				deep = 1
			case v[i] == ')':
				deep = 0
			}
		}
	}
}

// judgeList judges each of several addresses.
func (w *Writer) judgeList(p *part, v []byte, divides func(byte) bool) {
	if p.cut {
		p.act = rename
		return
	}
	for len(v) > 0 {
		i := 0
		for i < len(v) && !divides(v[i]) {
			i++
		}
		w.judgeSite(p, w.locate(v[:i]))
		v = v[min(len(v), i+1):]
	}
}

// judgeLink looks whether a link leaves the site.
func (w *Writer) judgeLink(p *part, v []byte) {
	s := w.locate(v)
	if s.none || s.verdict == Ours || w.download {
		return
	}
	f := w.found(p.id, s)
	f.Link = true
	w.tell(f)
	w.outward = true
	if w.r.Hop == nil || p.cut || !p.valued {
		return
	}
	w.absolute = w.whole(w.absolute[:0], s)
	p.from = len(w.values)
	w.values = w.r.Hop(w.values, w.absolute)
	if p.to = len(w.values); p.to > p.from {
		p.act = replace
	}
}

// judgeBase reads what relative addresses are relative to from now on. A base
// that a browser may not heed must not lead away, nor one that comes after
// addresses which were taken to be relative to the page.
func (w *Writer) judgeBase(p *part, v []byte) {
	sure := w.plain() && w.templates == 0 && !w.noscript && !w.choosing && !w.frames
	if sure && w.based {
		return
	}
	s := w.locate(v)
	away := !s.none && s.verdict != Ours
	sure = sure && (!w.relied || s.verdict < Waiting)
	if p.cut || away && !sure {
		p.act = rename
	}
	if !sure || p.cut {
		return
	}
	w.based = true
	if away {
		w.tell(w.found(p.id, s))
		w.baseScheme, w.baseVerdict = s.scheme, s.verdict
		w.baseHost = append(w.baseHost[:0], s.host...)
		w.base = append(w.base[:0], s.rest[:min(len(s.rest), 4<<10)]...)
	}
}

// judgeRefresh reads the content of <meta http-equiv=refresh>. To go elsewhere
// unasked is not for a page to do, wherever it is.
func (w *Writer) judgeRefresh(p *part, v []byte, all bool) {
	if p.cut || !all && !w.refresh {
		p.act = rename
		return
	}
	s := w.locate(refreshTo(v))
	if s.none || s.verdict == Ours {
		return
	}
	f := w.found(p.id, s)
	f.Link, f.Inert = true, true
	w.tell(f)
	p.act = rename
}

// refreshTo returns the address in the content of a refresh (4.2.5.3 of the standard).
func refreshTo(v []byte) []byte {
	v = skip(v, space)
	digits := skip(v, func(c byte) bool { return '0' <= c && c <= '9' || c == '.' })
	if len(digits) == len(v) || len(digits) == 0 {
		return nil
	}
	v = skip(digits, space)
	if len(v) > 0 && (v[0] == ';' || v[0] == ',') {
		v = v[1:]
	}
	v = skip(v, space)
	if begins(v, "url") {
		if u := skip(v[3:], space); len(u) > 0 && u[0] == '=' {
			v = skip(u[1:], space)
		}
	}
	if len(v) > 0 && (v[0] == '"' || v[0] == '\'') {
		q := v[0]
		v = v[1:]
		if i := bytes.IndexByte(v, q); i >= 0 {
			v = v[:i]
		}
	}
	return v
}

func skip(v []byte, what func(byte) bool) []byte {
	for len(v) > 0 && what(v[0]) {
		v = v[1:]
	}
	return v
}
