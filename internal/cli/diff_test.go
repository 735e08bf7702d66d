package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong with the statements is 1, what is wrong with the command 2.
func TestDiffAndExportStatus(t *testing.T) {
	harbour := filepath.Join("..", "..", "examples", "harbour", "statement.md")
	for _, c := range []struct {
		args   string
		status int
	}{
		{"diff " + harbour + " " + harbour, done},
		{"diff " + harbour + " /nowhere.md", wrong},
		{"diff " + harbour + " -", wrong},
		{"diff " + harbour, usage},
		{"diff --xml a b", usage},
		{"export --format schema", done},
		{"export " + harbour, done},
		{"export -", wrong},
		{"export", usage},
		{"export --format xml " + harbour, usage},
	} {
		var out, errs bytes.Buffer
		got := Main(strings.Fields(c.args), World{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs})
		if got != c.status || (got == done) == (out.Len() == 0) || (got == done) != (errs.Len() == 0) {
			t.Errorf("avow %s: status %d, want %d\n%s", c.args, got, c.status, errs.String())
		}
	}
}
