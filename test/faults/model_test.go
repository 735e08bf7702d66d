//go:build linux

package faults_test

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// A model is a disk under a trace: what is surely on it, and what may be. It
// holds a file system to what POSIX asks and to what those with an ordered
// journal give:
//
//   - a write may be lost, or torn into sectors, until a sync of its file that
//     began after it was done has itself been done;
//   - names come and go in order. A sync of a folder keeps the names in it so
//     far, one of a file keeps its own; and what came before.
type model struct {
	names map[string]*node  // as programs see them
	kept  map[string]*node  // as they surely are
	moves []*move           // from kept to names
	syncs map[*act]*syncing // those under way
}

// A node is a file, whatever its name.
type node struct {
	kept    []byte // surely there
	size    int64  // as programs see it
	pending []*change
}

// A change of a file's bytes that may still be lost.
type change struct {
	at   int64
	data []byte
	cut  bool // to the size at, in place of a write
	grow bool // to the size at, if it is smaller
	done bool
}

// A move of a name that may still be lost: from is empty for a new file, to for
// one that is unlinked.
type move struct {
	from, to string
	node     *node // of a new file
}

// What a sync keeps is settled when it begins.
type syncing struct {
	changes []*change
	moves   int
}

func newModel() *model {
	return &model{names: map[string]*node{}, kept: map[string]*node{}, syncs: map[*act]*syncing{}}
}

// begin is when a call is made, end when it returns.
func (m *model) begin(a *act) {
	n := m.names[a.path]
	if a.what == "sync" {
		s := &syncing{moves: m.movesOf(a.path, n)}
		if n != nil {
			for _, c := range n.pending {
				if c.done {
					s.changes = append(s.changes, c)
				}
			}
		}
		m.syncs[a] = s
		return
	}
	if n == nil {
		return
	}
	switch a.what {
	case "write", "pwrite64":
		at := a.at
		if at < 0 {
			at = n.size
		}
		n.size = max(n.size, at+int64(len(a.data)))
		n.pending = append(n.pending, &change{at: at, data: a.data})
	case "ftruncate":
		n.size = a.at
		n.pending = append(n.pending, &change{at: a.at, cut: true})
	case "fallocate":
		n.size = max(n.size, a.at)
		n.pending = append(n.pending, &change{at: a.at, grow: true})
	}
}

func (m *model) end(a *act) {
	n := m.names[a.path]
	switch a.what {
	case "write", "pwrite64", "ftruncate", "fallocate":
		if n != nil {
			n.finish(a)
		}
	case "openat":
		m.open(a, n)
	case "unlink":
		if n != nil {
			m.moves = append(m.moves, &move{from: a.path})
			delete(m.names, a.path)
		}
	case "rename":
		m.moves = append(m.moves, &move{from: a.path, to: a.to})
		rename(m.names, a.path, a.to)
	case "sync":
		m.keep(m.syncs[a], n)
		delete(m.syncs, a)
	}
}

func (n *node) finish(a *act) {
	for _, c := range n.pending {
		if !c.done && (c.cut || c.grow) == (a.data == nil) && bytes.Equal(c.data, a.data) {
			c.done = true
			return
		}
	}
}

func (m *model) open(a *act, n *node) {
	switch {
	case n == nil && a.create:
		n = new(node)
		m.names[a.path] = n
		m.moves = append(m.moves, &move{to: a.path, node: n})
	case n != nil && a.truncate:
		n.size = 0
		n.pending = append(n.pending, &change{cut: true, done: true})
	}
}

// movesOf counts the moves that a sync keeps: up to the last that concerns the
// file, or a name in the folder.
func (m *model) movesOf(path string, n *node) int {
	for i := len(m.moves); i > 0; i-- {
		v := m.moves[i-1]
		own := n != nil && (v.node == n || v.to == path || strings.HasPrefix(path, v.to+"/") && v.to != "")
		within := n == nil && (v.from != "" && filepath.Dir(v.from) == path || v.to != "" && filepath.Dir(v.to) == path)
		if own || within {
			return i
		}
	}
	return 0
}

// keep makes sure of what a sync was for.
func (m *model) keep(s *syncing, n *node) {
	if n != nil {
		n.pending = slices.DeleteFunc(n.pending, func(c *change) bool {
			synced := slices.Contains(s.changes, c)
			if synced {
				n.kept = c.apply(n.kept)
			}
			return synced
		})
	}
	for range min(s.moves, len(m.moves)) { // another sync may have kept some meanwhile
		m.moves[0].apply(m.kept)
		m.moves = m.moves[1:]
	}
	for _, other := range m.syncs {
		other.moves = max(0, other.moves-s.moves)
	}
}

func (c *change) apply(b []byte) []byte {
	switch end := c.at + int64(len(c.data)); {
	case c.cut && c.at < int64(len(b)):
		return b[:c.at:c.at]
	case end > int64(len(b)):
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[c.at:], c.data)
	return b
}

func (v *move) apply(names map[string]*node) {
	switch {
	case v.from == "":
		names[v.to] = v.node
	case v.to == "":
		delete(names, v.from)
	default:
		rename(names, v.from, v.to)
	}
}

// rename gives a file another name, or all that is in a folder.
func rename(names map[string]*node, from, to string) {
	for path, n := range names {
		if path == from || strings.HasPrefix(path, from+"/") {
			delete(names, path)
			names[to+path[len(from):]] = n
		}
	}
}

// cut is what is on the disk after the power went, by path: what is surely
// there, and of the rest whatever luck has it.
func (m *model) cut(r *rand.Rand) map[string][]byte {
	names := map[string]*node{}
	for path, n := range m.kept {
		names[path] = n
	}
	for _, v := range m.moves[:r.IntN(len(m.moves)+1)] {
		v.apply(names)
	}
	luck := []float64{0, 1, 0.5, r.Float64(), r.Float64()}[r.IntN(5)]
	files := map[string][]byte{}
	for path, n := range names {
		b := bytes.Clone(n.kept)
		for _, c := range n.pending {
			b = c.maybe(b, r, luck)
		}
		files[path] = b
	}
	return files
}

// maybe applies a change, or of a write some sectors, as luck has it.
func (c *change) maybe(b []byte, r *rand.Rand, luck float64) []byte {
	const sector = 512
	if len(c.data) <= sector {
		if r.Float64() < luck {
			b = c.apply(b)
		}
		return b
	}
	for at := 0; at < len(c.data); at += sector {
		if r.Float64() < luck {
			b = (&change{at: c.at + int64(at), data: c.data[at:min(at+sector, len(c.data))]}).apply(b)
		}
	}
	return b
}
