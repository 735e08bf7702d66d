package store

import (
	"testing"

	"pgregory.net/rapid"
)

// The state depends on which rows there are and on nothing else: not on their
// order, not on rows that came and went.
func TestStateIsOfASet(t *testing.T) {
	hash := rapid.Custom(func(t *rapid.T) (h [32]byte) {
		copy(h[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		return h
	})
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(hash, 1, 8, func(h [32]byte) [32]byte { return h }).Draw(t, "rows")
		gone := hash.Draw(t, "gone")
		var one, two, change State
		for _, r := range rows {
			one.Add(Records, r)
		}
		two.Add(Records, gone)
		for i := range rows {
			change.Add(Records, rows[len(rows)-1-i])
		}
		change.Remove(Records, gone)
		if two = two.Plus(change); one != two {
			t.Fatal("the same rows, another state")
		}
		if again, ok := ParseState(one.Bytes()); !ok || again != one {
			t.Fatal("the state is not read as it was written")
		}
		one.Remove(Records, rows[0])
		if one == two {
			t.Fatal("a row less, and the state is the same")
		}
		two.Remove(Records, rows[0])
		two.Add(Indexes, rows[0])
		if one == two {
			t.Fatal("a row moved to another table, and the state is the same")
		}
	})
}

// A state that was written before there were words about letters is read as one
// without any; what is no state is not read.
func TestStateOfBefore(t *testing.T) {
	var s State
	s.Add(Statements, [32]byte{1})
	text := s.Bytes()
	for n := range len(text) + 40 {
		got, ok := ParseState(append(text, make([]byte, 40)...)[:n])
		if want := n == 160 || n == StateSize; ok != want || ok && got != s {
			t.Errorf("of %d bytes it is read: %v", n, ok)
		}
	}
}
