package logbook

import (
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight and tileWidth are those of c2sp.org/tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// A tree is the right edge of a Merkle tree: what it takes to add a leaf, to
// tell the root, and to serve and prove what is in tiles that are not full yet.
type tree struct {
	size  int64
	peaks []tlog.Hash   // roots of the full subtrees, the widest first
	nodes [][]tlog.Hash // by height, the nodes inside the tile that is not full yet
}

// A fullTile is a tile that the last leaf has completed.
type fullTile struct {
	level  int
	n      int64
	hashes []byte
}

// clone copies the tree so that adding to the copy leaves t alone. The nodes
// stay shared: a row only ever grows behind what t knows of it, and a row that
// is full is not reused. So one copy of a tree may be added to, and once that is
// given up another.
func (t *tree) clone() *tree {
	return &tree{t.size, slices.Clone(t.peaks), slices.Clone(t.nodes)}
}

// add appends a leaf and returns the tiles that this completes.
func (t *tree) add(leaf tlog.Hash) (full []fullTile) {
	t.keep(0, leaf)
	h := leaf
	for height := 0; t.size>>height&1 == 1; height++ {
		last := len(t.peaks) - 1
		h = tlog.NodeHash(t.peaks[last], h)
		t.peaks = t.peaks[:last]
		t.keep(height+1, h)
	}
	t.peaks = append(t.peaks, h)
	t.size++
	for level := 0; t.size&(1<<(tileHeight*(level+1))-1) == 0; level++ {
		n := t.size>>(tileHeight*(level+1)) - 1
		full = append(full, fullTile{level, n, pack(t.nodes[tileHeight*level])})
		clear(t.nodes[tileHeight*level : tileHeight*(level+1)])
	}
	return full
}

func (t *tree) keep(height int, h tlog.Hash) {
	if height == len(t.nodes) {
		t.nodes = append(t.nodes, nil)
	}
	if t.nodes[height] == nil {
		t.nodes[height] = make([]tlog.Hash, 0, tileWidth>>(height%tileHeight))
	}
	t.nodes[height] = append(t.nodes[height], h)
}

// tail is the tile of a level that is not full yet.
func (t *tree) tail(level int) []tlog.Hash { return t.nodes[tileHeight*level] }

// node finds the n-th node of a height, if it stands in a tile that is not full.
func (t *tree) node(height int, n int64) (h tlog.Hash, ok bool) {
	level := height / tileHeight
	first := t.size >> (tileHeight * (level + 1)) << (tileHeight - height%tileHeight)
	if height >= len(t.nodes) || n < first || n-first >= int64(len(t.nodes[height])) {
		return h, false
	}
	return t.nodes[height][n-first], true
}

// root is the tree's hash.
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		root, _ := tlog.TreeHash(0, nil)
		return root
	}
	h := t.peaks[len(t.peaks)-1]
	for i := len(t.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.peaks[i], h)
	}
	return h
}

// edge is what is kept of the tree beside its size and root.
func (t *tree) edge() []byte { return pack(t.peaks) }

func pack(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}
