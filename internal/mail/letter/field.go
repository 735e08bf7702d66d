package letter

import (
	"bytes"
	"encoding/base64"
	stdmail "net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/mail"
)

// A field is one header field as it stands in a letter, folded, with its line
// break.
type field struct {
	name string // in lower case
	text []byte
}

// value is what stands behind the colon, unfolded.
func (f field) value() string {
	_, value, _ := strings.Cut(string(f.text), ":")
	return strings.TrimSpace(strings.ReplaceAll(value, "\r\n", ""))
}

// A writer writes a header. The first value that does not fit ends it.
type writer struct {
	out *bytes.Buffer
	err error
}

func (w *writer) raw(f field) { w.out.Write(f.text) }

// field writes a value that is ready for the header, folded.
func (w *writer) field(name, value string) {
	if w.err != nil {
		return
	}
	if w.err = plain(name, value); w.err == nil {
		w.out.WriteString(fold(name, value))
	}
}

// from writes who sends. A name is looked at before it is encoded.
func (w *writer) from(m Mailbox) {
	if w.err = plain("sender", m.Name); w.err == nil {
		w.field("From", m.text())
	}
}

// plain says whether a value stays one value.
func plain(name, value string) error {
	if !utf8.ValidString(value) {
		return &Unfit{name, "is not UTF-8"}
	}
	if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' }) {
		return &Unfit{name, "holds a line break or another control character"}
	}
	return nil
}

// fold writes a field in lines of at most wide bytes, as far as there are spaces
// to break them at. A line never consists of spaces alone.
func fold(name, value string) string {
	var b strings.Builder
	b.WriteString(name + ":")
	width := len(name) + 1
	for i, word := range strings.SplitAfter(" "+value, " ") {
		// Each word but the first ends in the space before the next one, which goes
		// to the head of the next line if there is one.
		word = strings.TrimSuffix(word, " ")
		if i == 0 {
			continue // before the first space
		}
		if word != "" && i > 1 && width+1+len(word) > wide {
			b.WriteString("\r\n")
			width = 0
		}
		b.WriteString(" " + word)
		width += 1 + len(word)
	}
	return b.String() + "\r\n"
}

// words writes a text as a header can hold it (RFC 2047).
func words(text string) string {
	if !strings.Contains(text, "=?") && !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf || r < ' ' }) && !long(text) {
		return text
	}
	var all []string
	for len(text) > 0 {
		n := 0
		for n < len(text) {
			_, size := utf8.DecodeRuneInString(text[n:])
			if n+size > 42 {
				break
			}
			n += size
		}
		all = append(all, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return strings.Join(all, " ")
}

// long says whether a text has a word that does not fit in a line, or spaces that
// folding could not tell from its own.
func long(text string) bool {
	for _, word := range strings.Split(text, " ") {
		if len(word) > wide-20 || word == "" {
			return true
		}
	}
	return false
}

// text is how a mailbox stands in a header.
func (m Mailbox) text() string {
	if m.Name == "" {
		return "<" + m.Address.Text() + ">"
	}
	if strings.ContainsFunc(m.Name, func(r rune) bool { return r >= utf8.RuneSelf }) || strings.Contains(m.Name, "=?") || long(m.Name) {
		return words(m.Name) + " <" + m.Address.Text() + ">"
	}
	return (&stdmail.Address{Name: m.Name, Address: "x@x"}).String()[:quoted(m.Name)] + " <" + m.Address.Text() + ">"
}

// quoted is how many bytes a name takes between quotes.
func quoted(name string) int {
	return len(name) + 2 + strings.Count(name, `"`) + strings.Count(name, `\`)
}

// ParseMailbox reads an address with or without what is displayed for it.
func ParseMailbox(text string) (Mailbox, error) {
	if err := plain("sender", text); err != nil {
		return Mailbox{}, err
	}
	given, err := stdmail.ParseAddress(text)
	if err != nil {
		return Mailbox{}, &Unfit{"sender", "is not one address"}
	}
	address, err := mail.ParseAddress(given.Address)
	if err != nil {
		return Mailbox{}, &Unfit{"sender", "is not an address that letters can come from"}
	}
	return Mailbox{given.Name, address}, plain("sender", given.Name)
}

// escaped writes an address as a mailto URL has it (RFC 6068).
func escaped(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	return url.PathEscape(local) + "@" + domain
}
