package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
)

// Suppressions says what a list of addresses is about.
type Suppressions struct {
	For    avow.Purpose // everything, if empty
	Reason string       // import, staff, bounce or complaint; what the list says itself, if empty
}

func (s Suppressions) query() string {
	q := url.Values{"partly": {"true"}}
	if s.For != "" {
		q.Set("for", string(s.For))
	}
	if s.Reason != "" {
		q.Set("reason", s.Reason)
	}
	return "?" + q.Encode()
}

// Suppressed is what became of a list.
type Suppressed struct {
	Taken int   // lines to whose address letters are stopped now
	Bad   []int // lines without an address, from 1; in a JSON array, its elements
}

// Suppress stops letters to a list of addresses: one a line, CSV whose first row
// names the columns, or a JSON array. It is read as it is sent, whatever its size,
// and told to progress. An error comes after what was sent before it, and to send
// all of it again does no harm.
func (c *Client) Suppress(ctx context.Context, token string, in io.Reader, of Suppressions, progress func(lines int)) (*Suppressed, error) {
	out := &Suppressed{}
	return out, each(in, func(b *batch) error {
		var got struct {
			Taken int   `json:"taken"`
			Bad   []int `json:"bad"`
		}
		if err := c.send(ctx, call{http.MethodPost, "/v1/suppressions" + of.query(), token, b.kind, b.body}, &got); err != nil {
			return err
		}
		out.Taken += got.Taken
		for _, i := range got.Bad {
			out.Bad = append(out.Bad, b.line(i))
		}
		if progress != nil {
			progress(b.last())
		}
		return nil
	})
}

// A CheckedLine says of one line of a list whether letters to its address are
// stopped. Bad is a line without an address.
type CheckedLine struct {
	Line         int
	Stopped, Bad bool
}

// CheckSuppressed says of each line of a list whether letters to its address are
// stopped. It is for staff.
func (c *Client) CheckSuppressed(ctx context.Context, token string, in io.Reader, of Suppressions) (all []CheckedLine, err error) {
	return all, each(in, func(b *batch) error {
		var got struct {
			Stopped []int `json:"stopped"`
			Bad     []int `json:"bad"`
		}
		if err := c.send(ctx, call{http.MethodPost, "/v1/suppressions/check" + of.query(), token, b.kind, b.body}, &got); err != nil {
			return err
		}
		first := len(all)
		for _, n := range b.lines {
			all = append(all, CheckedLine{Line: n})
		}
		for _, i := range got.Stopped {
			if i >= 0 && i < len(b.lines) {
				all[first+i].Stopped = true
			}
		}
		for _, i := range got.Bad {
			if i >= 0 && i < len(b.lines) {
				all[first+i].Bad = true
			}
		}
		return nil
	})
}

// A batch is a piece of a list that is a list itself.
type batch struct {
	kind  string
	body  []byte
	lines []int // of the whole list, by line of the piece
}

func (b *batch) line(i int) int {
	if i < 0 || i >= len(b.lines) {
		return 0
	}
	return b.lines[i]
}

func (b *batch) last() int { return b.line(len(b.lines) - 1) }

// A piece has so many lines and bytes, about.
const pieceLines, pieceBytes = 5000, 2 << 20

func (b *batch) full() bool { return len(b.lines) >= pieceLines || len(b.body) >= pieceBytes }

// maxLine is longer than any line with an address in it.
const maxLine = 64 << 10

// each divides a list of whatever kind.
func each(in io.Reader, fn func(*batch) error) error {
	r := bufio.NewReaderSize(in, maxLine)
	if mark, _ := r.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		_, _ = r.Discard(3)
	}
	start, _ := r.Peek(maxLine)
	first, _, _ := bytes.Cut(bytes.TrimLeft(start, " \t\r\n"), []byte("\n"))
	switch {
	case len(first) == 0:
		return errors.New("the list is empty")
	case first[0] == '[':
		return eachJSON(r, fn)
	case bytes.IndexByte(first, '@') < 0 || bytes.ContainsAny(first, ",;\t"):
		return eachCSV(r, first, fn)
	}
	return eachLine(r, fn)
}

func eachLine(r *bufio.Reader, fn func(*batch) error) error {
	b := &batch{kind: "text/plain"}
	for n := 1; ; n++ {
		text, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return fmt.Errorf("line %d is longer than %d KiB", n, maxLine>>10)
		}
		if len(bytes.TrimSpace(text)) > 0 {
			b.body, b.lines = append(append(b.body, bytes.TrimSpace(text)...), '\n'), append(b.lines, n)
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if b.full() || end && len(b.lines) > 0 {
			if err := fn(b); err != nil {
				return fmt.Errorf("line %d and before: %w", n, err)
			}
			b = &batch{kind: b.kind}
		}
		if end {
			return nil
		}
	}
}

func eachCSV(r *bufio.Reader, first []byte, fn func(*batch) error) error {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.LazyQuotes = -1, true
	for _, c := range ";\t" {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(in.Comma))) {
			in.Comma = c
		}
	}
	head, err := in.Read()
	if err != nil {
		return errors.New("the first row, which names the columns, cannot be read")
	}
	var text bytes.Buffer
	var lines []int
	for sent := false; ; {
		row, err := in.Read()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			line, _ := in.FieldPos(0)
			return fmt.Errorf("line %d cannot be read as CSV", line)
		}
		if len(lines) == 0 {
			text.Reset()
			write(&text, head)
		}
		if !end {
			line, _ := in.FieldPos(0)
			write(&text, row)
			lines = append(lines, line)
		}
		b := &batch{"text/csv", text.Bytes(), lines}
		if b.full() || end && (len(lines) > 0 || !sent) { // a head alone may be none
			if err := fn(b); err != nil {
				return fmt.Errorf("line %d and before: %w", max(b.last(), 1), err)
			}
			lines, sent = nil, true
		}
		if end {
			return nil
		}
	}
}

func write(to *bytes.Buffer, row []string) {
	w := csv.NewWriter(to)
	_ = w.Write(row) // to memory
	w.Flush()
}

func eachJSON(r *bufio.Reader, fn func(*batch) error) error {
	in := jsontext.NewDecoder(r)
	if _, err := in.ReadToken(); err != nil {
		return errors.New("the list is no JSON array")
	}
	b := &batch{kind: "application/json", body: []byte("[")}
	for n := 1; ; n++ {
		end := in.PeekKind() == ']'
		if !end {
			v, err := in.ReadValue()
			if err != nil {
				return fmt.Errorf("element %d of the list cannot be read as JSON", n)
			}
			if len(b.lines) > 0 {
				b.body = append(b.body, ',')
			}
			b.body, b.lines = append(b.body, v...), append(b.lines, n)
		}
		if b.full() || end && len(b.lines) > 0 {
			b.body = append(b.body, ']')
			if err := fn(b); err != nil {
				return fmt.Errorf("element %d and before: %w", n, err)
			}
			b = &batch{kind: b.kind, body: []byte("[")}
		}
		if end {
			return nil
		}
	}
}
