package markup

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// judge knows the hosts of the tests by their names.
func judge(scheme, host []byte) Verdict {
	switch string(host) {
	case "us.example", "also.example":
		return Ours
	case "ok.example":
		return Allowed
	case "wait.example":
		return Waiting
	}
	return Undeclared
}

// rules are those of the tables: short things go in, so that they can be read.
func rules() *Rules {
	return &Rules{Self: "https://us.example", Judge: judge, Fragment: true, Label: []byte("[out]"), Say: "out"}
}

// through returns what comes out for in, cut at the given places.
func through(t testing.TB, r *Rules, in string, size int) string {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, r)
	for p := []byte(in); len(p) > 0; {
		n := min(size, len(p))
		if k, err := w.Write(p[:n:n]); err != nil || k != n {
			t.Fatalf("Write: %d, %v", k, err)
		}
		p = p[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// rows are inputs with what becomes of them; "" is no change.
type row struct{ in, out string }

func check(t *testing.T, r func() *Rules, rows []row) {
	t.Helper()
	for _, c := range rows {
		want := c.out
		if want == "" {
			want = c.in
		}
		for _, size := range []int{len(c.in), 1, 3, 7} {
			var found []string
			r := r()
			if r.Found == nil {
				r.Found = func(f Found) { found = append(found, fmt.Sprint(f)) }
			}
			if got := through(t, r, c.in, size); got != want {
				t.Errorf("%s\nbecame  %s\ninstead %s (%d bytes at a time, found %s)", c.in, got, want, size, strings.Join(found, " "))
				break
			}
		}
	}
}
