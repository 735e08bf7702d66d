package cli

import (
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/revision"
	"github.com/avow-privacy/avow/server"
)

type diffCommand struct {
	A    string `arg:"" help:"The earlier statement; - is standard input."`
	B    string `arg:"" help:"The later statement."`
	JSON bool   `name:"json" help:"Print the change as JSON, in a form that stays as it is."`
}

func (*diffCommand) Help() string {
	return `Says what changed from one statement to another, in its words and in its rules, and for whom it matters:

  wording   the rules and promises are the same
  narrower  less is done than before, or more is promised
  wider     more may be done than before, or less is promised

One change that is wider makes the whole wider, and so does one that cannot be weighed.

Exit status: 0 whenever both compile, whatever changed; 1 if one does not; 2 used wrongly.
The JSON form is described in the package documentation of internal/revision; "class" is the first key.

  avow diff statement-2025.md statement.md
  git show HEAD~1:statement.md | avow diff - statement.md --json`
}

// Run runs avow diff.
func (c *diffCommand) Run(w *World) error {
	a, errA := w.Compile(c.A, server.Keeps())
	b, errB := w.Compile(c.B, server.Keeps())
	if errA != nil && errB != nil {
		world.Complain(w.Stderr, errA) // both are shown: who mends two files wants to see both lists
	}
	for _, err := range []error{errB, errA} {
		if err != nil {
			return err
		}
	}
	change := revision.Compare(a, b)
	if !c.JSON {
		return change.WriteText(w.Stdout, c.A, c.B, w.Coloured(w.Stdout))
	}
	out, err := change.JSON()
	if err != nil {
		return err
	}
	_, err = w.Stdout.Write(append(out, '\n'))
	return err
}
