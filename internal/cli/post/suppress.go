package post

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// Suppress is avow suppress.
type Suppress struct {
	File    string `arg:"" optional:"" help:"The addresses; standard input if not given." placeholder:"FILE"`
	For     string `help:"The one purpose that it is about; everything if not given." placeholder:"PURPOSE"`
	Reason  string `help:"Why: import, staff, bounce or complaint. What the list says, if not given." enum:",import,staff,bounce,complaint" default:"" placeholder:"WHY"`
	Check   bool   `help:"Change nothing: say line by line whether letters are stopped."`
	Private string `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// Help is what avow suppress --help says more.
func (*Suppress) Help() string {
	return `Stops letters to a list of addresses, at once and for good: neither an import nor a backup that is put back starts
them again, only the person. The list is one address a line, CSV as other tools export it (columns such as email,
reason and date), or a JSON array, of any size. An address is never an argument: other users of the machine see those.

A stop that the list dates holds unless the person started letters after that date. Nobody is looked up, and no
command lists whom letters are stopped to.

  avow suppress unsubscribed.csv
  avow suppress --for news < addresses.txt
  avow suppress --check addresses.txt

Exit status: 0 all lines were taken, 1 some have no address or it could not be done, 2 used wrongly.`
}

// Run runs avow suppress.
func (c *Suppress) Run(w *world.World) error {
	in := w.Stdin
	if c.File != "" && c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil && strings.Contains(c.File, "@") {
			return errors.New("that is no file, but perhaps an address: give it on standard input, where other users of the machine do not see it")
		}
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	of := client.Suppressions{For: avow.Purpose(c.For), Reason: c.Reason}
	if c.Check {
		return c.check(w, house, token, in, of)
	}
	return world.Suppress(w, house, token, in, of)
}

// check says line by line whether letters are stopped.
func (c *Suppress) check(w *world.World, house *client.Client, token string, in io.Reader, of client.Suppressions) error {
	lines, err := house.CheckSuppressed(context.Background(), token, in, of)
	if err != nil {
		return err
	}
	bad := false
	for _, l := range lines {
		says := "not stopped"
		switch {
		case l.Bad:
			says, bad = "no e-mail address", true
		case l.Stopped:
			says = "stopped"
		}
		fmt.Fprintf(w.Stdout, "line %d: %s\n", l.Line, says)
	}
	if bad {
		return world.ErrFound
	}
	return nil
}
