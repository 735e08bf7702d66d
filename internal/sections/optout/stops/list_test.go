package stops

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzReadList reads lists as strangers write them: each line is an entry or is
// named, once and in order, and nothing that is printed has an address.
func FuzzReadList(f *testing.F) {
	f.Add("text/plain", "ada@example.com\n\nx")
	f.Add("text/csv", "Email;Reason\n\"ada@example.com\";bounce\n")
	f.Add("application/json", `["ada@example.com",{"email":7},[]]`)
	f.Fuzz(func(t *testing.T, kind, text string) {
		l, err := ReadList(kind, []byte(text))
		if err != nil {
			return
		}
		seen := map[int]bool{}
		for _, e := range l.Entries {
			if seen[e.Row] || e.Row >= l.Rows || e.Address.IsZero() {
				t.Errorf("%q: row %d of %d", text, e.Row, l.Rows)
			}
			if seen[e.Row] = true; strings.Contains(fmt.Sprintf("%+v", e), e.Address.Text()) {
				t.Error("an address is printed")
			}
		}
		for _, n := range l.Bad {
			if seen[n] || n >= l.Rows {
				t.Errorf("%q: line %d of %d is bad", text, n, l.Rows)
			}
			seen[n] = true
		}
	})
}
