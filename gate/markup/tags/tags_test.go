package tags

import (
	"strings"
	"testing"
)

// TestNames: the lists and the constants are in the same order.
func TestNames(t *testing.T) {
	for s, id := range map[string]Name{"a": A, "iframe": Iframe, "noscript": Noscript, "malignmark": Malignmark, "textarea": Textarea, "INPUT": Input} {
		if e := Of([]byte(s)); e.ID != id || e.Name != strings.ToLower(s) {
			t.Errorf("%s is %q, %d", s, e.Name, e.ID)
		}
	}
	for s, id := range map[string]Attr{"src": AtSrc, "xlink:href": AtXlink, "values": AtValues, "mask": AtPaint, "ARIA-label": AtAriaLabel, "http-equiv": AtHTTPEquiv} {
		if a := attributeOf([]byte(s)); a == nil || a.id != id || AttrNames[id] == "" {
			t.Errorf("%s is %v", s, a)
		}
	}
	for _, s := range []string{"", "xyz", strings.Repeat("x", 99), "sr", "\xff\xff"} {
		if Of([]byte(s)) != Unknown || attributeOf([]byte(s)) != nil {
			t.Errorf("%q is known", s)
		}
	}
}

// TestPieces: a tag is the same however it is cut.
func TestPieces(t *testing.T) {
	in := []byte("<iMg a='>' SRC = //x srcset=\"y\" alt= title/style=\n'z'/>rest")
	for cut := range in {
		var g Tag
		g.Begin(0, false)
		p, ended := g.Read(in, 1, cut)
		for limit := cut; ended == AtLimit && limit < len(in); limit++ {
			p, ended = g.Read(in, p, limit+1)
		}
		if ended != AtEnd || string(in[p:]) != "rest" || !g.Closed(p) || g.Elem.ID != Img {
			t.Fatalf("cut at %d: %v at %q", cut, ended, in[p:])
		}
		var got []string
		for _, a := range g.Parts[:g.N] {
			got = append(got, AttrNames[a.ID]+"="+string(in[a.Val:a.ValEnd]))
		}
		if s := strings.Join(got, " "); s != "src=//x srcset=y alt=title/style=" {
			t.Fatalf("cut at %d: %s", cut, s)
		}
	}
}
