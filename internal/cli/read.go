package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

type readCommand struct {
	Collection string   `arg:"" help:"What to read, such as contact."`
	For        string   `required:"" help:"The purpose it is read for, such as reply." placeholder:"PURPOSE"`
	As         string   `required:"" help:"Who reads." placeholder:"NAME"`
	Fields     []string `help:"Only these fields; all that the collection has unless given." placeholder:"FIELD"`
	Private    string   `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys       string   `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
	JSON       bool     `name:"json" help:"Print one JSON record a line."`
}

func (*readCommand) Help() string {
	return `Reads what came in, for a purpose. The statement decides; what it forbids is refused, with the promise that
forbids it. Each record read is entered in the log of the person whose it is, before it is shown here.

  avow read contact --for reply --as mia
  avow read order --for deliver --as jonas --fields name,address --json`
}

// Run runs avow read.
func (c *readCommand) Run(w *World) error {
	running, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	query := client.Query{Collection: avow.Collection(c.Collection), Purpose: avow.Purpose(c.For), Actor: avow.Actor(c.As)}
	for _, f := range c.Fields {
		query.Fields = append(query.Fields, avow.Field(f))
	}
	total := 0
	for {
		page, err := running.Read(context.Background(), token, query)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := c.print(w.Stdout, r); err != nil {
				return err
			}
		}
		total += len(page.Records)
		if page.Next == "" {
			break
		}
		query.After = page.Next
	}
	if !c.JSON {
		fmt.Fprintf(w.Stdout, "%s of %s read for %s; each reading is in the log\n", world.Count(total, "record"), c.Collection, c.For)
	}
	return nil
}

func (c *readCommand) print(out io.Writer, r client.Record) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(r)
	}
	fmt.Fprintf(out, "%s  %s  version %d\n", r.ID, r.Collected.Format("2006-01-02 15:04"), r.Statement)
	for _, f := range slices.Sorted(maps.Keys(r.Values)) {
		value := strings.ReplaceAll(world.Printable(r.Values[f]), "\n", "\n    ")
		fmt.Fprintf(out, "  %s: %s\n", f, value)
	}
	fmt.Fprintln(out)
	return nil
}
