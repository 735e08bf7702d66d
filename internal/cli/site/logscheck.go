package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/scrub"
)

// mostNamed is how many rows of lines are named of each kind.
const mostNamed = 20

// holding is what a log still holds of one kind, and on which lines: rows of
// first and last.
type holding struct {
	Kind  scrub.Kind `json:"kind"`
	Count int64      `json:"count"`
	Lines [][2]int64 `json:"lines"`
	More  bool       `json:"more,omitempty"` // there are more lines than are named
}

// checked is what a log still holds.
type checked struct {
	Name  string    `json:"name"`
	Lines int64     `json:"lines"`
	Found []holding `json:"found"`
}

// check says what scrubbing would remove.
func (c *Logs) check(w *world.World, logs []log) error {
	var all []checked
	bad := false
	read := progress(w, logs)
	each := func(name string, in io.Reader) error {
		one, err := c.inspect(w, name, in)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all, bad = append(all, one), bad || len(one.Found) > 0
		return nil
	}
	if len(logs) == 0 {
		if err := each("standard input", w.Stdin); err != nil {
			return err
		}
	}
	for _, l := range logs {
		in, err := open(l.name, read)
		if err != nil {
			return err
		}
		if err := errors.Join(each(l.name, in), in.Close()); err != nil {
			return err
		}
	}
	if err := c.report(w.Stdout, all); err != nil || !bad {
		return err
	}
	return world.ErrFound
}

func (c *Logs) inspect(w *world.World, name string, in io.Reader) (checked, error) {
	i := &inspector{s: c.scrubber(w), of: checked{Name: name, Found: []holding{}}}
	lines := i.s.Writer(i)
	err := errors.Join(pour(lineByLine{lines}, in), lines.Close())
	for _, f := range i.kinds {
		if f.Count > 0 {
			i.of.Found = append(i.of.Found, f)
		}
	}
	return i.of, err
}

// lineByLine hands on what is written in lines, so that each comes out by
// itself.
type lineByLine struct{ to io.Writer }

func (l lineByLine) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		if _, err := l.to.Write(rest[:end]); err != nil {
			return 0, err
		}
		rest = rest[end:]
	}
	return len(p), nil
}

// An inspector is told of each line after it was scrubbed.
type inspector struct {
	s     *scrub.Scrubber
	of    checked
	seen  int64
	last  scrub.Summary
	kinds [scrub.Long + 1]holding
}

func (i *inspector) Write(p []byte) (int, error) {
	i.of.Lines++
	if n := i.s.Removed(); n != i.seen {
		i.seen = n
		now := i.s.Summary()
		for k, count := range now.Removed {
			if more := count - i.last.Removed[k]; more > 0 {
				i.kinds[k].add(k, more, i.of.Lines)
			}
		}
		i.last = now
	}
	return len(p), nil
}

func (f *holding) add(k scrub.Kind, count, line int64) {
	f.Kind, f.Count = k, f.Count+count
	switch n := len(f.Lines); {
	case n > 0 && f.Lines[n-1][1] == line-1 && !f.More:
		f.Lines[n-1][1] = line
	case n == mostNamed:
		f.More = true
	default:
		f.Lines = append(f.Lines, [2]int64{line, line})
	}
}

// report names kinds and lines, never values.
func (c *Logs) report(out io.Writer, all []checked) error {
	if c.JSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Logs []checked `json:"logs"`
		}{all})
	}
	for _, one := range all {
		if len(one.Found) == 0 {
			fmt.Fprintf(out, "%s: %s, nothing personal found\n", one.Name, world.Count(one.Lines, "line"))
		}
		for _, f := range one.Found {
			fmt.Fprintf(out, "%s: %d %s, line %s\n", one.Name, f.Count, f.Kind, f.where())
		}
	}
	return nil
}

func (f *holding) where() string {
	var rows []string
	for _, r := range f.Lines {
		if r[0] == r[1] {
			rows = append(rows, fmt.Sprint(r[0]))
		} else {
			rows = append(rows, fmt.Sprintf("%d-%d", r[0], r[1]))
		}
	}
	if f.More {
		rows = append(rows, "…")
	}
	return strings.Join(rows, ", ")
}
