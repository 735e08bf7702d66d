package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/receipt"
)

// Subject is avow subject.
type Subject struct {
	Export SubjectExport `cmd:"" help:"Write everything that is kept about one person."`
	Erase  SubjectErase  `cmd:"" help:"Forget one person, for good."`
}

// house is how a command finds the avow that runs.
type house struct {
	Private string `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// person is how a command finds one person.
type person struct {
	ID         string            `arg:"" optional:"" help:"The person, sub_…"`
	Where      map[string]string `mapsep:"none" help:"Find the person by an indexed field; - reads its value from standard input, so that it stands in no list of processes." placeholder:"FIELD=-"`
	Collection string            `help:"Where the value was handed over, for --where." default:"contact" placeholder:"NAME"`
	For        string            `help:"The purpose they are looked up for, for --where." default:"reply" placeholder:"PURPOSE"`
	As         string            `required:"" help:"Who does it." placeholder:"NAME"`
}

// Validate insists on one way to find the person.
func (p *person) Validate() error {
	if (p.ID == "") == (len(p.Where) == 0) || len(p.Where) > 1 {
		return errors.New("name the person by id, sub_…, or with one --where FIELD=-")
	}
	return nil
}

// find returns the id of the person.
func (p *person) find(w *world.World, running *client.Client, token string) (string, error) {
	if p.ID != "" {
		_, err := avow.ParseSubjectID(p.ID)
		if err != nil {
			err = errors.New("that is no id of a person, which looks like sub_ and 26 letters")
		}
		return p.ID, err
	}
	where := client.Values{}
	for f, v := range p.Where {
		if v == "-" {
			text, err := w.ReadSecret(f+": ", "")
			if err != nil {
				return "", err
			}
			v = strings.TrimSpace(string(text))
		}
		where[avow.Field(f)] = v
	}
	page, err := running.Read(context.Background(), token, client.Query{Collection: avow.Collection(p.Collection), Purpose: avow.Purpose(p.For),
		Actor: avow.Actor(p.As), Where: where, Limit: 1})
	if err != nil {
		return "", err
	}
	if len(page.Records) == 0 {
		return "", errors.New("nobody is found by that value")
	}
	return page.Records[0].Subject, nil
}

// SubjectExport is avow subject export.
type SubjectExport struct {
	person
	house
	Out string `help:"Write the package into this file, as JSON; - is standard output." placeholder:"FILE"`
}

// Help is what avow subject export --help says more.
func (*SubjectExport) Help() string {
	return `Opens everything that is kept about one person: each record, where it came in, under which version of the statement,
and everything that was done with it. A summary is printed; with --out the whole is written as JSON, for the person.
The export is itself entered in the log.

  avow subject export sub_06f3k2m8v1q4t7w9x0y2z5a8bc --as mia
  avow subject export --where email=- --as mia --out package.json < address.txt`
}

// Run runs avow subject export.
func (c *SubjectExport) Run(w *world.World) error {
	running, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	id, err := c.find(w, running, token)
	if err != nil {
		return err
	}
	all, err := running.Export(context.Background(), token, id, avow.Actor(c.As))
	if err != nil {
		return err
	}
	write := func(out io.Writer) error {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(all)
	}
	if c.Out == "-" {
		return write(w.Stdout)
	}
	if c.Out != "" {
		if err := world.WriteFile(c.Out, 0o600, write); err != nil {
			return err
		}
	}
	summary(w.Stdout, all)
	if c.Out != "" {
		fmt.Fprintf(w.Stdout, "wrote %s, which holds personal information\n", c.Out)
	}
	return nil
}

// summary prints a package as a person reads it.
func summary(out io.Writer, all *client.Package) {
	fmt.Fprintf(out, "%s: %s, %s\n", all.Subject, world.Count(len(all.Records), "record"), world.Count(len(all.Events), "event"))
	for _, r := range all.Records {
		fmt.Fprintf(out, "\n%s  %s, %s, version %d, until %s\n", r.ID, r.Collection, r.Collected.Format("2006-01-02 15:04"), r.Statement, r.Expires.Format("2006-01-02"))
		for _, f := range slices.Sorted(maps.Keys(r.Values)) {
			fmt.Fprintf(out, "  %s: %s\n", world.Printable(string(f)), strings.ReplaceAll(world.Printable(r.Values[f]), "\n", "\n    "))
		}
	}
	fmt.Fprintln(out)
	for _, packed := range all.Events {
		e, err := receipt.ParseEvent(packed.Event)
		if err != nil {
			continue // of a kind that this avow does not know; the package has it
		}
		fmt.Fprintf(out, "  %s  %-10s under %s, entry %d\n", e.At.Format("2006-01-02 15:04"), world.Printable(e.Type), world.Printable(string(e.Clause)), packed.Leaf)
	}
}

// SubjectErase is avow subject erase.
type SubjectErase struct {
	person
	house
	Receipt string `help:"Write the certificate of the erasure into this file." placeholder:"FILE"`
}

// Help is what avow subject erase --help says more.
func (*SubjectErase) Help() string {
	return `Forgets one person: the key, and with it the records, whatever they could be found by, and everything that was noted of
them. What stays is an entry in the log that tells nothing. It cannot be taken back, and no backup brings them back.

The certificate proves, to who has it, that the erasure is in the log; avow verify checks it.

  avow subject erase sub_06f3k2m8v1q4t7w9x0y2z5a8bc --as mia
  avow subject erase --where email=- --as mia --receipt erased.tlog-proof < address.txt`
}

// Run runs avow subject erase.
func (c *SubjectErase) Run(w *world.World) error {
	running, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	id, err := c.find(w, running, token)
	if err != nil {
		return err
	}
	gone, err := running.Erase(context.Background(), token, id, avow.Actor(c.As))
	if err != nil {
		return err
	}
	if c.Receipt != "" {
		err := world.WriteFile(c.Receipt, 0o600, func(out io.Writer) error {
			_, err := io.WriteString(out, gone.Receipt)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s is erased, but: %w", id, err)
		}
	}
	fmt.Fprintln(w.Stdout, "erased", id)
	return nil
}
