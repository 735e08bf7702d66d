package wall

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestChromium counts what leaks in Chromium: nothing of anything.
func TestChromium(t *testing.T) {
	third := newThirdParty(t)
	plain := newSite(t, third, func(h http.Handler) http.Handler { return h })
	b := newChromium(t, third)
	control := &lap{browser: b, site: plain, mode: "control", absent: chromiumLacks}
	rows := []row{}
	rows = append(rows, row{"without", control.check(t, control.run(t.Context(), visited()), nil)})
	h := newHouse(t, third)
	for _, state := range states[:3] {
		l := &lap{browser: b, site: h.site, mode: "gate-" + state, state: state, cookie: h.sealed(state), absent: chromiumLacks}
		rows = append(rows, row{state, l.check(t, l.run(t.Context(), visited()), classes)})
	}
	t.Log(table("Chromium", rows))
}

// A row is how many channels leaked, by class.
type row struct {
	name string
	by   map[class]int
}

func table(browser string, rows []row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "leaks in %s\n%-22s", browser, "")
	for _, r := range rows {
		fmt.Fprintf(&b, "%9s", r.name)
	}
	for _, c := range classes {
		fmt.Fprintf(&b, "\n%-22s", c)
		for _, r := range rows {
			fmt.Fprintf(&b, "%9d", r.by[c])
		}
	}
	return b.String()
}

// firefoxHeld are the classes that the wall holds in Firefox, which knows no
// Connection-Allowlist: what a Content-Security-Policy can say.
var firefoxHeld = []class{tags, runTime, workers}

// TestFirefox counts what leaks in Firefox: nothing of what tags and scripts ask for.
func TestFirefox(t *testing.T) {
	third := newThirdParty(t)
	plain := newSite(t, third, func(h http.Handler) http.Handler { return h })
	b := newFirefox(t, third, false)
	control := &lap{browser: b, site: plain, mode: "control", absent: firefoxLacks}
	rows := []row{{"without", control.check(t, control.run(t.Context(), visited()), nil)}}
	h := newHouse(t, third)
	for _, state := range states[:3] {
		if state == "refuse" && !*allStates {
			continue
		}
		l := &lap{browser: b, site: h.site, mode: "gate-" + state, state: state, cookie: h.sealed(state), absent: firefoxLacks}
		rows = append(rows, row{state, l.check(t, l.run(t.Context(), visited()), firefoxHeld)})
	}
	t.Log(table("Firefox", rows))
}
