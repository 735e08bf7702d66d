package scrub_test

import (
	"bytes"
	"testing"

	"github.com/avow-privacy/avow/scrub"
)

func line(r scrub.Rules, s string) string { return string(scrub.New(r).Line(nil, []byte(s))) }

// TestPlanted holds what is left of a shop's log against what was put into it.
func TestPlanted(t *testing.T) {
	c, s := newCorpus(1), scrub.New(scrub.Rules{Query: []string{"page"}})
	var out []byte
	for range 30000 {
		in := c.next()
		out = s.Line(out[:0], in)
		var flat string
		for _, p := range c.planted {
			if bytes.Contains(out, []byte(p.raw)) {
				t.Fatalf("%s survives: %s", p.raw, out)
			}
			if bytes.ContainsAny(out, `%\`) {
				if flat == "" {
					flat = unfolded(string(out))
				}
				if bytes.Contains([]byte(flat), []byte(p.plain)) {
					t.Fatalf("%s survives: %s", p.raw, out)
				}
			}
		}
		if again := s.Line(nil, out); !bytes.Equal(again, out) {
			t.Fatalf("scrubbed once  %sscrubbed twice %s", out, again)
		}
		if found := scrub.Find(out); len(found) > 0 {
			t.Fatalf("%v in %s", found, out)
		}
	}
}

func TestAllocations(t *testing.T) {
	c, s := newCorpus(2), scrub.New(scrub.Rules{})
	var lines [][]byte
	for range 1000 {
		lines = append(lines, bytes.Clone(c.next()))
	}
	var out []byte
	run := func() {
		for _, l := range lines {
			out = s.Line(out[:0], l)
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations for %d lines", n, len(lines))
	}
}
