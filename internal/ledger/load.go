package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// A DamagedError says that the stored log is not the one that was signed.
type DamagedError struct{ What string }

func (e *DamagedError) Error() string {
	return "the log in the database is damaged: " + e.What + ". Nothing was signed or changed. Put back a backup of the data folder"
}

// A BehindError says that the database is older than what was signed already,
// or other. To go on would show two people two different logs.
type BehindError struct {
	What string // what was found
	Do   string // what to do
}

func (e *BehindError) Error() string {
	return fmt.Sprintf("the log cannot go on: %s. Nothing was signed. %s", e.What, e.Do)
}

// What to do about a log that is not the one that was signed. To sign it all
// the same would be to show two people two different logs under one name.
const (
	putBack  = "It looks as if an older copy of the data folder was put back: put back the newest one"
	beginNew = "Put back the data folder, or begin a new log with new keys: give another folder with --keys"
	takeIt   = "Put back a copy of that file. If there is none, and this is surely the newest data, make it an empty file"
)

// load computes the tree from the entries, checks it, and signs it.
func (l *Ledger) load(ctx context.Context) error {
	mark, marked, err := l.readHighWater()
	if err != nil {
		return err
	}
	s := &state{tree: &tree{}, at: l.db.Now()}
	var forked, fresh bool
	err = l.db.View(ctx, func(tx *store.Tx) error {
		h, err := l.head(ctx, tx)
		if fresh = errors.Is(err, store.ErrNone); fresh {
			return l.noOthers(ctx, tx)
		}
		if err == nil {
			l.log, s.rows = h.log, h.state
			forked, err = s.compute(ctx, tx, l.log, mark)
		}
		if err == nil {
			err = s.compare(h)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	s.root = s.tree.root()
	switch {
	case fresh && mark.Size > 0:
		return &BehindError{fmt.Sprintf("there is none here, and %d entries were signed with these keys", mark.Size), beginNew}
	case s.tree.size < mark.Size:
		return &BehindError{fmt.Sprintf("it has %d entries, and %d were signed", s.tree.size, mark.Size), putBack}
	case forked:
		return &BehindError{fmt.Sprintf("its first %d entries are not the ones that were signed", mark.Size), putBack}
	case !marked && s.tree.size > 0:
		return &BehindError{fmt.Sprintf("%s is missing, which says how far it was signed", l.cfg.HighWater), takeIt}
	case fresh:
		if err := l.begin(ctx, s); err != nil {
			return fmt.Errorf("open log: %w", err)
		}
	}
	if err := l.publish(s); err != nil {
		return err
	}
	return l.writeHighWater(s)
}

// A head is what the database says of the log beside its entries.
type head struct {
	log   int64
	size  int64
	root  [32]byte
	edge  []byte
	state store.State
}

func (l *Ledger) head(ctx context.Context, tx *store.Tx) (h head, err error) {
	var state []byte
	if err := tx.Get(ctx, q.Head, store.Into(&h.log, &h.size, &h.root, &h.edge, &state), l.cfg.Origin); err != nil {
		return h, err
	}
	var ok bool
	if h.state, ok = store.ParseState(state); !ok {
		err = &DamagedError{"the state beside its head cannot be read"}
	}
	return h, err
}

func (l *Ledger) begin(ctx context.Context, s *state) error {
	l.log = 1
	return l.db.Commit(ctx, func(tx *store.Tx) error {
		return tx.Do(ctx, q.Begin, l.log, l.cfg.Origin, s.root, []byte{}, s.rows.Bytes())
	})
}

func (l *Ledger) noOthers(ctx context.Context, tx *store.Tx) error {
	var others int
	if err := tx.Get(ctx, q.Others, &others, l.cfg.Origin); err != nil {
		return err
	}
	if others > 0 {
		return fmt.Errorf("the database holds a log of another name than %s: start avow with the name it had", l.cfg.Origin)
	}
	return nil
}

// compute adds all entries to the tree, and says whether it had another root
// than the high-water mark when it had that size.
func (s *state) compute(ctx context.Context, tx *store.Tx, log int64, mark receipt.Checkpoint) (forked bool, err error) {
	err = eachEntry(ctx, tx, log, 0, math.MaxInt64, func(_ int64, entry []byte) error {
		s.tree.add(tlog.RecordHash(entry))
		if s.tree.size == mark.Size {
			forked = s.tree.root() != tlog.Hash(mark.Root)
		}
		return nil
	})
	return forked, err
}

// compare holds the computed tree to the stored head.
func (s *state) compare(h head) error {
	if s.tree.size == h.size && s.tree.root() == tlog.Hash(h.root) && bytes.Equal(s.tree.edge(), h.edge) {
		return nil
	}
	return &DamagedError{fmt.Sprintf("its %d entries do not give the root of the %d that were written", s.tree.size, h.size)}
}

// eachEntry calls fn for the entries from first up to end, in order.
func eachEntry(ctx context.Context, tx *store.Tx, log, first, end int64, fn func(index int64, entry []byte) error) error {
	next := first
	return tx.Each(ctx, q.Chunks, func(scan func(...any) error) error {
		var at int64
		var data []byte
		if err := scan(&at, &data); err != nil {
			return err
		}
		if at != next {
			return &DamagedError{fmt.Sprintf("the entries after %d are missing", next)}
		}
		for len(data) > 0 {
			entry, rest, ok := cutEntry(data)
			if !ok {
				return &DamagedError{fmt.Sprintf("entry %d cannot be read", next)}
			}
			if err := fn(next, entry); err != nil {
				return err
			}
			data = rest
			next++
		}
		return nil
	}, log, first, end)
}

// cutEntry takes the first entry off a bundle, where each is headed by its
// length in two bytes.
func cutEntry(data []byte) (entry, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(data))
	if len(data) < n {
		return nil, nil, false
	}
	return data[2:n], data[n:], true
}

// readHighWater reads the newest checkpoint that was put by outside the
// database. An empty file is the operator's word to start from what there is.
func (l *Ledger) readHighWater() (mark receipt.Checkpoint, found bool, err error) {
	signed, err := os.ReadFile(l.cfg.HighWater)
	if errors.Is(err, fs.ErrNotExist) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, fmt.Errorf("open log: %w", err)
	}
	if len(signed) == 0 {
		return mark, true, nil
	}
	mark, err = receipt.OpenCheckpoint(signed, l.vkey)
	if err != nil {
		return mark, false, fmt.Errorf("open log: %s does not hold a checkpoint of this log: %w. Nothing was signed or changed", l.cfg.HighWater, err)
	}
	return mark, true, nil
}

// remember keeps the high-water file at most a second behind.
func (l *Ledger) remember() {
	defer close(l.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	written := l.state.Load()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			s := l.state.Load()
			if s == written {
				continue
			}
			if err := l.writeHighWater(s); err != nil {
				l.forgot.Store(&err)
				continue
			}
			l.forgot.Store(nil)
			written = s
		}
	}
}

// writeHighWater replaces the file in one step, so that it is never torn.
func (l *Ledger) writeHighWater(s *state) error {
	if s.checkpoint == nil {
		return fmt.Errorf("remember log size: %w", ErrUnsigned)
	}
	draft := l.cfg.HighWater + ".new"
	f, err := os.OpenFile(draft, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("remember log size: %w", err)
	}
	_, err = f.Write(s.checkpoint)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(draft, l.cfg.HighWater)
	}
	if err != nil {
		return fmt.Errorf("remember log size: %w", err)
	}
	return nil
}
