package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/go-json-experiment/json"
)

// A file is the line below, and then a gzip stream of frames. A frame is a
// letter, a length in four bytes, and that many bytes. First comes the header;
// then, for each table, its name and its rows; last the trailer, with the
// SHA-256 of all frames before it. After the stream there is nothing.
const magic = "avow-backup/v1\n"

const (
	headerFrame  = 'h' // JSON
	tableFrame   = 't' // the name of a table
	rowFrame     = 'r' // the values of a row of it
	trailerFrame = 'e' // JSON
)

// maxFrame is more than any row has: the commitments of a bulk of a million
// take half of it.
const maxFrame = 64 << 20

// A value is headed by what it is.
const (
	intValue   = 1
	textValue  = 2
	bytesValue = 3
)

// Header says what a backup holds.
type Header struct {
	Tables    int64     `json:"tables"`    // the version of the tables
	Statement int64     `json:"statement"` // the version in force
	Made      time.Time `json:"made"`
	Log       Log       `json:"log"`
}

// Log says where the log stood.
type Log struct {
	Number int64  `json:"number"`
	Origin string `json:"origin"`
	Size   int64  `json:"size"`
	Root   []byte `json:"root"`
}

type trailer struct {
	Rows   map[string]int64 `json:"rows"`
	SHA256 string           `json:"sha256"`
}

// A DamagedError says that a file is no whole backup that this program reads.
type DamagedError struct{ What string }

func (e *DamagedError) Error() string {
	return "the backup cannot be used: " + e.What + ". Nothing was changed"
}

func damaged(format string, args ...any) error { return &DamagedError{fmt.Sprintf(format, args...)} }

// A writer writes frames.
type writer struct {
	zip *gzip.Writer
	out *bufio.Writer // into zip and sum
	sum hash.Hash
	row []byte
}

func newWriter(w io.Writer) (*writer, error) {
	if _, err := io.WriteString(w, magic); err != nil {
		return nil, err
	}
	// Most of a backup is sealed and does not get smaller.
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	return &writer{zip: zip, out: bufio.NewWriterSize(io.MultiWriter(zip, sum), 64<<10), sum: sum}, nil
}

func (w *writer) frame(kind byte, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a row of %d bytes is too long", len(payload))
	}
	head := [5]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	_, err := w.out.Write(head[:])
	_, err2 := w.out.Write(payload)
	return errors.Join(err, err2)
}

func (w *writer) json(kind byte, v any) error {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return err
	}
	return w.frame(kind, text)
}

func (w *writer) values(row []any) error {
	b := w.row[:0]
	for _, v := range row {
		switch v := v.(type) {
		case *int64:
			b = binary.AppendVarint(append(b, intValue), *v)
		case *string:
			b = append(binary.AppendUvarint(append(b, textValue), uint64(len(*v))), *v...)
		case *[]byte:
			b = append(binary.AppendUvarint(append(b, bytesValue), uint64(len(*v))), *v...)
		default:
			return fmt.Errorf("a column of type %T", v)
		}
	}
	w.row = b
	return w.frame(rowFrame, b)
}

// close writes the trailer and ends the stream.
func (w *writer) close(rows map[string]int64) error {
	if err := w.out.Flush(); err != nil {
		return err
	}
	err := w.json(trailerFrame, trailer{rows, hex.EncodeToString(w.sum.Sum(nil))})
	return errors.Join(err, w.out.Flush(), w.zip.Close())
}

// A reader reads frames.
type reader struct {
	raw *bufio.Reader
	zip *gzip.Reader
	in  *bufio.Reader
	sum hash.Hash
	buf bytes.Buffer
}

func newReader(r io.Reader) (*reader, error) {
	raw := bufio.NewReaderSize(r, 64<<10)
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(raw, head); err != nil || string(head) != magic {
		if bytes.HasPrefix(head, []byte("avow-backup/")) {
			return nil, damaged("it was written by another version of avow, in a form that this one does not know")
		}
		return nil, damaged("it was not made by avow backup")
	}
	zip, err := gzip.NewReader(raw)
	if err != nil {
		return nil, damaged("it is cut off or changed")
	}
	zip.Multistream(false)
	return &reader{raw: raw, zip: zip, in: bufio.NewReaderSize(zip, 64<<10), sum: sha256.New()}, nil
}

// next reads a frame. What it returns is good until the next call.
func (r *reader) next() (kind byte, payload []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		return 0, nil, damaged("it is cut off or changed")
	}
	n := int64(binary.BigEndian.Uint32(head[1:]))
	if n > maxFrame {
		return 0, nil, damaged("it is changed: a row of %d bytes", n)
	}
	r.buf.Reset()
	// Grown as it comes: a length alone reserves nothing.
	if _, err := io.CopyN(&r.buf, r.in, n); err != nil {
		return 0, nil, damaged("it is cut off or changed")
	}
	if head[0] != trailerFrame {
		r.sum.Write(head[:])
		r.sum.Write(r.buf.Bytes())
	}
	return head[0], r.buf.Bytes(), nil
}

// end holds what was read to the trailer, and sees to it that nothing follows.
func (r *reader) end(payload []byte, rows map[string]int64) error {
	var t trailer
	if err := json.Unmarshal(payload, &t, json.RejectUnknownMembers(true)); err != nil {
		return damaged("its end cannot be read")
	}
	if t.SHA256 != hex.EncodeToString(r.sum.Sum(nil)) {
		return damaged("it is changed: its SHA-256 is another")
	}
	for _, table := range tables {
		if t.Rows[table.name] != rows[table.name] {
			return damaged("it has %d rows of %s where %d were written", rows[table.name], table.name, t.Rows[table.name])
		}
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged("something follows its end")
	}
	if _, err := r.raw.ReadByte(); !errors.Is(err, io.EOF) {
		return damaged("something follows its end")
	}
	return nil
}

// readValues reads a row of values of these kinds. Bytes are copied.
func readValues(b, kinds []byte, row []any) error {
	for i, kind := range kinds {
		if len(b) == 0 || b[0] != kind {
			return damaged("a row is too short, or a value is of another kind")
		}
		b = b[1:]
		if kind == intValue {
			n, width := binary.Varint(b)
			if width <= 0 {
				return damaged("a number cannot be read")
			}
			row[i], b = n, b[width:]
			continue
		}
		n, width := binary.Uvarint(b)
		if width <= 0 || n > uint64(len(b)-width) {
			return damaged("a value is too short")
		}
		b = b[width:]
		if row[i] = any(bytes.Clone(b[:n:n])); kind == textValue {
			row[i] = string(b[:n])
		}
		b = b[n:]
	}
	if len(b) > 0 {
		return damaged("a row is too long")
	}
	return nil
}
