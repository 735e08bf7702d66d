package letter

import (
	"bytes"
	"encoding/base64"
	"html"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"slices"
	"strings"
)

// How deep parts may lie in parts, and how many there may be.
const (
	maxDepth = 10
	maxParts = 500
)

// A part is a piece of a letter on its way through a change.
type part struct {
	header textproto.MIMEHeader
	body   []byte
}

// A change makes another of a leaf, or says that it leaves it.
type change func(p *part) (changed bool, err error)

// carried says whether every mail system carries these bytes as they are.
func carried(body []byte) bool {
	for line := range bytes.SplitSeq(body, []byte("\r\n")) {
		if len(line) > maxLine {
			return false
		}
	}
	return bytes.IndexFunc(body, func(r rune) bool { return r >= 0x80 }) < 0
}

// ascii writes a letter so that every mail system carries it: what is not ASCII,
// or has longer lines than there may be, is encoded. A letter that needs nothing
// of that stays as it is, byte for byte.
func ascii(fields []field, body []byte) ([]field, []byte, error) {
	if carried(body) {
		return fields, body, nil
	}
	fields, body, err := walk(fields, body, func(p *part) (bool, error) {
		if carried(p.body) {
			return false, nil
		}
		kind, _, _ := mime.ParseMediaType(p.header.Get("Content-Type"))
		if strings.HasPrefix(kind, "message/") {
			return false, &Unfit{"text", "holds another letter that is not ASCII"}
		}
		how := strings.ToLower(p.header.Get("Content-Transfer-Encoding"))
		if how == "quoted-printable" || how == "base64" {
			return false, &Unfit{"text", "is not encoded as it says"}
		}
		encode(p, p.body, kind == "" || strings.HasPrefix(kind, "text/"))
		return true, nil
	})
	if err == nil && !carried(body) {
		err = &Unfit{"text", "has something besides its parts that is not ASCII"}
	}
	return fields, body, err
}

// rewrite puts an address where its place is, and says whether there is one.
func rewrite(fields []field, body []byte, address string) (found bool, out []byte, err error) {
	_, out, err = walk(fields, body, func(p *part) (bool, error) {
		kind, _, _ := mime.ParseMediaType(p.header.Get("Content-Type"))
		disposition, _, _ := mime.ParseMediaType(p.header.Get("Content-Disposition"))
		if disposition == "attachment" || kind != "" && kind != "text/plain" && kind != "text/html" {
			return false, nil
		}
		text, err := decode(p)
		if err != nil || !bytes.Contains(text, []byte(Place)) {
			return false, err
		}
		found = true
		if address == Place {
			return false, nil // it is only asked
		}
		with := address
		if kind == "text/html" {
			with = html.EscapeString(address)
		}
		encode(p, bytes.ReplaceAll(text, []byte(Place), []byte(with)), true)
		return true, nil
	})
	return found, out, err
}

// decode gives what is in a leaf.
func decode(p *part) ([]byte, error) {
	var r io.Reader = bytes.NewReader(p.body)
	switch strings.ToLower(strings.TrimSpace(p.header.Get("Content-Transfer-Encoding"))) {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, &Unfit{"text", "is not encoded as it says"}
	}
	return text, nil
}

// encode puts content into a leaf.
func encode(p *part, content []byte, text bool) {
	var out bytes.Buffer
	if text {
		p.header.Set("Content-Transfer-Encoding", "quoted-printable")
		_ = quote(&out, content) // into memory
	} else {
		p.header.Set("Content-Transfer-Encoding", "base64")
		for line := range slices.Chunk(content, 57) {
			out.WriteString(base64.StdEncoding.EncodeToString(line) + "\r\n")
		}
	}
	p.body = out.Bytes()
}

// walk changes the leaves of a letter. One in which nothing changes stays as it
// is, byte for byte.
func walk(fields []field, body []byte, do change) ([]field, []byte, error) {
	top := &part{header: textproto.MIMEHeader{}, body: body}
	for _, f := range fields {
		if strings.HasPrefix(f.name, "content-") {
			top.header.Set(f.name, f.value())
		}
	}
	before := top.header.Get("Content-Transfer-Encoding")
	count := 0
	changed, err := top.walk(do, 0, &count)
	if err != nil || !changed {
		return fields, body, err
	}
	after := top.header.Get("Content-Transfer-Encoding")
	if after == before {
		return fields, top.body, nil
	}
	fields = slices.DeleteFunc(slices.Clone(fields), func(f field) bool { return f.name == "content-transfer-encoding" })
	return append(fields, field{"content-transfer-encoding", []byte("Content-Transfer-Encoding: " + after + "\r\n")}), top.body, nil
}

func (p *part) walk(do change, depth int, count *int) (changed bool, err error) {
	if *count++; *count > maxParts || depth > maxDepth {
		return false, &Unfit{"text", "has too many parts, or parts that lie too deep"}
	}
	kind, params, _ := mime.ParseMediaType(p.header.Get("Content-Type"))
	if !strings.HasPrefix(kind, "multipart/") || params["boundary"] == "" {
		return do(p)
	}
	var all []*part
	for r := multipart.NewReader(bytes.NewReader(p.body), params["boundary"]); ; {
		in, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, &Unfit{"text", "has parts that cannot be read"}
		}
		text, err := io.ReadAll(in)
		if err != nil {
			return false, &Unfit{"text", "has parts that cannot be read"}
		}
		one := &part{in.Header, text}
		this, err := one.walk(do, depth+1, count)
		if err != nil {
			return false, err
		}
		all, changed = append(all, one), changed || this
	}
	if !changed {
		return false, nil
	}
	if kind == "multipart/signed" {
		return false, &Unfit{"text", "is signed, and would have to be changed"}
	}
	p.join(all, params["boundary"])
	return true, nil
}

// join writes the parts anew.
func (p *part) join(all []*part, boundary string) {
	var out bytes.Buffer
	for _, one := range all {
		out.WriteString("--" + boundary + "\r\n")
		for _, name := range slices.Sorted(maps.Keys(one.header)) {
			for _, value := range one.header[name] {
				out.WriteString(fold(name, value))
			}
		}
		out.WriteString("\r\n")
		out.Write(one.body)
		out.WriteString("\r\n")
	}
	out.WriteString("--" + boundary + "--\r\n")
	p.body = out.Bytes()
	if how := p.header.Get("Content-Transfer-Encoding"); how != "" {
		p.header.Set("Content-Transfer-Encoding", "7bit")
	}
}
