package logbook

import (
	"bytes"
	"context"
	"fmt"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// Prove proves that an entry is in the log: against the newest checkpoint that
// witnesses have cosigned, if it covers the entry, or else against the newest.
// What the proof's extra data says of the log is filled in.
func (l *Book) Prove(ctx context.Context, log, leaf int64) (*receipt.Proof, error) {
	s, err := l.at(ctx, log, leaf)
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", leaf, err)
	}
	size := s.tree.Size
	p := &receipt.Proof{Index: leaf, Checkpoint: s.checkpoint, Extra: receipt.Extra{LogKey: s.vkey}}
	if c := l.cosigned.Load(); c != nil && c.log == log && leaf < c.size {
		size, p.Checkpoint, p.Extra.Witnesses = c.size, c.note, c.keys
	}
	path, err := tlog.ProveRecord(size, leaf, l.hashes(ctx, s))
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", leaf, err)
	}
	p.Path = make([][32]byte, len(path))
	for i, h := range path {
		p.Path[i] = h
	}
	return p, nil
}

// at is a log as it was signed with this entry in it.
func (l *Book) at(ctx context.Context, log, leaf int64) (s *state, err error) {
	if s = l.state.Load(); log != s.n {
		s, err = l.past(ctx, log)
	} else if leaf >= s.tree.Size && l.shared {
		err = l.Refresh(ctx)
		s = l.state.Load()
	}
	if err == nil && (leaf < 0 || leaf >= s.tree.Size || s.checkpoint == nil) {
		err = ErrUnsigned
	}
	return s, err
}

// hashes reads nodes of the tree as it was at one size.
func (l *Book) hashes(ctx context.Context, s *state) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			height, n := tlog.SplitStoredHashIndex(index)
			var ok bool
			if found[i], ok = s.tree.Node(height, n); ok {
				continue
			}
			in := height % tree.Height
			k := tree.Key{Log: s.n, Level: height / tree.Height, N: n >> (tree.Height - in)}
			tile, err := l.nodes(ctx, s, k)
			if err != nil {
				return nil, err
			}
			found[i] = tile[in][n-k.N<<(tree.Height-in)]
		}
		return found, nil
	}
}

// nodes are those of a full tile.
func (l *Book) nodes(ctx context.Context, s *state, k tree.Key) (*tree.Nodes, error) {
	if n := l.rack.Get(k); n != nil {
		return n, nil
	}
	hashes, err := l.tile(ctx, s, receipt.Tile{Level: k.Level, N: k.N, Width: tree.Width})
	if err != nil {
		return nil, err
	}
	n := tree.NewNodes(hashes)
	l.rack.Put(k, n)
	return n, nil
}

// tile reads a tile of hashes or of entries, if the log had it at that size.
func (l *Book) tile(ctx context.Context, s *state, t receipt.Tile) ([]byte, error) {
	height := tree.Height * max(t.Level, 0)
	if height > 56 || t.N<<tree.Height+int64(t.Width) > s.tree.Size>>height {
		return nil, store.ErrNone
	}
	if t.Level == receipt.Entries {
		return l.bundle(ctx, s.n, t)
	}
	if t.N == s.tree.Size>>(height+tree.Height) {
		return tree.Pack(s.tree.Tail(t.Level)[:t.Width]), nil
	}
	var hashes []byte
	err := l.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Tile, &hashes, s.n, t.Level, t.N) })
	if err == nil && len(hashes) != tree.Width*tlog.HashSize {
		err = &DamagedError{"a tile is incomplete"}
	}
	if err != nil {
		return nil, fmt.Errorf("tile %s: %w", t.Path(), err)
	}
	return hashes[:t.Width*tlog.HashSize], nil
}

func (l *Book) bundle(ctx context.Context, log int64, t receipt.Tile) (data []byte, err error) {
	first := t.N * tree.Width
	left := t.Width
	err = l.db.View(ctx, func(tx *store.Tx) error {
		return eachEntry(ctx, tx, log, first, first+tree.Width, func(_ int64, entry []byte) error {
			if left--; left >= 0 {
				data = tree.AppendEntry(data, entry)
			}
			return nil
		})
	})
	if err == nil && left > 0 {
		err = &DamagedError{"a bundle of entries is incomplete"}
	}
	if err != nil {
		return nil, fmt.Errorf("tile %s: %w", t.Path(), err)
	}
	return data, nil
}

// Entry reads one entry.
func (l *Book) Entry(ctx context.Context, tx *store.Tx, log, leaf int64) (found []byte, err error) {
	first := leaf / tree.Width * tree.Width
	err = eachEntry(ctx, tx, log, first, leaf+1, func(index int64, entry []byte) error {
		if index == leaf {
			found = bytes.Clone(entry)
		}
		return nil
	})
	if err == nil && found == nil {
		err = &DamagedError{"an entry is missing"}
	}
	return found, err
}

// Verify computes the log anew from its entries and compares what it finds with
// the tiles and with what was signed. It also says if signing or remembering
// does not work at the moment.
func (l *Book) Verify(ctx context.Context) error {
	s := l.state.Load()
	if s.checkpoint == nil {
		return fmt.Errorf("verify log: %w", ErrUnsigned)
	}
	for _, fault := range []*error{l.forgot.Load(), l.refused.Load()} {
		if fault != nil {
			return fmt.Errorf("verify log: %w", *fault)
		}
	}
	again := &tree.Tree{}
	var full []tree.Full
	for n := int64(0); n*tree.Width < s.tree.Size; n++ {
		full = full[:0]
		width := min(tree.Width, s.tree.Size-n*tree.Width)
		data, err := l.bundle(ctx, s.n, receipt.Tile{Level: receipt.Entries, N: n, Width: int(width)})
		for err == nil && len(data) > 0 {
			var entry []byte
			entry, data, _ = tree.CutEntry(data)
			full = append(full, again.Add(tlog.RecordHash(entry))...)
		}
		for i := 0; err == nil && i < len(full); i++ {
			t := full[i]
			var stored []byte
			if stored, err = l.tile(ctx, s, receipt.Tile{Level: t.Level, N: t.N, Width: tree.Width}); err == nil && string(stored) != string(t.Hashes) {
				err = &DamagedError{fmt.Sprintf("tile %d of level %d is not what its entries give", t.N, t.Level)}
			}
		}
		if err != nil {
			return fmt.Errorf("verify log: %w", err)
		}
	}
	if again.Size != s.tree.Size || [32]byte(again.Root()) != s.root {
		return fmt.Errorf("verify log: %w", &DamagedError{"its entries do not give the root that was signed"})
	}
	return nil
}

// State is the state that the head has beside it, as of the last commit.
func (l *Book) State(ctx context.Context, tx *store.Tx) (s store.State, err error) {
	h, err := readHead(ctx, tx, q.Head, l.volume.n)
	if err != nil {
		return s, fmt.Errorf("state: %w", err)
	}
	return h.state, nil
}
