package security

import (
	"context"
	"fmt"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// MaxEpoch is how long an epoch of keys goes on before the job ends it. What was
// erased in it opens nowhere any more afterwards, in no backup either.
const MaxEpoch = 30 * 24 * time.Hour

// RotateDue rotates the keys if the epoch is MaxEpoch old, or if a rotation did
// not end. It is for the clock: each hour, by the process that leads.
func (s *Section) RotateDue(ctx context.Context) error {
	var e vault.Epochs
	var now time.Time
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		now = tx.Now
		e, err = s.Vault.Epochs(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	if !e.Unfinished && now.Sub(e.Since) < MaxEpoch {
		return nil
	}
	_, err = s.Rotate(ctx, nil)
	return err
}

// Rotate begins a new epoch of keys, ends those before it and destroys their
// keys, each end with its fact in the log. It returns the numbers of what it
// destroyed. progress may be nil.
func (s *Section) Rotate(ctx context.Context, progress func(done, total int64)) ([]int64, error) {
	return s.Vault.Rotate(ctx, func(ctx context.Context, tx *store.Tx, epoch int64) error {
		_, err := s.Ledger.Fact(ctx, tx, "g", map[string]any{"epoch": epoch})
		if err != nil {
			return fmt.Errorf("enter the end of epoch %d: %w", epoch, err)
		}
		return nil
	}, progress)
}
