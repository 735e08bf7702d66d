package browser

import (
	"bytes"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var screenshots = flag.String("screenshots", "", "folder to write pictures of the main pages to; make screenshots")

// shots are the pictures of docs/screenshots.
var shots = []struct {
	name, scheme  string
	width, height int // of the window; the picture is no higher
	come          func(*visitor)
}{
	{"site", "light", 1280, 1500, func(v *visitor) { v.open("/") }},
	{"statement", "light", 1280, 1500, func(v *visitor) { v.open("/privacy") }},
	{"statement-dark", "dark", 1280, 1000, func(v *visitor) { v.open("/privacy") }},
	{"statement-narrow", "light", 360, 800, func(v *visitor) { v.open("/privacy") }},
	{"promises", "light", 1280, 1500, func(v *visitor) { v.open("/privacy/promises") }},
	{"promise", "light", 1280, 1000, func(v *visitor) { v.open("/privacy/promises/contact") }},
	{"form", "light", 1280, 1200, func(v *visitor) { v.open("/f/contact") }},
	{"form-narrow-dark", "dark", 360, 800, func(v *visitor) { v.open("/f/order") }},
	{"thanks", "light", 1280, 1400, func(v *visitor) { v.send() }},
	{"receipt", "light", 1280, 1200, func(v *visitor) { v.send(); v.follow(".actions a.plain") }},
	{"verify", "light", 1280, 1400, (*visitor).verified},
	{"verify-dark", "dark", 1280, 1400, (*visitor).verified},
	{"asked", "light", 1280, 900, func(v *visitor) { v.open("/") }},
	{"asked-narrow-dark", "dark", 360, 800, func(v *visitor) { v.open("/") }},
	{"waiting", "light", 1280, 1100, func(v *visitor) { v.open("/workshop") }},
	{"choices", "light", 1280, 1100, func(v *visitor) { v.open("/privacy/choices") }},
	{"letters", "light", 1280, 1100, func(v *visitor) { v.open("/privacy/letters") }},
	{"stop", "light", 1280, 1200, (*visitor).reading},
	{"stop-narrow-dark", "dark", 360, 800, (*visitor).reading},
	{"recipients", "light", 1280, 1500, func(v *visitor) { v.open("/privacy/recipients") }},
	{"elsewhere", "light", 1280, 900, func(v *visitor) { v.open("/privacy/elsewhere") }},
	{"outbox", "light", 1280, 1100, func(v *visitor) { v.reading(); v.open("/privacy/outbox") }},
	{"links", "light", 1280, 900, func(v *visitor) { v.open("/privacy/links") }},
	{"changes", "light", 1280, 900, func(v *visitor) { v.open("/privacy/changes") }},
	{"diff", "light", 1280, 1300, func(v *visitor) { v.open("/privacy/diff/1..2") }},
}

// verified sends a form and checks the receipt in the browser.
func (v *visitor) verified() {
	v.send()
	receipt := eval[string](v, "document.querySelector('textarea').value")
	v.open("/privacy/verify")
	v.tabTo("[name=receipt]")
	v.paste(receipt)
	v.tabTo("button")
	v.press("Enter")
	v.result("This receipt holds")
}

// TestScreenshots takes the pictures of docs/screenshots when it is given a
// folder, and otherwise only one, to see that it still can.
func TestScreenshots(t *testing.T) {
	taken := shots
	if *screenshots == "" {
		taken = shots[:1]
	}
	visit(t).send() // so that there is something to show
	for _, s := range taken {
		v := visit(t)
		v.must(v.SetViewport(t.Context(), s.width, s.height))
		v.must(v.SetMedia(t.Context(), "", map[string]string{"prefers-color-scheme": s.scheme, "prefers-reduced-motion": "reduce"}))
		s.come(v)
		bottom := eval[int](v, settle)
		shot, err := v.Screenshot(t.Context())
		v.must(err)
		picture, err := shrink(shot, min(s.height, bottom))
		v.must(err)
		if *screenshots == "" {
			continue
		}
		v.must(os.WriteFile(filepath.Join(*screenshots, s.name+".png"), picture, 0o644))
	}
}

// settle puts fixed words in the place of what is another each time, such as
// moments and hashes, so that a picture changes only when the page does.
const settle = `(() => {
	const boats = "AWJvYXRzIGdvIG91dCBvbiB0aGUgdGlkZSBhbmQgY29tZSBob21lIG9uIGl0".repeat(99);
	const fixed = (text) => text
		.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, "2026-11-24T08:15:00Z")
		.replace(/\d{1,2} \w+ \d{4}, \d\d:\d\d UTC/g, "24 November 2026, 08:15 UTC")
		.replace(/\d{4}-\d\d-\d\d \d\d:\d\d UTC/g, "2026-11-24 08:15 UTC")
		.replace(/2028-\d\d-\d\d/g, "2028-11-24")
		.replace(/\d{1,2} \w+ 2028/g, "24 November 2028")
		.replace(/(sub|rec)_[0-9a-z]{26}/g, "$1_6k3m9tqw2xv5hz8n4bcd7f1pry")
		.replace(/\b[0-9a-f]{16,}\b/g, (h) => "5f1e9c02a7b348d6".repeat(9).slice(0, h.length))
		.replace(/\+[0-9a-f]{8}\+[A-Za-z0-9+\/]{40,}=*/g, "+1a2b3c4d+" + boats.slice(0, 44))
		.replace(/(?<![\w.\/+])[A-Za-z0-9+\/]{40,}=*/g, (b) => boats.slice(0, b.length));
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) texts.currentNode.data = fixed(texts.currentNode.data);
	for (const area of document.querySelectorAll("textarea.receipt")) area.value = fixed(area.value), area.scrollTop = 0;
	document.activeElement.blur();
	scrollTo(0, 0);
	return Math.ceil(document.querySelector("body > footer").getBoundingClientRect().bottom);
})()`

// shrink cuts a picture to a height and writes it with the 256 colours that it
// has most of, each pixel with the nearest: a page has few, and their shades.
func shrink(shot []byte, height int) ([]byte, error) {
	whole, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	size := whole.Bounds()
	size.Max.Y = min(size.Max.Y, height)
	count := map[color.Color]int{}
	for y := range size.Max.Y {
		for x := range size.Max.X {
			count[whole.At(x, y)]++
		}
	}
	colours := make(color.Palette, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	key := func(c color.Color) uint32 { r, g, b, _ := c.RGBA(); return r>>8<<16 | g>>8<<8 | b>>8 }
	slices.SortFunc(colours, func(a, b color.Color) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return int(key(a)) - int(key(b))
	})
	small := image.NewPaletted(size, colours[:min(len(colours), 256)])
	draw.Draw(small, size, whole, size.Min, draw.Src)
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small)
	return out.Bytes(), err
}
