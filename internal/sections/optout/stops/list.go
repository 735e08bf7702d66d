package stops

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow/internal/mail"
)

// An Entry is one address of a list, and what the list says of it.
type Entry struct {
	Address mail.Address
	How     How
	At      time.Time // zero if the list does not say
	Row     int       // from 0
}

// A List is what was read: entries, and by number, from 0, those that are none.
type List struct {
	Entries []Entry
	Bad     []int
	Rows    int
}

func (l *List) add(address, reason, at string) {
	a, err := mail.ParseAddress(strings.TrimSpace(address))
	if err != nil {
		l.Bad = append(l.Bad, l.Rows)
	} else {
		l.Entries = append(l.Entries, Entry{a, because(reason), moment(at), l.Rows})
	}
	l.Rows++
}

// ErrList says that a list is none.
var ErrList = errors.New("not a list of addresses")

// ReadList reads a list of the kind that its Content-Type says: one address a
// line, CSV as other tools export it, or a JSON array of addresses or of objects.
func ReadList(kind string, body []byte) (l *List, err error) {
	l, body = &List{}, bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))
	switch kind {
	case "text/csv":
		err = l.csv(body)
	case "application/json":
		err = l.json(body)
	default:
		for text := range bytes.Lines(body) {
			if text = bytes.TrimSpace(text); len(text) > 0 {
				l.add(string(text), "", "")
			} else {
				l.Rows++
			}
		}
	}
	return l, err
}

// Columns as the exports of common tools call them, in lower case without what is
// no letter.
var (
	addressColumns = map[string]bool{"email": true, "emailaddress": true, "address": true, "mail": true, "subscriber": true, "recipient": true, "contact": true, "subscriberemail": true}
	dateColumns    = map[string]bool{"date": true, "created": true, "createdat": true, "unsubtime": true, "unsubscribedat": true, "unsubscribed": true, "optouttime": true, "optoutdate": true,
		"timestamp": true, "lastupdatetimestamp": true, "suppressedat": true, "lastchanged": true}
	reasonColumns = map[string]bool{"reason": true, "suppressionreason": true, "unsubreason": true, "type": true, "status": true}
)

func plain(column string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(column))
}

func (l *List) csv(body []byte) error {
	in := csv.NewReader(bytes.NewReader(body))
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	first, _, _ := bytes.Cut(body, []byte("\n"))
	for _, c := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(in.Comma))) {
			in.Comma = c
		}
	}
	head, err := in.Read()
	if err != nil {
		return ErrList
	}
	address, date, reason := -1, -1, -1
	for i, name := range head {
		switch name = plain(name); {
		case addressColumns[name] && address < 0:
			address = i
		case dateColumns[name] && date < 0:
			date = i
		case reasonColumns[name] && reason < 0:
			reason = i
		}
	}
	if address < 0 {
		return ErrList
	}
	cell := func(row []string, i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return row[i]
	}
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ErrList
		}
		if slices.ContainsFunc(row, swallows) {
			row = nil
		}
		l.add(cell(row, address), cell(row, reason), cell(row, date))
	}
}

// swallows says whether a cell goes on over lines with addresses in them: somebody
// opened a quote there and did not close it. They must not be lost unsaid.
func swallows(cell string) bool {
	_, rest, _ := strings.Cut(cell, "\n")
	return strings.Contains(rest, "@")
}

func (l *List) json(body []byte) error {
	var all []jsontext.Value
	if json.Unmarshal(body, &all) != nil {
		return ErrList
	}
	for _, v := range all {
		var text string
		var row struct{ Email, Reason, At string }
		if json.Unmarshal(v, &text) != nil && json.Unmarshal(v, &row, json.MatchCaseInsensitiveNames(true)) != nil {
			text = ""
		}
		if text != "" {
			row.Email = text
		}
		l.add(row.Email, row.Reason, row.At)
	}
	return nil
}

// because is the way of a stop by the word that another tool has for it.
func because(reason string) How {
	switch reason = strings.ToLower(reason); {
	case strings.Contains(reason, "bounce"), strings.Contains(reason, "invalid"):
		return Bounce
	case strings.Contains(reason, "complain"), strings.Contains(reason, "spam"), strings.Contains(reason, "abuse"):
		return Complaint
	}
	return Import
}

// moment reads a time as other tools write it. One that cannot be read is none, and
// the stop counts from now.
func moment(text string) time.Time {
	text = strings.TrimSpace(text)
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02T15:04:05", time.DateOnly, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST"} {
		if at, err := time.Parse(form, text); err == nil {
			return at
		}
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 1e8 && n < 1e11 {
		return time.Unix(n, 0)
	}
	return time.Time{}
}
