package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/server"
)

type publishCommand struct {
	File    string `arg:"" help:"The statement to put into force; - is standard input."`
	Data    string `help:"Folder of the database." default:"avow-data" placeholder:"DIR"`
	DB      string `name:"db" help:"The database, instead of a folder: postgres://…" placeholder:"URL"`
	Keys    string `help:"Where the keys are." default:"file:avow-keys" placeholder:"SPEC"`
	Private string `help:"Publish through the avow that runs at this private address, instead of opening the folder." placeholder:"URL"`
}

func (*publishCommand) Help() string {
	return `Puts a new version of the statement into force: it is compiled, dated, compared with the version before,
entered in the public log, and never changed again. A changed text with an old date is refused.

Every record stays under the version it was collected under; how many is printed.
While avow serve runs, it has the data folder; publish through it with --private.

  avow publish statement.md
  avow publish statement.md --data /srv/avow/data --keys file:/srv/avow/keys
  avow publish statement.md --private http://127.0.0.1:8081 --keys file:/srv/avow/keys`
}

// Run runs avow publish.
func (c *publishCommand) Run(w *World) error {
	ctx := context.Background()
	source, err := w.ReadStatement(c.File)
	if err != nil {
		return err
	}
	if c.Private != "" {
		return c.through(ctx, w, source)
	}
	s, err := server.New(ctx, server.Config{Data: c.Data, DB: c.DB, Keys: c.Keys, Passphrase: w.KeyOptions().Passphrase, Credentials: w.KeyOptions().Credentials,
		Clock: w.Clock, Statement: source, StatementName: c.File, Publish: true})
	if err != nil {
		return err
	}
	p := s.Published
	report(w.Stdout, &client.Published{Version: p.Version, Class: p.Class, Leaf: p.Leaf, Already: p.Already, Pinned: p.Pinned})
	return s.Close()
}

// through publishes by the avow that is running.
func (c *publishCommand) through(ctx context.Context, w *World, source []byte) error {
	avow, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	p, err := avow.Publish(ctx, token, source)
	if err != nil {
		return err
	}
	report(w.Stdout, p)
	return nil
}

func report(out io.Writer, p *client.Published) {
	if p.Already {
		fmt.Fprintf(out, "version %d is in force already, word for word; nothing to do\n", p.Version)
		return
	}
	fmt.Fprintf(out, "published version %d (%s), entry %d of the log\n", p.Version, p.Class, p.Leaf)
	for _, v := range slices.Sorted(maps.Keys(p.Pinned)) {
		if v != p.Version {
			fmt.Fprintf(out, "%d records stay under version %d\n", p.Pinned[v], v)
		}
	}
}
