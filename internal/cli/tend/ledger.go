package tend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
)

// Ledger is avow ledger.
type Ledger struct {
	Status LedgerStatus `cmd:"" help:"Say where the log of a running avow stands."`
	Check  LedgerCheck  `cmd:"" help:"Hold log and rows to what was signed and kept."`
	Rotate LedgerRotate `cmd:"" help:"Begin a new log where the old one cannot go on."`
}

// running is how a command finds the avow that runs.
type running struct {
	Private string `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// LedgerStatus is avow ledger status.
type LedgerStatus struct {
	running
	JSON bool `name:"json" help:"Print the result as JSON."`
}

// Help is what avow ledger status --help says more.
func (*LedgerStatus) Help() string {
	return `Says how many entries the log has, when it was last signed, and how many witnesses cosigned.

  avow ledger status
  avow ledger status --private http://127.0.0.1:8081 --keys file:/srv/avow/keys --json

The JSON is what GET /v1/status answers: version, log (origin, size, root, signed, key, cosigned), keys, engine.`
}

// Run runs avow ledger status.
func (c *LedgerStatus) Run(w *world.World) error {
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	s, err := house.Status(context.Background(), token)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(w.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	printStatus(w, s)
	return nil
}

func printStatus(w *world.World, s *client.Status) {
	fmt.Fprintf(w.Stdout, "log       %s\nentries   %d\nsigned    %s\ncosigned  by %d witnesses\nkey       %s\nengine    %s, statement version %d, key epoch %d\n",
		s.Log.Origin, s.Log.Size, s.Log.Signed.UTC().Format("2 January 2006, 15:04:05 UTC"), s.Log.Cosigned, s.Log.Key,
		s.Engine, s.Version, s.Keys.Epoch)
}

// LedgerCheck is avow ledger check.
type LedgerCheck struct {
	place
	Quick bool `help:"Do not open every record, only every key."`
}

// Help is what avow ledger check --help says more.
func (*LedgerCheck) Help() string {
	return `Computes the whole log anew from its entries and compares it with its tiles, its head and what was signed; then reads
every row about a person, opens every key and every record, and compares the sum of all rows with the one that was kept
with each change. A row that was lost, altered, swapped or brought back is found. Nothing is changed. No avow may run on
the data folder meanwhile.

Each fault is printed in a line of its own. Exit status: 0 all is as it was kept, 1 there are faults, 2 used wrongly.

  avow ledger check --data /srv/avow/data --keys file:/srv/avow/keys
  avow ledger check --db postgres://localhost/avow --keys file:/srv/avow/keys`
}

// Run runs avow ledger check.
func (c *LedgerCheck) Run(w *world.World) error {
	return c.with(w, func(ctx context.Context, h *core) error {
		faults := 0
		fault := func(v any) {
			faults++
			fmt.Fprintln(w.Stdout, world.Printable(fmt.Sprint(v)))
		}
		if err := h.db.Check(ctx); err != nil {
			fault(err)
		}
		if h.ledgerErr != nil {
			fault(h.ledgerErr)
		} else if err := h.ledger.Verify(ctx); err != nil {
			fault(err)
		}
		if err := h.history(ctx); err != nil {
			fault(err)
		}
		rows, err := h.scan(ctx, w, !c.Quick, fault)
		if err != nil {
			return err
		}
		if faults > 0 {
			fmt.Fprintln(w.Stdout, world.Count(faults, "fault"))
			return world.ErrFound
		}
		fmt.Fprintf(w.Stdout, "all is as it was kept: %s of the log %s, %s about persons\n",
			entries(h.ledger.Status().Size), h.config.Origin, world.Count(rows, "row"))
		return nil
	})
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// scan holds the rows to the state that was kept with each commit.
func (h *core) scan(ctx context.Context, w *world.World, deep bool, fault func(any)) (rows int64, err error) {
	return rows, h.db.View(ctx, func(tx *store.Tx) error {
		found, err := h.vault.Scan(ctx, tx, deep, w.Progress("reading rows", 20_000))
		if err != nil {
			return err
		}
		rows = found.Rows
		if h.ledger != nil {
			if err := h.against(ctx, tx, found, fault); err != nil {
				return err
			}
		}
		for _, f := range found.Faults {
			fault(f)
		}
		if more := found.Found - int64(len(found.Faults)); more > 0 {
			fault(fmt.Sprintf("and %d more", more))
		}
		return nil
	})
}

// LedgerRotate is avow ledger rotate.
type LedgerRotate struct {
	place
	Reason string `required:"" help:"Why. Everybody can read it." placeholder:"TEXT"`
}

// Help is what avow ledger rotate --help says more.
func (*LedgerRotate) Help() string {
	return `Begins a new log where the old one cannot go on: after a backup was restored and the newer part of the log is lost, or
after a failover that lost what had been signed. The new log has a name of its own; its first entry says which log it
follows, how far that had come, and the reason. Receipts of the old log stay valid against the old log. Whoever was
erased since the older copy was made, and came back with it, is erased again.

This is a break that everybody can see, and is meant to be seen. Where the newer part of the log was published and is
still to be had, avow restore --log goes on without one. No avow may run meanwhile.

  avow ledger rotate --reason "restored the backup of 3 May after a disk failure" --data /srv/avow/data --keys file:/srv/avow/keys`
}

// Run runs avow ledger rotate.
func (c *LedgerRotate) Run(w *world.World) (err error) {
	ctx := context.Background()
	h, err := c.open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	// With an older copy those come back who were erased since.
	erased, err := ledger.ReadErased(h.config.HighWater)
	if err != nil {
		return err
	}
	again, err := backup.EraseAgain(ctx, h.db, h.keys, erased)
	if err != nil {
		return err
	}
	if again > 0 {
		fmt.Fprintf(w.Stdout, "erased again %s who had been erased since\n", world.Count(again, "person"))
	}
	origin, err := ledger.Rotate(ctx, h.db, h.config, c.Reason)
	if err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, "began the log %s, after %s\ntell whoever follows the log, witnesses too, that it goes on under this name\n", origin, h.config.Origin)
	return nil
}
