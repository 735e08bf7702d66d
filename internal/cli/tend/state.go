package tend

import (
	"context"
	"log/slog"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/server"
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
		fault(vault.Fault{Part: store.Events, What: vault.Unlike})
	}
	words, err := stops.Scan(ctx, tx, h.keys)
	if err == nil && words[store.Words] != kept[store.Words] {
		fault(vault.Fault{Part: store.Words, What: vault.Unlike})
	}
	return err
}

// history holds the versions of the statement to what was published.
func (h *core) history(ctx context.Context) error {
	if h.ledger == nil {
		return nil
	}
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	_, err := changes.Open(ctx, changes.Deps{Store: h.db, Ledger: h.ledger, Pages: pages, Keeps: server.Keeps()})
	return err
}
