package receipt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// LogOptions say what a log is held to.
type LogOptions struct {
	Key       string                  // the verifier key of the log; empty to believe the one it serves
	Witnesses []string                // verifier keys of the witnesses that you trust
	Quorum    int                     // how many of those must have cosigned the checkpoint
	Old       []byte                  // an earlier checkpoint that the log must contain, signed by the same key
	Progress  func(done, total int64) // called now and then with the entries checked so far; may be nil
}

// A LogReport says what a log holds. All of it was checked.
type LogReport struct {
	Origin   string
	Size     int64
	Root     [32]byte
	Key      string
	Pinned   bool             // the key was given by the caller
	Kinds    map[string]int64 // entries by kind; "e" are those about persons
	Cosigned []Cosignature    // who else has signed; those without a key were not checked
	Old      int64            // size of the earlier checkpoint it was held to; 0 without one
}

// CheckLog checks a whole log: its signature, each entry, each tile, the root,
// and that it contains an earlier state of itself. Fetch gets a part of it by
// path, such as checkpoint or tile/entries/000; it should limit what it reads.
func CheckLog(fetch func(path string) ([]byte, error), o LogOptions) (*LogReport, error) {
	key := o.Key
	if key == "" {
		served, err := fetch("vkey")
		if err != nil {
			return nil, fmt.Errorf("get the key of the log: %w", err)
		}
		key = strings.TrimSpace(string(served))
	}
	signed, err := fetch("checkpoint")
	if err != nil {
		return nil, fmt.Errorf("get the checkpoint: %w", err)
	}
	head, cosigned, err := OpenCosigned(signed, key, o.Witnesses, o.Quorum)
	if err != nil {
		return nil, err
	}
	c := &logCheck{fetch: fetch, head: head, kinds: map[string]int64{}}
	if o.Old != nil {
		if c.old, err = OpenCheckpoint(o.Old, key); err != nil {
			return nil, fmt.Errorf("the earlier checkpoint: %w", err)
		}
		if c.old.Size > head.Size {
			return nil, fmt.Errorf("the log has shrunk: it had %d entries and has %d", c.old.Size, head.Size)
		}
	}
	if err := c.run(o.Progress); err != nil {
		return nil, err
	}
	return &LogReport{
		Origin: head.Origin, Size: head.Size, Root: head.Root, Key: key, Pinned: o.Key != "", Kinds: c.kinds, Cosigned: cosigned, Old: c.old.Size,
	}, nil
}

// A logCheck computes the tree from the entries, and holds the tiles and the
// heads to it.
type logCheck struct {
	fetch func(path string) ([]byte, error)
	head  Checkpoint
	old   Checkpoint
	kinds map[string]int64

	size  int64
	peaks []tlog.Hash   // roots of the full subtrees so far, the widest first
	tiles [][]tlog.Hash // by level, the hashes since its last full tile
}

func (c *logCheck) run(progress func(done, total int64)) error {
	for c.size < c.head.Size {
		t := Tile{Level: Entries, N: c.size / tileWidth, Width: int(min(tileWidth, c.head.Size-c.size))}
		if err := c.bundle(t); err != nil {
			return err
		}
		if progress != nil {
			progress(c.size, c.head.Size)
		}
	}
	for level, hashes := range c.tiles {
		if len(hashes) == 0 {
			continue
		}
		if err := c.tile(level, c.head.Size>>(8*(level+1)), hashes); err != nil {
			return err
		}
	}
	if c.root() != tlog.Hash(c.head.Root) {
		return errors.New("the entries of the log do not give the root that it signed")
	}
	return nil
}

// bundle checks the entries of one bundle and adds them to the tree.
func (c *logCheck) bundle(t Tile) error {
	data, err := c.fetch(t.Path())
	if err != nil {
		return fmt.Errorf("get entries from %d on: %w", c.size, err)
	}
	for range t.Width {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return fmt.Errorf("entry %d is cut off", c.size)
		}
		n := 2 + int(binary.BigEndian.Uint16(data))
		kind, ok := EntryKind(data[2:n])
		if !ok {
			return fmt.Errorf("entry %d is none that an avow writes", c.size)
		}
		c.kinds[kind]++
		if err := c.add(tlog.RecordHash(data[2:n])); err != nil {
			return err
		}
		if c.size == c.old.Size && c.root() != tlog.Hash(c.old.Root) {
			return fmt.Errorf("the log was changed: its first %d entries are not those of the earlier checkpoint", c.old.Size)
		}
		data = data[n:]
	}
	if len(data) > 0 {
		return fmt.Errorf("there is something after entry %d that is no entry", c.size-1)
	}
	return nil
}

// add appends a leaf, and checks the tiles that it fills.
func (c *logCheck) add(h tlog.Hash) error {
	for height := 0; ; height++ {
		if height%8 == 0 {
			if err := c.addToTile(height/8, c.size>>height, h); err != nil {
				return err
			}
		}
		if c.size>>height&1 == 0 {
			c.peaks = append(c.peaks, h)
			c.size++
			return nil
		}
		last := len(c.peaks) - 1
		h = tlog.NodeHash(c.peaks[last], h)
		c.peaks = c.peaks[:last]
	}
}

func (c *logCheck) addToTile(level int, n int64, h tlog.Hash) error {
	if level == len(c.tiles) {
		c.tiles = append(c.tiles, nil)
	}
	c.tiles[level] = append(c.tiles[level], h)
	if len(c.tiles[level]) < tileWidth {
		return nil
	}
	full := c.tiles[level]
	c.tiles[level] = nil
	return c.tile(level, n/tileWidth, full)
}

// tile holds a served tile to the hashes that the entries give.
func (c *logCheck) tile(level int, n int64, want []tlog.Hash) error {
	t := Tile{Level: level, N: n, Width: len(want)}
	data, err := c.fetch(t.Path())
	if err != nil {
		return fmt.Errorf("get %s: %w", t.Path(), err)
	}
	hashes := make([]byte, 0, len(want)*tlog.HashSize)
	for _, h := range want {
		hashes = append(hashes, h[:]...)
	}
	if !bytes.Equal(data, hashes) {
		return fmt.Errorf("%s does not hold the hashes that the entries give", t.Path())
	}
	return nil
}

func (c *logCheck) root() tlog.Hash {
	if c.size == 0 {
		empty, _ := tlog.TreeHash(0, nil)
		return empty
	}
	h := c.peaks[len(c.peaks)-1]
	for i := len(c.peaks) - 2; i >= 0; i-- {
		h = tlog.NodeHash(c.peaks[i], h)
	}
	return h
}
