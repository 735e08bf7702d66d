package wall

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A browser visits pages.
type browser interface {
	name() string
	// visit opens an address in a tab of its own and keeps it open until settled
	// returns.
	visit(ctx context.Context, address string, settled func()) error
	tabs() int // how many visits at once
}

// A lap is every page visited once, by one browser in one state.
type lap struct {
	browser browser
	site    *site
	mode    string             // control, or gate-STATE
	cookie  string             // that the visitors come with
	state   string             // "" without the gate
	absent  func(channel) bool // channels that this browser does not open by itself

	// least is how long a page is watched of which nothing may arrive: as long
	// as it took without the gate.
	least map[string]time.Duration
}

var visitNumber atomic.Int64

// result is what arrived of one page, and what did not in time.
type result struct {
	page    page
	arrived map[arrival]int
	late    []arrival
	took    time.Duration
	err     error
}

// opened says whether a channel led to any host.
func (r *result) opened(channel string) bool {
	for a, n := range r.arrived {
		if a.channel == channel && n > 0 {
			return true
		}
	}
	return false
}

// run visits all pages.
func (l *lap) run(ctx context.Context, pages []page) []result {
	results := make([]result, len(pages))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range l.browser.tabs() {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(pages) {
					return
				}
				results[i] = l.visit(ctx, pages[i])
				// A machine that has too much to do may let a page starve: it is
				// visited once more. What leaked counts in both.
				if r := &results[i]; r.err != nil || len(r.late) > 0 {
					again := l.visit(ctx, pages[i])
					for a, n := range r.arrived {
						again.arrived[a] += n
					}
					*r = again
				}
			}
		})
	}
	wg.Wait()
	return results
}

// visit opens a page, and leaves it when all that may arrive has arrived and
// nothing follows.
func (l *lap) visit(ctx context.Context, p page) result {
	visit := l.next()
	due := l.due(p)
	r := result{page: p}
	began := time.Now()
	r.err = l.browser.visit(ctx, l.address(visit, p.name), func() { r.late = l.settle(visit, p, due) })
	r.took = time.Since(began)
	r.arrived = l.arrived(visit, channelsOf(p))
	return r
}

// next begins another visit.
func (l *lap) next() string {
	visit := fmt.Sprintf("v%d", visitNumber.Add(1))
	l.site.expect(visit, l.mode)
	return visit
}

// address is where a visit of a page begins, with the choice that was made.
func (l *lap) address(visit, page string) string {
	return l.site.home(visit) + "/begin?" + url.Values{"choice": {l.cookie}, "to": {"/" + page + "/"}}.Encode()
}

// once visits a page for a test of its own; it is left when done returns.
func (l *lap) once(t *testing.T, page string, done func(visit string)) error {
	visit := l.next()
	return l.browser.visit(t.Context(), l.address(visit, page), func() { done(visit) })
}

// arrived is what arrived of a visit. Declared hosts that are asked nothing know
// only the mode, and each channel is on one page.
func (l *lap) arrived(visit string, channels []channel) map[arrival]int {
	all := l.site.third.arrived(visit)
	for a, n := range l.site.third.arrived(l.mode) {
		if slices.ContainsFunc(channels, func(c channel) bool { return c.name == a.channel }) {
			all[a] = n
		}
	}
	return all
}

// due is what has to arrive: what the truth table allows.
func (l *lap) due(p page) (list []arrival) {
	for _, c := range channelsOf(p) {
		if slices.Contains(inert, c.name) || l.absent(c) {
			continue
		}
		for _, kind := range c.kinds {
			switch {
			// A tag that would send a document on is held whoever is meant: nobody
			// is sent elsewhere unasked.
			case l.state == "" || may(kind, l.state) && !c.idle() && c.name != "refresh":
				list = append(list, arrival{c.name, kind})
			}
		}
	}
	return list
}

const (
	patience = 20 * time.Second       // how long a part that may arrive is waited for
	silence  = 250 * time.Millisecond // after which nothing more is expected
)

// settle waits until all that is due has arrived and it has been quiet for a
// while. It returns what did not arrive. What must not arrive is tried on the
// same page by the same means as what may, so it would be there by then too.
func (l *lap) settle(visit string, p page, due []arrival) (late []arrival) {
	began, channels := time.Now(), channelsOf(p)
	for {
		got := l.arrived(visit, channels)
		late = slices.DeleteFunc(slices.Clone(due), func(a arrival) bool { return got[a] > 0 })
		last := l.site.third.quietSince(visit)
		if seen := l.site.log(visit).last; seen.After(last) {
			last = seen
		}
		quiet := time.Since(last) > silence
		switch {
		case time.Since(began) > patience:
			return late
		case len(late) == 0 && quiet && (len(due) > 0 || time.Since(began) > max(l.least[p.name], 2*silence)):
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// paces are how long the pages took.
func paces(results []result) map[string]time.Duration {
	m := map[string]time.Duration{}
	for _, r := range results {
		m[r.page.name] = r.took
	}
	return m
}

// leaks are what arrived against the truth table, by class. Without the gate
// nobody was asked either.
func (l *lap) leaks(results []result) (list []string, by map[class]int) {
	by = map[class]int{}
	state := cmp.Or(l.state, "none")
	for _, r := range results {
		for a := range r.arrived {
			if may(a.kind, state) {
				continue
			}
			list = append(list, fmt.Sprintf("%s: %s to %s", r.page.name, a.channel, a.kind))
			by[classOf(r.page, a.channel)]++
		}
	}
	slices.Sort(list)
	return list, by
}

func classOf(p page, channel string) class {
	if strings.Contains(channel, "preconnect") {
		return hints
	}
	return p.class
}

// check fails the test for what leaked in the classes that matter, and for what
// may arrive and did not.
func (l *lap) check(t *testing.T, results []result, held []class) map[class]int {
	t.Helper()
	list, by := l.leaks(results)
	for _, r := range results {
		if r.err != nil {
			t.Errorf("%s, %s: %s: %v", l.browser.name(), l.mode, r.page.name, r.err)
		}
		for _, a := range r.late {
			// A browser that is busy makes fewer connections ahead of time than it is
			// asked for; that it makes them at all is enough.
			if (channel{name: a.channel}).idle() && r.opened(a.channel) {
				t.Logf("%s, %s: %s: no connection to %s", l.browser.name(), l.mode, r.page.name, a.kind)
				continue
			}
			t.Errorf("%s, %s: %s: %s to %s does not arrive", l.browser.name(), l.mode, r.page.name, a.channel, a.kind)
		}
	}
	slowest := slices.MaxFunc(results, func(a, b result) int { return int(a.took - b.took) })
	t.Logf("%s, %s: the slowest page is %s with %s", l.browser.name(), l.mode, slowest.page.name, slowest.took.Round(time.Millisecond))
	if l.state == "" {
		return by
	}
	for _, leak := range list {
		p := pages[slices.IndexFunc(pages, func(p page) bool { return strings.HasPrefix(leak, p.name+": ") })]
		if c := classOf(p, leak); slices.Contains(held, c) {
			t.Errorf("%s, %s: leak: %s", l.browser.name(), l.mode, leak)
		} else {
			t.Logf("%s, %s: leak, as expected of %s: %s", l.browser.name(), l.mode, c, leak)
		}
	}
	return by
}
