package tend

import (
	"context"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// forget is what the vault asks for when it lets somebody go.
func (h *core) forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	return ledger.ForgetEvents(ctx, tx, h.keys, id)
}

// against holds what a scan found to the state that was kept.
func (h *core) against(ctx context.Context, tx *store.Tx, found *vault.Scanned, fault func(any)) error {
	kept, err := h.ledger.State(ctx, tx)
	if err != nil {
		return err
	}
	events, err := h.ledger.Scan(ctx, tx)
	if err != nil {
		return err
	}
	found.Against(kept)
	if events[store.Events] != kept[store.Events] {
		fault(vault.Fault{Part: store.Events, What: "the rows are not those that were kept: some were lost, altered or brought back"})
	}
	return nil
}
