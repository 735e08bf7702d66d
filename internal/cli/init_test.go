package cli

import (
	"github.com/avow-privacy/avow/internal/cli/world"
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
		{"init", world.Done},
		{"init", world.Wrong}, // statement.md is there now
		{"init --force", world.Done},
		{"init --out other.md", world.Done},
		{"init --from /nowhere --out -", world.Wrong},
		{"init --form x", world.Usage},
		{"init policy.md", world.Usage},
		{"init --help", world.Done},
	} {
		var out, errs strings.Builder
		status := Main(strings.Fields(c.args), World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Clock: time.Now})
		if status != c.status {
			t.Errorf("avow %s: status %d, want %d\n%s", c.args, status, c.status, errs.String())
		}
	}
}
