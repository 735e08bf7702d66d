package wall

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChromium counts what leaks in Chromium: nothing of anything.
func TestChromium(t *testing.T) {
	t.Parallel() // with the other browser: each waits for its own pages
	p := &proof{t: t, third: newThirdParty(t), absent: chromiumLacks, held: classes}
	p.open(newChromium(t, p.third))
	p.lap("none")
	p.lap("refuse")
	p.lap("accept")
	p.browser = newChromium(t, p.third, "--enable-features=GlobalPrivacyControl,GlobalPrivacyControlForce")
	p.lap("gpc")
	p.table()
}

// TestFirefox counts what leaks in Firefox, which knows no Connection-Allowlist:
// nothing of what a Content-Security-Policy can speak of.
func TestFirefox(t *testing.T) {
	t.Parallel()
	p := &proof{t: t, third: newThirdParty(t), absent: firefoxLacks, held: []class{tags, runTime, workers}}
	p.open(newFirefox(t, p.third, false))
	p.lap("none")
	if *allStates {
		p.lap("accept")
		p.lap("refuse")
		p.browser = newFirefox(t, p.third, true)
		p.lap("gpc")
	}
	p.table()
}

// A proof is the same pages in one browser without the gate, and with it in some
// states.
type proof struct {
	t       *testing.T
	third   *thirdParty
	house   *house
	browser browser
	absent  func(channel) bool
	held    []class // what may not leak
	least   map[string]time.Duration
	rows    []row
}

// A row is how many channels leaked, by class.
type row struct {
	name string
	by   map[class]int
}

// open visits the pages without the gate: everything leaks, or the corpus would
// prove nothing.
func (p *proof) open(b browser) {
	p.t.Helper()
	p.browser = b
	plain := newSite(p.t, p.third, passed)
	l := &lap{browser: b, site: plain, mode: "control", absent: p.absent}
	results := l.run(p.t.Context(), p.visited())
	p.least = paces(results)
	p.rows = append(p.rows, row{"without", l.check(p.t, results, nil)})
	p.house = newHouse(p.t, p.third, statementText(), true)
}

// visited are the pages of what may not leak, and with -wall.all the others too.
func (p *proof) visited() []page {
	return slices.DeleteFunc(slices.Clone(visited()), func(one page) bool { return !*allStates && !slices.Contains(p.held, one.class) })
}

// lap visits the pages behind the gate.
func (p *proof) lap(state string) {
	p.t.Helper()
	l := &lap{browser: p.browser, site: p.house.site, mode: "gate-" + state, state: state, cookie: p.house.sealed(state),
		absent: p.absent, least: p.least}
	p.rows = append(p.rows, row{state, l.check(p.t, l.run(p.t.Context(), p.visited()), p.held)})
	with, without := p.house.signalled(l.mode)
	if all := len(p.visited()); state == "gpc" && (with < all || without > 0) || state != "gpc" && (without < all || with > 0) {
		p.t.Errorf("%s, %s: %d visits came with the signal, and %d without", p.browser.name(), l.mode, with, without)
	}
}

// table tells how many channels leaked.
func (p *proof) table() {
	var b strings.Builder
	fmt.Fprintf(&b, "ways out of %s that were taken against the statement\n%-22s", p.browser.name(), "")
	for _, r := range p.rows {
		fmt.Fprintf(&b, "%9s", r.name)
	}
	for _, c := range classes {
		fmt.Fprintf(&b, "\n%-22s", c)
		for _, r := range p.rows {
			fmt.Fprintf(&b, "%9d", r.by[c])
		}
		if !slices.Contains(p.held, c) {
			b.WriteString("  (not promised)")
		}
	}
	p.t.Log(b.String())
}
