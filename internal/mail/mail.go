// Package mail reads the e-mail people send, within limits, and knows its addresses.
//
// Nothing that comes in is trusted. What is larger, deeper or in more pieces
// than the limits allow ends in a LimitError while it is being read; what is
// malformed is read as far as it makes sense, because people's mail programs
// are older than the standards and their senders want to be heard. Read never
// holds a body: of text it keeps what the limits say, of attachments only name,
// type and size.
package mail

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Limits says how much of a message is read before it is refused.
type Limits struct {
	Size   int64 // bytes of the whole message
	Parts  int   // parts of it, at any depth
	Depth  int   // of parts within parts
	Header int   // bytes of one header
	Text   int   // bytes of text that are kept; what is beyond is cut off, not refused
}

// Usual is what a house reads of anybody: as much as large providers let people
// send, in far more pieces than any mail program makes.
var Usual = Limits{Size: 25 << 20, Parts: 500, Depth: 20, Header: 256 << 10, Text: 256 << 10}

// A LimitError is a message that has more of something than is read.
type LimitError struct {
	What string // "bytes", "parts", "levels of parts", "bytes of header"
	Max  int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the message has more than %d %s", e.Max, e.What)
}

// A Message is what was read of one. All text in it is valid UTF-8 without NUL,
// and ids are without their angle brackets and safe to write into a header.
type Message struct {
	ID         string
	From       Address // zero if From names nobody, or more than one
	ReplyTo    Address // zero if there is none, or more than one
	ReturnPath Address // zero if there is none, or it is null: see NullReturn
	NullReturn bool    // the return path is <>: nobody wants to hear an answer
	To         []Address
	Subject    string
	Text       string // of the plain parts, else of the HTML, whose quotations then begin with "> "
	Cut        bool   // there was more text than Limits.Text
	InReplyTo  string
	References []string
	Date       time.Time // as the sender says, zero if they do not

	Report      *Report    // this is a bounce
	Complaint   *Complaint // this is a feedback report
	Attachments []Attachment

	header []field
}

// An Attachment is a part that is not the text. Its bytes are not kept.
type Attachment struct {
	Name, Type string
	Size       int64 // decoded
}

// Read reads one message, as far as the limits allow. Its errors are a
// *LimitError or those of r.
func Read(r io.Reader, l Limits) (*Message, error) {
	w := &walk{limits: l, message: &Message{}}
	if err := w.read(r); err != nil {
		return nil, err
	}
	return w.finish(), nil
}

// Header returns the values of the fields with that name, the topmost first:
// unfolded, of valid UTF-8, encoded words left as they are.
func (m *Message) Header(name string) []string { return values(m.header, name) }

// Fields returns the names of all fields in lower case, the topmost first.
func (m *Message) Fields() []string {
	names := make([]string, len(m.header))
	for i, f := range m.header {
		names[i] = f.name
	}
	return names
}

// A field of a header: its name in lower case, its value unfolded.
type field struct{ name, value string }

func values(header []field, name string) (found []string) {
	name = strings.ToLower(name)
	for _, f := range header {
		if f.name == name {
			found = append(found, f.value)
		}
	}
	return found
}

func first(header []field, name string) string {
	if i := slices.IndexFunc(header, func(f field) bool { return f.name == name }); i >= 0 {
		return header[i].value
	}
	return ""
}

// A Report says what became of letters sent earlier (RFC 3464, or the way
// another mail server puts it). Anybody can write one: who wants to be sure
// whose letter it was relies on the address it came to.
type Report struct {
	Recipients []Delivery
	Original   Original
}

// A Delivery is what a report says of one recipient.
type Delivery struct {
	Final, Original Address
	Action          string // failed, delayed, delivered, relayed or expanded
	Status          string // as in "5.1.1", "" if nobody says
	Class           Class
}

// A Class says what follows for the letters to come.
type Class string

// Classes of deliveries.
const (
	Hard    Class = "hard" // the mailbox does not exist
	Soft    Class = "soft" // not now, or not this letter
	Fine    Class = "fine" // it arrived
	Unknown Class = "unknown"
)

// A Complaint is a feedback report (RFC 5965): somebody pressed "spam".
type Complaint struct {
	Kind       string    // abuse, fraud, not-spam, opt-out …
	Recipients []Address // of the letter, as far as the reporter tells
	ReturnPath Address   // of the letter
	Original   Original
}

// An Original is what a report shows of the letter it speaks of.
type Original struct {
	ID     string
	To     Address // zero if not exactly one
	header []field
}

// Header returns the values of the original's fields with that name.
func (o Original) Header(name string) []string { return values(o.header, name) }
