// Package avow names the things a privacy statement speaks of.
//
// It is the bottom of the house: only words, no behaviour beyond what the
// words themselves need to be printed, parsed and compared.
package avow

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A SubjectID names a person whose information is kept. It says nothing about
// the person but the moment they were first met, and is forgotten with them.
type SubjectID [16]byte

// A RecordID names one record: what one person handed over at one moment.
type RecordID [16]byte

// ClauseID names a promise in a statement, such as "no-sale".
type ClauseID string

// Field names a kind of information, such as "email".
type Field string

// Purpose names what information is used for, such as "reply".
type Purpose string

// Collection names a place where information comes in, such as "contact".
type Collection string

// Actor names who asks: a member of staff or a program acting for one.
type Actor string

// Version numbers the published statements of one site, from 1.
type Version int

// Crockford's alphabet in lower case: no i, l, o or u to misread aloud.
var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var errID = errors.New("not an id")

// NewSubjectID returns a fresh SubjectID.
func NewSubjectID(now time.Time) SubjectID { return SubjectID(newID(now)) }

// NewRecordID returns a fresh RecordID.
func NewRecordID(now time.Time) RecordID { return RecordID(newID(now)) }

// newID begins with the moment, in milliseconds, and goes on at random: rows
// made one after the other then lie beside each other in a table, and a commit
// touches few of its pages.
func newID(now time.Time) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:], uint64(now.UnixMilli())<<16)
	rand.Read(id[6:])
	return id
}

func (id SubjectID) String() string { return "sub_" + idText.EncodeToString(id[:]) }
func (id RecordID) String() string  { return "rec_" + idText.EncodeToString(id[:]) }

// ParseSubjectID reads what SubjectID.String wrote, and nothing else.
func ParseSubjectID(s string) (id SubjectID, err error) { return id, parseID(id[:], s, "sub_") }

// ParseRecordID reads what RecordID.String wrote, and nothing else.
func ParseRecordID(s string) (id RecordID, err error) { return id, parseID(id[:], s, "rec_") }

func parseID(dst []byte, s, prefix string) error {
	text, ok := strings.CutPrefix(s, prefix)
	if !ok || len(text) != idText.EncodedLen(len(dst)) {
		return errID
	}
	// The last character carries two spare bits; only one spelling is an id.
	if _, err := idText.Decode(dst, []byte(text)); err != nil || idText.EncodeToString(dst) != text {
		clear(dst)
		return errID
	}
	return nil
}

// A Refusal is the answer no, with the promise that says so. It is not a
// failure: everything worked, and the statement forbids it.
type Refusal struct {
	Clause ClauseID // the promise that would be broken; "undeclared" if no clause allows it
	Reason string   // why, in words fit for the person who asked; never a value of a person
}

func (r *Refusal) Error() string { return fmt.Sprintf("refused by %s: %s", r.Clause, r.Reason) }
