// Package vault keeps personal information sealed and forgets a subject on demand.
//
// What one person hands over at one moment is one record, closed as a whole
// under that person's key. Beside it stands only what the house needs to keep
// its promises without opening it: the collection, the version of the statement
// it was collected under, and when it must go. A person is found again by a
// keyed hash of an indexed field, which nobody can try values against.
//
// To erase a subject is to delete their key, records, indexes and the payloads
// of the log. The deletes are spelled out so that the state, which sums up all
// rows, is kept right; were one forgotten, the database itself would take with
// the subject's row whatever refers to it, and the next Scan would say so.
//
// Subjects' keys are wrapped under the key of an epoch. Rotate wraps them all
// anew and destroys the epoch before: what was erased until then opens nowhere
// any more, in no backup and on no replica.
package vault

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queriesSQL string

var q = store.Load[struct {
	Epochs, Epoch, AddEpoch, DropEpoch                string
	AddSubject, Subject, LockSubject, DropSubject     string
	Lookup, AddIndex, DropIndex, DropIndexes          string
	AddRecord, Record, Row, UpdateRecord              string
	List, OfSubject, Others, AnyOf, Expired           string
	OwnerOf, DropRecord, DropRecords                  string
	CountSubjects, CountRecords                       string
	ToWrap, Wrap, CountToWrap                         string
	ScanSubjects, ScanIndexes, ScanRecords, CountRows string
}](queriesSQL)

// Options say what a vault needs of others.
type Options struct {
	// Forget lets go what others keep of a subject who is about to be forgotten,
	// and takes it out of the state. It is called before the subject goes.
	Forget func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error
	// Settle is how long Rotate waits for other processes over the same database
	// to learn of a new epoch, by Refresh, before it ends the old one. Zero is
	// what the engine needs: nothing where there can be no other process, else
	// two minutes.
	Settle time.Duration
}

// A Vault keeps the information of one avow. Any number of goroutines may use
// it.
type Vault struct {
	db    *store.DB
	keys  *seal.Keys
	opt   Options
	batch int // wrapAtOnce; fewer in tests
}

// A KeysError says that the keys are not those that the data was closed under.
type KeysError struct{ Epoch int64 }

func (e *KeysError) Error() string {
	return fmt.Sprintf("these are not the keys of this data: the key of epoch %d is another or missing. "+
		"Give the keys that were made with this data folder; if the data is an old backup, its epoch may have been destroyed since, "+
		"and then nothing opens it any more; nothing was changed", e.Epoch)
}

// An epoch is a row of the table of epochs.
type epoch struct {
	n     int64
	check []byte
	since time.Time
}

func (v *Vault) epochs(ctx context.Context, tx *store.Tx) (all []epoch, err error) {
	return all, tx.Each(ctx, q.Epochs, func(scan func(...any) error) error {
		var e epoch
		err := scan(&e.n, &e.check, &e.since)
		all = append(all, e)
		return err
	})
}

// Open makes sure that the keys fit the data.
func Open(ctx context.Context, db *store.DB, keys *seal.Keys, opt Options) (*Vault, error) {
	if opt.Settle == 0 && db.Engine() != "sqlite" {
		opt.Settle = 2 * time.Minute
	}
	v := &Vault{db: db, keys: keys, opt: opt, batch: wrapAtOnce}
	if err := v.Refresh(ctx); err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return v, nil
}

// Refresh learns of epochs that another process over the same database began or
// ended. The keys must be shared with it. Where there can be other processes it
// is to be called each minute.
func (v *Vault) Refresh(ctx context.Context) error {
	err := v.refresh(ctx)
	if wrong := (*KeysError)(nil); errors.As(err, &wrong) {
		return v.refresh(ctx) // the epoch may have ended between the look at the rows and that at the keys
	}
	return err
}

func (v *Vault) refresh(ctx context.Context) error {
	var known []epoch
	err := v.db.View(ctx, func(tx *store.Tx) (err error) { known, err = v.epochs(ctx, tx); return err })
	if err != nil {
		return err
	}
	for _, e := range known {
		if err := v.fits(e); err != nil {
			return err
		}
	}
	if len(known) == 0 {
		return v.begin(ctx, v.keys.Newest())
	}
	v.keys.Use(known[len(known)-1].n)
	return nil
}

// fits says whether the keys have the key of an epoch.
func (v *Vault) fits(e epoch) error {
	have, err := v.keys.EpochCheck(e.n)
	if err != nil || subtle.ConstantTimeCompare(have, e.check) != 1 {
		return &KeysError{e.n}
	}
	return nil
}

// begin makes an epoch, whose key there is, the one that new keys are wrapped
// under. Processes that start over an empty database at the same time all begin
// its first; those that have other keys than the one who was first are told.
func (v *Vault) begin(ctx context.Context, n int64) error {
	check, err := v.keys.EpochCheck(n)
	if err != nil {
		return err
	}
	var kept []byte
	err = v.db.Commit(ctx, func(tx *store.Tx) error {
		if err := tx.Do(ctx, q.AddEpoch, n, check, tx.Now); err != nil {
			return err
		}
		return tx.Get(ctx, q.Epoch, &kept, n)
	})
	if err != nil {
		return fmt.Errorf("begin epoch %d: %w", n, err)
	}
	if subtle.ConstantTimeCompare(check, kept) != 1 {
		return &KeysError{n}
	}
	v.keys.Use(n)
	return nil
}

// Counts says how much is kept, and of what.
type Counts struct {
	Subjects int64
	Records  []RecordCount
}

// A RecordCount counts the records of one collection under one version.
type RecordCount struct {
	Collection avow.Collection
	Version    avow.Version
	Records    int64
	Oldest     time.Time // when the oldest of them was collected
}

// Counts counts subjects and records.
func (v *Vault) Counts(ctx context.Context, tx *store.Tx) (c Counts, err error) {
	if err := tx.Get(ctx, q.CountSubjects, &c.Subjects); err != nil {
		return c, fmt.Errorf("count subjects: %w", err)
	}
	err = tx.Each(ctx, q.CountRecords, func(scan func(...any) error) error {
		var r RecordCount
		err := scan(&r.Collection, &r.Version, &r.Records, &r.Oldest)
		c.Records = append(c.Records, r)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("count records: %w", err)
	}
	return c, nil
}
