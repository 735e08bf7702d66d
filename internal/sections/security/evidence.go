package security

import (
	"context"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Evidence shows that keys are each person's own and lie apart, and that the
// log is what its signed checkpoint says.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) ([]avow.Evidence, error) {
	var at time.Time
	if err := s.Store.View(ctx, func(tx *store.Tx) error { at = tx.Now; return nil }); err != nil {
		return nil, err
	}
	keys, err := s.keys(ctx, now)
	return []avow.Evidence{keys, s.log(ctx, now, at), s.restore(ctx, now, at)}, err
}

// restore tries by what a backup that is put back knows whom it must forget.
func (s *Section) restore(ctx context.Context, now *statement.Edition, at time.Time) avow.Evidence {
	e := avow.Evidence{Clause: now.Keeper("security.restore"), Standing: avow.Kept, At: at,
		Says: "Just now, a key that was closed as it lies in a backup gave the same tombstone as before, and the journal of tombstones was read. " +
			"A backup is held to that journal, and to the log where it is given, before it opens."}
	switch {
	case !s.Vault.TryTombstone(at):
		e.Standing, e.Says = avow.Broken, "A key as it lies in a backup does not give the tombstone that the log was told."
	case s.check(ctx, at).stones != nil:
		e.Standing, e.Says = avow.Broken, "The journal of tombstones cannot be read."
	}
	return e
}

func (s *Section) keys(ctx context.Context, now *statement.Edition) (avow.Evidence, error) {
	var counts vault.Counts
	var epochs vault.Epochs
	var today time.Time
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		today = tx.Now
		if epochs, err = s.Vault.Epochs(ctx, tx); err != nil {
			return err
		}
		counts, err = s.Vault.Counts(ctx, tx)
		return err
	})
	records := int64(0)
	for _, c := range counts.Records {
		records += c.Records
	}
	e := avow.Evidence{Clause: now.Keeper("security.keys"), Standing: avow.Kept,
		Says: "Just now, a value sealed for one person opened with that person's key and not with another's; the keys lie apart from the data.",
		// How many people there are is not said: whoever sends a form in somebody
		// else's name could see by it whether that person was known already.
		Figures: []avow.Figure{{Name: "records sealed", Value: strconv.FormatInt(records, 10)}, {Name: "cipher", Value: "AES-256-GCM"},
			{Name: "days since the keys were changed", Value: strconv.Itoa(int(today.Sub(epochs.Since) / (24 * time.Hour)))}}}
	last := s.scanned.Load()
	if last != nil {
		e.Figures = append(e.Figures, avow.Figure{Name: "last time everything was opened", Value: last.at.Format("2 January 2006")})
	}
	switch {
	case !ownKey():
		e.Standing, e.Says = avow.Broken, "A value sealed for one person could be opened with another's key, or not with its own."
	case !s.Apart:
		e.Standing, e.Says = avow.Broken, "The keys lie in the same folder as the data."
	case last != nil && last.faults > 0:
		e.Standing, e.Says = avow.Broken, "Some of what is kept is not as it was kept: it does not open, or was lost, altered or brought back."
	}
	return e, err
}

func (s *Section) log(ctx context.Context, now *statement.Edition, at time.Time) avow.Evidence {
	last, status := s.check(ctx, at), s.Ledger.Status()
	e := avow.Evidence{Clause: now.Keeper("security.log"), Standing: avow.Kept, At: last.at,
		Says: "The whole log was read again, and its root is the one in the signed checkpoint.",
		Figures: []avow.Figure{{Name: "entries in the log", Value: strconv.FormatInt(status.Size, 10)},
			{Name: "entries checked", Value: strconv.FormatInt(last.size, 10)},
			{Name: "last checkpoint", Value: status.Signed.UTC().Format("2 January 2006, 15:04 UTC")}}}
	if last.fault != nil {
		e.Standing, e.Says = avow.Broken, "The log is not the one its checkpoint was signed for."
	}
	return e
}
