package ledger

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow/internal/store"
)

// Name is the name of the log that db holds, or "" if it holds none yet. A log
// keeps the name it was started with, whatever the site is called by now.
func Name(ctx context.Context, db *store.DB) (name string, err error) {
	err = db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Name, &name) })
	if err != nil && !errors.Is(err, store.ErrNone) {
		return "", fmt.Errorf("open log: %w", err)
	}
	return name, nil
}
