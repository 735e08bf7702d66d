// Package tree grows the right edge of a Merkle tree, and keeps full tiles at hand.
//
// The tree is that of RFC 6962, and its tiles those of c2sp.org/tlog-tiles. It
// knows nothing of where tiles and entries are kept.
package tree

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Height and Width are those of c2sp.org/tlog-tiles.
const (
	Height = 8
	Width  = 1 << Height
)

// A Tree is the right edge of a Merkle tree: what it takes to add a leaf, to
// tell the root, and to serve and prove what is in tiles that are not full yet.
type Tree struct {
	Size  int64         // how many leaves it has
	peaks []tlog.Hash   // roots of the full subtrees, the widest first
	nodes [][]tlog.Hash // by height, the nodes inside the tile that is not full yet
}

// A Full is a tile that the last leaf has completed.
type Full struct {
	Level  int
	N      int64
	Hashes []byte
}

// Clone copies the tree so that adding to the copy leaves t alone. The nodes
// stay shared: a row only ever grows behind what t knows of it, and a row that
// is full is not reused. So one copy of a tree may be added to, and once that is
// given up another.
func (t *Tree) Clone() *Tree {
	return &Tree{t.Size, slices.Clone(t.peaks), slices.Clone(t.nodes)}
}

// Add appends a leaf and returns the tiles that this completes.
func (t *Tree) Add(leaf tlog.Hash) (full []Full) {
	t.keep(0, leaf)
	h := leaf
	for height := 0; t.Size>>height&1 == 1; height++ {
		last := len(t.peaks) - 1
		h = tlog.NodeHash(t.peaks[last], h)
		t.peaks = t.peaks[:last]
		t.keep(height+1, h)
	}
	t.peaks = append(t.peaks, h)
	t.Size++
	for level := 0; t.Size&(1<<(Height*(level+1))-1) == 0; level++ {
		n := t.Size>>(Height*(level+1)) - 1
		full = append(full, Full{level, n, Pack(t.nodes[Height*level])})
		clear(t.nodes[Height*level : Height*(level+1)])
	}
	return full
}

func (t *Tree) keep(height int, h tlog.Hash) {
	if height == len(t.nodes) {
		t.nodes = append(t.nodes, nil)
	}
	if t.nodes[height] == nil {
		t.nodes[height] = make([]tlog.Hash, 0, Width>>(height%Height))
	}
	t.nodes[height] = append(t.nodes[height], h)
}

// Tail is the tile of a level that is not full yet.
func (t *Tree) Tail(level int) []tlog.Hash { return t.nodes[Height*level] }

// Node finds the n-th node of a height, if it stands in a tile that is not full.
func (t *Tree) Node(height int, n int64) (h tlog.Hash, ok bool) {
	level := height / Height
	first := t.Size >> (Height * (level + 1)) << (Height - height%Height)
	if height >= len(t.nodes) || n < first || n-first >= int64(len(t.nodes[height])) {
		return h, false
	}
	return t.nodes[height][n-first], true
}

// Root is the tree's hash.
func (t *Tree) Root() tlog.Hash {
	if t.Size == 0 {
		root, _ := tlog.TreeHash(0, nil)
		return root
	}
	h := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.peaks[i], h)
	}
	return h
}

// Edge is what is kept of the tree beside its size and root.
func (t *Tree) Edge() []byte { return Pack(t.peaks) }

// Pack writes hashes one after the other.
func Pack(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}
