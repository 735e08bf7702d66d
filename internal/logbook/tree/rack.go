package tree

import (
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// A Rack keeps full tiles at hand, with all the nodes beneath their roots, so
// that a proof neither reads a tile for each of its hashes nor computes it.
type Rack struct {
	mu    sync.Mutex
	tiles map[Key]*Nodes
	order []Key // as they came; the oldest goes first
	next  int
}

// A Key names a full tile of one of several logs.
type Key struct {
	Log, N int64
	Level  int
}

// Nodes are those of one full tile, by height above its own hashes.
type Nodes [Height][]tlog.Hash

// rackSize bounds what the rack takes: 16 KiB a tile.
const rackSize = 512

// Get is a tile that is at hand, or nil.
func (s *Rack) Get(k Key) *Nodes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tiles[k]
}

// Put keeps a tile at hand.
func (s *Rack) Put(k Key, n *Nodes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tiles == nil {
		s.tiles, s.order = map[Key]*Nodes{}, make([]Key, rackSize)
	}
	if s.tiles[k] != nil {
		return
	}
	delete(s.tiles, s.order[s.next])
	s.tiles[k], s.order[s.next] = n, k
	s.next = (s.next + 1) % rackSize
}

// NewNodes computes the nodes of a full tile.
func NewNodes(hashes []byte) *Nodes {
	n := &Nodes{}
	for len(hashes) > 0 {
		n[0] = append(n[0], tlog.Hash(hashes[:tlog.HashSize]))
		hashes = hashes[tlog.HashSize:]
	}
	for h := 1; h < Height; h++ {
		below := n[h-1]
		n[h] = make([]tlog.Hash, 0, len(below)/2)
		for i := 0; i+1 < len(below); i += 2 {
			n[h] = append(n[h], tlog.NodeHash(below[i], below[i+1]))
		}
	}
	return n
}
