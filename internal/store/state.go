package store

import (
	"encoding/binary"
	"math/bits"
)

// A Part names a kind of row that the state sums up.
type Part int

// The parts of the state, one for each table of rows about persons.
const (
	Subjects Part = iota
	Indexes
	Records
	Events
	Statements // published, not about persons, but what all uses are decided by
	Words      // about letters to an address, under a hash that refers to nobody
	parts
)

// A State is a set hash of all live rows about persons, part by part. A row is
// added and taken away as a keyed hash of all its columns, in any order, so the
// state is kept with each commit and can be computed anew from the tables. A
// row that was lost, altered or brought back does not go unseen: who does not
// have the key cannot tell what to add.
type State [parts][4]uint64

// Add puts a row's hash in.
func (s *State) Add(p Part, row [32]byte) { s.move(p, row, 0) }

// Remove takes a row's hash out.
func (s *State) Remove(p Part, row [32]byte) { s.move(p, row, ^uint64(0)) }

// move adds the hash, or its complement and one, which takes it away: sums are
// modulo 2^256.
func (s *State) move(p Part, row [32]byte, flip uint64) {
	carry := flip & 1
	for i := range s[p] {
		s[p][i], carry = bits.Add64(s[p][i], binary.LittleEndian.Uint64(row[8*i:])^flip, carry)
	}
}

// Plus is s with the changes of d.
func (s State) Plus(d State) State {
	for p := range s {
		carry := uint64(0)
		for i := range s[p] {
			s[p][i], carry = bits.Add64(s[p][i], d[p][i], carry)
		}
	}
	return s
}

// StateSize is how many bytes a state takes.
const StateSize = int(parts) * 32

// Bytes writes the state.
func (s State) Bytes() []byte {
	b := make([]byte, 0, StateSize)
	for _, sum := range s {
		for _, word := range sum {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	return b
}

// before is how many parts the first states had. Who knew no part has no row in it.
const before = 5

// ParseState reads what Bytes wrote, also before a part was added.
func ParseState(b []byte) (s State, ok bool) {
	if len(b)%32 != 0 || len(b) < before*32 || len(b) > StateSize {
		return s, false
	}
	for p := range len(b) / 32 {
		for i := range s[p] {
			s[p][i] = binary.LittleEndian.Uint64(b[32*p+8*i:])
		}
	}
	return s, true
}

// String names the part as a person would.
func (p Part) String() string {
	return [...]string{"subjects", "indexes", "records", "events", "statements", "words about letters"}[p]
}
