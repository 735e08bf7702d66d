package tags

import (
	"bytes"

	"github.com/avow-privacy/avow/gate/markup/values"
)

// Note reads what an attribute says about the others. V is its value. The first of a name counts.
func (t *Tag) Note(p *Part, v []byte) {
	if t.told>>p.ID&1 == 1 {
		return
	}
	t.told |= 1 << p.ID
	switch p.ID {
	case AtRel:
		t.related = true
		t.Loads = t.Elem.ID == Link && (p.Cut || fetched(v))
	case AtType:
		t.image = values.Same(v, "image")
		t.Listed = values.Same(v, "speculationrules") || values.Same(v, "importmap")
	case AtDownload:
		t.Download = true
	case AtHidden:
		t.Hidden = true
	case AtStyle:
		t.Hidden = t.Elem.Is&StandsIn != 0 && unseen(v) || t.Hidden
	case AtHTTPEquiv:
		t.Refresh = p.Cut || values.Same(v, "refresh")
		t.policy = values.Same(v, "content-security-policy")
	case AtName:
		switch {
		case values.Same(v, "movie"), values.Same(v, "src"), values.Same(v, "data"), values.Same(v, "url"), values.Same(v, "filename"), values.Same(v, "codebase"), values.Same(v, "code"):
			t.movie = true
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
		for i < len(rel) && values.Space(rel[i]) {
			i++
		}
		from := i
		for i < len(rel) && !values.Space(rel[i]) {
			i++
		}
		word := rel[from:i]
		if values.Begins(word, "apple-touch-") {
			return true
		}
		for _, s := range fetching {
			if values.Same(word, s) {
				return true
			}
		}
	}
	return false
}

var fetching = []string{"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "prerender",
	"manifest", "mask-icon", "fluid-icon", "import", "search", "subresource", "serviceworker", "compression-dictionary", "monetization",
	"webmanifest"}

// A Use is what an attribute is to an element.
type Use uint8

// An attribute is nothing, or one of these.
const (
	UseNone   Use = iota
	UsePart       // the address of what is loaded
	UseSet        // a srcset
	UseList       // addresses, divided by white space
	UseValues     // addresses, divided by semicolons
	UseLink
	UseBase
	UseForm
	UseStyle
	UseFrame   // a document
	UseRefresh // seconds, and an address
	UsePolicy
)

// UseOf says what an attribute is to the element that is read.
func (t *Tag) UseOf(id Attr, all bool) Use {
	e := t.Elem
	switch id {
	case AtSrc:
		return t.useOfSrc()
	case AtHref, AtXlink:
		switch {
		case e.ID == A, e.ID == Area:
			return UseLink
		case e.ID == Base && id == AtHref:
			return UseBase
		case e.Is&Drawn != 0, e.ID == Link && (t.Loads || !t.related && !all):
			return UsePart
		}
	case AtSrcset:
		return when(e.ID == Img || e.ID == Image || e.ID == Source, UseSet)
	case AtImagesrcset:
		return when(e.ID == Link, UseSet)
	case AtPoster:
		return when(e.ID == Video, UsePart)
	case AtData:
		return when(e.ID == Object, UsePart)
	case AtCodebase:
		return when(e.ID == Object || e.ID == Applet || e.ID == Embed, UsePart)
	case AtValue:
		return when(e.ID == Param && (t.movie || !all), UsePart)
	case AtBackground:
		return when(e.Is&Backed != 0, UsePart)
	case AtManifest:
		return when(e.ID == HTML, UsePart)
	case AtAction:
		return when(e.ID == Form, UseForm)
	case AtFormaction:
		return when(e.ID == Button || e.ID == Input, UseForm)
	case AtPing:
		return when(e.ID == A || e.ID == Area, UseList)
	case AtAttributionsrc:
		return UseList
	case AtTo, AtFrom, AtBy, AtValues:
		return when(e.ID == Animate || e.ID == Set, UseValues)
	case AtStyle, AtPaint:
		return UseStyle
	case AtSrcdoc:
		return when(e.ID == Iframe, UseFrame)
	case AtContent:
		if e.ID == Meta && t.policy {
			return UsePolicy
		}
		return when(e.ID == Meta && (t.Refresh || !all), UseRefresh)
	}
	return UseNone
}

func when(yes bool, u Use) Use {
	if yes {
		return u
	}
	return UseNone
}

func (t *Tag) useOfSrc() Use {
	switch t.Elem.ID {
	case Script, Img, Image, Source, Video, Audio, Track, Iframe, Frame, Embed, Portal, Model:
		return UsePart
	case Input:
		return when(t.image, UsePart)
	}
	return UseNone
}
