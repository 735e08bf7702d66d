package post

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// Egress is avow egress.
type Egress struct {
	Plan  EgressPlan  `cmd:"" help:"See what a recipient would be given."`
	Run   EgressRun   `cmd:"" help:"Write a recipient's list, closed to their key."`
	To    EgressTo    `cmd:"" help:"Say how a recipient is reached."`
	Whose EgressWhose `cmd:"" help:"Ask whose list somebody invented was in."`
}

// giver is how the commands of avow egress find the avow that runs.
type giver struct {
	Private string `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// EgressPlan is avow egress plan.
type EgressPlan struct {
	giver
	Name string `arg:"" help:"A recipient of the statement, such as courier."`
	As   string `required:"" help:"Who does it." placeholder:"NAME"`
	JSON bool   `name:"json" help:"Print the result as JSON."`
}

// Help is what avow egress plan --help says more.
func (*EgressPlan) Help() string {
	return `Says what a recipient would be given: how many rows, of which fields, for what, under which version of the statement, and how
many are kept back and why. Nothing of a row is told, and nothing is entered in the log. Reasons are pin (the promise it was
collected under forbids it), no such field, expired, stopped (letters to the address were stopped) and signal (the person's
browser opted out).

  avow egress plan courier --as mia
  avow egress plan courier --as mia --json

The JSON is an object with recipient, fields, for, contract, until, key, tell, rows, kept, canaries and lots (collection,
statement, fields, for, rows, kept, clause and reason).`
}

// Run runs avow egress plan.
func (c *EgressPlan) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	p, err := house.PlanList(context.Background(), token, c.Name, avow.Actor(c.As))
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(w.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(p)
	}
	return sayPlan(w.Stdout, p)
}

func sayPlan(out io.Writer, p *client.ListPlan) error {
	fmt.Fprintf(out, "%s would be given %s with %s, for %s, and %s\n", p.Recipient, world.Count(p.Rows, "row"), names(p.Fields), names(p.For), people(p.Canaries))
	fmt.Fprintf(out, "bound by %s", p.Contract)
	if p.Until != "" {
		fmt.Fprintf(out, ", until %s", p.Until)
	}
	fmt.Fprintln(out)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ncollection\tversion\trows\tfields\tkept back")
	for _, l := range p.Lots {
		var kept []string
		for _, why := range slices.Sorted(maps.Keys(l.Kept)) {
			kept = append(kept, fmt.Sprintf("%d: %s", l.Kept[why], why))
		}
		if l.Reason != "" {
			kept = append(kept, fmt.Sprintf("refused by %s: %s", l.Clause, l.Reason))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", l.Collection, l.Statement, l.Rows, names(l.Fields), strings.Join(kept, "; "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.Key == "" {
		fmt.Fprintf(out, "\nThere is no key to close the list to: avow egress to %s --key age1…\n", p.Recipient)
	}
	if p.Tell == "" {
		fmt.Fprintf(out, "\nThey cannot be told of opt-outs and erasures: avow egress to %s --tell https://… or mailto:…\n", p.Recipient)
	}
	return nil
}

func names[S ~string](all []S) string {
	text := make([]string, len(all))
	for i, n := range all {
		text[i] = string(n)
	}
	return strings.Join(text, ", ")
}

// EgressRun is avow egress run.
type EgressRun struct {
	giver
	Name   string `arg:"" help:"A recipient of the statement, such as courier."`
	As     string `required:"" help:"Who does it." placeholder:"NAME"`
	Out    string `short:"o" help:"The file to write; NAME.csv.age if not given." placeholder:"FILE"`
	Format string `help:"${enum}." enum:"csv,jsonl" default:"csv"`
}

// Help is what avow egress run --help says more.
func (*EgressRun) Help() string {
	return `Writes the list of a recipient into a file that nobody but they can open: it is closed to their age key on the way, and
never stands anywhere in clear. Before a row is opened the log has, person by person, who was given what, for which purpose
and under which contract. In csv, what a spreadsheet would take for a formula gets an apostrophe in front; jsonl is exact.
The list carries a few invented people, so that a leak names its source: do not look for them.

  avow egress run courier --as mia -o courier.csv.age
  avow egress run courier --as mia --format jsonl

The recipient opens it with their secret key: age -d -i key.txt courier.csv.age`
}

// Run runs avow egress run.
func (c *EgressRun) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	if c.Out == "" {
		c.Out = c.Name + "." + c.Format + ".age"
	}
	var given *client.List
	err = world.WriteFile(c.Out, 0o600, func(out io.Writer) (err error) {
		given, err = house.GiveList(context.Background(), token, c.Name, c.Format, avow.Actor(c.As), &counted{to: out, progress: w.Progress("Writing "+c.Out, -1)})
		return err
	})
	if err != nil {
		return err
	}
	kept := ""
	if given.Kept > 0 {
		kept = fmt.Sprintf("; %s kept back, see avow egress plan %s", world.Count(given.Kept, "row"), c.Name)
	}
	fmt.Fprintf(w.Stdout, "wrote %s: %s and %s, closed to the key of %s; entry %d of the log%s\n",
		c.Out, world.Count(given.Rows, "row"), people(given.Canaries), c.Name, given.Leaf, kept)
	return nil
}

func people[N int | int64](n N) string {
	if n == 1 {
		return "1 invented person"
	}
	return fmt.Sprintf("%d invented people", n)
}

// counted shows how much was written. How much there will be nobody knows.
type counted struct {
	to       io.Writer
	n        int64
	progress func(done, total int64)
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.to.Write(b)
	c.n += int64(n)
	c.progress(c.n, -1)
	return n, err
}

// EgressTo is avow egress to.
type EgressTo struct {
	giver
	Name string `arg:"" help:"A recipient of the statement, such as courier."`
	Key  string `help:"Their public age key, to which lists are closed." placeholder:"age1…"`
	Tell string `help:"Where they are told of opt-outs and erasures." placeholder:"https://…|mailto:…"`
}

// Help is what avow egress to --help says more.
func (*EgressTo) Help() string {
	return `Says how a recipient is reached. They make their key themselves (age-keygen, or age-keygen -pq for one that no quantum computer
opens), keep the secret half, and send you the public one. What is not given stays as it was. The log says that it changed.

A webhook gets {"type": "erased" or "stopped", "ref": …, "purpose": …, "at": …, "acknowledge": …}, signed as Standard
Webhooks has it (v1a); the key to check it by is at /privacy/recipients. Answering 200 or 204 says that it was done, 202 that
it was received and will be acknowledged. A letter holds the references and one link to acknowledge all. Whoever does
neither is asked again every three days.

  avow egress to courier --key age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p --tell https://courier.example/avow
  avow egress to courier --tell mailto:lists@courier.example`
}

// Validate is for kong: it says what is missing.
func (c *EgressTo) Validate() error {
	if c.Key == "" && c.Tell == "" {
		return errors.New("give --key age1…, or --tell https://… or mailto:…, or both")
	}
	return nil
}

// Run runs avow egress to.
func (c *EgressTo) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	if err := house.Reach(context.Background(), token, c.Name, c.Key, c.Tell); err != nil {
		return err
	}
	var set []string
	if c.Key != "" {
		set = append(set, "lists are closed to the new key")
	}
	if c.Tell != "" {
		set = append(set, "they are told of opt-outs and erasures")
	}
	fmt.Fprintf(w.Stdout, "%s: %s\n", c.Name, strings.Join(set, ", "))
	return nil
}

// EgressWhose is avow egress whose.
type EgressWhose struct{ giver }

// Help is what avow egress whose --help says more.
func (*EgressWhose) Help() string {
	return `Reads lines from standard input, such as the address on a parcel that came for nobody you know, and says which recipient was given
the invented person it is for. What comes by mail is found by the house itself. Whoever is found counts as touched from then
on, and the log says so. It exits 1 if somebody is found.

  echo 'c/o Harbour Instruments Ltd, Ref. 7KQ4M-MX2R9' | avow egress whose`
}

// Run runs avow egress whose.
func (c *EgressWhose) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	var lines []string
	in := bufio.NewScanner(w.Stdin)
	for in.Scan() {
		lines = append(lines, strings.ToValidUTF8(in.Text(), ""))
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	total, first := 0, 0
	for part := range slices.Chunk(lines, client.MaxAtOnce) {
		found, err := house.Whose(context.Background(), token, part)
		if err != nil {
			return err
		}
		for _, f := range found {
			fmt.Fprintf(w.Stdout, "line %d: an invented person of the list that %s was given on %s\n", first+f.Line, f.Recipient, f.Given.UTC().Format(time.DateOnly))
		}
		total, first = total+len(found), first+len(part)
	}
	if total > 0 {
		return world.ErrFound
	}
	fmt.Fprintf(w.Stdout, "nobody invented in %s\n", world.Count(len(lines), "line"))
	return nil
}
