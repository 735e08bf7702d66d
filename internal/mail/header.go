package mail

import (
	netmail "net/mail"
	"slices"
	"strings"
)

// How much of a field is looked at, and how many addresses and references.
const maxField, maxList, maxReferences = 64 << 10, 1000, 50

// readHeader reads the fields that everybody asks for.
func (m *Message) readHeader() {
	m.ID = messageID(first(m.header, "message-id"))
	m.InReplyTo = messageID(first(m.header, "in-reply-to"))
	m.References = references(first(m.header, "references"))
	m.Subject = decodeWords(first(m.header, "subject"))
	sent := first(m.header, "date")
	m.Date, _ = netmail.ParseDate(sent[:min(len(sent), 200)])
	m.From = sole(m.Header("from"))
	m.ReplyTo = sole(m.Header("reply-to"))
	if back := m.Header("return-path"); len(back) > 0 {
		m.NullReturn = strings.Trim(back[0], "< >") == ""
		m.ReturnPath = sole(back[:1])
	}
	// Letters to many name nobody: where it was delivered tells whose it is.
	for _, name := range []string{"to", "cc", "delivered-to", "x-original-to", "envelope-to"} {
		for _, value := range m.Header(name) {
			list, _ := addresses(value)
			for _, a := range list {
				if len(m.To) < maxList && !slices.Contains(m.To, a) {
					m.To = append(m.To, a)
				}
			}
		}
	}
}

// sole returns the one address in all of the fields, or none if there are more,
// or anything that is not an address. Who acts on From must not be made to
// choose.
func sole(fields []string) (a Address) {
	for _, value := range fields {
		list, odd := addresses(value)
		for _, b := range list {
			odd = odd || !a.IsZero() && a != b
			a = b
		}
		if odd {
			return Address{}
		}
	}
	return a
}

// addresses reads a list of mailboxes and groups (RFC 5322, 3.4). Odd is what a
// careful writer would not write: a group, text behind the brackets, something
// that is no address. The addresses that are beyond doubt are read all the same.
func addresses(s string) (list []Address, odd bool) {
	if len(s) > maxField {
		s, odd = s[:maxField], true
	}
	l := &lister{}
	for i := 0; i < len(s); i++ {
		l.take(s, &i)
	}
	l.end()
	return l.list, odd || l.odd || l.quoted || l.comment > 0
}

type lister struct {
	list    []Address
	odd     bool
	quoted  bool
	comment int             // how deep
	spec    strings.Builder // what is not in brackets
	angle   string
	angles  int
}

func (l *lister) take(s string, i *int) {
	c := s[*i]
	switch {
	case c == '\\' && (l.quoted || l.comment > 0):
		if *i++; l.quoted && *i < len(s) {
			l.spec.WriteByte(s[*i])
		}
	case l.comment > 0:
		switch c {
		case '(':
			l.comment++
		case ')':
			l.comment--
		}
	case c == '"':
		l.quoted = !l.quoted
		l.spec.WriteByte(c)
	case l.quoted:
		l.spec.WriteByte(c)
	case c == '(':
		l.comment++
	case c == '<':
		end := strings.IndexByte(s[*i:], '>')
		if end < 0 {
			end = len(s) - *i
			l.odd = true
		}
		l.angle, l.angles = s[*i+1:max(*i+1, *i+end)], l.angles+1
		*i += end
	case c == ',' || c == ';':
		l.end()
		l.odd = l.odd || c == ';'
	case c == ':':
		l.odd = true
		l.spec.Reset()
	default:
		if l.angles > 0 && c != ' ' && c != '\t' {
			l.odd = true
		}
		l.spec.WriteByte(c)
	}
}

// end is at the end of a mailbox.
func (l *lister) end() {
	spec := strings.TrimSpace(l.spec.String())
	if l.angles > 0 {
		spec = l.angle
	}
	if a, err := ParseAddress(spec); err == nil && l.angles < 2 {
		if len(l.list) < maxList {
			l.list = append(l.list, a)
		}
	} else if spec != "" || l.angles > 0 {
		l.odd = true
	}
	l.spec.Reset()
	l.angle, l.angles = "", 0
}

// messageID takes an id out of its brackets, if it can be written anywhere.
func messageID(s string) string {
	s = s[:min(len(s), maxField)]
	if _, after, ok := strings.Cut(s, "<"); ok {
		s, _, _ = strings.Cut(after, ">")
	}
	s = strings.TrimSpace(s)
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '>' }
	if len(s) > 500 || strings.ContainsFunc(s, unsafe) {
		return ""
	}
	return s
}

func references(s string) (ids []string) {
	for _, part := range strings.SplitAfter(s[:min(len(s), maxField)], ">") {
		if id := messageID(part); id != "" && strings.Contains(part, "<") {
			ids = append(ids, id)
		}
	}
	return ids[max(0, len(ids)-maxReferences):]
}
