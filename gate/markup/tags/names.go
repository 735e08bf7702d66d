package tags

import (
	"strings"

	"github.com/avow-privacy/avow/gate/markup/values"
)

// An Element is one whose name means something here.
type Element struct {
	Name string
	ID   Name
	Is   Trait
}

// A Name tells elements apart.
type Name uint8

// The names that are told apart, in the order of named.
const (
	other Name = iota
	A
	Area
	Script
	Img
	Image
	Source
	Video
	Audio
	Track
	Iframe
	Frame
	Embed
	Object
	Applet
	Param
	Link
	Input
	SvgUse
	FeImage
	Form
	Button
	Meta
	Base
	Style
	Svg
	Math
	Template
	Noscript
	Select
	Frameset
	Plaintext
	HTML
	Head
	Body
	Br
	P
	Font
	Col
	Annotation
	Mglyph
	Malignmark
	Portal
	Model
	Animate
	Set
	Textarea
)

const named = "a area script img image source video audio track iframe frame embed object applet param link input " +
	"use feimage form button meta base style svg math template noscript select frameset plaintext html head body br p font col " +
	"annotation-xml mglyph malignmark portal model animate set textarea"

// A Trait is what some elements have in common.
type Trait uint16

const (
	Void      Trait = 1 << iota // has no content
	BreaksOut                   // ends a drawing or formula it stands in (13.2.6.5)
	RawText                     // its content is text
	InHead                      // may stand in the head
	OfTable                     // means something only in a table
	SvgPoint                    // in a drawing, holds HTML
	MathPoint                   // in a formula, holds HTML
	Drawn                       // refers to what is to be Drawn
	Backed                      // has a background attribute
	StandsIn                    // a placeholder can be written for it
)

// traits say which elements have which.
var traits = []struct {
	is    Trait
	names string
}{
	{Void, "area base basefont bgsound br col embed frame hr image img input keygen link meta param source track wbr"},
	{BreaksOut, "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta " +
		"nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"},
	{RawText, "style xmp iframe noembed noframes title textarea script plaintext"},
	{InHead, "base basefont bgsound link meta title noscript noframes style script template html head"},
	{OfTable, "caption col colgroup tbody td tfoot th thead tr html head body frameset"},
	{SvgPoint, "foreignobject desc title"},
	{MathPoint, "mi mo mn ms mtext"},
	{Drawn, "image use feimage script pattern lineargradient radialgradient filter textpath mpath tref cursor font-face-uri"},
	{Backed, "body table thead tbody tfoot tr td th"},
	{StandsIn, "iframe object embed video"},
}

// An attribute is one whose name means something here.
type attribute struct {
	name string
	id   Attr
}

// An Attr tells attributes apart.
type Attr uint8

// The attributes that are told apart, in the order of attrs.
const (
	AtOther Attr = iota
	AtSrc
	AtHref
	AtXlink
	AtSrcset
	AtImagesrcset
	AtPoster
	AtData
	AtCodebase
	AtValue
	AtName
	AtRel
	AtType
	AtBackground
	AtAction
	AtFormaction
	AtPing
	AtAttributionsrc
	AtHTTPEquiv
	AtContent
	AtStyle
	AtSrcdoc
	AtDownload
	AtHidden
	AtAlt
	AtAriaLabel
	AtManifest
	AtTo
	AtFrom
	AtBy
	AtValues
	AtPaint
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
	// AttrNames are the names of attributes, by Attr.
	AttrNames = append([]string{""}, strings.Fields(attrs+" paint")...)
	// Unknown is any element whose name means nothing here.
	Unknown = &Element{}
)

func hash(b []byte) int {
	n := len(b)
	return (int(b[0]|0x20)*37 + int(b[n-1]|0x20)*11 + int(b[n/2]|0x20)*5 + n) & (slots - 1)
}

func newElements() (t [slots]*Element) {
	at := map[string]*Element{}
	get := func(s string) *Element {
		if at[s] == nil {
			at[s] = &Element{Name: s}
			k := hash([]byte(s))
			for t[k] != nil {
				k = (k + 1) & (slots - 1)
			}
			t[k] = at[s]
		}
		return at[s]
	}
	for i, s := range strings.Fields(named) {
		get(s).ID = Name(i + 1)
	}
	for _, l := range traits {
		for _, s := range strings.Fields(l.names) {
			get(s).Is |= l.is
		}
	}
	return t
}

func newAttributes() (t [slots]*attribute) {
	add := func(s string, id Attr) {
		k := hash([]byte(s))
		for t[k] != nil {
			k = (k + 1) & (slots - 1)
		}
		t[k] = &attribute{s, id}
	}
	for i, s := range strings.Fields(attrs) {
		add(s, Attr(i+1))
	}
	for _, s := range strings.Fields(paints) {
		add(s, AtPaint)
	}
	return t
}

// Of returns the element of that name, in any case.
func Of(b []byte) *Element {
	if len(b) > 0 && len(b) <= 16 {
		for k := hash(b); elements[k] != nil; k = (k + 1) & (slots - 1) {
			if values.Same(b, elements[k].Name) {
				return elements[k]
			}
		}
	}
	return Unknown
}

func attributeOf(b []byte) *attribute {
	if len(b) > 1 && len(b) <= 14 {
		for k := hash(b); attributes[k] != nil; k = (k + 1) & (slots - 1) {
			if values.Same(b, attributes[k].name) {
				return attributes[k]
			}
		}
	}
	return nil
}
