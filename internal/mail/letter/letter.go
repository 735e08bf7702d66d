// Package letter writes letters as other mail systems want them, and signs them.
//
// A Draft is a letter without what differs from one who gets it to the next. It
// is read from a message that a program submitted (RFC 5322), or written from a
// subject and a text. Compose makes of it the letter that one person gets: it
// names that person alone, says how to stop such letters (RFC 2369, RFC 8058),
// and is signed (DKIM, RFC 6376 and RFC 8463).
//
// Everything that is composed is ASCII in lines that any mail system carries, so
// that nobody on the way has a reason to write it anew and break the signature.
// No value can begin another header field: what holds a line break, or any other
// control character, is refused. No error holds what was in a letter.
package letter

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/avow-privacy/avow/internal/mail"
)

// An Unfit error says what is wrong with a letter, and never what was in it.
type Unfit struct {
	Part   string // the header field or the part of the letter
	Reason string // in words for the program that sent it
}

func (e *Unfit) Error() string { return fmt.Sprintf("the letter's %s %s", e.Part, e.Reason) }

// Limits of what is taken.
const (
	MaxSize    = 10 << 20 // bytes of a letter
	maxFields  = 200
	maxSubject = 900 // bytes
	maxLine    = 998 // bytes without the line break (RFC 5322, section 2.1.1)
	wide       = 78  // where lines are folded
)

// An Envelope is what Compose adds to a draft for one who gets it.
type Envelope struct {
	From Mailbox // if the draft names no sender
	To   mail.Address
	Date time.Time // if the draft has none
	ID   string    // the left side of the Message-ID, if the draft has none
	// Unsubscribe is the https address that stops such letters, and the text for
	// {unsubscribe}. Empty leaves {unsubscribe} as it is.
	Unsubscribe string
	Mailto      mail.Address // takes the same by mail, with Token in the subject
	Token       string
	Listed      bool // say so in the header too
}

// A Mailbox is an address and what is displayed for it.
type Mailbox struct {
	Name    string
	Address mail.Address
}

// Compose writes the letter that one person gets, unsigned.
func (d *Draft) Compose(e Envelope) ([]byte, error) {
	body := d.body
	if d.places && e.Unsubscribe != "" {
		var err error
		if _, body, err = rewrite(d.fields, d.body, e.Unsubscribe); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	out.Grow(len(body) + 2048)
	w := writer{out: &out}
	if d.from == nil {
		w.from(e.From)
	}
	w.field("To", "<"+e.To.Text()+">")
	for _, f := range d.fields {
		w.raw(f)
	}
	if !d.has("date") {
		w.field("Date", e.Date.UTC().Format(time.RFC1123Z))
	}
	if !d.has("message-id") {
		w.field("Message-ID", "<"+e.ID+"@"+e.domain(d)+">")
	}
	if !d.has("mime-version") {
		w.field("MIME-Version", "1.0")
	}
	if !d.has("content-type") {
		w.field("Content-Type", "text/plain; charset=us-ascii")
	}
	if e.Listed && e.Unsubscribe != "" {
		w.field("List-Unsubscribe", "<"+e.Unsubscribe+">, <mailto:"+escaped(e.Mailto.Text())+"?subject=unsubscribe%20"+e.Token+">")
		w.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
	}
	if w.err != nil {
		return nil, w.err
	}
	out.WriteString("\r\n")
	out.Write(body)
	return out.Bytes(), nil
}

// domain is where the sender is.
func (e *Envelope) domain(d *Draft) string {
	from := e.From.Address.Text()
	if d.from != nil {
		from = d.from.Text()
	}
	return from[strings.LastIndexByte(from, '@')+1:]
}

// From is the address of the sender that the draft names, if it names one.
func (d *Draft) From() (from mail.Address, ok bool) {
	if d.from == nil {
		return from, false
	}
	return *d.from, true
}
