// Package browser tests avow as a visitor meets it, in a real browser.
package browser

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/avow-privacy/avow/internal/audit/devtools"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopShared()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestAnew makes go test run this package again when anything in the
// repository has changed. What is tested here is a program and a script, of
// which the cache of go test knows nothing; it does know which folders were
// opened, and looks whether anything in them is another.
func TestAnew(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); name == ".git" || name == "node_modules" {
			return fs.SkipDir
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shared is what all tests use together: it takes a while to start.
var shared struct {
	sync.Mutex
	browser   *devtools.Browser
	demo      *demo
	demoFault error
}

func stopShared() {
	if shared.demo != nil {
		shared.demo.stop()
	}
	if shared.browser != nil {
		shared.browser.Close()
	}
}

// browser returns the one browser of these tests. It reaches this machine only.
func browser(t *testing.T) *devtools.Browser {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.browser == nil {
		b, err := devtools.Start(t.Context(), devtools.Options{
			Flags: []string{"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--lang=en"}})
		if err != nil {
			t.Fatalf("%v\nto install what these tests need, run: scripts/setup", err)
		}
		shared.browser = b
	}
	return shared.browser
}

// A visitor is one person with a browser, at the demo's public address. What
// goes wrong ends the test.
type visitor struct {
	*devtools.Page
	t    *testing.T
	home string
}

// visit brings a new visitor.
func visit(t *testing.T) *visitor {
	t.Helper()
	house := startDemo(t)
	p, err := browser(t).NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &visitor{p, t, house.public}
}

func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

// open opens a path of the public address.
func (v *visitor) open(path string) {
	v.t.Helper()
	v.must(v.Navigate(v.t.Context(), v.home+path))
}

// press presses keys, one after the other.
func (v *visitor) press(keys ...string) {
	v.t.Helper()
	for _, k := range keys {
		v.must(v.Press(v.t.Context(), k))
	}
}

// write types into what has the focus.
func (v *visitor) write(text string) {
	v.t.Helper()
	v.must(v.Type(v.t.Context(), text))
}

// paste puts text into what has the focus, all at once.
func (v *visitor) paste(text string) {
	v.t.Helper()
	v.must(v.Call(v.t.Context(), "Input.insertText", map[string]any{"text": text}, nil))
}

// enter presses Enter on a link or a button that opens another page.
func (v *visitor) enter() {
	v.t.Helper()
	v.must(v.WaitLoad(v.t.Context(), func() error { return v.Press(v.t.Context(), "Enter") }))
}

// follow clicks on what opens another page.
func (v *visitor) follow(selector string) {
	v.t.Helper()
	v.must(v.WaitLoad(v.t.Context(), func() error { return v.Click(v.t.Context(), selector) }))
}

// eval is the value of a JavaScript expression in the page.
func eval[T any](v *visitor, expression string) T {
	v.t.Helper()
	var value T
	v.must(v.Evaluate(v.t.Context(), expression, &value))
	return value
}

// tabTo presses Tab until what has the focus matches a CSS selector.
func (v *visitor) tabTo(selector string) {
	v.t.Helper()
	for range 80 {
		v.press("Tab")
		if eval[bool](v, fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
	}
	v.t.Fatalf("no Tab reaches %s on %s", selector, eval[string](v, "location.pathname"))
}

// says wants text to stand in the first element that matches a CSS selector.
func (v *visitor) says(selector, text string) {
	v.t.Helper()
	got := eval[string](v, fmt.Sprintf("document.querySelector(%q)?.innerText ?? '(nothing there)'", selector))
	if !strings.Contains(got, text) {
		v.t.Errorf("%s: %s says %q, want %q", eval[string](v, "location.pathname"), selector, got, text)
	}
}

// quiet wants no request to anyone but the demo, and no complaint of the browser
// about the page, since the last look.
func (v *visitor) quiet() {
	v.t.Helper()
	for _, r := range v.Requests() {
		if !strings.HasPrefix(r.URL, v.home+"/") {
			v.t.Errorf("%s asked %s for a %s", r.From, r.URL, r.Type)
		}
		if r.Failed != "" && r.Failed != "net::ERR_ABORTED" || r.Blocked != "" || r.Status >= 500 {
			v.t.Errorf("%s: %s came to nothing: %s%s %d", r.From, r.URL, r.Failed, r.Blocked, r.Status)
		}
	}
	for _, m := range v.Messages() {
		expected := m.Kind == "log" && strings.Contains(m.Text, "the server responded with a status of 4")
		if !expected {
			v.t.Errorf("the browser says (%s, %s): %s %s", m.Kind, m.Level, m.Text, m.URL)
		}
	}
	v.ForgetRecords()
}
