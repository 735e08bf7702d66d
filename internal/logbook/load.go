package logbook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/avow-privacy/avow/internal/logbook/tree"
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
	putBack = "It looks as if an older copy of the data was put back: put back the newest one. " +
		"If there is none, begin another log, which says why: avow ledger rotate"
	beginNew = "Put back the data, or begin a new log with new keys: give another folder with --keys"
	takeIt   = "Put back a copy of that file. If there is none, and this is surely the newest data, make it an empty file"
)

// load opens the newest log, or begins the first, and signs it.
func (l *Book) load(ctx context.Context) error {
	n, origin, err := newest(ctx, l.db)
	if err != nil {
		return err
	}
	fresh := n == 0
	if fresh {
		n, origin = 1, l.cfg.Origin
	}
	if l.volume, err = newVolume(n, origin, l.cfg.Key); err != nil {
		return err
	}
	if l.cfg.Origin != origin {
		return fmt.Errorf("open log: the database holds a log of another name than %s: start avow with the name it had, %s", l.cfg.Origin, origin)
	}
	if fresh {
		err = l.begin(ctx)
	}
	var s *state
	if err == nil {
		s, err = l.compute(ctx)
	}
	if err == nil {
		err = l.askAll(ctx, s)
	}
	if err != nil {
		return err
	}
	if err := l.publish(s); err != nil {
		return err
	}
	return l.writeHighWater(s)
}

// begin makes the first log, if none was signed with these keys before.
func (l *Book) begin(ctx context.Context) error {
	mark, _, err := l.readHighWater()
	if err != nil {
		return err
	}
	last, err := l.cfg.lastMark()
	if err != nil {
		return err
	}
	if mark.Size > 0 || last > 1 {
		return &BehindError{fmt.Sprintf("there is none here, and %d entries were signed with these keys", mark.Size), beginNew}
	}
	root := (&tree.Tree{}).Root()
	err = l.db.Commit(ctx, func(tx *store.Tx) error {
		return tx.Do(ctx, q.Begin, l.volume.n, l.volume.origin, int64(0), [32]byte(root), []byte{}, store.State{}.Bytes(), tx.Now)
	})
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	return nil
}

// compute computes the log from its entries and holds it to the stored head and
// to the high-water file.
func (l *Book) compute(ctx context.Context) (*state, error) {
	mark, marked, err := l.readHighWater()
	if err != nil {
		return nil, err
	}
	last, err := l.cfg.lastMark()
	if err != nil {
		return nil, err
	}
	s := &state{volume: l.volume, tree: &tree.Tree{}, at: l.db.Now()}
	forked := false
	err = l.db.View(ctx, func(tx *store.Tx) error {
		h, err := readHead(ctx, tx, q.Head, l.volume.n)
		if err != nil {
			return err
		}
		s.rows = h.state
		l.db.NotBefore(h.at)
		err = eachEntry(ctx, tx, l.volume.n, 0, math.MaxInt64, func(_ int64, entry []byte) error {
			s.tree.Add(tlog.RecordHash(entry))
			if s.tree.Size == mark.Size {
				forked = s.tree.Root() != tlog.Hash(mark.Root)
			}
			return nil
		})
		if err == nil {
			err = compare(s.tree, h)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	s.root = s.tree.Root()
	switch {
	case last > l.volume.n:
		return nil, &BehindError{fmt.Sprintf("it is number %d, and number %d was begun with these keys", l.volume.n, last), putBack}
	case s.tree.Size < mark.Size:
		return nil, &BehindError{fmt.Sprintf("it has %d entries, and %d were signed", s.tree.Size, mark.Size), putBack}
	case forked:
		return nil, &BehindError{fmt.Sprintf("its first %d entries are not the ones that were signed", mark.Size), putBack}
	case !marked && s.tree.Size > 0:
		return nil, &BehindError{fmt.Sprintf("%s is missing, which says how far it was signed", l.cfg.mark(l.volume.n)), takeIt}
	}
	return s, nil
}

// A head is what the database says of a log beside its entries.
type head struct {
	origin string
	size   int64
	root   [32]byte
	edge   []byte
	state  store.State
	at     time.Time
}

func readHead(ctx context.Context, tx *store.Tx, query string, n int64) (h head, err error) {
	var state []byte
	if err := tx.Get(ctx, query, store.Into(&h.origin, &h.size, &h.root, &h.edge, &state, &h.at), n); err != nil {
		return h, err
	}
	var ok bool
	if h.state, ok = store.ParseState(state); !ok {
		err = &DamagedError{"the state beside its head cannot be read"}
	}
	return h, err
}

// compare holds the computed tree to the stored head.
func compare(t *tree.Tree, h head) error {
	if t.Size == h.size && t.Root() == tlog.Hash(h.root) && bytes.Equal(t.Edge(), h.edge) {
		return nil
	}
	return &DamagedError{fmt.Sprintf("its %d entries do not give the root of the %d that were written", t.Size, h.size)}
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
			entry, rest, ok := tree.CutEntry(data)
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

// readHighWater reads the newest checkpoint that was put by outside the
// database. An empty file is the operator's word to start from what there is.
func (l *Book) readHighWater() (mark receipt.Checkpoint, found bool, err error) {
	name := l.cfg.mark(l.volume.n)
	signed, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return mark, false, nil
	}
	if err != nil {
		return mark, false, fmt.Errorf("open log: %w", err)
	}
	if len(signed) == 0 {
		return mark, true, nil
	}
	mark, err = receipt.OpenCheckpoint(signed, l.volume.vkey)
	if err != nil {
		return mark, false, fmt.Errorf("open log: %s does not hold a checkpoint of this log: %w. Nothing was signed or changed", name, err)
	}
	return mark, true, nil
}

// remember keeps the high-water file at most a second behind, and the journal of
// erasures whole.
func (l *Book) remember(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	written := l.state.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s := l.state.Load()
			if s.checkpoint == nil || bytes.Equal(s.checkpoint, written.checkpoint) {
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

// writeHighWater replaces the file in one step, so that it is never torn, unless
// another process has written a higher mark.
func (l *Book) writeHighWater(s *state) error {
	if s.checkpoint == nil {
		return fmt.Errorf("remember log size: %w", ErrUnsigned)
	}
	if mark, _, err := l.readHighWater(); l.shared && err == nil && mark.Size > s.tree.Size {
		return nil
	}
	name := l.cfg.mark(s.n)
	if err := replaceFile(name, s.checkpoint); err != nil {
		return fmt.Errorf("remember log size: %w", err)
	}
	return nil
}

// replaceFile writes a file anew in one durable step.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+"-*.new")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes durable which files a folder has.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_ = f.Sync() // not every file system can do this, and those need not
	return f.Close()
}
