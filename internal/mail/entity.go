package mail

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"path"
	"strings"
)

// An entity is a header and a body (RFC 2045): the message or a part of it.
type entity struct {
	heading bool // still in the header
	size    int64
	raw     []byte // the field being read
	skip    bool   // the line being read is no field
	header  []field

	kind, charset, boundary, name, disposition, encoding string
	multipart, digest                                    bool
	inside                                               int // how many messages it is in, the outermost not counted

	keep  []byte // of the body, decoded
	max   int    // how much of it
	done  func() // with the body; nil if nothing is to be done with it
	coder decoder
	out   func([]byte) // emit
}

// headerLine takes a line of the header and says whether the header is over:
// at an empty line, or one that is no field.
func (e *entity) headerLine(line []byte, begins bool, limit int) (over bool, err error) {
	if e.size += int64(len(line)) + 1; e.size > int64(limit) {
		return false, &LimitError{"bytes of header", int64(limit)}
	}
	switch {
	case !begins:
		if !e.skip && len(e.raw) > 0 {
			e.raw = append(e.raw, line...)
		}
	case len(line) == 0:
		return true, nil
	case line[0] == ' ' || line[0] == '\t':
		e.skip = len(e.raw) == 0
		if !e.skip {
			e.raw = append(append(e.raw, ' '), line[1:]...)
		}
	case len(e.raw)+len(e.header) == 0 && strings.HasPrefix(strings.TrimPrefix(string(line[:min(6, len(line))]), ">"), "From ") && !isField(line):
		e.skip = true // the line before the header in mailboxes
	case bytes.HasSuffix(e.raw, []byte{';'}) && bytes.Contains(line, []byte{'='}) && !isField(line):
		e.raw = append(append(e.raw, ' '), line...) // a parameter that should have been indented
	case !isField(line):
		return true, nil
	default:
		e.endField()
		e.raw, e.skip = append(e.raw, line...), false
	}
	return false, nil
}

// isField is generous with blanks before the colon, as DKIM is: two readers of
// a message must not see different fields.
func isField(line []byte) bool {
	for i, c := range line {
		if c == ':' {
			return i > 0
		}
		if c < ' ' && c != '\t' || c > '~' || i > 0 && line[i-1] <= ' ' && c > ' ' {
			return false
		}
	}
	return false
}

func (e *entity) endField() {
	if len(e.raw) == 0 {
		return
	}
	name, value, _ := strings.Cut(string(e.raw), ":")
	e.header = append(e.header, field{strings.ToLower(strings.TrimSpace(name)), oneLine(value)})
	e.raw = e.raw[:0]
}

func (e *entity) endHeader() {
	e.endField()
	e.raw, e.heading, e.size = nil, false, 0
}

// describe reads what the header says of the body.
func (e *entity) describe() {
	var parameters map[string]string
	e.kind, parameters = mediaType(first(e.header, "content-type"))
	if !strings.Contains(e.kind, "/") {
		e.kind = "text/plain"
		if e.digest {
			e.kind = "message/rfc822"
		}
	}
	e.charset, e.name = parameters["charset"], parameters["name"]
	if strings.HasPrefix(e.kind, "multipart/") {
		e.multipart, e.boundary = true, strings.TrimRight(parameters["boundary"], " \t")
	}
	disposition, parameters := mediaType(first(e.header, "content-disposition"))
	if parameters["filename"] != "" {
		e.name = parameters["filename"]
	}
	e.disposition, e.name = disposition, fileName(e.name)
	e.out = e.emit
	encoding, _, _ := strings.Cut(strings.ToLower(first(e.header, "content-transfer-encoding")), ";")
	switch encoding = strings.TrimSpace(encoding); encoding {
	case "base64":
		e.encoding, e.coder = encoding, &fromBase64{}
	case "quoted-printable":
		e.encoding, e.coder = encoding, &fromQuoted{}
	default:
		e.coder = &asItIs{}
	}
}

// mediaType reads what many write wrongly: of a broken list of parameters it
// still finds the ones that matter here.
func mediaType(s string) (kind string, parameters map[string]string) {
	s = s[:min(len(s), 8<<10)]
	kind, parameters, err := mime.ParseMediaType(s)
	if err == nil {
		return kind, parameters
	}
	parameters = map[string]string{}
	for i, p := range strings.Split(s, ";") {
		name, value, _ := strings.Cut(p, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.Trim(strings.TrimSpace(value), `"'`)
		switch {
		case i == 0:
			kind, _, _ = strings.Cut(name, " ")
		case parameters[name] == "":
			parameters[name] = value
		}
	}
	return kind, parameters
}

// fileName makes a name that is only one.
func fileName(s string) string {
	s = oneLine(decodeWords(s))
	s = path.Base("/" + strings.ReplaceAll(s, `\`, "/"))
	if s == "/" || s == "." || s == ".." {
		return ""
	}
	return strings.ToValidUTF8(s[:min(len(s), 255)], "")
}

func (e *entity) emit(b []byte) {
	e.size += int64(len(b))
	if room := e.max - len(e.keep); room > 0 {
		e.keep = append(e.keep, b[:min(len(b), room)]...)
	}
}

// A decoder takes off a content transfer encoding, line by line. The end of the
// last line belongs to the boundary, not to the body.
type decoder interface {
	decode(line []byte, ends bool, emit func([]byte))
	end(emit func([]byte))
}

type asItIs struct{ owed bool }

var newline = []byte{'\n'}

func (d *asItIs) decode(line []byte, ends bool, emit func([]byte)) {
	if d.owed {
		emit(newline)
	}
	emit(line)
	d.owed = ends
}

func (d *asItIs) end(func([]byte)) {}

// fromQuoted reads quoted-printable. What is no escape stays as it is.
type fromQuoted struct {
	asItIs
	rest []byte // of a piece that may go on as an escape
}

var hexes = []byte("0123456789ABCDEFabcdef")

func (d *fromQuoted) decode(line []byte, ends bool, emit func([]byte)) {
	line = append(d.rest, line...)
	d.rest = nil
	if ends {
		line = []byte(strings.TrimRight(string(line), " \t"))
	}
	out, soft := make([]byte, 0, len(line)), false
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] != '=':
			out = append(out, line[i])
		case i+2 < len(line) && bytes.IndexByte(hexes, line[i+1]) >= 0 && bytes.IndexByte(hexes, line[i+2]) >= 0:
			out, _ = hex.AppendDecode(out, line[i+1:i+3])
			i += 2
		case i+2 >= len(line) && !ends:
			d.rest = append([]byte{}, line[i:]...)
			i = len(line)
		case i+1 == len(line):
			soft = true
		default:
			out = append(out, '=')
		}
	}
	d.asItIs.decode(out, ends && !soft, emit)
}

func (d *fromQuoted) end(emit func([]byte)) {
	if len(d.rest) > 0 && string(d.rest) != "=" {
		emit(d.rest)
	}
}

// fromBase64 reads base64, and past whatever is none.
type fromBase64 struct{ rest []byte }

func (d *fromBase64) decode(line []byte, _ bool, emit func([]byte)) {
	for _, c := range line {
		if c == '=' {
			d.give(len(d.rest), emit)
		} else if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '/' && c <= '9' || c == '+' {
			d.rest = append(d.rest, c)
		}
	}
	d.give(len(d.rest)/4*4, emit)
}

func (d *fromBase64) give(n int, emit func([]byte)) {
	k, _ := base64.RawStdEncoding.Decode(d.rest[:n], d.rest[:n])
	emit(d.rest[:k])
	d.rest = append(d.rest[:0], d.rest[n:]...)
}

func (d *fromBase64) end(emit func([]byte)) { d.give(len(d.rest), emit) }
