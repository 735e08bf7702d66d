package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/terse"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	// ErrGone says that there was a receipt, and that whose it was is forgotten.
	ErrGone = errors.New("the receipt is gone: whose it was has been erased")
	// ErrUnsigned says that the log has the entry, but could not sign yet.
	ErrUnsigned = errors.New("the log has not signed this entry yet")
)

// Receipt proves an event that was just recorded, be it a member of a bulk. The
// Commit it was recorded in must have returned.
func (l *Ledger) Receipt(ctx context.Context, p *Pending) ([]byte, error) {
	if p.event == nil {
		return nil, errors.New("receipt: a fact has no receipt")
	}
	if p.erasure != nil && p.erasure.fault != nil {
		return nil, fmt.Errorf("receipt of an erasure: %w", p.erasure.fault)
	}
	o := opened{log: l.volume.n, leaf: p.Index(), key: p.event.key, payload: p.event.payload}
	if p.bulk != nil {
		o.bulk = bulkProof(p.bulk.entry, p.bulk.commitments(), p.event.pos)
	}
	return l.prove(ctx, &o)
}

// ReceiptAt proves a subject's event by its place in the log.
func (l *Ledger) ReceiptAt(ctx context.Context, who Subject, index int64) ([]byte, error) {
	var found *opened
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = openEvent(ctx, tx, who, q.EventByLeaf, index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receipt %d of %s: %w", index, who.ID(), err)
	}
	return l.prove(ctx, found)
}

// ByLink finds the receipt behind a link, and what it says. It returns
// store.ErrNone if there never was such a link, ErrGone if there was.
func (l *Ledger) ByLink(ctx context.Context, token string) ([]byte, receipt.Event, error) {
	id, about, n, ok := l.unlink(token)
	if !ok {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", store.ErrNone)
	}
	var found *opened
	err := l.db.View(ctx, func(tx *store.Tx) error {
		if l.cfg.Subject == nil {
			return ErrGone
		}
		who, err := l.cfg.Subject(ctx, tx, id)
		if errors.Is(err, store.ErrNone) {
			return ErrGone
		}
		if err != nil {
			return err
		}
		found, err = openEvent(ctx, tx, who, q.EventByN, about, n)
		return err
	})
	if err != nil {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", err)
	}
	event, err := receipt.ParseEvent(found.payload)
	if err != nil {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", err)
	}
	text, err := l.prove(ctx, found)
	return text, event, err
}

// opened is an event as it was before it was closed under its subject's key.
type opened struct {
	log, leaf int64
	key       [32]byte
	payload   []byte
	bulk      *receipt.Bulk // nil if the entry is its own
}

func openEvent(ctx context.Context, tx *store.Tx, who Subject, query string, by ...any) (*opened, error) {
	r := row{subject: who.ID()}
	dest := store.Into(&r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
	if err := tx.Get(ctx, query, dest, append([]any{r.subject}, by...)...); err != nil {
		return nil, err
	}
	o, err := open(who, r.about, r.n, avow.Version(r.version), r.sealed)
	if err != nil || r.pos < 0 {
		o.log, o.leaf = r.log, r.leaf
		return &o, err
	}
	o.log, o.leaf = r.log, r.leaf
	var commitments []byte
	if err := tx.Get(ctx, q.Bulk, &commitments, r.log, r.leaf); err != nil {
		return nil, err
	}
	if (r.pos+1)*tlog.HashSize > int64(len(commitments)) {
		return nil, &DamagedError{"the commitments of a bulk are incomplete"}
	}
	entry, err := readEntry(ctx, tx, r.log, r.leaf)
	if err == nil {
		o.bulk = bulkProof(entry, commitments, r.pos)
	}
	return &o, err
}

// open opens an event that is kept closed.
func open(who Subject, about avow.RecordID, n int64, version avow.Version, sealed []byte) (o opened, err error) {
	small, err := who.OpenPayload(about, n, version, sealed)
	if err != nil {
		return o, err
	}
	if o.payload, err = terse.Unpack(small, n, version); err != nil {
		return o, err
	}
	event, err := receipt.ParseEvent(o.payload)
	o.key = who.EntryKey(event.Nonce)
	return o, err
}

// prove writes the receipt for an entry: against the newest checkpoint that
// witnesses have cosigned, if it covers the entry, or else against the newest.
func (l *Ledger) prove(ctx context.Context, o *opened) ([]byte, error) {
	s, err := l.at(ctx, o.log, o.leaf)
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", o.leaf, err)
	}
	size, checkpoint, witnesses := s.tree.size, s.checkpoint, []string(nil)
	if c := l.cosigned.Load(); c != nil && c.log == o.log && o.leaf < c.size {
		size, checkpoint, witnesses = c.size, c.note, c.keys
	}
	path, err := tlog.ProveRecord(size, o.leaf, l.hashes(ctx, s))
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", o.leaf, err)
	}
	p := receipt.Proof{
		Index: o.leaf, Checkpoint: checkpoint, Path: make([][32]byte, len(path)),
		Extra: receipt.Extra{EntryKey: o.key, LogKey: s.vkey, Payload: o.payload, Bulk: o.bulk, Witnesses: witnesses},
	}
	for i, h := range path {
		p.Path[i] = h
	}
	return p.Format()
}

// at is a log as it was signed with this entry in it.
func (l *Ledger) at(ctx context.Context, log, leaf int64) (s *state, err error) {
	if s = l.state.Load(); log != s.n {
		s, err = l.past(ctx, log)
	} else if leaf >= s.tree.size && l.shared {
		err = l.Refresh(ctx)
		s = l.state.Load()
	}
	if err == nil && (leaf < 0 || leaf >= s.tree.size || s.checkpoint == nil) {
		err = ErrUnsigned
	}
	return s, err
}

// hashes reads nodes of the tree as it was at one size.
func (l *Ledger) hashes(ctx context.Context, s *state) tlog.HashReaderFunc {
	return func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			var ok bool
			if found[i], ok = s.tree.node(tlog.SplitStoredHashIndex(index)); ok {
				continue
			}
			t := tlog.TileForIndex(tileHeight, index)
			data, err := l.tile(ctx, s, receipt.Tile{Level: t.L, N: t.N, Width: t.W})
			if err != nil {
				return nil, err
			}
			if found[i], err = tlog.HashFromTile(t, data, index); err != nil {
				return nil, err
			}
		}
		return found, nil
	}
}

// tile reads a tile of hashes or of entries, if the log had it at that size.
func (l *Ledger) tile(ctx context.Context, s *state, t receipt.Tile) ([]byte, error) {
	height := tileHeight * max(t.Level, 0)
	if height > 56 || t.N<<tileHeight+int64(t.Width) > s.tree.size>>height {
		return nil, store.ErrNone
	}
	if t.Level == receipt.Entries {
		return l.bundle(ctx, s.n, t)
	}
	if t.N == s.tree.size>>(height+tileHeight) {
		return pack(s.tree.tail(t.Level)[:t.Width]), nil
	}
	var hashes []byte
	err := l.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Tile, &hashes, s.n, t.Level, t.N) })
	if err == nil && len(hashes) != tileWidth*tlog.HashSize {
		err = &DamagedError{"a tile is incomplete"}
	}
	if err != nil {
		return nil, fmt.Errorf("tile %s: %w", t.Path(), err)
	}
	return hashes[:t.Width*tlog.HashSize], nil
}

func (l *Ledger) bundle(ctx context.Context, log int64, t receipt.Tile) (data []byte, err error) {
	first := t.N * tileWidth
	left := t.Width
	err = l.db.View(ctx, func(tx *store.Tx) error {
		return eachEntry(ctx, tx, log, first, first+tileWidth, func(_ int64, entry []byte) error {
			if left--; left >= 0 {
				data = appendEntry(data, entry)
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

// readEntry reads one entry.
func readEntry(ctx context.Context, tx *store.Tx, log, leaf int64) (found []byte, err error) {
	first := leaf / tileWidth * tileWidth
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
func (l *Ledger) Verify(ctx context.Context) error {
	s := l.state.Load()
	if s.checkpoint == nil {
		return fmt.Errorf("verify log: %w", ErrUnsigned)
	}
	for _, fault := range []*error{l.forgot.Load(), l.unwritten.Load(), l.refused.Load()} {
		if fault != nil {
			return fmt.Errorf("verify log: %w", *fault)
		}
	}
	again := &tree{}
	var full []fullTile
	for n := int64(0); n*tileWidth < s.tree.size; n++ {
		full = full[:0]
		width := min(tileWidth, s.tree.size-n*tileWidth)
		data, err := l.bundle(ctx, s.n, receipt.Tile{Level: receipt.Entries, N: n, Width: int(width)})
		for err == nil && len(data) > 0 {
			var entry []byte
			entry, data, _ = cutEntry(data)
			full = append(full, again.add(tlog.RecordHash(entry))...)
		}
		for _, t := range full {
			var stored []byte
			if stored, err = l.tile(ctx, s, receipt.Tile{Level: t.level, N: t.n, Width: tileWidth}); err == nil && string(stored) != string(t.hashes) {
				err = &DamagedError{fmt.Sprintf("tile %d of level %d is not what its entries give", t.n, t.level)}
			}
		}
		if err != nil {
			return fmt.Errorf("verify log: %w", err)
		}
	}
	if again.size != s.tree.size || [32]byte(again.root()) != s.root {
		return fmt.Errorf("verify log: %w", &DamagedError{"its entries do not give the root that was signed"})
	}
	return nil
}
