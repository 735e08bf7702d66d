package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

// Epochs says where the epochs stand.
type Epochs struct {
	Current    int64
	Since      time.Time // when the current one began
	Unfinished bool      // a rotation was begun and did not end: Rotate goes on with it
}

// Epochs says where the epochs stand.
func (v *Vault) Epochs(ctx context.Context, tx *store.Tx) (Epochs, error) {
	known, err := v.epochs(ctx, tx)
	if err != nil {
		return Epochs{}, fmt.Errorf("read epochs: %w", err)
	}
	if len(known) == 0 {
		return Epochs{}, fmt.Errorf("read epochs: %w", store.ErrNone)
	}
	last := known[len(known)-1]
	var left int64
	if err := tx.Get(ctx, q.CountToWrap, &left, last.n); err != nil {
		return Epochs{}, fmt.Errorf("read epochs: %w", err)
	}
	return Epochs{last.n, last.since, left > 0 || len(known) > 2 || len(v.keys.Epochs()) > len(known)}, nil
}

// wrapAtOnce is how many keys are wrapped anew in one transaction: enough to pay
// for making it durable, few enough that nobody waits long behind it.
const wrapAtOnce = 1000

// Rotate begins a new epoch, or goes on with one that was begun, wraps all keys
// under its key, and destroys those of the epochs before. The house runs
// meanwhile; what is new comes under the new epoch at once. Rotate can be
// stopped at any point, by a crash too, and called again.
//
// ended is called within the transaction that ends an epoch, to enter that in
// the log: it is written down before the key goes, and if the program stops
// between the two, the next Rotate destroys the key. progress may be nil.
//
// Only one process may rotate at a time. Others over the same database share
// the place of the keys, where they find the key of the new epoch.
func (v *Vault) Rotate(ctx context.Context, ended func(ctx context.Context, tx *store.Tx, epoch int64) error, progress func(done, total int64)) (destroyed []int64, err error) {
	return v.rotate(ctx, false, ended, progress)
}

// Renew is Rotate, but leaves the key of the epoch before to the next Renew.
// Nothing is wrapped under it any more, and yet a backup from that epoch can
// still be restored: were each key destroyed at once, a house that has just
// rotated would have no backup at all.
func (v *Vault) Renew(ctx context.Context, ended func(ctx context.Context, tx *store.Tx, epoch int64) error, progress func(done, total int64)) (destroyed []int64, err error) {
	return v.rotate(ctx, true, ended, progress)
}

func (v *Vault) rotate(ctx context.Context, renew bool, ended func(ctx context.Context, tx *store.Tx, epoch int64) error, progress func(done, total int64)) (destroyed []int64, err error) {
	before, current, err := v.nextEpoch(ctx)
	if err != nil {
		return nil, fmt.Errorf("rotate keys: %w", err)
	}
	oldest := current // to be kept
	if renew {
		oldest = before
	}
	if err := v.wrapAll(ctx, current, progress); err != nil {
		return nil, fmt.Errorf("rotate keys: %w", err)
	}
	if v.opt.Settle > 0 {
		select {
		case <-time.After(v.opt.Settle):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if err := v.wrapAll(ctx, current, nil); err != nil {
			return nil, fmt.Errorf("rotate keys: %w", err)
		}
	}
	if err := v.endBefore(ctx, oldest, ended); err != nil {
		return nil, fmt.Errorf("rotate keys: %w", err)
	}
	for _, n := range v.keys.Epochs() {
		if n >= oldest {
			continue
		}
		if err := v.keys.DropEpoch(n); err != nil {
			return destroyed, fmt.Errorf("rotate keys: %w", err)
		}
		destroyed = append(destroyed, n)
	}
	return destroyed, nil
}

// nextEpoch begins an epoch, unless one was begun already and not carried
// through, and returns it and the one before. Its key is durable before
// anything can be wrapped under it.
func (v *Vault) nextEpoch(ctx context.Context) (before, current int64, err error) {
	var known []epoch
	var left int64
	var now time.Time
	err = v.db.View(ctx, func(tx *store.Tx) (err error) {
		now = tx.Now
		if known, err = v.epochs(ctx, tx); err != nil || len(known) == 0 {
			return err
		}
		return tx.Get(ctx, q.CountToWrap, &left, known[len(known)-1].n)
	})
	if err != nil {
		return 0, 0, err
	}
	if len(known) == 0 {
		return 0, 0, store.ErrNone
	}
	last := known[len(known)-1].n
	if len(known) > 1 && left > 0 || len(known) > 2 {
		v.keys.Use(last)
		return known[len(known)-2].n, last, nil
	}
	n := v.keys.Newest()
	if n <= last {
		if n, err = v.keys.NextEpoch(now); err != nil {
			return 0, 0, err
		}
	}
	return last, n, v.begin(ctx, n)
}

// wrapAll wraps under the current epoch what is not yet.
func (v *Vault) wrapAll(ctx context.Context, current int64, progress func(done, total int64)) error {
	var done, total int64
	err := v.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.CountToWrap, &total, current) })
	if err != nil {
		return err
	}
	var stuck []error
	for after, more := (avow.SubjectID{}), true; more; {
		var b wrapping
		err := v.db.Commit(ctx, func(tx *store.Tx) (err error) {
			b, err = v.wrapSome(ctx, tx, after, current)
			return err
		})
		if err != nil {
			return err
		}
		stuck = append(stuck, b.stuck...)
		after, more, done = b.last, b.seen == v.batch, done+int64(b.seen)
		if progress != nil {
			progress(min(done, total), total)
		}
	}
	if len(stuck) > 0 {
		return fmt.Errorf("%d keys do not open, so that their epoch cannot end; put back a backup in which they do, or erase these subjects: %w",
			len(stuck), errors.Join(stuck[:min(len(stuck), 10)]...))
	}
	return nil
}

// A wrapping is what became of one batch.
type wrapping struct {
	seen  int
	last  avow.SubjectID
	stuck []error
}

func (v *Vault) wrapSome(ctx context.Context, tx *store.Tx, after avow.SubjectID, current int64) (b wrapping, err error) {
	type wrapped struct {
		id    avow.SubjectID
		epoch int64
		key   []byte
	}
	old := make([]wrapped, 0, v.batch)
	err = tx.Each(ctx, q.ToWrap, func(scan func(...any) error) error {
		var w wrapped
		err := scan(&w.id, &w.epoch, &w.key)
		old = append(old, w)
		return err
	}, after, current, v.batch)
	if err != nil {
		return b, err
	}
	for _, w := range old {
		b.seen, b.last = b.seen+1, w.id
		key, err := v.keys.Rewrap(w.epoch, w.key, w.id, current)
		if err != nil {
			b.stuck = append(b.stuck, err)
			continue
		}
		tx.Remove(store.Subjects, v.subjectRow(w.id, w.epoch, w.key))
		tx.Add(store.Subjects, v.subjectRow(w.id, current, key))
		if err := tx.Do(ctx, q.Wrap, w.id, current, key); err != nil {
			return b, fmt.Errorf("wrap key of %s: %w", w.id, err)
		}
	}
	return b, nil
}

// endBefore ends the epochs before the oldest that is kept. The database refuses to let
// an epoch go that a key is still wrapped under.
func (v *Vault) endBefore(ctx context.Context, oldest int64, ended func(ctx context.Context, tx *store.Tx, epoch int64) error) error {
	return v.db.Commit(ctx, func(tx *store.Tx) error {
		tx.Erases()
		known, err := v.epochs(ctx, tx)
		if err != nil {
			return err
		}
		known = slices.DeleteFunc(known, func(e epoch) bool { return e.n >= oldest })
		for _, e := range known {
			if err := tx.Do(ctx, q.DropEpoch, e.n); err != nil {
				return fmt.Errorf("end epoch %d: %w", e.n, err)
			}
			if ended == nil {
				continue
			}
			if err := ended(ctx, tx, e.n); err != nil {
				return fmt.Errorf("end epoch %d: %w", e.n, err)
			}
		}
		return nil
	})
}
