// Package carry holds the commands by which people and houses are carried in and out: import, export of one person, backup.
package carry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/server"
)

// Import is avow import.
type Import struct {
	File         string            `arg:"" help:"The rows: CSV whose first row names the columns, or .jsonl."`
	Collection   string            `help:"Where they belong, such as contact." placeholder:"NAME"`
	Map          map[string]string `mapsep:"none" help:"Which field a column is; an empty FIELD leaves the column out. Columns named as their fields need none." placeholder:"COLUMN=FIELD"`
	Suppressions bool              `help:"The file is a list of those who get no letters, from another tool."`
	Confirmed    bool              `help:"These people confirmed their addresses in another tool. Who stopped letters here stays stopped."`
	DryRun       bool              `help:"Only hold the rows against a statement, and hand nothing over."`
	Statement    string            `help:"The statement to hold the rows against in a dry run." default:"statement.md" placeholder:"FILE"`
	Private      string            `help:"The private address of the avow that runs." default:"http://127.0.0.1:8081" placeholder:"URL"`
	Keys         string            `help:"Where the keys, and with them the staff token, are." default:"file:avow-keys" placeholder:"SPEC"`
}

// Help is what avow import --help says more.
func (*Import) Help() string {
	return `Hands rows over to a house that runs, as if each had come in by the form of the collection. They go in chunks of up
to 1,000; each chunk is one change with one entry in the log, done whole or not at all.

The file is UTF-8, divided by commas, semicolons or tabs; an empty cell is a value not given. It is read row by row,
whatever its size. Rows that do not fit are left out and written to FILE.refused.csv, each with its line and the
reason: put them right there and import that file. It holds personal information; delete it when you are done.

An import that was interrupted goes on where it was when it is started again; nothing is taken twice. Until it is done
it remembers how far it came in FILE.avow-import.

  avow import customers.csv --collection order --map "E-mail address=email" --map Remarks=
  avow import contacts.jsonl --collection contact --private http://127.0.0.1:8081 --keys file:/srv/avow/keys
  avow import customers.csv --collection order --dry-run --statement statement.md

With --suppressions the file is a list of addresses to which letters are stopped, as avow suppress takes it. An import
of people starts no letters to them.

  avow import --suppressions unsubscribed.csv

Exit status: 0 all rows were taken, 1 some were refused or it could not be done, 2 used wrongly.`
}

// worthABar is how many bytes take long enough to show progress.
const worthABar = 1 << 20

// Run runs avow import.
func (c *Import) Run(w *world.World) error {
	if c.Suppressions {
		return c.suppress(w)
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	digest, size, err := c.digest(f)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	counted := &counter{in: f}
	rows, err := open(c.File, counted)
	if err != nil {
		return err
	}
	i := &importing{Import: c, rows: rows, read: func() int64 { return counted.n }, size: size, bar: w.Progress("importing", worthABar)}
	if c.DryRun {
		i.hand, err = c.dry(w)
	} else {
		i.hand, err = c.house(w, digest)
	}
	if err != nil {
		return err
	}
	if err := i.begin(digest); err != nil {
		return err
	}
	if err := i.all(); err != nil {
		return errors.Join(err, i.bad.close())
	}
	return i.end(w)
}

// digest names what is imported, and where it goes: a changed file, or another
// mapping, is another import.
func (c *Import) digest(f io.Reader) (digest string, size int64, err error) {
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", c.File, err)
	}
	fmt.Fprintf(h, "\x00%s", c.Collection)
	if c.Confirmed {
		fmt.Fprint(h, "\x00confirmed")
	}
	for _, column := range slices.Sorted(maps.Keys(c.Map)) {
		fmt.Fprintf(h, "\x00%s\x00%s", column, c.Map[column])
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// A counter counts what is read.
type counter struct {
	in io.Reader
	n  int64
}

// Read reads on.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.n += int64(n)
	return n, err
}

// A hand takes a chunk of rows, and says which it did not take.
type hand func(chunk int, rows client.Rows) (*client.Imported, error)

// house hands rows over to the house that runs. The key of a chunk follows from
// the file, so that a chunk whose answer was lost is not taken twice.
func (c *Import) house(w *world.World, digest string) (hand, error) {
	running, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return nil, err
	}
	return func(chunk int, rows client.Rows) (*client.Imported, error) {
		ctx := client.WithKey(context.Background(), fmt.Sprintf("import-%s-%d", digest, chunk))
		if c.Confirmed {
			return running.ImportConfirmed(ctx, token, avow.Collection(c.Collection), rows)
		}
		return running.Import(ctx, token, avow.Collection(c.Collection), rows)
	}, nil
}

// dry holds rows against a statement as far as it says: which fields there are,
// which are required, and how long they may be.
func (c *Import) dry(w *world.World) (hand, error) {
	source, err := w.ReadStatement(c.Statement)
	if err != nil {
		return nil, err
	}
	s, found := statement.Compile(c.Statement, source, server.Keeps())
	if s == nil || found.Failed() {
		return nil, &changes.Uncompiled{Name: c.Statement, Source: source, Diagnostics: found}
	}
	to := s.Collection(avow.Collection(c.Collection))
	if to == nil {
		return nil, fmt.Errorf("%s declares no collection %q", c.Statement, c.Collection)
	}
	return func(_ int, rows client.Rows) (*client.Imported, error) {
		out := &client.Imported{}
		for i, values := range rows {
			if field, reason := fits(s, to, values); reason != "" {
				out.Refused = append(out.Refused, client.BadRow{Row: i, Field: field, Reason: reason})
				continue
			}
			out.Accepted++
		}
		return out, nil
	}, nil
}

// fits says why a row does not fit a collection.
func fits(s *statement.Statement, to *statement.Collection, values client.Values) (avow.Field, string) {
	for _, f := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(to.Fields, func(c statement.CollectedField) bool { return c.Name == f }) {
			return f, fmt.Sprintf("the collection %s does not ask for it", to.Name)
		}
		d := s.Datum(f)
		if d == nil {
			return f, "it is not declared"
		}
		if d.Max > 0 && len([]rune(values[f])) > d.Max {
			return f, fmt.Sprintf("it is longer than %d characters", d.Max)
		}
		if len(d.Choices) > 0 && !slices.Contains(d.Choices, values[f]) {
			return f, "it is none of the choices"
		}
	}
	for _, f := range to.Fields {
		if f.Required && strings.TrimSpace(values[f.Name]) == "" {
			return f.Name, "it is required"
		}
	}
	return "", ""
}
