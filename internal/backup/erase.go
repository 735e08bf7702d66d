package backup

import (
	"context"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// eraseAgain erases who must not come back. The vault does it, so that the
// state of the rows stays true; the log is not told again.
func (r *restoring) eraseAgain(ctx context.Context, tx *store.Tx) error {
	if len(r.erase) == 0 {
		return nil
	}
	for _, who := range r.erase {
		if err := r.vault.Erase(ctx, tx, who); err != nil {
			return err
		}
	}
	return moveState(ctx, tx)
}

// moveState takes what the erasures changed into the state beside the head of
// the log: nobody is attached to the store who would.
func moveState(ctx context.Context, tx *store.Tx) error {
	var log int64
	var kept []byte
	if err := tx.Get(ctx, "SELECT log, state FROM ledger_head ORDER BY log DESC LIMIT 1", store.Into(&log, &kept)); err != nil {
		return fmt.Errorf("state of the rows: %w", err)
	}
	state, ok := store.ParseState(kept)
	if !ok {
		return damaged("the state of its rows cannot be read")
	}
	return tx.Do(ctx, "UPDATE ledger_head SET state = $2 WHERE log = $1", log, state.Plus(tx.Change()).Bytes())
}

func openVault(ctx context.Context, db *store.DB, keys *seal.Keys) (*vault.Vault, error) {
	return vault.Open(ctx, db, keys, vault.Options{Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
		return ledger.ForgetEvents(ctx, tx, keys, id)
	}})
}
