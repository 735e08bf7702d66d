package markup

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	parser "golang.org/x/net/html"
)

// pageOf returns a page of about size bytes that looks like one of a shop: a
// style and a script of its own, navigation, articles with pictures and drawings.
func pageOf(size int) []byte {
	var b bytes.Buffer
	b.WriteString("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Harbour Instruments</title>\n" +
		"<link rel=\"stylesheet\" href=\"/style.css\">\n<link rel=\"canonical\" href=\"https://us.example/\">\n<style>\n")
	for i := range 60 {
		fmt.Fprintf(&b, ".c%d > .d { margin: 0 %dpx; background: url(/img/%d.png); color: #%06x } /* a rule */\n", i, i, i, i*4711)
	}
	b.WriteString("</style>\n</head>\n<body class=\"home page\">\n<nav><ul>\n")
	for i := range 40 {
		fmt.Fprintf(&b, "<li class=\"nav-item\"><a class=\"nav-link\" href=\"/section/%d\">Section %d</a></li>\n", i, i)
	}
	b.WriteString("</ul></nav>\n<main>\n")
	for i := 0; b.Len() < size*8/10; i++ {
		fmt.Fprintf(&b, "<article id=\"a%d\" class=\"card card--wide\">\n<h2 class=\"card__title\">Instrument number %d</h2>\n"+
			"<img class=\"card__img\" src=\"/img/%d.jpg\" srcset=\"/img/%d.jpg 1x, /img/%d@2x.jpg 2x\" alt=\"An instrument\" width=\"640\" height=\"480\" loading=\"lazy\">\n"+
			"<p>%s</p>\n<p>It is described <a href=\"/docs/%d\" class=\"more\">in the documents</a> and <a href=\"https://us.example/x\">elsewhere</a>.</p>\n"+
			"<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M12 2L2 7l10 5 10-5-10-5zM2 17l10 5 10-5M2 12l10 5 10-5\"/></svg>\n"+
			"<button type=\"button\" class=\"btn btn-primary\" data-id=\"%d\">Add to basket</button>\n</article>\n",
			i, i, i, i, i, strings.Repeat("The glass falls slowly, and the wind has gone round to the west since this morning. ", 5), i, i)
	}
	b.WriteString("</main>\n<script>\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "function f%d(a, b) { for (var i = 0; i < a.length; i++) { if (a[i] < b && b > %d) return a[i] + \"x\"; } }\n", i, i)
	}
	b.WriteString("</script>\n</body>\n</html>\n")
	return b.Bytes()
}

func BenchmarkPage(b *testing.B) {
	page := pageOf(96 << 10)
	r := rules()
	r.Fragment, r.Head, r.Body = false, []byte("<style>b{}</style>"), []byte("<div>bar</div>")
	r.Hop = func(dst, url []byte) []byte { return append(append(dst, "/out?"...), url...) }
	w := NewWriter(io.Discard, r)
	defer perSecond(b, len(page))()
	for b.Loop() {
		w.Reset(io.Discard, r)
		for p := page; len(p) > 0; {
			n := min(len(p), 32<<10)
			w.Write(p[:n])
			p = p[n:]
		}
		w.Close()
	}
}

// perSecond reports megabytes a second of the processor, which others do not take.
func perSecond(b *testing.B, size int) func() {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	began := cpu()
	return func() {
		b.ReportMetric(float64(size)*float64(b.N)/1e6/(cpu()-began).Seconds(), "MB/cpu-s")
	}
}

// BenchmarkPeer is the tokenizer of golang.org/x/net/html on the same page,
// writing every token as it was.
func BenchmarkPeer(b *testing.B) {
	page := pageOf(96 << 10)
	defer perSecond(b, len(page))()
	for b.Loop() {
		z := parser.NewTokenizer(bytes.NewReader(page))
		for z.Next() != parser.ErrorToken {
			if _, more := z.TagName(); more {
				for more {
					_, _, more = z.TagAttr()
				}
			}
			io.Discard.Write(z.Raw())
		}
	}
}
