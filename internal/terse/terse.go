// Package terse writes an event in few bytes, and reads it back exactly.
//
// An event is canonical JSON of some 280 bytes, of which most is the same each
// time: the names of the members, and what sections say again and again. What
// varies is kept as it is, in binary where it has a fixed length; what is the
// same is left out, or stands as one byte. Canonical JSON holds no byte below
// 0x20, so those are free to stand for fragments.
//
// A payload that does not fit the pattern is kept as it is. The table of
// fragments is part of the format: it is never changed, only followed by
// another under another mark.
package terse

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
)

// The mark is the first byte: what follows.
const (
	plain   = 0 // the payload itself
	packed  = 1 // the parts of the payload
	chained = 2 // the same, and among them the commitment of the event before
)

// A Place is what is kept beside an event, so that it need not be said in it.
type Place struct {
	About   avow.RecordID
	N       int64
	Version avow.Version
}

// own is the code that stands for the name of the record that the event is about.
const own = 31

// fragments are what a byte below 0x20 stands for. 0 ends a part.
var fragments = [0x20]string{
	1: `{"collection":"`, 2: `","fields":["`, 3: `","record":"`, 4: `","until":"20`, 5: `{"actor":"`, 6: `","purpose":"`,
	7: `","`, 8: `":"`, 9: `"],"`, 10: `":["`, 11: `"}`, 12: `"]}`, 13: `],"record":"`, 14: `"],"purpose":"`, 15: `{"`, 16: `"`,
	17: `{"record":"`, 18: `,"`, 19: `":`, 20: `email`, 21: `message`, 22: `name`, 23: `collect`, 24: `contact`, 25: `phone`, 26: `address`,
	27: `read`, 28: `erase`, 29: `purposes.`, 30: `requests`, 31: ``,
}

// byFirst are the codes of the fragments that begin with a byte, the longest
// first.
var byFirst = func() (table [256][]byte) {
	for code := 1; code < own; code++ {
		first := fragments[code][0]
		table[first] = append(table[first], byte(code))
	}
	for _, codes := range table {
		slices.SortStableFunc(codes, func(a, b byte) int { return len(fragments[b]) - len(fragments[a]) })
	}
	return table
}()

// Pack writes the payload of the event at a place.
func Pack(payload []byte, at Place) []byte {
	if small, ok := pack(payload, at.About.String()); ok {
		if again, err := Unpack(small, at); err == nil && bytes.Equal(again, payload) {
			return small
		}
	}
	return append([]byte{plain}, payload...)
}

// pack cuts the payload where the names of the members stand.
func pack(payload []byte, record string) (small []byte, ok bool) {
	rest := payload
	cut := func(until string) (part []byte) {
		var found bool
		part, rest, found = bytes.Cut(rest, []byte(until))
		if !found {
			rest = nil
		}
		return part
	}
	cut(`{"at":"`)
	at := cut(`","clause":"`)
	clause := cut(`","n":`)
	cut(`,"nonce":"`)
	nonce := cut(`","prev":"`)
	prev := cut(`","statement":`)
	cut(`,"type":"`)
	kind := cut(`","x":`)
	if rest == nil {
		return nil, false
	}
	moment, err := time.Parse(time.RFC3339, string(at))
	if err != nil {
		return nil, false
	}
	small = binary.AppendVarint(append(make([]byte, 0, 160), packed), moment.Unix())
	if small, err = base64.RawURLEncoding.AppendDecode(small, nonce); err != nil || len(nonce) != 22 {
		return nil, false
	}
	if len(prev) > 0 {
		small[0] = chained
		if small, err = base64.StdEncoding.AppendDecode(small, prev); err != nil || len(prev) != 44 {
			return nil, false
		}
	}
	for _, part := range [][]byte{clause, kind, rest[:len(rest)-1]} {
		small = append(shorten(small, part, record), 0)
	}
	return small[:len(small)-1], true
}

// shorten appends text with its fragments as one byte each, the longest that
// fits at each place.
func shorten(to, text []byte, record string) []byte {
next:
	for len(text) > 0 {
		if text[0] == record[0] && len(text) >= len(record) && string(text[:len(record)]) == record {
			to, text = append(to, own), text[len(record):]
			continue
		}
		for _, code := range byFirst[text[0]] {
			if f := fragments[code]; len(f) <= len(text) && string(text[:len(f)]) == f {
				to, text = append(to, code), text[len(f):]
				continue next
			}
		}
		to, text = append(to, text[0]), text[1:]
	}
	return to
}

var errPacked = errors.New("not an event in few bytes")

// Unpack reads what Pack wrote for the same place.
func Unpack(small []byte, at Place) ([]byte, error) {
	if len(small) == 0 || small[0] > chained {
		return nil, errPacked
	}
	mark, rest := small[0], small[1:]
	if mark == plain {
		return rest, nil
	}
	moment, width := binary.Varint(rest)
	fixed := max(width, 0) + 16
	if mark == chained {
		fixed += 32
	}
	if width <= 0 || len(rest) < fixed {
		return nil, errPacked
	}
	nonce, prev := rest[width:width+16], rest[width+16:fixed]
	parts := bytes.SplitN(rest[fixed:], []byte{0}, 3)
	if len(parts) != 3 {
		return nil, errPacked
	}
	record := at.About.String()
	b := append(make([]byte, 0, 320), `{"at":"`...)
	b = time.Unix(moment, 0).UTC().AppendFormat(b, time.RFC3339)
	b = lengthen(append(b, `","clause":"`...), parts[0], record)
	b = strconv.AppendInt(append(b, `","n":`...), at.N, 10)
	b = base64.RawURLEncoding.AppendEncode(append(b, `,"nonce":"`...), nonce)
	b = base64.StdEncoding.AppendEncode(append(b, `","prev":"`...), prev)
	b = strconv.AppendInt(append(b, `","statement":`...), int64(at.Version), 10)
	b = lengthen(append(b, `,"type":"`...), parts[1], record)
	b = lengthen(append(b, `","x":`...), parts[2], record)
	return append(b, '}'), nil
}

func lengthen(to, text []byte, record string) []byte {
	for _, c := range text {
		switch {
		case c == own:
			to = append(to, record...)
		case c < 0x20:
			to = append(to, fragments[c]...)
		default:
			to = append(to, c)
		}
	}
	return to
}
