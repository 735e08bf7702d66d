package receipt

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
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
	e.At = e.At.UTC().Truncate(time.Second)
	if e.X == nil {
		e.X = map[string]any{}
	}
	return canonical(e)
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

func (x Extra) marshal() ([]byte, error) {
	f := extraFields{nil, base64.StdEncoding.EncodeToString(x.EntryKey[:]), x.LogKey, string(x.Payload), x.Witnesses}
	if x.Bulk != nil {
		f.Bulk = x.Bulk.fields()
	}
	return canonical(f)
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
