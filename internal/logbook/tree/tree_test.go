package tree

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// The edge that a tree carries gives the same roots and tiles as x/mod computes
// from all hashes.
func TestTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 1500).Draw(t, "n")
		tr := &Tree{}
		var stored []tlog.Hash
		reader := tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
			for _, i := range indexes {
				found = append(found, stored[i])
			}
			return found, nil
		})
		full := map[string][]byte{}
		half := &Tree{}
		for i := range n {
			data := fmt.Append(nil, i)
			hashes, err := tlog.StoredHashes(int64(i), data, reader)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, hashes...)
			if i == n/2 {
				half = tr.Clone()
			}
			for _, tile := range tr.Add(tlog.RecordHash(data)) {
				full[fmt.Sprint(tile.Level, tile.N)] = tile.Hashes
			}
		}
		want, err := tlog.TreeHash(int64(n), reader)
		if err != nil || tr.Root() != want || tr.Size != int64(n) {
			t.Fatalf("root of %d: %v, want %v, %v", n, tr.Root(), want, err)
		}
		for _, tile := range tlog.NewTiles(Height, 0, int64(n)) {
			data, err := tlog.ReadTileData(tile, reader)
			if err != nil {
				t.Fatal(err)
			}
			got := full[fmt.Sprint(tile.L, tile.N)]
			if tile.W < Width {
				got = Pack(tr.Tail(tile.L))
			}
			if !bytes.Equal(got, data) {
				t.Fatalf("%s of %d", tile.Path(), n)
			}
			delete(full, fmt.Sprint(tile.L, tile.N))
		}
		for i, want := range stored {
			height, at := tlog.SplitStoredHashIndex(int64(i))
			if got, ok := tr.Node(height, at); ok && got != want {
				t.Fatalf("node %d of height %d in %d", at, height, n)
			} else if tile := tlog.TileForIndex(Height, int64(i)); ok != (tile.N == int64(n)>>(Height*(tile.L+1))) {
				t.Fatalf("node %d of height %d in %d: found %v", at, height, n, ok)
			}
		}
		if len(full) > 0 {
			t.Fatalf("%d tiles too many", len(full))
		}
		// The copy was not changed by what was added to the original.
		if n > 0 {
			want, err := tlog.TreeHash(int64(n/2), reader)
			if err != nil || half.Root() != want {
				t.Fatalf("root of the copy at %d: %v, want %v, %v", n/2, half.Root(), want, err)
			}
		}
	})
}
