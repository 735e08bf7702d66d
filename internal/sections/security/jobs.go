package security

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// MaxEpoch is how long an epoch of keys goes on before the job begins another.
// Its key is destroyed as long after that again, so that there is always a time
// from which backups can be restored. What was erased opens nowhere any more
// after twice this time, 30 days, in no backup either.
const MaxEpoch = 15 * 24 * time.Hour

// RotateDue renews the keys if the epoch is MaxEpoch old, or if a rotation did
// not end. It is for the clock, each hour.
func (s *Section) RotateDue(ctx context.Context) error {
	e, now, err := s.epochs(ctx)
	if err != nil {
		return err
	}
	if !e.Unfinished && now.Sub(e.Since) < MaxEpoch {
		return nil
	}
	if _, err = s.alone(ctx, s.Vault.Renew, nil); errors.Is(err, ErrRotating) {
		return nil
	}
	return err
}

func (s *Section) epochs(ctx context.Context) (e vault.Epochs, now time.Time, err error) {
	return e, now, s.Store.View(ctx, func(tx *store.Tx) (err error) {
		now = tx.Now
		e, err = s.Vault.Epochs(ctx, tx)
		return err
	})
}

// ErrRotating says that another process is at it.
var ErrRotating = errors.New("rotate keys: another process over this database is doing it")

// Rotate begins a new epoch of keys, ends those before it and destroys their
// keys, each end with its fact in the log. It returns the numbers of what it
// destroyed. progress may be nil.
func (s *Section) Rotate(ctx context.Context, progress func(done, total int64)) ([]int64, error) {
	return s.alone(ctx, s.Vault.Rotate, progress)
}

type rotation func(ctx context.Context, ended func(context.Context, *store.Tx, int64) error, progress func(done, total int64)) ([]int64, error)

// alone rotates while no other process does.
func (s *Section) alone(ctx context.Context, rotate rotation, progress func(done, total int64)) ([]int64, error) {
	release, ok := s.Store.Lead(ctx, "rotate-keys")
	if !ok {
		return nil, ErrRotating
	}
	defer release()
	return rotate(ctx, func(ctx context.Context, tx *store.Tx, epoch int64) error {
		_, err := s.Ledger.Fact(ctx, tx, "g", map[string]any{"epoch": epoch})
		return err
	}, progress)
}

// ScanEach is how often the job reads all rows.
const ScanEach = 24 * time.Hour

// A scan is what the last look at all rows found.
type scan struct {
	at     time.Time
	rows   int64
	faults int64
}

// ScanDue reads all rows if that was not done for ScanEach. It is for the clock,
// each hour.
func (s *Section) ScanDue(ctx context.Context) error {
	if last := s.scanned.Load(); last != nil && s.Store.Now().Sub(last.at) < ScanEach {
		return nil
	}
	_, err := s.Scan(ctx, nil)
	return err
}

// Scan reads all rows about persons, opens each, and holds their sum to the
// state that was kept with every commit. It names what does not fit: rows that
// somebody altered, took away or brought back. What it finds shows in the
// evidence. progress may be nil.
func (s *Section) Scan(ctx context.Context, progress func(done, total int64)) (faults []vault.Fault, err error) {
	var now scan
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		found, err := s.Vault.Scan(ctx, tx, true, progress)
		if err != nil {
			return err
		}
		kept, err := s.Ledger.State(ctx, tx)
		if err != nil {
			return err
		}
		faults = found.Against(kept)
		now = scan{tx.Now, found.Rows, found.Found}
		for _, o := range s.others() {
			sum, err := o.scan(ctx, tx)
			if err != nil {
				return err
			}
			if sum[o.part] != kept[o.part] {
				faults = append(faults, vault.Fault{Part: o.part, What: vault.Unlike})
				now.faults++
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("scan rows: %w", err)
	}
	s.scanned.Store(&now)
	return faults, nil
}

// A summed is a part of the state that is not the vault's, and who can sum it up
// anew.
type summed struct {
	part store.Part
	scan func(context.Context, *store.Tx) (store.State, error)
}

func (s *Section) others() []summed {
	all := []summed{{store.Events, s.Ledger.Scan}}
	if s.Words != nil {
		all = append(all, summed{store.Words, s.Words.Scan})
	}
	return all
}
