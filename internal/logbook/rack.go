package logbook

import (
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// A rack keeps full tiles at hand, with all the nodes beneath their roots, so
// that a proof neither reads a tile for each of its hashes nor computes it.
type rack struct {
	mu    sync.Mutex
	tiles map[tileKey]*nodes
	order []tileKey // as they came; the oldest goes first
	next  int
}

type tileKey struct {
	log, n int64
	level  int
}

// nodes are those of one full tile, by height above its own hashes.
type nodes [tileHeight][]tlog.Hash

// rackSize bounds what the rack takes: 16 KiB a tile.
const rackSize = 512

func (s *rack) get(k tileKey) *nodes {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tiles[k]
}

func (s *rack) put(k tileKey, n *nodes) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tiles == nil {
		s.tiles, s.order = map[tileKey]*nodes{}, make([]tileKey, rackSize)
	}
	if s.tiles[k] != nil {
		return
	}
	delete(s.tiles, s.order[s.next])
	s.tiles[k], s.order[s.next] = n, k
	s.next = (s.next + 1) % rackSize
}

// newNodes computes the nodes of a full tile.
func newNodes(hashes []byte) *nodes {
	n := &nodes{}
	for len(hashes) > 0 {
		n[0] = append(n[0], tlog.Hash(hashes[:tlog.HashSize]))
		hashes = hashes[tlog.HashSize:]
	}
	for h := 1; h < tileHeight; h++ {
		below := n[h-1]
		n[h] = make([]tlog.Hash, 0, len(below)/2)
		for i := 0; i+1 < len(below); i += 2 {
			n[h] = append(n[h], tlog.NodeHash(below[i], below[i+1]))
		}
	}
	return n
}
