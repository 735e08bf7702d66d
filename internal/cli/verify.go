package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/receipt"
)

type verifyCommand struct {
	Receipt string `arg:"" optional:"" help:"The receipt, a file or - for standard input."`
	Key     string `help:"The log's key, or a file with it: what is checked must be signed by this one." placeholder:"VKEY|FILE"`
	Log     string `help:"Check a whole log, at its address or in a folder with its files." placeholder:"URL|DIR"`
	JSON    bool   `name:"json" help:"Print the result as JSON."`
}

func (*verifyCommand) Help() string {
	return `Checks a receipt: that the event in it was recorded in the log, and that the log signed for it. This needs
neither the network nor the site. With --log it reads a whole log, checks each entry and the signature, and, if
a receipt is given too, that the log still holds all it held when the receipt was made.

  avow verify receipt.tlog-proof
  avow verify receipt.tlog-proof --key harbour.example/log+1a2b3c4d+AZ…
  avow verify --log https://harbour.example/log --key log.vkey
  avow verify receipt.tlog-proof --log https://harbour.example/log

With --json it prints one object: "ok", and "error" if that is false; for a receipt "receipt" with the members
event, origin, size, index, key and pinned; for a log "log" with origin, size, root, key, pinned, entries (how many
of each kind) and since (the size that the receipt was made at). pinned says that the key came from --key.`
}

// Validate refuses a command with nothing to do.
func (c *verifyCommand) Validate() error {
	if c.Receipt == "" && c.Log == "" {
		return errors.New("give a receipt to check, or --log with a log")
	}
	return nil
}

// A verdict is what avow verify found, as --json prints it.
type verdict struct {
	OK      bool            `json:"ok"`
	Error   string          `json:"error,omitempty"`
	Receipt *receiptVerdict `json:"receipt,omitempty"`
	Log     *logVerdict     `json:"log,omitempty"`
}

type receiptVerdict struct {
	Event  receipt.Event `json:"event"`
	Origin string        `json:"origin"`
	Size   int64         `json:"size"`
	Index  int64         `json:"index"`
	Key    string        `json:"key"`
	Pinned bool          `json:"pinned"`
}

type logVerdict struct {
	Origin  string           `json:"origin"`
	Size    int64            `json:"size"`
	Root    []byte           `json:"root"`
	Key     string           `json:"key"`
	Pinned  bool             `json:"pinned"`
	Entries map[string]int64 `json:"entries"`
	Since   int64            `json:"since"`
}

// Run runs avow verify.
func (c *verifyCommand) Run(w *World) error {
	var v verdict
	err := c.check(w, &v)
	v.OK = err == nil
	if !c.JSON {
		if err == nil {
			v.print(w.Stdout)
		}
		return err
	}
	if err != nil {
		v = verdict{Error: err.Error()}
	}
	out := json.NewEncoder(w.Stdout)
	out.SetEscapeHTML(false)
	if err := out.Encode(v); err != nil {
		return err
	}
	if !v.OK {
		return world.ErrFound
	}
	return nil
}

func (c *verifyCommand) check(w *World, v *verdict) error {
	key, err := world.VerifierKey(c.Key)
	if err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	var held []byte // the checkpoint in the receipt
	if c.Receipt != "" {
		if v.Receipt, held, err = c.checkReceipt(w.Stdin, key); err != nil {
			return err
		}
		key = v.Receipt.Key
	}
	if c.Log == "" {
		return nil
	}
	report, err := receipt.CheckLog(world.LogFetcher(c.Log), receipt.LogOptions{Key: key, Old: held, Progress: w.Progress("checking entries", worthABar)})
	if err != nil {
		return fmt.Errorf("the log does not hold: %w", err)
	}
	v.Log = &logVerdict{report.Origin, report.Size, report.Root[:], report.Key, c.Key != "", report.Kinds, report.Old}
	return nil
}

func (c *verifyCommand) checkReceipt(stdin io.Reader, key string) (*receiptVerdict, []byte, error) {
	text, err := readReceipt(c.Receipt, stdin)
	if err != nil {
		return nil, nil, err
	}
	r, err := receipt.Verify(text, receipt.Options{Key: key})
	if err != nil {
		return nil, nil, fmt.Errorf("the receipt does not hold: %w", err)
	}
	p, err := receipt.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	return &receiptVerdict{r.Event, r.Origin, r.Size, r.Index, r.Key, r.Pinned}, p.Checkpoint, nil
}

func readReceipt(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(stdin, world.MaxSmall))
	}
	return world.ReadSmall(name)
}

// worthABar is how many entries take long enough to show progress.
const worthABar = 20_000

func (v *verdict) print(out io.Writer) {
	if v.Receipt != nil {
		v.Receipt.print(out)
	}
	if v.Receipt != nil && v.Log != nil {
		fmt.Fprintln(out)
	}
	if v.Log != nil {
		v.Log.print(out)
	}
}

func (r *receiptVerdict) print(out io.Writer) {
	e := r.Event
	fmt.Fprintf(out, "The receipt holds.\n\n")
	fmt.Fprintf(out, "  what   %s, under the promise %q of statement version %d\n", world.Printable(e.Type), e.Clause, e.Statement)
	for _, name := range slices.Sorted(maps.Keys(e.X)) {
		fmt.Fprintf(out, "         %s: %s\n", world.Printable(name), world.Printable(words(e.X[name])))
	}
	fmt.Fprintf(out, "  when   %s\n", e.At.Format("2 January 2006, 15:04:05 UTC"))
	fmt.Fprintf(out, "  where  entry %d of %s, which had %d entries\n", r.Index, r.Origin, r.Size)
	fmt.Fprintf(out, "  key    %s\n\n", r.Key)
	fmt.Fprintln(out, "Proven: this event stands in that log, and the log signed for it. Nobody can take it out without being noticed.")
	notProven(out, r.Pinned, "receipt")
}

// words prints a value of JSON as a person would.
func words(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = words(item)
	}
	return strings.Join(parts, ", ")
}

func (l *logVerdict) print(out io.Writer) {
	fmt.Fprintf(out, "The log holds.\n\n")
	fmt.Fprintf(out, "  log      %s\n", l.Origin)
	fmt.Fprintf(out, "  entries  %d, of which %d about persons\n", l.Size, l.Entries["e"])
	fmt.Fprintf(out, "  key      %s\n\n", l.Key)
	fmt.Fprintln(out, "Proven: every entry is there and well formed, every tile fits, and the signature covers all of it.")
	if l.Since > 0 {
		fmt.Fprintf(out, "Proven: the first %d entries are those that the log had when the receipt was made.\n", l.Since)
	}
	notProven(out, l.Pinned, "log")
}

func notProven(out io.Writer, pinned bool, from string) {
	if pinned {
		fmt.Fprintln(out, "The key is the one you gave.")
		return
	}
	fmt.Fprintf(out, "Not proven: whose log it is, because the key came with the %s. Compare it with the key that the site\n"+
		"publishes, and give that with --key.\n", from)
}
