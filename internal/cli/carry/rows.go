package carry

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxRow is more than a house takes in one record.
const maxRow = 256 << 10

// A row is one row of a file.
type row struct {
	line  int      // where it begins, from 1
	cells []string // in the order of the columns
	bad   string   // why it cannot be read
	raw   string   // of a row that has no cells
}

// A source reads rows one by one, and never more than one into memory.
type source interface {
	columns() []string
	// next returns io.EOF after the last row. A row that cannot be read is no
	// error: it is a bad row.
	next() (row, error)
}

// open reads the head of a file: CSV with a row of names, or one JSON object a
// line.
func open(name string, in io.Reader) (source, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	head, _ := buffered.Peek(3)
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return nil, fmt.Errorf("%s is UTF-16: save it as UTF-8", name)
	case bytes.Equal(head, []byte("\xef\xbb\xbf")):
		_, _ = buffered.Discard(3)
	}
	if strings.HasSuffix(name, ".jsonl") || strings.HasSuffix(name, ".ndjson") {
		return &jsonRows{in: buffered}, nil
	}
	first, _ := buffered.Peek(16 << 10)
	r := &csvRows{in: buffered, delimiter: delimiter(first), line: 1}
	names, err := r.read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty: its first row has to name the columns", name)
	}
	if err != nil {
		return nil, err
	}
	if names.bad != "" {
		return nil, fmt.Errorf("%s: the first row, which names the columns, cannot be read: %s", name, names.bad)
	}
	r.names = names.cells
	seen := map[string]bool{}
	for i := range r.names {
		r.names[i] = strings.TrimSpace(r.names[i])
		if seen[r.names[i]] {
			return nil, fmt.Errorf("%s: two columns have one name (the second is number %d)", name, i+1)
		}
		seen[r.names[i]] = true
	}
	return r, nil
}

// delimiter is the one of comma, semicolon and tab that divides the first line
// most often.
func delimiter(text []byte) byte {
	counts, quoted := map[byte]int{}, false
	for _, c := range text {
		if c == '"' {
			quoted = !quoted
		}
		if c == '\n' && !quoted {
			break
		}
		if !quoted {
			counts[c]++
		}
	}
	best := byte(',')
	for _, c := range []byte{';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// csvRows reads CSV as in RFC 4180. Unlike encoding/csv it bounds a row, so that
// a quote that is never closed costs one row and not the memory.
type csvRows struct {
	in        *bufio.Reader
	delimiter byte
	names     []string
	line      int
}

func (r *csvRows) columns() []string { return r.names }

func (r *csvRows) next() (row, error) {
	for {
		w, err := r.read()
		if err != nil {
			return w, err
		}
		if len(w.cells) == 1 && w.cells[0] == "" && w.bad == "" {
			continue // an empty line
		}
		if w.bad == "" && len(w.cells) != len(r.names) {
			w.bad = fmt.Sprintf("it has %d cells where there are %d columns", len(w.cells), len(r.names))
		}
		return w, nil
	}
}

func (r *csvRows) read() (w row, err error) {
	w.line = r.line
	var cell []byte
	size, quoted, closed := 0, false, false
	end := func() {
		w.cells = append(w.cells, string(cell))
		cell, closed = cell[:0], false
	}
	for {
		c, err := r.in.ReadByte()
		if errors.Is(err, io.EOF) {
			if size == 0 {
				return w, io.EOF
			}
			if quoted {
				w.bad = "a quote that is opened is never closed"
			}
			end()
			return w.checked(), nil
		}
		if err != nil {
			return w, err
		}
		if c == '\n' {
			r.line++
		}
		if size++; size > maxRow {
			return r.skip(w, c)
		}
		switch {
		case quoted && c == '"':
			if following, _ := r.in.Peek(1); len(following) == 1 && following[0] == '"' {
				_, _ = r.in.Discard(1)
				cell = append(cell, '"')
				continue
			}
			quoted, closed = false, true
		case quoted:
			cell = append(cell, c)
		case c == '"' && len(cell) == 0 && !closed:
			quoted = true
		case c == r.delimiter:
			end()
		case c == '\n':
			cell = bytes.TrimSuffix(cell, []byte("\r"))
			end()
			return w.checked(), nil
		case closed && c != '\r':
			w.bad = "something follows a closing quote"
			cell = append(cell, c)
		default:
			cell = append(cell, c)
		}
	}
}

// skip gives a row up that is too long, and goes on with the next line.
func (r *csvRows) skip(w row, last byte) (row, error) {
	w.cells, w.bad = nil, fmt.Sprintf("it is longer than %d KiB", maxRow>>10)
	for c := last; c != '\n'; {
		var err error
		if c, err = r.in.ReadByte(); err != nil {
			if errors.Is(err, io.EOF) {
				return w, nil
			}
			return w, err
		}
		if c == '\n' {
			r.line++
		}
	}
	return w, nil
}

func (w row) checked() row {
	for _, cell := range w.cells {
		if !utf8.ValidString(cell) && w.bad == "" {
			w.bad = "it is not UTF-8"
		}
	}
	return w
}

// jsonRows reads one flat object of strings a line. Which columns there are
// shows row by row, so each brings its own: name, value, name, value …
type jsonRows struct {
	in   *bufio.Reader
	line int
}

func (r *jsonRows) columns() []string { return nil }

func (r *jsonRows) next() (row, error) {
	for {
		r.line++
		w := row{line: r.line}
		text, long, err := r.read()
		if err != nil {
			return w, err
		}
		if len(bytes.TrimSpace(text)) == 0 && !long {
			continue
		}
		if long {
			w.bad = fmt.Sprintf("it is longer than %d KiB", maxRow>>10)
			return w, nil
		}
		w.raw = string(text)
		if w.cells, err = flat(text); err != nil {
			w.bad = err.Error()
		}
		return w, nil
	}
}

func (r *jsonRows) read() (text []byte, long bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		if len(text)+len(part) > maxRow {
			long, part = true, nil
		}
		text = append(text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(text) > 0 || long):
			return text, long, nil
		}
		return text, long, err
	}
}

var errFlat = errors.New("it is not one flat JSON object of strings")

func flat(text []byte) (cells []string, err error) {
	in := jsontext.NewDecoder(bytes.NewReader(text))
	if t, err := in.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, errFlat
	}
	for in.PeekKind() != '}' {
		name, err := in.ReadToken()
		if err != nil || name.Kind() != '"' {
			return nil, errFlat
		}
		key := name.String()
		value, err := in.ReadToken()
		if err != nil {
			return nil, errFlat
		}
		switch value.Kind() {
		case '"', 'n':
		default:
			return nil, errFlat
		}
		text := ""
		if value.Kind() == '"' {
			text = value.String()
		}
		cells = append(cells, key, text)
	}
	if _, err := in.ReadToken(); err != nil {
		return nil, errFlat
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errFlat
	}
	return cells, nil
}
