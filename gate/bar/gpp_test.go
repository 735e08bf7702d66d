package bar

import (
	"testing"

	"github.com/avow-privacy/avow/gate/choice"
)

// The strings are those that IAB's own encoder (@iabgpp/cmpapi 3.2.0) makes of
// the same answers.
func TestGPP(t *testing.T) {
	offers := choice.Offers{{Name: "a.example"}, {Name: "b.example"}}
	for _, c := range []struct {
		set    choice.Set
		signal bool
		want   string
	}{
		{0, false, "DBABrw~BVQVAAAAAgA.QA~BUUAAACA.QA"},
		{1, false, "DBABrw~BVQVAAAAAgA.QA~BUUAAACA.QA"},
		{3, false, "DBABrw~BVQqAAAAAgA.QA~BUoAAACA.QA"},
		{0, true, "DBABrw~BVQVAAAAAgA.YA~BUUAAACA.YA"},
		{3, true, "DBABrw~BVQqAAAAAgA.YA~BUoAAACA.YA"},
	} {
		if got := gpp(offers, c.set, c.signal); got != c.want {
			t.Errorf("%b, signal %v: %s, not %s", c.set, c.signal, got, c.want)
		}
	}
}
