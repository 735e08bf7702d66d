package gate

import "testing"

// TestLeaks: what people are called by is told when it is in a link that leaves.
func TestLeaks(t *testing.T) {
	g, w := newGate(t)
	ask(g.Handler(site("text/html", `<a href="https://partner.example/?u=ada@example.com">x</a>`)), "GET", "https://harbour.example/x?secret")
	if want := "leak partner.example at /x: e-mail address in a link true"; !w.has(want) {
		t.Errorf("nobody was told %q but %q", want, w.lines)
	}
	ask(g.Handler(site("text/plain", "", "Location", "https://Partner.example/?id=123456789012")), "GET", "https://harbour.example/r")
	ask(g.Handler(site("text/plain", "", "Location", "https://harbour.example/?id=123456789012")), "GET", "https://harbour.example/own")
	if want := "leak Partner.example at /r: long number in a redirect true"; !w.has(want) || len(w.lines) != 3 {
		t.Errorf("nobody was told %q but %q", want, w.lines)
	}
}
