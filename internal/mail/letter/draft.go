package letter

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"mime/quotedprintable"
	stdmail "net/mail"
	"strings"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/mail"
)

// A Draft is a letter without what differs from one who gets it to the next.
type Draft struct {
	fields []field
	body   []byte // ASCII, in lines that end in CR LF
	from   *mail.Address
	places bool // {unsubscribe} is in a text of it
}

func (d *Draft) has(name string) bool {
	for _, f := range d.fields {
		if f.name == name {
			return true
		}
	}
	return false
}

// Place is what stands in a text for the address that stops such letters.
const Place = "{unsubscribe}"

// Parts are a letter that is written here.
type Parts struct {
	From      string // an address, with or without what is displayed for it; empty for the house's own
	Subject   string
	Text      string
	HTML      string // besides Text
	InReplyTo string // Message-ID of what it answers
	Auto      string // for Auto-Submitted (RFC 3834): auto-generated or auto-replied
}

// Write writes a letter.
func Write(p Parts) (*Draft, error) {
	d := &Draft{places: strings.Contains(p.Text, Place) || strings.Contains(p.HTML, Place)}
	var out bytes.Buffer
	w := writer{out: &out}
	if p.From != "" {
		from, err := ParseMailbox(p.From)
		if err != nil {
			return nil, err
		}
		w.from(from)
	}
	switch subject := strings.TrimSpace(p.Subject); {
	case len(subject) > maxSubject:
		return nil, &Unfit{"subject", "is too long"}
	default:
		if w.err == nil {
			w.err = plain("subject", subject) // before it is encoded
		}
		w.field("Subject", words(subject))
	}
	if p.InReplyTo != "" {
		if !isMessageID(p.InReplyTo) {
			return nil, &Unfit{"In-Reply-To", "is no Message-ID"}
		}
		w.field("In-Reply-To", p.InReplyTo)
		w.field("References", p.InReplyTo)
	}
	if p.Auto != "" {
		w.field("Auto-Submitted", p.Auto)
	}
	w.field("MIME-Version", "1.0")
	if w.err == nil {
		w.err = w.body(p)
	}
	if w.err != nil {
		return nil, w.err
	}
	return d.read(out.Bytes())
}

// isMessageID says whether a text is a Message-ID, or near enough to be one.
func isMessageID(s string) bool {
	return len(s) <= 900 && strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// body writes the texts, and the fields that say how.
func (w *writer) body(p Parts) error {
	if p.Text == "" && p.HTML == "" {
		return &Unfit{"text", "is missing"}
	}
	if p.Text == "" || p.HTML == "" {
		kind := "plain"
		if p.Text == "" {
			kind = "html"
		}
		return w.text(kind, p.Text+p.HTML)
	}
	var random [16]byte
	rand.Read(random[:])
	boundary := "=_" + hex.EncodeToString(random[:]) // no line of quoted-printable holds "=_"
	w.field("Content-Type", `multipart/alternative; boundary="`+boundary+`"`)
	w.out.WriteString("\r\n--" + boundary + "\r\n")
	if err := w.text("plain", p.Text); err != nil {
		return err
	}
	w.out.WriteString("\r\n--" + boundary + "\r\n")
	if err := w.text("html", p.HTML); err != nil {
		return err
	}
	w.out.WriteString("\r\n--" + boundary + "--\r\n")
	return w.err
}

// text writes one text with its header.
func (w *writer) text(kind, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return &Unfit{"text", "is not UTF-8, or holds a NUL"}
	}
	w.field("Content-Type", "text/"+kind+"; charset=utf-8")
	w.field("Content-Transfer-Encoding", "quoted-printable")
	w.out.WriteString("\r\n")
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return quote(w.out, []byte(text))
}

// quote writes text as quoted-printable.
func quote(out *bytes.Buffer, text []byte) error {
	w := quotedprintable.NewWriter(out)
	if _, err := w.Write(text); err != nil {
		return err
	}
	return w.Close()
}

// Parse reads a letter that a program submitted. What it says of who gets it, of
// how such letters are stopped and of its way so far is left out.
func Parse(raw []byte) (*Draft, error) {
	if len(raw) > MaxSize {
		return nil, &Unfit{"size", "is more than 10 MB"}
	}
	whole, err := lines(raw)
	if err != nil {
		return nil, err
	}
	d, err := new(Draft).read(whole)
	if err != nil {
		return nil, err
	}
	d.fields, d.body, err = ascii(d.fields, d.body)
	if err == nil {
		d.places, _, err = rewrite(d.fields, d.body, Place)
	}
	return d, err
}

// lines has every line end in CR LF. A bare CR, by which some end a line and
// others do not, is refused, and so is a NUL.
func lines(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, &Unfit{"text", "holds a NUL"}
	}
	unix := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	if bytes.IndexByte(unix, '\r') >= 0 {
		return nil, &Unfit{"text", "has a CR that is no line break"}
	}
	return bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n")), nil
}

// dropped are the fields that a submitted letter may have and that no letter that
// goes out keeps: whom it goes to, how it came here, and what only we can say.
var dropped = map[string]bool{"to": true, "cc": true, "bcc": true, "resent-bcc": true, "resent-to": true, "resent-cc": true, "return-path": true,
	"received": true, "delivered-to": true, "sender": true, "dkim-signature": true, "list-unsubscribe": true, "list-unsubscribe-post": true,
	"disposition-notification-to": true, "return-receipt-to": true}

// alone are the fields that a letter has once.
var alone = map[string]bool{"from": true, "subject": true, "date": true, "message-id": true, "mime-version": true, "content-type": true,
	"content-transfer-encoding": true, "reply-to": true, "in-reply-to": true, "references": true}

// read reads header and body.
func (d *Draft) read(whole []byte) (*Draft, error) {
	head, body, found := bytes.Cut(whole, []byte("\r\n\r\n"))
	if rest, ok := bytes.CutPrefix(whole, []byte("\r\n")); ok {
		head, body, found = nil, rest, true
	}
	if !found {
		return nil, &Unfit{"header", "does not end in an empty line"}
	}
	d.body = body
	seen := map[string]bool{}
	for len(head) > 0 {
		var text []byte
		text, head = cutField(head)
		name, _, ok := strings.Cut(string(text), ":")
		if !ok || !isName(name) {
			return nil, &Unfit{"header", "has a line that is no field"}
		}
		f := field{strings.ToLower(name), text}
		if dropped[f.name] || strings.HasPrefix(f.name, "x-avow-") {
			continue
		}
		if alone[f.name] && seen[f.name] {
			return nil, &Unfit{"header", "has a field twice that it may have once"}
		}
		seen[f.name] = true
		if len(d.fields) == maxFields {
			return nil, &Unfit{"header", "has too many fields"}
		}
		if err := d.keep(f); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// keep takes a field on.
func (d *Draft) keep(f field) error {
	for line := range bytes.SplitSeq(f.text, []byte("\r\n")) {
		if len(line) > maxLine {
			return &Unfit{"header", "has a line that is too long"}
		}
	}
	value := f.value()
	if err := plain("header", value); err != nil {
		return err
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
		if f.name != "subject" {
			return &Unfit{"header", "has a field in other characters than ASCII: write it as RFC 2047 says"}
		}
		f.text = []byte(fold("Subject", words(value)))
	}
	if f.name == "from" {
		from, err := ParseMailbox(decoded(value))
		if err != nil {
			return err
		}
		d.from = &from.Address
	}
	d.fields = append(d.fields, f)
	return nil
}

// decoded leaves a value as it is unless it cannot be read so.
func decoded(value string) string {
	if _, err := stdmail.ParseAddress(value); err == nil {
		return value
	}
	if at := strings.LastIndexByte(value, '<'); at >= 0 {
		return value[at:] // a name in a charset that we do not know
	}
	return value
}

// cutField cuts the first field off a header, with the lines that go on with it.
func cutField(head []byte) (text, rest []byte) {
	end := 0
	for {
		i := bytes.Index(head[end:], []byte("\r\n"))
		if i < 0 {
			return append(head[:len(head):len(head)], "\r\n"...), nil
		}
		end += i + 2
		if end >= len(head) || head[end] != ' ' && head[end] != '\t' {
			return head[:end:end], head[end:]
		}
	}
}

func isName(name string) bool {
	return name != "" && len(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// Bytes is the draft as it is kept; Kept reads it again.
func (d *Draft) Bytes() []byte {
	var out bytes.Buffer
	if d.places {
		out.WriteByte('+')
	} else {
		out.WriteByte('-')
	}
	for _, f := range d.fields {
		out.Write(f.text)
	}
	out.WriteString("\r\n")
	out.Write(d.body)
	return out.Bytes()
}

// Kept reads what Bytes wrote.
func Kept(b []byte) (*Draft, error) {
	if len(b) == 0 {
		return nil, &Unfit{"text", "is missing"}
	}
	return (&Draft{places: b[0] == '+'}).read(b[1:])
}

// Addressed reads of a submitted letter whom it is for, in To, Cc and Bcc, and
// what it says in X-Avow-Purpose. Who cannot be read is the zero Address.
func Addressed(raw []byte) (to []mail.Address, purpose string) {
	head, _, _ := bytes.Cut(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	head = bytes.ReplaceAll(head, []byte("\n"), []byte("\r\n"))
	for len(head) > 0 {
		var text []byte
		text, head = cutField(head)
		name, _, _ := strings.Cut(string(text), ":")
		f := field{strings.ToLower(name), text}
		switch f.name {
		case "x-avow-purpose":
			purpose = f.value()
		case "to", "cc", "bcc":
			to = append(to, addresses(f.value())...)
		}
	}
	return to, purpose
}

func addresses(list string) (all []mail.Address) {
	if list == "" {
		return nil
	}
	given, err := stdmail.ParseAddressList(list)
	if err != nil {
		return []mail.Address{{}}
	}
	for _, one := range given {
		address, _ := mail.ParseAddress(one.Address)
		all = append(all, address)
	}
	return all
}
