package wall

import (
	"slices"
	"testing"
)

// TestChanged visits with one choice, and then with another in the same browser:
// what was kept from before, in a cache or as a service worker, is no way around
// a no, and no obstacle to a yes.
func TestChanged(t *testing.T) {
	third := newThirdParty(t)
	b := newChromium(t, third)
	h := newHouse(t, third, statementText(), true)
	for _, name := range []string{"worker-kept", "worker-etag", "worker-service"} {
		for _, way := range [][2]string{{"accept", "refuse"}, {"refuse", "accept"}} {
			t.Run(name+" from "+way[0]+" to "+way[1], func(t *testing.T) {
				p := pages[slices.IndexFunc(pages, func(p page) bool { return p.name == name })]
				first := &lap{browser: b, site: h.site, mode: "gate-" + way[0], state: way[0], cookie: h.sealed(way[0]), absent: chromiumLacks}
				then := &lap{browser: b, site: h.site, mode: "gate-" + way[1], state: way[1], cookie: h.sealed(way[1]), absent: chromiumLacks}
				due, complain := then.due(p), t.Errorf
				if name == "worker-service" {
					// A browser keeps an installed service worker with the headers that
					// it came with, until its script is another. It is not promised
					// yet that a choice reaches it.
					due, complain = nil, t.Logf
				}
				err := first.once(t, name, func(visit string) {
					if late := first.settle(visit, p, first.due(p)); len(late) > 0 {
						t.Errorf("at first, these do not arrive: %v", late)
					}
					third.forget(visit)
					if err := b.visit(t.Context(), then.address(visit, name), func() {
						if late := then.settle(visit, p, due); len(late) > 0 {
							complain("then, these do not arrive: %v", late)
						}
					}); err != nil {
						t.Error(err)
					}
					for a, n := range third.arrived(visit) {
						if !may(a.kind, way[1]) {
							complain("then, %s reached %s %d times", a.channel, a.kind, n)
						}
					}
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
}
