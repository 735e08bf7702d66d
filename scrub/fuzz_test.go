package scrub_test

import (
	"bytes"
	"testing"

	"github.com/avow-privacy/avow/scrub"
)

// FuzzLine scrubs whatever comes: it must end, stay as it is when scrubbed
// again, hold nothing that can be found, and not depend on how it was cut.
func FuzzLine(f *testing.F) {
	c := newCorpus(4)
	for range 60 {
		f.Add(bytes.Clone(c.next()), uint8(7))
	}
	for _, l := range lines {
		f.Add([]byte(l.in), uint8(3))
	}
	for _, s := range []string{`{"a":"\u0040","b":[1,{"c":4111111111111111}]}`, `%2525%34%31`, "1.2.3.4.5.6.7.8", "::1%25::", "\\\\x40", "a@b.c@d.ee", "+1+2+3+4+5+6+7+8+9"} {
		f.Add([]byte(s), uint8(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint8) {
		for _, r := range []scrub.Rules{{}, {Query: []string{"q", "u*"}, Minute: true}, {Token: true}, {Format: scrub.Text}} {
			if bytes.IndexByte(in, '\n') >= 0 {
				in = bytes.ReplaceAll(in, []byte("\n"), nil)
			}
			s := scrub.New(r)
			once := s.Line(nil, in)
			if found := scrub.Find(once); len(found) > 0 {
				t.Fatalf("%+v: %v in %q of %q", r, found, once, in)
			}
			before := s.Removed()
			if twice := s.Line(nil, once); !bytes.Equal(once, twice) || s.Removed() != before {
				t.Fatalf("%+v: %q\nonce  %q\ntwice %q (%d)", r, in, once, twice, s.Removed()-before)
			}
			if r.Token {
				continue
			}
			var out bytes.Buffer
			w := scrub.New(r).Writer(&out)
			for rest := in; len(rest) > 0; {
				n := min(int(cut)%17+1, len(rest))
				_, _ = w.Write(rest[:n])
				rest = rest[n:]
			}
			_ = w.Close()
			if !bytes.Equal(out.Bytes(), once) {
				t.Fatalf("%+v: cut %q\nwhole %q", r, out.Bytes(), once)
			}
		}
	})
}
