package mail

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// A walk goes through a message once, line by line. What is open at any moment
// is a stack of entities: the message, the part of it that we are in, the part
// of that. There are never more than Limits.Depth, and none keeps its body
// unless it is text or a report.
type walk struct {
	limits  Limits
	message *Message
	open    []*entity
	parts   int
	seen    int64

	plain, html      []byte // text so far
	status, feedback []byte // the first delivery-status, the first feedback-report
	original         []field
}

// chunk is how much of a line is looked at at once. Boundaries are shorter.
const chunk = 16 << 10

func (w *walk) read(r io.Reader) error {
	in := bufio.NewReaderSize(&measured{r, w.limits.Size, w.limits.Size}, chunk)
	// Macintoshes once ended lines with CR alone. A CR in other mail ends nothing:
	// what another mail system takes for one field must not become two.
	eol := byte('\n')
	if head, _ := in.Peek(4 << 10); !bytes.ContainsRune(head, '\n') && bytes.ContainsRune(head, '\r') {
		eol = '\r'
	}
	if err := w.push(&entity{}); err != nil {
		return err
	}
	for begins := true; ; {
		line, err := in.ReadSlice(eol)
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		ends := bytes.HasSuffix(line, []byte{eol})
		if len(line) > 0 {
			if err := w.line(bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{eol}), []byte{'\r'}), begins, ends); err != nil {
				return err
			}
		}
		w.seen += int64(len(line))
		if err == io.EOF {
			return w.pop(0)
		}
		begins = ends
	}
}

// measured ends in a LimitError instead of giving more than max bytes.
type measured struct {
	r         io.Reader
	left, max int64
}

func (m *measured) Read(p []byte) (int, error) {
	if int64(len(p)) > m.left+1 {
		p = p[:m.left+1]
	}
	n, err := m.r.Read(p)
	if m.left -= int64(n); m.left < 0 {
		m.left = 0
		return 0, &LimitError{"bytes", m.max}
	}
	return n, err
}

// line takes a line, or a piece of one that is longer than a chunk.
func (w *walk) line(line []byte, begins, ends bool) error {
	if begins && bytes.HasPrefix(line, []byte("--")) {
		if found, err := w.boundary(string(bytes.TrimRight(line, " \t\r"))); found || err != nil {
			return err
		}
	}
	top := w.open[len(w.open)-1]
	if !top.heading {
		if top.done != nil {
			top.coder.decode(line, ends, top.out)
		}
		return nil
	}
	if over, err := top.headerLine(line, begins, w.limits.Header); !over || err != nil {
		return err
	}
	if err := w.enter(top); err != nil || len(line) == 0 {
		return err
	}
	return w.line(line, false, ends) // no field: the body begins without an empty line
}

// boundary closes and opens parts, if line is the boundary of one that is open.
func (w *walk) boundary(line string) (found bool, err error) {
	for i := len(w.open) - 1; i >= 0; i-- {
		e := w.open[i]
		if !e.multipart || e.heading {
			continue
		}
		if e.boundary == "" && len(line) > 4 && !strings.ContainsAny(line, " \t") {
			e.boundary = line[2:] // the header does not say: the first line like one is it
		}
		rest, ok := strings.CutPrefix(line[2:], e.boundary)
		if !ok || e.boundary == "" || rest != "" && rest != "--" {
			continue
		}
		if err := w.pop(i + 1); err != nil || rest != "" {
			return true, err
		}
		e.keep = nil // the preamble: words for programs without MIME
		return true, w.push(&entity{inside: e.inside, digest: e.kind == "multipart/digest"})
	}
	return false, nil
}

func (w *walk) push(e *entity) error {
	if w.parts++; w.parts > w.limits.Parts {
		return &LimitError{"parts", int64(w.limits.Parts)}
	}
	if len(w.open) >= w.limits.Depth {
		return &LimitError{"levels of parts", int64(w.limits.Depth)}
	}
	e.heading = true
	w.open = append(w.open, e)
	return nil
}

// pop closes all entities from the nth on, the innermost first.
func (w *walk) pop(n int) error {
	for len(w.open) > n {
		e := w.open[len(w.open)-1]
		if e.heading { // it ended within its header
			if err := w.enter(e); err != nil {
				return err
			}
			if e != w.open[len(w.open)-1] {
				continue // and was a message
			}
		}
		w.open = w.open[:len(w.open)-1]
		if e.done != nil {
			e.coder.end(e.out)
			e.done()
		}
	}
	return nil
}

// enter is at the end of e's header: it decides what becomes of the body.
func (w *walk) enter(e *entity) error {
	e.endHeader()
	if len(w.open) == 1 {
		w.message.header = e.header
	} else if e.inside > 0 && w.original == nil {
		w.original = e.header
	}
	e.describe()
	switch {
	case e.multipart:
		e.max, e.done = w.limits.Text, func() {
			if len(w.open) == 0 && len(w.plain)+len(w.html) == 0 {
				w.text(&w.plain, e) // a boundary was announced and never came
			}
		}
	case (e.kind == "message/rfc822" || e.kind == "message/global") && e.encoding == "":
		// What is in there was written by somebody else.
		begins, mine := w.seen, e.inside == 0
		e.done = func() {
			if mine {
				w.attach(e, w.seen-begins)
			}
		}
		return w.push(&entity{inside: e.inside + 1})
	case e.inside == 0:
		e.max, e.done = w.useOf(e)
	}
	return nil
}

// useOf says how much of e's body is kept, and what is done with it at its end.
func (w *walk) useOf(e *entity) (max int, done func()) {
	l, named := w.limits, e.name != "" || e.disposition == "attachment"
	switch e.kind {
	case "text/plain", "text/html":
		if named && len(w.open) > 1 {
			break
		}
		if e.kind == "text/html" {
			return 4*l.Text - len(w.html), func() { w.text(&w.html, e) }
		}
		return l.Text - len(w.plain), func() { w.text(&w.plain, e) }
	case "message/delivery-status", "message/global-delivery-status":
		return l.Header, func() { firstOf(&w.status, e.keep) }
	case "message/feedback-report":
		return l.Header, func() { firstOf(&w.feedback, e.keep) }
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers":
		return l.Header, func() {
			if w.original == nil {
				w.original, _ = readFields(e.keep)
			}
		}
	}
	return 0, func() { w.attach(e, e.size) }
}

func firstOf(to *[]byte, b []byte) {
	if *to == nil {
		*to = append([]byte{}, b...)
	}
}

func (w *walk) attach(e *entity, size int64) {
	w.message.Attachments = append(w.message.Attachments, Attachment{e.name, e.kind, size})
}

func (w *walk) text(to *[]byte, e *entity) {
	if e.size > int64(len(e.keep)) {
		w.message.Cut = true
		for range utf8.UTFMax - 1 { // perhaps within a character
			if n := len(e.keep); n > 0 && !utf8.Valid(e.keep) {
				e.keep = e.keep[:n-1]
			}
		}
	}
	if len(*to) > 0 {
		*to = append(*to, '\n')
	}
	*to = append(*to, decode(e.keep, e.charset)...)
}

func (w *walk) finish() *Message {
	m := w.message
	m.Text = tidy(string(w.plain))
	if strings.TrimSpace(m.Text) == "" {
		m.Text = tidy(fromHTML(w.html, 2*w.limits.Text))
	}
	if len(m.Text) > w.limits.Text {
		m.Text, m.Cut = strings.ToValidUTF8(m.Text[:w.limits.Text], ""), true
	}
	m.readHeader()
	original := newOriginal(w.original)
	switch {
	case w.feedback != nil:
		m.Complaint = readComplaint(w.feedback, original)
	case w.status != nil:
		m.Report = readStatus(w.status, original)
	default:
		m.Report = m.readBounce(original)
	}
	return m
}

// readFields reads a header that stands for itself, and says what comes after.
func readFields(b []byte) (header []field, rest []byte) {
	e := &entity{heading: true}
	for len(b) > 0 {
		line, after, _ := bytes.Cut(b, []byte{'\n'})
		line = bytes.TrimSuffix(line, []byte{'\r'})
		over, err := e.headerLine(line, true, len(b)+1<<20)
		if over && len(line) == 0 {
			b = after
		}
		if over || err != nil {
			break
		}
		b = after
	}
	e.endHeader()
	return e.header, b
}
