package carry

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// importing is an import under way.
type importing struct {
	*Import
	rows source
	hand hand
	read func() int64 // how much of the file was read
	size int64
	bar  func(done, total int64)

	state state
	bad   refused
}

// A state is how far an import came. It is kept after each chunk.
type state struct {
	Import   string `json:"import"`   // names the import
	Chunks   int    `json:"chunks"`   // that were handed over
	Accepted int    `json:"accepted"` // rows
	Refused  int    `json:"refused"`
	Bytes    int64  `json:"bytes"` // of the file of refused rows
}

func (i *importing) stateFile() string   { return i.File + ".avow-import" }
func (i *importing) refusedFile() string { return i.File + ".refused.csv" }

// begin goes on with an import that was interrupted, or begins a new one.
func (i *importing) begin(digest string) error {
	i.state = state{Import: digest}
	if i.DryRun {
		return i.bad.open(i.refusedFile()+".dry", 0, i.rows.columns())
	}
	text, err := os.ReadFile(i.stateFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		var kept state
		if json.Unmarshal(text, &kept) != nil || kept.Import != digest {
			return fmt.Errorf("%s is of an import that was interrupted, and the file, its collection or its mapping has changed since: "+
				"put it back as it was to go on, or remove %[1]s to begin anew", i.stateFile())
		}
		i.state = kept
	}
	return i.bad.open(i.refusedFile(), i.state.Bytes, i.rows.columns())
}

// A chunk is what is handed over at once.
type chunk struct {
	rows client.Rows
	from []row // where each comes from
	bad  []row // rows that were never handed over
	size int
	last bool
}

// maxChunk is how many bytes of values are handed over at once.
const maxChunk = 4 << 20

// all hands over chunk by chunk. Where chunks begin and end follows from the
// file alone.
func (i *importing) all() error {
	done := i.state.Chunks
	for n := 0; ; n++ {
		c, err := i.chunk()
		if err != nil {
			return fmt.Errorf("read %s: %w", i.File, err)
		}
		if n >= done {
			if err := i.hand1(n, c); err != nil {
				return err
			}
		}
		i.bar(i.read(), i.size)
		if c.last {
			return nil
		}
	}
}

func (i *importing) chunk() (c chunk, err error) {
	for len(c.rows)+len(c.bad) < client.MaxAtOnce && c.size < maxChunk {
		r, err := i.rows.next()
		if errors.Is(err, io.EOF) {
			c.last = true
			break
		}
		if err != nil {
			return c, err
		}
		if r.bad != "" {
			c.bad = append(c.bad, r)
			continue
		}
		values := i.values(r)
		for _, v := range values {
			c.size += len(v)
		}
		c.rows, c.from = append(c.rows, values), append(c.from, r)
	}
	return c, nil
}

// values are the cells of a row by field.
func (i *importing) values(r row) client.Values {
	values := client.Values{}
	put := func(column, cell string) {
		field, mapped := i.Map[column]
		if !mapped {
			field = column
		}
		if field != "" && cell != "" {
			values[avow.Field(field)] = cell
		}
	}
	columns := i.rows.columns()
	if columns == nil {
		for n := 0; n < len(r.cells); n += 2 {
			put(r.cells[n], r.cells[n+1])
		}
		return values
	}
	for n, cell := range r.cells {
		put(columns[n], cell)
	}
	return values
}

// hand1 hands one chunk over, and notes what became of it.
func (i *importing) hand1(n int, c chunk) error {
	taken := &client.Imported{}
	if len(c.rows) > 0 {
		var err error
		if taken, err = i.hand(n, c.rows); err != nil {
			return fmt.Errorf("after %s, at line %d: %w", world.Count(i.state.Accepted, "row"), c.from[0].line, err)
		}
	}
	if n == 0 && taken.Accepted == 0 && len(taken.Refused) > 1 && !i.DryRun {
		first := taken.Refused[0]
		return fmt.Errorf("none of the first %s was taken; line %d: %s: %s. Say with --map which column is which field",
			world.Count(len(c.rows), "row"), c.from[first.Row].line, world.Printable(string(first.Field)), first.Reason)
	}
	if err := i.putAside(c, taken.Refused); err != nil {
		return err
	}
	i.state.Chunks, i.state.Accepted, i.state.Refused = n+1, i.state.Accepted+taken.Accepted, i.state.Refused+len(c.bad)+len(taken.Refused)
	if i.DryRun {
		return nil
	}
	var err error
	if i.state.Bytes, err = i.bad.sync(); err != nil {
		return err
	}
	text, err := json.Marshal(i.state)
	if err != nil {
		return err
	}
	return world.WriteFile(i.stateFile(), 0o600, func(out io.Writer) error {
		_, err := out.Write(text)
		return err
	})
}

// putAside writes the rows that were not taken in the order of the file.
func (i *importing) putAside(c chunk, refused []client.BadRow) error {
	type fault struct {
		row
		field string
	}
	var all []fault
	for _, r := range c.bad {
		all = append(all, fault{r, ""})
	}
	for _, b := range refused {
		if b.Row < 0 || b.Row >= len(c.from) {
			return errors.New("the house refused a row that it was not given")
		}
		r := c.from[b.Row]
		r.bad = b.Reason
		all = append(all, fault{r, string(b.Field)})
	}
	slices.SortStableFunc(all, func(a, b fault) int { return a.line - b.line })
	for _, f := range all {
		i.bad.add(f.row, f.field, f.bad)
	}
	return nil
}

// end says what became of all, and leaves only the refused rows behind.
func (i *importing) end(w *world.World) error {
	if err := i.bad.close(); err != nil {
		return err
	}
	did := "imported"
	if i.DryRun {
		did = "would import"
	} else if err := os.Remove(i.stateFile()); err != nil {
		return err
	}
	fmt.Fprintf(w.Stdout, "%s %s into %s\n", did, world.Count(i.state.Accepted, "row"), i.Collection)
	if i.state.Refused == 0 {
		return nil
	}
	fmt.Fprintf(w.Stdout, "%s refused; see %s, which holds personal information\n", world.Count(i.state.Refused, "row"), i.bad.name)
	return world.ErrFound
}

// refused are the rows that were not taken, in a file that is made with the
// first of them.
type refused struct {
	name    string
	size    int64
	columns []string
	file    *os.File
	out     *csv.Writer
	err     error
}

// open goes on after size bytes; what came later is of a chunk that will be
// handed over again.
func (r *refused) open(name string, size int64, columns []string) error {
	if columns == nil {
		columns = []string{"row"}
	}
	r.name, r.size, r.columns = name, size, columns
	if size == 0 {
		err := os.Remove(name)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	return r.start()
}

func (r *refused) start() (err error) {
	if r.file, err = os.OpenFile(r.name, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := errors.Join(r.file.Chmod(0o600), r.file.Truncate(r.size)); err != nil {
		return err
	}
	_, err = r.file.Seek(0, io.SeekEnd)
	r.out = csv.NewWriter(r.file)
	return err
}

func (r *refused) add(w row, field, reason string) {
	if r.file == nil && r.err == nil {
		if r.err = r.start(); r.err == nil {
			r.err = r.out.Write(append([]string{"line", "field", "reason"}, r.columns...))
		}
	}
	if r.err != nil {
		return
	}
	cells := w.cells
	if w.raw != "" {
		cells = []string{w.raw}
	}
	r.err = r.out.Write(append([]string{strconv.Itoa(w.line), field, reason}, cells...))
}

// sync makes what was added durable, and says how much it is.
func (r *refused) sync() (int64, error) {
	if r.file == nil || r.err != nil {
		return r.size, r.err
	}
	r.out.Flush()
	if err := errors.Join(r.out.Error(), r.file.Sync()); err != nil {
		return 0, err
	}
	return r.file.Seek(0, io.SeekCurrent)
}

func (r *refused) close() error {
	if r.file == nil {
		return r.err
	}
	_, err := r.sync()
	return errors.Join(err, r.file.Close())
}
