package wall

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCookies sets cookies that are declared, chosen and neither, by header and by
// script, and counts what reaches the site.
func TestCookies(t *testing.T) {
	third := newThirdParty(t)
	b := newChromium(t, third)
	plain := newSite(t, third, passed)
	h := newHouse(t, third, statementText(), true)
	all := []string{"basket", "basket-script", "spy-header", "spy-script", "spy-store", "theme", "theme-script"}
	for _, c := range []struct {
		state string // "" without the gate
		want  []string
	}{
		{"", all},
		{"none", []string{"basket", "basket-script"}},
		{"refuse", []string{"basket", "basket-script"}},
		{"accept", []string{"basket", "basket-script", "theme", "theme-script"}},
	} {
		l := &lap{browser: b, site: plain, mode: "control"}
		if c.state != "" {
			l = &lap{browser: b, site: h.site, mode: "gate-" + c.state, state: c.state, cookie: h.sealed(c.state)}
		}
		var seen visitLog
		if err := l.once(t, "cookies", func(visit string) {
			began := time.Now()
			for seen = l.site.log(visit); seen.paths["/cookies/echo.txt"] < 3 && time.Since(began) < patience; seen = l.site.log(visit) {
				time.Sleep(20 * time.Millisecond)
			}
		}); err != nil {
			t.Error(err)
		}
		delete(seen.sent, "avow-choice")
		delete(seen.cookies, "avow-choice")
		if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(seen.cookies))); diff != "" {
			t.Errorf("%q: at the site (-want +got):\n%s", c.state, diff)
		}
		// The guard keeps a script from writing what is not declared in the first place.
		if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(seen.sent))); diff != "" {
			t.Errorf("%q: sent by the browser (-want +got):\n%s", c.state, diff)
		}
	}
}
