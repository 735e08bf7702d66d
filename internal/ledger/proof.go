package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	// ErrGone says that there was a receipt, and that whose it was is forgotten.
	ErrGone = errors.New("the receipt is gone: whose it was has been erased")
	// ErrUnsigned says that the log has the entry, but could not sign yet.
	ErrUnsigned = errors.New("the log has not signed this entry yet")
)

// Receipt proves an event that was just recorded. The Commit it was recorded in
// must have returned.
func (l *Ledger) Receipt(ctx context.Context, p *Pending) ([]byte, error) {
	if p.event == nil {
		return nil, errors.New("receipt: a fact has no receipt")
	}
	return l.prove(ctx, p.index, p.event.key, p.event.payload)
}

// ReceiptAt proves a subject's event by its place in the log.
func (l *Ledger) ReceiptAt(ctx context.Context, who Subject, index int64) ([]byte, error) {
	var found opened
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = openEvent(ctx, tx, who, q.EventByLeaf, index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receipt %d of %s: %w", index, who.ID(), err)
	}
	return l.prove(ctx, found.leaf, found.key, found.payload)
}

// ByLink finds the receipt behind a link, and what it says. It returns
// store.ErrNone if there never was such a link, ErrGone if there was.
func (l *Ledger) ByLink(ctx context.Context, token string) ([]byte, receipt.Event, error) {
	var found opened
	err := l.db.View(ctx, func(tx *store.Tx) error {
		id, about, n, ok := l.unlink(token)
		if !ok {
			return store.ErrNone
		}
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
	text, err := l.prove(ctx, found.leaf, found.key, found.payload)
	return text, event, err
}

// opened is an event as it was before it was closed under its subject's key.
type opened struct {
	leaf    int64
	key     [32]byte
	payload []byte
}

func openEvent(ctx context.Context, tx *store.Tx, who Subject, query string, by ...any) (o opened, err error) {
	var about avow.RecordID
	var n, version int64
	var sealed []byte
	if err := tx.Get(ctx, query, store.Into(&about, &n, &o.leaf, &version, &sealed), append([]any{who.ID()}, by...)...); err != nil {
		return o, err
	}
	leaf := o.leaf
	o, err = open(who, about, n, avow.Version(version), sealed)
	o.leaf = leaf
	return o, err
}

// open opens an event that is kept closed.
func open(who Subject, about avow.RecordID, n int64, version avow.Version, sealed []byte) (o opened, err error) {
	if o.payload, err = who.OpenPayload(about, n, version, sealed); err != nil {
		return o, err
	}
	event, err := receipt.ParseEvent(o.payload)
	o.key = who.EntryKey(event.Nonce)
	return o, err
}

// prove writes the receipt for an entry against the newest checkpoint.
func (l *Ledger) prove(ctx context.Context, index int64, key [32]byte, payload []byte) ([]byte, error) {
	s := l.state.Load()
	if index < 0 || index >= s.tree.size || s.checkpoint == nil {
		return nil, fmt.Errorf("receipt %d: %w", index, ErrUnsigned)
	}
	path, err := tlog.ProveRecord(s.tree.size, index, l.hashes(ctx, s))
	if err != nil {
		return nil, fmt.Errorf("receipt %d: %w", index, err)
	}
	p := receipt.Proof{
		Index: index, Checkpoint: s.checkpoint,
		Extra: receipt.Extra{EntryKey: key, LogKey: l.vkey, Payload: payload},
	}
	for _, h := range path {
		p.Path = append(p.Path, h)
	}
	return p.Format()
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
		return l.bundle(ctx, t)
	}
	if t.N == s.tree.size>>(height+tileHeight) {
		return pack(s.tree.tail(t.Level)[:t.Width]), nil
	}
	var hashes []byte
	err := l.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Tile, &hashes, l.log, t.Level, t.N) })
	if err == nil && len(hashes) != tileWidth*tlog.HashSize {
		err = &DamagedError{"a tile is incomplete"}
	}
	if err != nil {
		return nil, fmt.Errorf("tile %s: %w", t.Path(), err)
	}
	return hashes[:t.Width*tlog.HashSize], nil
}

func (l *Ledger) bundle(ctx context.Context, t receipt.Tile) (data []byte, err error) {
	first := t.N * tileWidth
	left := t.Width
	err = l.db.View(ctx, func(tx *store.Tx) error {
		return eachEntry(ctx, tx, l.log, first, first+tileWidth, func(_ int64, entry []byte) error {
			if left--; left >= 0 {
				data = append(append(data, byte(len(entry)>>8), byte(len(entry))), entry...)
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

// Verify computes the log anew from its entries and compares what it finds with
// the tiles and with what was signed. It also says if signing or remembering
// does not work at the moment.
func (l *Ledger) Verify(ctx context.Context) error {
	s := l.state.Load()
	if s.checkpoint == nil {
		return fmt.Errorf("verify log: %w", ErrUnsigned)
	}
	if err := l.forgot.Load(); err != nil {
		return fmt.Errorf("verify log: %w", *err)
	}
	again := &tree{}
	var full []fullTile
	for n := int64(0); n*tileWidth < s.tree.size; n++ {
		full = full[:0]
		width := min(tileWidth, s.tree.size-n*tileWidth)
		data, err := l.bundle(ctx, receipt.Tile{Level: receipt.Entries, N: n, Width: int(width)})
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
