package scrub_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/scrub"
)

func TestPath(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "": "/", "//": "/", "/a/": "/a", "/a//b": "/a/b", "/about": "/about", "/blog/2026/11/24": "/blog/2026/11/24",
		"/blog/2026-11-24-tide-clocks": "/blog/2026-11-24-tide-clocks", "/page/3": "/page/3", "/page/250": "/page/250", "/a.html": "/a.html",
		"/order/12345": "/order/…", "/order/12345/lines": "/order/…/lines", "/order/1234": "/order/…", "/order/A-12345": "/order/…",
		"/u/ada@example.com/x":                          "/u/…/x",
		"/u/550e8400-e29b-41d4-a716-446655440000":       "/u/…",
		"/reset/q7Zk2nP0sLx9TtYw":                       "/reset/…",
		"/s/deadbeef0":                                  "/s/…",
		"/instruments/marine-barometer":                 "/instruments/marine-barometer",
		"/donaudampfschifffahrtsgesellschaft":           "/donaudampfschifffahrtsgesellschaft",
		"/größe":                                        "/größe",
		"/\xff\xfe":                                     "/…",
		"/a\nb":                                         "/…",
		"/" + strings.Repeat("a", 119):                  "/" + strings.Repeat("a", 119),
		"/" + strings.Repeat("a", 120):                  "/…",
		"/x/" + strings.Repeat("a", 300) + "/y":         "/x/…",
		"/tel/+44-20-7946-0958":                         "/tel/…",
		"/u/ada%40example.com/%7e":                      "/u/…/%7e",
		"/assets/facade":                                "/assets/facade",
		"/sub_01jdxkq7c8f3m5n7p9r1t3v5x7/receipt":       "/…/receipt",
		"/" + strings.Repeat("aé/", 60)[:len("aé/")*39]: "/" + strings.Repeat("aé/", 30) + "…",
	} {
		if got := scrub.Path(in); got != want {
			t.Errorf("%q is counted as %q, want %q", in, got, want)
		}
	}
}

// TestPathHolds: whatever is asked for, what is counted is short, is text, has
// nothing personal in it, and is counted as itself.
func TestPathHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-f0-9]{1,20}`), rapid.StringMatching(`[a-z0-9@._%-]{0,30}`),
			rapid.SampledFrom([]string{"", "order", "2026", "12345", "\xff", "ada@example.com"}))).Draw(t, "parts")
		in := "/" + strings.Join(parts, "/")
		got := scrub.Path(in)
		if len(got) > 120+len("/…") || !utf8.ValidString(got) || got[0] != '/' || strings.Contains(got, "@") || scrub.Path(got) != got {
			t.Fatalf("%q is counted as %q, and that as %q", in, got, scrub.Path(got))
		}
		run := 0
		for i := range len(got) {
			if run++; got[i] < '0' || got[i] > '9' {
				run = 0
			}
			if run >= 5 {
				t.Fatalf("%q is counted as %q", in, got)
			}
		}
	})
}
