package markup

import "strings"

// An element is one whose name means something here.
type element struct {
	name string
	id   name
	is   trait
}

type name uint8

// The names that are told apart, in the order of named.
const (
	other name = iota
	elA
	elArea
	elScript
	elImg
	elImage
	elSource
	elVideo
	elAudio
	elTrack
	elIframe
	elFrame
	elEmbed
	elObject
	elApplet
	elParam
	elLink
	elInput
	elUse
	elFeImage
	elForm
	elButton
	elMeta
	elBase
	elStyle
	elSvg
	elMath
	elTemplate
	elNoscript
	elSelect
	elFrameset
	elPlaintext
	elHTML
	elHead
	elBody
	elBr
	elP
	elFont
	elCol
	elAnnotation
	elMglyph
	elMalignmark
	elPortal
	elModel
	elAnimate
	elSet
	elTextarea
)

const named = "a area script img image source video audio track iframe frame embed object applet param link input " +
	"use feimage form button meta base style svg math template noscript select frameset plaintext html head body br p font col " +
	"annotation-xml mglyph malignmark portal model animate set textarea"

type trait uint16

const (
	void      trait = 1 << iota // has no content
	breaksOut                   // ends a drawing or formula it stands in (13.2.6.5)
	rawText                     // its content is text
	inHead                      // may stand in the head
	ofTable                     // means something only in a table
	svgPoint                    // in a drawing, holds HTML
	mathPoint                   // in a formula, holds HTML
	drawn                       // refers to what is to be drawn
	backed                      // has a background attribute
	standsIn                    // a placeholder can be written for it
)

// traits say which elements have which.
var traits = []struct {
	is    trait
	names string
}{
	{void, "area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr"},
	{breaksOut, "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta " +
		"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"},
	{rawText, "style xmp iframe noembed noframes title textarea script plaintext"},
	{inHead, "base basefont bgsound link meta title noscript noframes style script template html head"},
	{ofTable, "caption col colgroup tbody td tfoot th thead tr html head body frameset"},
	{svgPoint, "foreignobject desc title"},
	{mathPoint, "mi mo mn ms mtext"},
	{drawn, "image use feimage script pattern lineargradient radialgradient filter textpath mpath tref cursor font-face-uri"},
	{backed, "body table thead tbody tfoot tr td th"},
	{standsIn, "iframe object embed video"},
}

// An attribute is one whose name means something here.
type attribute struct {
	name string
	id   attr
}

type attr uint8

// The attributes that are told apart, in the order of attrs.
const (
	atOther attr = iota
	atSrc
	atHref
	atXlink
	atSrcset
	atImagesrcset
	atPoster
	atData
	atCodebase
	atValue
	atName
	atRel
	atType
	atBackground
	atAction
	atFormaction
	atPing
	atAttributionsrc
	atHTTPEquiv
	atContent
	atStyle
	atSrcdoc
	atDownload
	atHidden
	atAlt
	atAriaLabel
	atManifest
	atTo
	atFrom
	atBy
	atValues
	atPaint
)

const attrs = "src href xlink:href srcset imagesrcset poster data codebase value name rel type background action formaction ping " +
	"attributionsrc http-equiv content style srcdoc download hidden alt aria-label manifest to from by values"

// paints are the attributes of drawings that are a style each.
const paints = "fill stroke filter mask clip-path cursor marker marker-start marker-mid marker-end"

// Names are found by a hash of four of their features, in tables of a size at
// which hardly two of them meet.
const slots = 512

var (
	elements   = newElements()
	attributes = newAttributes()
	attrNames  = append([]string{""}, strings.Fields(attrs+" paint")...)
	unknown    = &element{}
)

func hash(b []byte) int {
	n := len(b)
	return (int(b[0]|0x20)*37 + int(b[n-1]|0x20)*11 + int(b[n/2]|0x20)*5 + n) & (slots - 1)
}

func newElements() (t [slots]*element) {
	at := map[string]*element{}
	get := func(s string) *element {
		if at[s] == nil {
			at[s] = &element{name: s}
			k := hash([]byte(s))
			for t[k] != nil {
				k = (k + 1) & (slots - 1)
			}
			t[k] = at[s]
		}
		return at[s]
	}
	for i, s := range strings.Fields(named) {
		get(s).id = name(i + 1)
	}
	for _, l := range traits {
		for _, s := range strings.Fields(l.names) {
			get(s).is |= l.is
		}
	}
	return t
}

func newAttributes() (t [slots]*attribute) {
	add := func(s string, id attr) {
		k := hash([]byte(s))
		for t[k] != nil {
			k = (k + 1) & (slots - 1)
		}
		t[k] = &attribute{s, id}
	}
	for i, s := range strings.Fields(attrs) {
		add(s, attr(i+1))
	}
	for _, s := range strings.Fields(paints) {
		add(s, atPaint)
	}
	return t
}

func elementOf(b []byte) *element {
	if len(b) > 0 && len(b) <= 16 {
		for k := hash(b); elements[k] != nil; k = (k + 1) & (slots - 1) {
			if same(b, elements[k].name) {
				return elements[k]
			}
		}
	}
	return unknown
}

func attributeOf(b []byte) *attribute {
	if len(b) > 1 && len(b) <= 14 {
		for k := hash(b); attributes[k] != nil; k = (k + 1) & (slots - 1) {
			if same(b, attributes[k].name) {
				return attributes[k]
			}
		}
	}
	return nil
}

// same says whether b is s, which is in lower case, but for the case of letters.
func same(b []byte, s string) bool { return len(b) == len(s) && begins(b, s) }

// begins says whether b begins with s in the sense of same.
func begins(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := range len(s) {
		if lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }
