package cli

import (
	"bytes"
	"github.com/avow-privacy/avow/internal/cli/world"
	"path/filepath"
	"strings"
	"testing"
)

// What is world.Wrong with the statements is 1, what is world.Wrong with the command 2.
func TestDiffAndExportStatus(t *testing.T) {
	harbour := filepath.Join("..", "..", "examples", "harbour", "statement.md")
	for _, c := range []struct {
		args   string
		status int
	}{
		{"diff " + harbour + " " + harbour, world.Done},
		{"diff " + harbour + " /nowhere.md", world.Wrong},
		{"diff " + harbour + " -", world.Wrong},
		{"diff " + harbour, world.Usage},
		{"diff --xml a b", world.Usage},
		{"export --format schema", world.Done},
		{"export " + harbour, world.Done},
		{"export -", world.Wrong},
		{"export", world.Usage},
		{"export --format xml " + harbour, world.Usage},
	} {
		var out, errs bytes.Buffer
		got := Main(strings.Fields(c.args), World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs})
		if got != c.status || (got == world.Done) == (out.Len() == 0) || (got == world.Done) != (errs.Len() == 0) {
			t.Errorf("avow %s: status %d, want %d\n%s", c.args, got, c.status, errs.String())
		}
	}
}
