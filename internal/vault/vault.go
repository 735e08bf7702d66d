// Package vault keeps personal information sealed and forgets a subject on demand.
//
// What one person hands over at one moment is one record, closed as a whole
// under that person's key. Beside it stands only what the house needs to keep
// its promises without opening it: the collection, the version of the statement
// it was collected under, and when it must go. A person is found again by a
// keyed hash of an indexed field, which nobody can try values against.
//
// To erase a subject is to delete one row. The database takes with it whatever
// refers to that row: records, index, payloads of the log.
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
	Epochs, AddEpoch                    string
	AddSubject, Subject, EraseSubject   string
	Lookup, AddIndex                    string
	AddRecord, Record, List, OfSubject  string
	Expired, DeleteRecord, EraseIfEmpty string
	CountSubjects, CountRecords         string
}](queriesSQL)

// A Vault keeps the information of one avow. Any number of goroutines may use
// it.
type Vault struct {
	keys *seal.Keys
}

// A KeysError says that the keys are not those that the data was closed under.
type KeysError struct{ Epoch int64 }

func (e *KeysError) Error() string {
	return fmt.Sprintf("these are not the keys of this data: the key of epoch %d is another or missing. "+
		"Give the keys that were made with this data folder; nothing was changed", e.Epoch)
}

// Open makes sure that the keys fit the data.
func Open(ctx context.Context, db *store.DB, keys *seal.Keys) (*Vault, error) {
	known := map[int64][]byte{}
	err := db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.Epochs, func(scan func(...any) error) error {
			var n int64
			var check []byte
			err := scan(&n, &check)
			known[n] = check
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	for n, want := range known {
		have, err := keys.EpochCheck(n)
		if err != nil || subtle.ConstantTimeCompare(have, want) != 1 {
			return nil, &KeysError{n}
		}
	}
	if _, ok := known[keys.Epoch()]; ok {
		return &Vault{keys}, nil
	}
	if len(known) > 0 {
		return nil, &KeysError{keys.Epoch()}
	}
	check, err := keys.EpochCheck(keys.Epoch())
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	err = db.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, q.AddEpoch, keys.Epoch(), check)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open vault: %w", err)
	}
	return &Vault{keys}, nil
}

// A Subject is a person and the key to what they handed over.
type Subject struct {
	id  avow.SubjectID
	key seal.Key
}

// ID names the subject.
func (s *Subject) ID() avow.SubjectID { return s.id }

func (s *Subject) String() string { return s.id.String() }

// EntryKey is the key of one log entry about the subject.
func (s *Subject) EntryKey(nonce string) [32]byte { return s.key.Entry(nonce) }

// SealPayload closes the payload of the n-th event about a record of the
// subject, or about the subject as a whole.
func (s *Subject) SealPayload(about avow.RecordID, n int64, v avow.Version, payload []byte) []byte {
	return s.key.Seal(payload, s.eventPlace(about, n, v))
}

// OpenPayload opens what SealPayload closed for the same event.
func (s *Subject) OpenPayload(about avow.RecordID, n int64, v avow.Version, sealed []byte) ([]byte, error) {
	payload, err := s.key.Open(sealed, s.eventPlace(about, n, v))
	if err != nil {
		return nil, fmt.Errorf("event %d of %s: %w", n, s.id, err)
	}
	return payload, nil
}

func (s *Subject) eventPlace(about avow.RecordID, n int64, v avow.Version) seal.Place {
	return seal.Place{Table: "ledger_event", Row: fmt.Appendf(about[:], "%d", n), Subject: s.id, Version: v}
}

// NewSubject makes a subject that no index leads to.
func (v *Vault) NewSubject(ctx context.Context, tx *store.Tx) (*Subject, error) {
	s := &Subject{avow.NewSubjectID(tx.Now), seal.NewKey()}
	epoch, wrapped := v.keys.Wrap(s.key, s.id)
	if _, err := tx.Exec(ctx, q.AddSubject, s.id, epoch, wrapped); err != nil {
		return nil, fmt.Errorf("add %s: %w", s.id, err)
	}
	return s, nil
}

// Subject finds the person whom a value of an indexed field leads to, such as
// an e-mail address, or makes one. Values that differ only in how they are
// written lead to the same person. An empty value leads to nobody: it makes a
// subject that stands apart.
func (v *Vault) Subject(ctx context.Context, tx *store.Tx, field avow.Field, value []byte) (*Subject, error) {
	if len(normal(value)) == 0 {
		return v.NewSubject(ctx, tx)
	}
	s, err := v.Lookup(ctx, tx, field, value)
	if !errors.Is(err, store.ErrNone) {
		return s, err
	}
	if s, err = v.NewSubject(ctx, tx); err != nil {
		return nil, err
	}
	if _, err := tx.Exec(ctx, q.AddIndex, v.index(field, value), s.id); err != nil {
		return nil, fmt.Errorf("index %s: %w", s.id, err)
	}
	return s, nil
}

// Lookup finds the person whom a value of an indexed field leads to, or returns
// store.ErrNone.
func (v *Vault) Lookup(ctx context.Context, tx *store.Tx, field avow.Field, value []byte) (*Subject, error) {
	var id avow.SubjectID
	if err := tx.Get(ctx, q.Lookup, &id, v.index(field, value)); err != nil {
		return nil, fmt.Errorf("look up by %s: %w", field, err)
	}
	return v.Find(ctx, tx, id)
}

// Find finds a subject by id, or returns store.ErrNone.
func (v *Vault) Find(ctx context.Context, tx *store.Tx, id avow.SubjectID) (*Subject, error) {
	var epoch int64
	var wrapped []byte
	if err := tx.Get(ctx, q.Subject, store.Into(&epoch, &wrapped), id); err != nil {
		return nil, fmt.Errorf("find %s: %w", id, err)
	}
	key, err := v.keys.Unwrap(epoch, wrapped, id)
	if err != nil {
		return nil, err
	}
	return &Subject{id, key}, nil
}

// Erase forgets a subject: key, records, index and the payloads in the log. To
// erase who is not there is no error, so an erasure can be repeated. Once the
// Commit has returned, nothing of it can be read from the database's files.
func (v *Vault) Erase(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	tx.Erases()
	if _, err := tx.Exec(ctx, q.EraseSubject, id); err != nil {
		return fmt.Errorf("erase %s: %w", id, err)
	}
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
