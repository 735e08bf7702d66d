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
	for _, who := range r.erase {
		if err := r.vault.Erase(ctx, tx, who); err != nil {
			return err
		}
	}
	gone, err := r.deleted(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range gone {
		if err := r.vault.Delete(ctx, tx, id); err != nil {
			return err
		}
	}
	if len(r.erase)+len(gone) == 0 {
		return nil
	}
	return moveState(ctx, tx)
}

// deleted finds the records that were deleted since while their subject stayed.
func (r *restoring) deleted(ctx context.Context, tx *store.Tx) (gone []avow.RecordID, err error) {
	if len(r.known)+len(r.Erased) == 0 {
		return nil, nil
	}
	err = tx.Each(ctx, "SELECT r.id, s.id, s.epoch, s.wrapped FROM vault_record r JOIN vault_subject s ON s.id = r.subject", func(scan func(...any) error) error {
		var id avow.RecordID
		var who avow.SubjectID
		var epoch int64
		var wrapped []byte
		if err := scan(&id, &who, &epoch, &wrapped); err != nil {
			return err
		}
		key, err := r.Keys.Unwrap(epoch, wrapped, who)
		if err != nil {
			return err
		}
		defer key.Clear()
		if t := key.RecordTombstone(id); r.known[t] || r.Erased[t] {
			gone = append(gone, id)
		}
		return nil
	})
	r.report.Deleted = int64(len(gone))
	return gone, err
}

// EraseAgain erases, in a database that was put back by other means than
// Restore, whoever's tombstone is in erased, and says how many. Its log must not
// be open.
func EraseAgain(ctx context.Context, db *store.DB, keys *seal.Keys, erased map[[32]byte]bool) (n int64, err error) {
	if len(erased) == 0 {
		return 0, nil
	}
	v, err := openVault(ctx, db, keys)
	if err != nil {
		return 0, err
	}
	r := &restoring{Options: Options{Keys: keys, Erased: erased}, vault: v}
	err = db.Commit(ctx, func(tx *store.Tx) error {
		r.erase = nil
		err := tx.Each(ctx, "SELECT id, epoch, wrapped FROM vault_subject", func(scan func(...any) error) error {
			var id, wrapped []byte
			var epoch int64
			if err := scan(&id, &epoch, &wrapped); err != nil {
				return err
			}
			return r.subject([]any{id, epoch, wrapped})
		})
		if err == nil {
			err = r.eraseAgain(ctx, tx)
		}
		return err
	})
	return int64(len(r.erase)), err
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
		if err := tx.Do(ctx, tellAgain, id, tx.Now); err != nil {
			return fmt.Errorf("tell recipients of %s: %w", id, err)
		}
		return ledger.ForgetEvents(ctx, tx, keys, id)
	}})
}

// tellAgain has recipients told who were given somebody: whether they were told
// when it was done first is lost with what came after the backup.
const tellAgain = `INSERT INTO egress_notice (id, recipient, ref, what, at, due, tries, told, done)
SELECT ref, recipient, ref, 'erased', CAST($2 AS BIGINT), CAST($2 AS BIGINT), 0, 0, 0 FROM egress_given WHERE subject = $1 GROUP BY recipient, ref
    ON CONFLICT (id) DO NOTHING`
