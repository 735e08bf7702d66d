package receipt

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An Event is something that was done with a person's information. As payload
// it is JSON in canonical form, with exactly the members named here.
type Event struct {
	At        time.Time      `json:"at"`        // to the second, UTC
	Clause    avow.ClauseID  `json:"clause"`    // the promise it was done under
	N         int64          `json:"n"`         // the how-manieth event about the same record, from 1
	Nonce     string         `json:"nonce"`     // random, makes the entry's key
	Prev      string         `json:"prev"`      // commitment of the event before, in base64; empty for the first
	Statement avow.Version   `json:"statement"` // the version it was done under
	Type      string         `json:"type"`      // what was done, such as "collect"
	X         map[string]any `json:"x"`         // what the type needs to say more
}

// Payload writes the event in canonical form.
func (e Event) Payload() ([]byte, error) {
	at := e.At.UTC()
	if year := at.Year(); year < 0 || year > 9999 {
		return nil, errors.New("an event in a year that cannot be written")
	}
	b := at.AppendFormat(append(make([]byte, 0, 384), `{"at":"`...), "2006-01-02T15:04:05Z")
	b, err := appendText(append(b, `","clause":`...), string(e.Clause), nil)
	b = appendNumber(append(b, `,"n":`...), e.N)
	b, err = appendText(append(b, `,"nonce":`...), e.Nonce, err)
	b, err = appendText(append(b, `,"prev":`...), e.Prev, err)
	b = appendNumber(append(b, `,"statement":`...), int64(e.Statement))
	b, err = appendText(append(b, `,"type":`...), e.Type, err)
	b, err = appendValue(append(b, `,"x":`...), e.X, err)
	return append(b, '}'), err
}

// appendText appends a string in canonical form, unless something has failed.
func appendText(b []byte, text string, failed error) ([]byte, error) {
	if failed != nil {
		return b, failed
	}
	return jsontext.AppendQuote(b, text)
}

// appendNumber appends a number in canonical form: whole beyond 2^53 are not
// the same in every reader, and are written as that reader would.
func appendNumber(b []byte, n int64) []byte {
	if n < -maxWhole || n > maxWhole {
		value := jsontext.Value(strconv.FormatInt(n, 10))
		_ = value.Canonicalize() // a number has a form
		return append(b, value...)
	}
	return strconv.AppendInt(b, n, 10)
}

const maxWhole = 1 << 53

// appendValue appends what an event may say more. What sections say is written
// straight; anything else goes the long way.
func appendValue(b []byte, v any, failed error) ([]byte, error) {
	if failed != nil {
		return b, failed
	}
	switch v := v.(type) {
	case string:
		return jsontext.AppendQuote(b, v)
	case []any:
		var err error
		b = append(b, '[')
		for i, member := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b, err = appendValue(b, member, err)
		}
		return append(b, ']'), err
	case map[string]any:
		if names := slices.Sorted(maps.Keys(v)); plain(names) {
			var err error
			b = append(b, '{')
			for i, name := range names {
				if i > 0 {
					b = append(b, ',')
				}
				b, err = appendText(b, name, err)
				b, err = appendValue(append(b, ':'), v[name], err)
			}
			return append(b, '}'), err
		}
	}
	raw, err := canonical(v)
	return append(b, raw...), err
}

// plain says whether names sort as they do in UTF-16.
func plain(names []string) bool {
	for _, name := range names {
		for i := range len(name) {
			if name[i] >= 0x80 {
				return false
			}
		}
	}
	return true
}

// ParseEvent reads what Payload wrote, and nothing else.
func ParseEvent(payload []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(payload, &e, json.RejectUnknownMembers(true)); err != nil {
		return Event{}, errors.New("the payload is not an event")
	}
	again, err := e.Payload()
	if err != nil || !bytes.Equal(again, payload) {
		return Event{}, errors.New("the payload is not an event in canonical form")
	}
	return e, nil
}

// Commit hides a payload behind the key of its entry.
func Commit(entryKey [32]byte, payload []byte) [32]byte {
	h := hmac.New(sha256.New, entryKey[:])
	h.Write(payload)
	return [32]byte(h.Sum(nil))
}

// entryFormat is an entry about a person: 66 bytes that all look alike.
const entryFormat = `{"c":"%s","k":"e","v":1}`

// Entry is the log entry for a commitment.
func Entry(commitment [32]byte) []byte {
	return fmt.Appendf(nil, entryFormat, base64.StdEncoding.EncodeToString(commitment[:]))
}

// Commitment is what an entry about a person commits to.
func Commitment(entry []byte) (c [32]byte, ok bool) {
	var text string
	if len(entry) == len(entryFormat)-2+44 {
		text = string(entry[6:50])
	}
	c, ok = decodeHash(text)
	return c, ok && bytes.Equal(Entry(c), entry)
}

// factKinds are the entries that say in clear what the operator did: a
// statement version, the opening of a disclosure, a report, the root of a bulk
// of commitments, the end of a key epoch, the change to another log.
const factKinds = "sdrbgl"

// maxFact is the most bytes of a fact.
const maxFact = 4096

// Fact is the log entry for a fact of the operator in clear. A kind is one of
// the letters s, d, r, b, g and l.
func Fact(kind string, fields map[string]any) ([]byte, error) {
	all := map[string]any{"k": kind, "v": 1}
	for name, value := range fields {
		if _, taken := all[name]; taken {
			return nil, fmt.Errorf("a fact cannot have a field named %q", name)
		}
		all[name] = value
	}
	entry, err := canonical(all)
	if err != nil {
		return nil, err
	}
	if got, ok := EntryKind(entry); !ok || got != kind || kind == "e" {
		return nil, fmt.Errorf("a fact of kind %q in %d bytes is none that a log may hold", kind, len(entry))
	}
	return entry, nil
}

// EntryKind says what kind of entry this is, "e" for one about a person, and
// whether it is one that an avow's log may hold.
func EntryKind(entry []byte) (kind string, ok bool) {
	var e struct {
		C string         `json:"c"`
		K string         `json:"k"`
		V int            `json:"v"`
		X jsontext.Value `json:",unknown"`
	}
	if len(entry) > maxFact || json.Unmarshal(entry, &e) != nil || e.V != 1 {
		return "", false
	}
	if e.K == "e" {
		c, good := decodeHash(e.C)
		return e.K, good && bytes.Equal(Entry(c), entry)
	}
	again, err := canonical(jsontext.Value(entry))
	return e.K, err == nil && bytes.Equal(again, entry) && len(e.K) == 1 && bytes.Contains([]byte(factKinds), []byte(e.K))
}

// extraFields are the members of the extra data, in canonical order.
type extraFields struct {
	Bulk      *bulkFields `json:"bulk,omitempty"`
	K         string      `json:"k"`
	Key       string      `json:"key"`
	Payload   string      `json:"payload"`
	Witnesses []string    `json:"witnesses,omitempty"`
}

func (x Extra) marshal() (b []byte, err error) {
	b = append(make([]byte, 0, 256+len(x.Payload)*5/4), '{')
	if x.Bulk != nil {
		f := x.Bulk.fields()
		b, err = appendText(append(b, `"bulk":{"entry":`...), f.Entry, err)
		b = appendNumber(append(b, `,"index":`...), f.Index)
		b = append(append(append(b, `,"path":"`...), f.Path...), `"},`...)
	}
	b = base64.StdEncoding.AppendEncode(append(b, `"k":"`...), x.EntryKey[:])
	b, err = appendText(append(b, `","key":`...), x.LogKey, err)
	b, err = appendText(append(b, `,"payload":`...), string(x.Payload), err)
	for i, key := range x.Witnesses {
		if i == 0 {
			b = append(b, `,"witnesses":[`...)
		} else {
			b = append(b, ',')
		}
		b, err = appendText(b, key, err)
	}
	if len(x.Witnesses) > 0 {
		b = append(b, ']')
	}
	return append(b, '}'), err
}

func unmarshalExtra(raw []byte) (Extra, error) {
	var f extraFields
	if err := json.Unmarshal(raw, &f, json.RejectUnknownMembers(true)); err != nil {
		return Extra{}, errors.New("the extra data is not that of an avow receipt")
	}
	k, ok := decodeHash(f.K)
	x := Extra{EntryKey: k, LogKey: f.Key, Payload: []byte(f.Payload), Witnesses: f.Witnesses}
	if f.Bulk != nil && ok {
		x.Bulk, ok = f.Bulk.parse()
	}
	again, err := x.marshal()
	if !ok || err != nil || !bytes.Equal(again, raw) {
		return Extra{}, errors.New("the extra data is not in canonical form")
	}
	return x, nil
}

// canonical writes JSON in the form of RFC 8785.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return nil, err
	}
	return value, nil
}
