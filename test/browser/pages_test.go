package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// send fills in the contact form with the keyboard alone and sends it.
func (v *visitor) send() {
	v.t.Helper()
	v.open("/f/contact")
	v.tabTo("[name=name]")
	v.write("Ada Marlowe")
	v.press("Tab")
	v.write("ada@example.com")
	v.press("Tab")
	v.write("Does the sextant float?\nI would rather not try.")
	v.tabTo("button")
	v.enter()
}

// pages are all kinds of pages that a visitor can come to.
var pages = []struct {
	name string
	come func(*visitor)
	says string // in the heading
}{
	{"statement", func(v *visitor) { v.open("/privacy") }, "Privacy statement"},
	{"earlier version", func(v *visitor) { v.open("/privacy/v/1") }, "Privacy statement"},
	{"promises", func(v *visitor) { v.open("/privacy/promises") }, "promise"},
	{"promise", func(v *visitor) { v.open("/privacy/promises/contact") }, "contact"},
	{"changes", func(v *visitor) { v.open("/privacy/changes") }, "hange"},
	{"diff", func(v *visitor) { v.open("/privacy/diff/1..2") }, "1"},
	{"contact form", func(v *visitor) { v.open("/f/contact") }, "Ask us anything"},
	{"order form", func(v *visitor) { v.open("/f/order") }, "Order"},
	{"survey form", func(v *visitor) { v.open("/f/survey") }, "Tell us"},
	{"form with faults", func(v *visitor) { v.open("/f/contact"); v.follow("form button") }, "Ask us anything"},
	{"thanks", func(v *visitor) { v.send() }, "Thank you"},
	{"receipt", func(v *visitor) { v.send(); v.follow(".actions a.plain") }, "recorded"},
	{"verify", func(v *visitor) { v.open("/privacy/verify") }, "Check a receipt"},
	{"choices", func(v *visitor) { v.open("/privacy/choices") }, "Your choices"},
	{"letters", func(v *visitor) { v.open("/privacy/letters") }, "Letters from us"},
	{"letters stopped", (*visitor).stopByPage, "Letters from us"},
	{"letters asked for", func(v *visitor) { v.subscribe() }, "Thank you"},
	{"start letters", func(v *visitor) { v.asked() }, "Start letters"},
	{"letters start", func(v *visitor) { v.asked(); v.follow("form button") }, "Letters start"},
	{"stop letters", (*visitor).reading, "Stop letters"},
	{"stopped", func(v *visitor) { v.reading(); v.follow("button[value=this]") }, "Stopped"},
	{"no link", func(v *visitor) { v.open("/u/cut-off") }, "does not work"},
	{"outbox", func(v *visitor) { v.asked(); v.open("/privacy/outbox") }, "would have been sent"},
	{"recipients", func(v *visitor) { v.open("/privacy/recipients") }, "Who"},
	{"elsewhere", func(v *visitor) { v.open("/privacy/elsewhere") }, ""},
	{"links", func(v *visitor) { v.open("/privacy/links") }, "Sites we link to"},
	{"popular", func(v *visitor) { v.open("/privacy/popular") }, "Popular pages"},
	{"way out", func(v *visitor) { v.open("/workshop"); v.follow("main a[href*='/privacy/out']") }, "tides.example"},
	{"unsigned way out", func(v *visitor) { v.open("/privacy/out?to=https://evil.example/&s=x") }, "address"},
	{"nothing there", func(v *visitor) { v.open("/privacy/nothing") }, "no such page"},
}

// TestPages holds every page to what every page has to be: accessible in light
// and dark, as wide as the window, alone with its visitor, and free of faults.
func TestPages(t *testing.T) {
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			v := visit(t)
			p.come(v)
			v.says("h1", p.says)
			v.fits()
			v.quiet()
		})
	}
}

// TestAPI holds the page of the private address to the same.
func TestAPI(t *testing.T) {
	v := visit(t)
	v.home = startDemo(t).private
	v.open("/v1/docs")
	v.says("h1", "The API")
	v.fits()
	v.quiet()
}

// fits wants the page to be accessible in light and dark, and no wider than a
// small window.
func (v *visitor) fits() {
	v.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		v.must(v.SetMedia(v.t.Context(), "", map[string]string{"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}))
		v.axe(scheme)
	}
	v.must(v.SetViewport(v.t.Context(), 320, 640))
	if wide := eval[int](v, "document.documentElement.scrollWidth"); wide > 320 {
		v.t.Errorf("at 320 pixels the page is %d wide: %v", wide, eval[[]string](v, tooWide))
	}
	v.axe("320 pixels")
}

// TestSite holds the example's own pages to the same, as the gate lets them
// through before anybody chose. What they would load from elsewhere without it is
// in test/wall.
func TestSite(t *testing.T) {
	for _, path := range []string{"/", "/products", "/basket", "/contact", "/survey", "/newsletter", "/careers", "/workshop", "/nothing"} {
		t.Run(path, func(t *testing.T) {
			v := visit(t)
			v.open(path)
			v.fits()
			v.quiet()
		})
	}
}

// TestMap: a declared part loads once somebody pressed yes, at the place where
// they pressed; what is not declared never does. A no takes it away again.
func TestMap(t *testing.T) {
	v := visit(t)
	v.open("/workshop")
	v.quiet()
	v.tabTo("[form=avow-more]")
	v.enter()
	elsewhere := v.elsewhere()
	for range 100 { // what a frame asks for is told after the page has loaded
		if len(elsewhere) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
		elsewhere = v.elsewhere()
	}
	if len(elsewhere) != 1 || !strings.HasSuffix(elsewhere[0], "/northhaven") {
		t.Errorf("after a yes the page loads %q", elsewhere)
	}
	if !eval[bool](v, "document.querySelector('iframe').checkVisibility() && !document.querySelector('.avow-part')") {
		t.Error("the map is not shown")
	}
	v.ForgetRecords()
	v.open("/privacy/choices")
	v.follow("button[value=no]")
	v.open("/workshop")
	v.quiet()
}

// elsewhere are the addresses outside of the demo that were asked.
func (v *visitor) elsewhere() (all []string) {
	for _, r := range v.Requests() {
		if !strings.HasPrefix(r.URL, v.home+"/") {
			all = append(all, r.URL)
		}
	}
	return all
}

// tooWide names what sticks out of the window.
const tooWide = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > 321 && !e.closest(".scroll, pre"))
	.slice(0, 5).map(e => e.tagName + "." + e.className)`

// TestTabs goes through every page with Tab: everything gets its turn in the
// order of the text, can be seen, and shows that it has the focus.
func TestTabs(t *testing.T) {
	for _, p := range pages {
		t.Run(p.name, func(t *testing.T) {
			v := visit(t)
			p.come(v)
			v.must(v.SetMedia(t.Context(), "", map[string]string{"prefers-reduced-motion": "reduce"}))
			// As if just arrived: a fault or an autofocus may have moved the focus on.
			v.must(v.Evaluate(t.Context(), "document.activeElement.blur(), document.body.tabIndex = -1, document.body.focus(), window.before = null", nil))
			stops := 0
			for ; stops < 150; stops++ {
				v.press("Tab")
				stop := eval[struct {
					End    bool
					Name   string
					Faults []string
				}](v, lookAtFocus)
				if stop.End {
					break
				}
				for _, f := range stop.Faults {
					t.Errorf("%s %s", stop.Name, f)
				}
			}
			if want := eval[int](v, countStops); stops != want {
				t.Errorf("Tab stops %d times, at %d things that could have the focus", stops, want)
			}
		})
	}
}

// lookAtFocus says what has the focus, and what is wrong with it.
const lookAtFocus = `(() => {
	const e = document.activeElement, faults = [];
	if (e === document.body || e === document.documentElement) return {end: true};
	const style = getComputedStyle(e), box = e.getBoundingClientRect();
	if (window.before && !(window.before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) faults.push("comes after what follows it");
	if (!window.before && !e.matches(".skip") && document.querySelector(".skip")) faults.push("comes first, before the link that skips to the text");
	if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) faults.push("does not show that it has the focus");
	if (box.width < 2 || box.height < 2 || box.right < 1 || box.left > innerWidth || box.bottom < 1 || box.top > innerHeight) faults.push("cannot be seen");
	window.before = e;
	return {name: e.outerHTML.slice(0, 120), faults};
})()`

// countStops counts what can have the focus; of radio buttons, one a group.
const countStops = `(() => {
	const groups = new Set();
	return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
		.filter(e => e.checkVisibility() && !(e.type === "radio" && groups.size === groups.add(e.name).size)).length;
})()`

// TestReceipt is the main thing from end to end, without a mouse: ask, get a
// receipt, save it, check it without the server, and see that a changed one is
// refused.
func TestReceipt(t *testing.T) {
	v := visit(t)
	house := startDemo(t)
	v.send()
	v.says("h1", "Thank you")
	v.quiet()

	v.tabTo("a[download]")
	file, err := v.Download(t.Context(), t.TempDir(), func() error { return v.Press(t.Context(), "Enter") })
	v.must(err)
	out, err := house.avow("verify", file)
	v.must(err)
	if !strings.Contains(out, "contact") {
		t.Errorf("avow verify says %q", out)
	}
	raw, err := os.ReadFile(file)
	v.must(err)
	receipt := string(raw)
	if strings.Contains(receipt, "sextant") || strings.Contains(receipt, "ada@") {
		t.Error("the receipt holds what was written")
	}
	if shown := eval[string](v, "document.querySelector('textarea').value"); shown != receipt {
		t.Error("the page shows another receipt than it saves")
	}

	v.open("/privacy/verify")
	v.ForgetRecords()
	// From here on the browser has no network, and no need of one.
	v.must(v.Call(t.Context(), "Network.emulateNetworkConditions",
		map[string]any{"offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}, nil))
	v.tabTo("[name=receipt]")
	v.paste(receipt)
	v.tabTo("button")
	v.press("Enter")
	v.result("This receipt holds")
	v.says("#result .steps", "not a letter of it was changed")
	v.axe("result")

	v.must(v.Upload(t.Context(), "[type=file]", file))
	v.result("This receipt holds")
	changed := filepath.Join(t.TempDir(), "changed")
	v.must(os.WriteFile(changed, []byte(strings.Replace(receipt, "index ", "index 1", 1)), 0o600))
	v.must(v.Upload(t.Context(), "[type=file]", changed))
	v.result("This receipt does not hold")
	v.says("#result .steps li:last-child", "not in the log at the place")
	v.axe("refusal")
	if out, err := house.avow("verify", changed); err == nil {
		t.Errorf("avow verify accepts the changed receipt: %s", out)
	}
	for _, r := range v.Requests() {
		if !strings.HasSuffix(r.URL, "/mark.svg") { // the page's icon, which the browser fetches when it likes
			t.Errorf("the check asked for %s", r.URL)
		}
	}
	v.quiet()
}

// result waits until the verifier of the page has come to a verdict.
func (v *visitor) result(want string) {
	v.t.Helper()
	got := eval[string](v, `new Promise(done => {
		const look = (n) => {
			const text = document.querySelector("#result")?.innerText ?? "";
			text.includes(`+"`"+want+"`"+`) || n === 0 ? done(text) : setTimeout(look, 20, n - 1);
		};
		look(250);
	})`)
	if !strings.Contains(got, want) {
		v.t.Errorf("the page says %q, want %q", got, want)
	}
}

// TestWithoutScript does the same with scripts switched off: everything is
// there, and the server checks the receipt.
func TestWithoutScript(t *testing.T) {
	v := visit(t)
	v.must(v.SetScript(t.Context(), false))
	for _, p := range pages {
		p.come(v)
		v.says("h1", p.says)
	}
	v.send()
	v.says("h1", "Thank you")
	receipt := eval[string](v, "document.querySelector('textarea').value")
	for _, c := range []struct{ receipt, says string }{
		{receipt, "This receipt holds"},
		{strings.Replace(receipt, "index ", "index 1", 1), "This receipt does not hold"},
	} {
		v.open("/privacy/verify")
		v.tabTo("[name=receipt]")
		v.paste(c.receipt)
		v.follow("#verify button")
		v.says(".note", c.says)
	}
	file := filepath.Join(t.TempDir(), "receipt")
	v.must(os.WriteFile(file, []byte(receipt), 0o600))
	v.open("/privacy/verify")
	v.must(v.Upload(t.Context(), "[type=file]", file))
	v.follow("#verify button")
	v.says(".note", "This receipt holds")
	v.quiet()
}

// TestWithoutCookies: no page of avow sets one.
func TestWithoutCookies(t *testing.T) {
	v := visit(t)
	for _, p := range pages {
		p.come(v)
	}
	cookies, err := v.Cookies(t.Context())
	v.must(err)
	if len(cookies) > 0 {
		t.Errorf("cookies: %+v", cookies)
	}
	if kept := eval[int](v, "localStorage.length + sessionStorage.length"); kept > 0 {
		t.Errorf("%d things were stored in the browser", kept)
	}
}
