package wall

import (
	"slices"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/audit/devtools"
)

// A caller is somebody on a page of the corpus, with what arrived since.
type caller struct {
	*devtools.Page
	t     *testing.T
	house *house
	visit string
	page  page
	seen  map[arrival]int
}

func call(t *testing.T, b chromium, h *house, name string) *caller {
	t.Helper()
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	l := &lap{site: h.site, mode: "gate-none"}
	return &caller{Page: p, t: t, house: h, visit: l.next(), page: pages[slices.IndexFunc(pages, func(p page) bool { return p.name == name })]}
}

func (c *caller) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// open opens the page anew.
func (c *caller) open() {
	c.t.Helper()
	c.must(c.Navigate(c.t.Context(), c.house.home(c.visit)+"/"+c.page.name+"/"))
}

// holds waits until all has arrived that a state allows, and wants nothing else
// to have arrived since the last look.
func (c *caller) holds(what, state string) {
	c.t.Helper()
	var got map[arrival]int
	began := time.Now()
	for {
		got = map[arrival]int{}
		for a, n := range c.house.third.arrived(c.visit) {
			if n > c.seen[a] {
				got[a] = n - c.seen[a]
			}
		}
		if missing := c.missing(got, state); missing == "" || time.Since(began) > patience {
			if missing != "" {
				c.t.Errorf("%s: %s does not arrive", what, missing)
			}
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	for a, n := range got {
		if !may(a.kind, state) {
			c.t.Errorf("%s: %s reached %s %d times", what, a.channel, a.kind, n)
		}
	}
	c.seen = c.house.third.arrived(c.visit)
}

func (c *caller) missing(got map[arrival]int, state string) string {
	for _, ch := range channelsOf(c.page) {
		for _, kind := range ch.kinds {
			if may(kind, state) && got[arrival{ch.name, kind}] == 0 {
				return ch.name + " to " + kind
			}
		}
	}
	return ""
}

// TestPress says yes and no as people and as scripts do.
func TestPress(t *testing.T) {
	third := newThirdParty(t)
	third.cache = "no-store" // each page is opened more than once
	b := newChromium(t, third)
	h := newHouse(t, third, statementText(), true)
	t.Run("a script cannot say yes", func(t *testing.T) {
		for name, script := range map[string]string{
			"clicks":  `document.querySelector("#avow div [value=yes]").click()`,
			"submits": `{ const f = document.querySelector("#avow form"); f.append(Object.assign(document.createElement("input"), {name: "choice", value: "yes"})); HTMLFormElement.prototype.submit.call(f) }`,
			"fetches": `fetch("/privacy/choices", {method: "POST", body: new URLSearchParams("choice=yes")}).then(() => 0)`,
			"writes":  `document.cookie = "avow-choice=" + "A".repeat(80) + "; path=/"`,
		} {
			c := call(t, b, h, "frames")
			c.open()
			c.holds("before", "none")
			_ = c.Evaluate(t.Context(), script+";0", nil) // the page may be gone before it answers
			time.Sleep(300 * time.Millisecond)
			c.open()
			c.holds("a script "+name, "none")
		}
	})
	t.Run("a press says yes, and shows what waited", func(t *testing.T) {
		c := call(t, b, h, "frames")
		c.open()
		c.holds("before", "none")
		c.must(c.WaitLoad(t.Context(), func() error { return c.Click(t.Context(), "#avow div [value=yes]") }))
		c.holds("after the press", "accept")
	})
	t.Run("the keyboard says yes", func(t *testing.T) {
		c := call(t, b, h, "frames")
		c.open()
		c.must(c.Evaluate(t.Context(), `document.querySelector("#avow div [value=yes]").focus()`, nil))
		c.seen = third.arrived(c.visit)
		c.must(c.WaitLoad(t.Context(), func() error { return c.Press(t.Context(), "Enter") }))
		c.holds("after Enter", "accept")
	})
	for name, no := range map[string]func(*caller) error{
		"a press says no": func(c *caller) error { return c.Click(t.Context(), "#avow div [value=no]") },
		"Escape says no":  func(c *caller) error { return c.Press(t.Context(), "Escape") },
		"a script says no": func(c *caller) error {
			return c.Evaluate(t.Context(), `document.querySelector("#avow div [value=no]").click()`, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := call(t, b, h, "frames")
			c.open()
			c.holds("before", "none")
			c.must(no(c))
			time.Sleep(300 * time.Millisecond)
			c.open()
			c.holds("after the no", "refuse")
		})
	}
}
