package markup

import (
	"bytes"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLongTags: a tag that is too long to be held is judged part by part.
func TestLongTags(t *testing.T) {
	long := strings.Repeat("x", longest)
	gap := strings.Repeat(" ", longest+100)
	check(t, rules, marked([]row{
		{in: `<img alt="` + long + `" ~src=//bad.example>`},
		{in: `<img ~src=//bad.example alt=` + long + ` ~srcset=//bad.example>`},
		{in: `<img src="data:image/png,` + long + long + `" alt='x' ~srcset="//bad.example 1x">`},
		{in: `<img ~src="//bad.example/` + long + `" alt="//bad.example">`},
		{in: `<img src="/x/x/x/x/` + long + `"><img src=https://ok.example/` + long + `>`},
		{in: `<img ~src` + gap + `=//bad.example><img ~src=` + gap + `//bad.example><img ~src="` + gap + `//bad.example">`},
		{in: `<img` + gap + `~src=//bad.example>`},
		{in: `<img ~src="https:` + strings.Repeat("/", longest) + `bad.example">`},
		{in: `<img ~src="https://us.example:` + long + `@bad.example">`},
		{in: `<img ~src="h` + strings.Repeat("\n", longest) + `ttps://bad.example">`},
		{in: `<img ~srcset="/x 1x, ` + long + `, //bad.example">`},
		{in: `<iframe ~srcdoc="` + long + `<img src=//bad.example>"></iframe>`},
		{in: `<img ` + strings.Repeat("style=x ", 100) + `~src=//bad.example>`},
		{in: `<img ` + strings.Repeat("a b=c ", longest/4) + `~src=//bad.example>`},
		{in: `<` + long + ` src=//bad.example><img ~src=//bad.example>`},
		{in: `<img ` + long + `=x ~src=//bad.example>`},
		{in: `<link ~href=//bad.example x=` + long + ` rel=stylesheet>`},
		{in: `<meta ~content="0;//bad.example" x=` + long + ` http-equiv=refresh>`},
		{in: `</p x="` + long + `>" src=//bad.example><img ~src=//bad.example>`},
		{in: `<img x="` + long + `<img src=//bad.example>` + long + `"><img ~src=//bad.example>`},
	}))
}

// hostile are inputs that a scanner may take too long for.
var hostile = map[string]struct{ head, over string }{
	"unfinished tag":     {`<img src="`, "x"},
	"unfinished names":   {`<img `, "x "},
	"unfinished name":    {`<`, "x"},
	"unfinished slashes": {`<img `, "/"},
	"less":               {"", "<"},
	"less slash":         {"", "</"},
	"comments":           {"", "<!--"},
	"comment ends":       {"<!--", "--!"},
	"greater in comment": {"<!--", "->"},
	"scripts":            {"", "<script><!--<script>"},
	"script ends":        {"<script><!--", "</scrip"},
	"cdata":              {"<svg><![CDATA[", "]>"},
	"noscript comment":   {"<noscript><!--", "</noscrip>"},
	"noscript raw":       {"<noscript><style>", "</noscrip"},
	"drawings":           {"", "<svg>"},
	"deep":               {"", "<svg><foreignObject>"},
	"templates":          {"", "<template>"},
	"style":              {"<style>", "("},
	"style slashes":      {"<style>", "/"},
	"style addresses":    {"<style>", "(//"},
	"srcset":             {`<img srcset="`, ","},
	"many srcsets":       {``, `<img srcset=",,,(,,,(">`},
	"references":         {`<img src="`, "&#"},
	"many references":    {``, `<img src="&a&b&c&&&#&#x&lt">`},
	"links":              {"", "<a href=//bad.example>"},
	"bases":              {"", "<base href=//bad.example>"},
	"frames in frames":   {"", `<iframe srcdoc="<iframe srcdoc='<iframe srcdoc=&quot;x&quot;>'>">`},
	"raw text":           {"<textarea>", "</textare"},
	"select style":       {"", "<select><style></style>"},
	"frames":             {"<frameset><style>", "<frame>"},
}

// TestLinear: no input takes more than so long a byte, nor more memory than a tag.
// It is the time of the processor, which others do not take.
func TestLinear(t *testing.T) {
	const size = 1 << 20
	for name, h := range hostile {
		for _, piece := range []int{size, 4 << 10, 100} {
			in := []byte(h.head + strings.Repeat(h.over, size/len(h.over)))
			r := rules()
			r.Found = func(Found) {}
			w := NewWriter(io.Discard, r)
			began := cpu()
			for p := in; len(p) > 0; {
				n := min(len(p), piece)
				w.Write(p[:n])
				p = p[n:]
			}
			w.Close()
			if spent := (cpu() - began) / time.Duration(len(in)>>10); spent > 400*time.Microsecond {
				t.Errorf("%s, %d at a time: %v a KiB", name, piece, spent)
			}
			if n := cap(w.s.hold) + cap(w.s.out); n > 8*longest {
				t.Errorf("%s, %d at a time: holds %d bytes", name, piece, n)
			}
		}
	}
}

// cpu returns what this process has used of the processor.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPieces: however a page is cut, the same comes out.
func TestPieces(t *testing.T) {
	page := string(pageOf(20 << 10))
	rapid.Check(t, func(t *rapid.T) {
		picks := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "picks")
		in := spelled(picks)
		if rapid.Bool().Draw(t, "page") {
			in += page
		}
		var whole, cut bytes.Buffer
		w := NewWriter(&whole, fuzzRules())
		w.Write([]byte(in))
		w.Close()
		w.Reset(&cut, fuzzRules()) // a used one is as good as a new one
		for p := []byte(in); len(p) > 0; {
			n := rapid.IntRange(1, min(len(p), 5000)).Draw(t, "n")
			w.Write(p[:n])
			p = p[n:]
		}
		w.Close()
		if whole.String() != cut.String() {
			t.Fatalf("%q\nbecame    %q\nin pieces %q", in, &whole, &cut)
		}
	})
}

// TestUnchanged: a page with nothing in it that is spoken of stays as it was.
func TestUnchanged(t *testing.T) {
	page := string(pageOf(96 << 10))
	if through(t, rules(), page, 4096) != page {
		t.Error("changed")
	}
}

// TestNoGarbage: a Writer that is used again needs no more memory.
func TestNoGarbage(t *testing.T) {
	page := []byte(strings.Repeat(`<p><a href="https://bad.example/?a&amp;b">x</a><img src="//bad.example" srcset="/x 1x"><svg><path style="a:b"/></svg>`, 200))
	r := rules()
	r.Hop = func(dst, url []byte) []byte { return append(append(dst, "/out?"...), url...) }
	w := NewWriter(io.Discard, r)
	run := func() {
		w.Reset(io.Discard, r)
		w.Write(page[:5000])
		w.Write(page[5000:])
		w.Close()
	}
	run()
	if n := testing.AllocsPerRun(20, run); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestWriteFails: an error of the writer beneath is passed on, and nothing more is written.
func TestWriteFails(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	m := NewWriter(w, rules())
	if _, err := m.Write([]byte("<p>x</p>")); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if err := m.Close(); err != io.ErrClosedPipe {
		t.Error(err)
	}
}
