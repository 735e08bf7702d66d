package values

import (
	"fmt"
	"strings"
	"testing"

	parser "golang.org/x/net/html"
	"pgregory.net/rapid"
)

func TestDecode(t *testing.T) {
	for in, want := range map[string]string{
		"a&amp;b": "a&b", "&#104;&#x68;&#X68;&#104x": "hhhhx", "&": "&", "&#": "&#", "&#x;": "&#x;", "&;": "&;",
		"&lt": "<", "&ltx": "&ltx", "&lt=": "&lt=", "&lt;x": "<x", "&copy&": "©&", "&notit;": "&notit;", "&not;": "¬", "&semi;": ";",
		"&colon;&sol;&Tab;&NewLine;": ":/\t\n", "&colon": "&colon", "&fjlig;": "fj", "&nosuch;": "&nosuch;", "&#0;": "\uFFFD",
		"&#128;": "€", "&#x110000;&#99999999999999;": "\uFFFD\uFFFD", "\x00": "\uFFFD", "&AMP;&AMP&QUOT": "&&\"", "&#xd800;": "\uFFFD",
	} {
		if got := string(Decode(nil, []byte(in))); got != want {
			t.Errorf("%q: %q instead of %q", in, got, want)
		}
	}
}

// TestDecodeAgainstHTML holds Decode against another parser.
func TestDecodeAgainstHTML(t *testing.T) {
	bits := strings.Fields("& # x ; lt gt amp copy not notin 104 68 = a Z 0 AMP colon Tab / nbsp in")
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOf(rapid.SampledFrom(bits)).Draw(t, "bits"), "")
		z := parser.NewTokenizer(strings.NewReader(`<a b="` + in + `">`))
		z.Next()
		_, want, _ := z.TagAttr()
		if got := string(Decode(nil, []byte(in))); got != string(want) {
			t.Fatalf("%q: %q instead of %q", in, got, want)
		}
	})
}

func TestQuote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringMatching(`[a-z&<>"';#= ]*`).Draw(t, "in")
		for _, q := range []string{`"`, `'`} {
			z := parser.NewTokenizer(strings.NewReader(`<a b=` + q + string(Quote(nil, []byte(in), false)) + q + `>`))
			z.Next()
			if _, v, _ := z.TagAttr(); string(v) != in {
				t.Fatalf("%q: %q", in, v)
			}
		}
	})
}

func TestRefresh(t *testing.T) {
	for in, want := range map[string]string{
		"0;url=x": "x", " 5 ; URL = 'x' y": "x", "0,x": "x", "0 x": "x", "0": "", "": "", "x;url=y": "", "0;url": "url", "1.5;url=\"x": "x", ".;x": "x", "0;urlx": "urlx",
	} {
		if got := string(Refresh([]byte(in))); got != want {
			t.Errorf("%q: %q instead of %q", in, got, want)
		}
	}
}

func TestCandidate(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a", "a 1x, b 2x": "a b", "a, b": "a b", ",,a,,b": "a,,b", " a 1x(b, c) , d": "a d", "": "", "a,": "a", "data:x,y 1x, z": "data:x,y z",
	} {
		var got []string
		for v := []byte(in); len(v) > 0; {
			var u []byte
			if u, v = Candidate(v); len(u) > 0 {
				got = append(got, string(u))
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %q instead of %q", in, s, want)
		}
	}
}

func TestLocate(t *testing.T) {
	var r Reader
	r.Reset("https://us.example")
	for in, want := range map[string]string{
		"https://a.example/x?y": "https a.example /x?y", "//a.example": "https a.example ", "HTTP:a.example#x": "http a.example #x",
		"https:a.example": "-", "https:/a": "-", "https://us.example:443/": "own", "https://u:p@A.example:81\\x": "https a.example:81 \\x",
		"mailto:a@b": "-", "": "-", "x": "-", "https://": "-", "\t//\na.exa\nmple ": "https a.example ", "https://[::1]:8080/": "https [::1]:8080 /",
		"https://%61.example": "https a.example ", "1http://a": "-", "https://a.example@": "-",
	} {
		s, got := r.Locate([]byte(in)), "-"
		if s.Own {
			got = "own"
		} else if !s.None {
			got = fmt.Sprintf("%s %s %s", s.Scheme, s.Host, s.Rest)
		}
		if got != want {
			t.Errorf("%q: %q instead of %q", in, got, want)
		}
	}
}
