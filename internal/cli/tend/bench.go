// Package tend holds the commands by which a house is looked after: its keys, its log, its witnesses, its tokens, its speed.
package tend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/avow-privacy/avow/internal/bench"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// Bench is avow bench.
type Bench struct {
	Only        []string `arg:"" optional:"" name:"measure" help:"Only these measures."`
	Connections int      `help:"How many connections ask at once." default:"64" placeholder:"N"`
	Seconds     float64  `help:"How long each side of each measure is asked." default:"5" placeholder:"N"`
	Subjects    int      `help:"How many persons are kept before anything is measured." default:"10000" placeholder:"N"`
	DB          string   `name:"db" help:"Measure on this empty database, which is left filled: postgres://…" placeholder:"URL"`
	Profile     string   `help:"Write a CPU profile of what is measured." placeholder:"FILE"`
	JSON        bool     `name:"json" help:"Print the result as JSON."`
}

// Help is what avow bench --help says more.
func (*Bench) Help() string {
	return `Starts a house of its own in a temporary folder, and beside it a bare net/http handler that decodes the same JSON,
keeps nothing and answers as many bytes. Both are asked the same over loopback, in short rounds that alternate, by the
same process: what counts is the ratio, house by bare handler.

  create       POST /v1/collect: a 600-byte record, durable, with its log entry and receipt
  read-email   POST /v1/reads: one record by e-mail address, for a purpose, with entry and receipt
  read-id      the same by the record's id
  update       PATCH /v1/records/ID: a correction, with entry and receipt
  erase        DELETE /v1/subjects/ID: a person with everything, with certificate
  decide       POST /v1/decisions: may this be used for that?
  receipt      GET /v1/receipts/LINK
  letter       POST /v1/messages: one recipient, decided on and queued, with entry and receipt
  ledger-tax   creates in this process, with the log (per_s) and without (bare_per_s), under the same group commit;
               here the ratio is without by with, so 1 is no tax

An answer that is an error fails the whole.

  avow bench
  avow bench create erase --connections 16 --seconds 2
  avow bench --subjects 5000000 --json > bench.json
  avow bench --db postgres://localhost/empty --profile cpu.pprof

The JSON is {"results":[…]} of objects with name, connections, per_s, bare_per_s, ratio, p50_ms, p99_ms, bare_p99_ms.`
}

// Validate refuses what cannot be measured.
func (c *Bench) Validate() error {
	if c.Connections < 1 || c.Connections > 4096 || c.Seconds <= 0 || c.Subjects < 0 {
		return errors.New("--connections is 1 to 4096, --seconds more than 0, --subjects 0 or more")
	}
	for _, name := range c.Only {
		if !slices.Contains(bench.Names, name) {
			return fmt.Errorf("there is no measure %q: %s", name, strings.Join(bench.Names, ", "))
		}
	}
	return nil
}

// Run runs avow bench.
func (c *Bench) Run(w *world.World) (err error) {
	dir, err := os.MkdirTemp("", "avow-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	o := bench.Options{Connections: c.Connections, Seconds: c.Seconds, Subjects: c.Subjects, DB: c.DB, Dir: dir, Clock: w.Clock,
		Progress: w.Stages(), Only: c.Only}
	if c.Profile != "" {
		f, err := os.Create(c.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		o.Profile = f
	}
	results, err := bench.Run(context.Background(), o)
	if err != nil {
		return err
	}
	return c.print(w, results)
}

func (c *Bench) print(w *world.World, results []bench.Result) error {
	if c.JSON {
		out := json.NewEncoder(w.Stdout)
		out.SetIndent("", "  ")
		return out.Encode(struct {
			Results []bench.Result `json:"results"`
		}{results})
	}
	t := tabwriter.NewWriter(w.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "measure\tper second\tbare\tratio\tp50 ms\tp99 ms\tbare p99 ms\t")
	for _, r := range results {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", r.Name, r.PerSecond, r.Bare, r.Ratio, r.P50, r.P99, r.BareP99)
	}
	return t.Flush()
}
