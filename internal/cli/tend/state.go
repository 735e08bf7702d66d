package tend

import (
	"context"
	"errors"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// forget is what the vault asks for when it lets somebody go.
func (h *core) forget(context.Context, *store.Tx, avow.SubjectID) error {
	return errors.New("nobody is erased by this command")
}

// against holds what a scan found to the state that was kept.
func (h *core) against(ctx context.Context, tx *store.Tx, found *vault.Scanned, fault func(any)) error {
	var kept []byte
	if err := tx.Get(ctx, "SELECT state FROM ledger_head WHERE origin = $1", &kept, h.config.Origin); err != nil {
		return err
	}
	state, ok := store.ParseState(kept)
	if !ok {
		fault("the state beside the head of the log cannot be read")
		return nil
	}
	found.Against(state)
	return nil
}

func rotateLog(context.Context, *store.DB, ledger.Config, string) (string, error) {
	return "", errors.New("not yet")
}
