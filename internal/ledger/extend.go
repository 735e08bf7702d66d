package ledger

import (
	"context"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/logbook"
	"github.com/avow-privacy/avow/internal/store"
)

// Extend adds entries to the newest log in the database as they stand, without
// signing anything: a log put back from a backup is brought up to what was
// signed since. It returns the root that this gives. The log must not be open.
func Extend(ctx context.Context, tx *store.Tx, entries [][]byte) (root [32]byte, err error) {
	return logbook.Extend(ctx, tx, entries)
}

// ForgetEvents does what Forget does, in a database whose log is not open: when
// somebody is erased again who had been erased after a backup was made.
func ForgetEvents(ctx context.Context, tx *store.Tx, keys Keys, id avow.SubjectID) error {
	return (&Ledger{cfg: Config{Keys: keys}}).dropEvents(ctx, tx, id)
}
