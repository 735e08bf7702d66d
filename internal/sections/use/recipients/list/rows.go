package list

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/avow-privacy/avow"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Rows writes a list.
type Rows interface {
	// Row writes one row. A field without a value is empty.
	Row(ref Ref, values map[avow.Field][]byte) error
	// End writes what was not written yet.
	End() error
}

// New writes a list to w, as csv or jsonl, with these columns after the
// reference.
func New(format string, w io.Writer, columns []avow.Field) Rows {
	out := bufio.NewWriterSize(w, 64<<10)
	if format == "jsonl" {
		return &jsonRows{out, columns}
	}
	c := &csvRows{out: out, columns: columns}
	head := [][]byte{[]byte("ref")}
	for _, f := range columns {
		head = append(head, []byte(f))
	}
	_ = c.write(head) // an error stays with out, and End returns it
	return c
}

// csvRows writes RFC 4180. Every cell is quoted, so that no spreadsheet finds
// another separator in it, and none is a formula: see Cell.
type csvRows struct {
	out     *bufio.Writer
	columns []avow.Field
	b       []byte
}

func (c *csvRows) Row(ref Ref, values map[avow.Field][]byte) error {
	line := make([][]byte, 1, 1+len(c.columns))
	line[0] = []byte(ref.String())
	for _, f := range c.columns {
		line = append(line, values[f])
	}
	return c.write(line)
}

func (c *csvRows) write(line [][]byte) error {
	c.b = c.b[:0]
	for i, value := range line {
		if i > 0 {
			c.b = append(c.b, ',')
		}
		c.b = append(c.b, '"')
		c.b = append(c.b, bytes.ReplaceAll(Cell(value), []byte(`"`), []byte(`""`))...)
		c.b = append(c.b, '"')
	}
	c.b = append(c.b, "\r\n"...)
	_, err := c.out.Write(c.b)
	clear(c.b)
	return err
}

func (c *csvRows) End() error { return c.out.Flush() }

// Cell is a value that no spreadsheet takes for a formula: what begins as one
// gets an apostrophe in front of it (OWASP, CSV injection). The JSON form has it
// as it is.
func Cell(value []byte) []byte {
	first, _ := utf8.DecodeRune(value)
	switch first {
	case '=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠':
		return append([]byte{'\''}, value...)
	}
	return value
}

// jsonRows writes one object a line, exactly as it was given.
type jsonRows struct {
	out     *bufio.Writer
	columns []avow.Field
}

func (j *jsonRows) Row(ref Ref, values map[avow.Field][]byte) error {
	b := append([]byte(`{"ref":"`), ref.String()...)
	b = append(b, '"')
	for _, f := range j.columns {
		value, ok := values[f]
		if !ok {
			continue
		}
		name, err := json.Marshal(string(f))
		if err != nil {
			return err
		}
		b = append(append(append(b, ','), name...), ':')
		if b, err = jsontext.AppendQuote(b, bytes.ToValidUTF8(value, []byte("\ufffd"))); err != nil {
			return err
		}
	}
	_, err := j.out.Write(append(b, "}\n"...))
	clear(b)
	return err
}

func (j *jsonRows) End() error { return j.out.Flush() }
