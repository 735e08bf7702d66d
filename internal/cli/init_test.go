package cli

import (
	"strings"
	"testing"
	"time"
)

func TestInitStatus(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args   string
		status int
	}{
		{"init", done},
		{"init", wrong}, // statement.md is there now
		{"init --force", done},
		{"init --out other.md", done},
		{"init --from /nowhere --out -", wrong},
		{"init --form x", usage},
		{"init policy.md", usage},
		{"init --help", done},
	} {
		var out, errs strings.Builder
		status := Main(strings.Fields(c.args), World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Clock: time.Now})
		if status != c.status {
			t.Errorf("avow %s: status %d, want %d\n%s", c.args, status, c.status, errs.String())
		}
	}
}
