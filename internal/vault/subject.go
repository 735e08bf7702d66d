package vault

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
)

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

// Tombstone is what the log is told when the subject is erased. It looks like
// the commitment of any entry; who still has the subject's key, from a backup,
// can tell by it that the subject was erased.
func (s *Subject) Tombstone() [32]byte { return s.key.Tombstone() }

// RecordTombstone is the same for one record, when that alone goes.
func (s *Subject) RecordTombstone(id avow.RecordID) [32]byte { return s.key.RecordTombstone(id) }

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

// By is a value of an indexed field, by which a person can be found.
type By struct {
	Field    avow.Field
	Category string // of the field's data, such as user.contact.email: it says how values are written
	Value    []byte
}

// Format prints the field, whatever the verb, and not the value.
func (b By) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "[%s]", string(b.Field)) }

// LogValue logs the field, and not the value.
func (b By) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(b)) }

// MarshalText writes the field, and not the value.
func (b By) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(b)), nil }

// NewSubject makes a subject that no index leads to.
func (v *Vault) NewSubject(ctx context.Context, tx *store.Tx) (*Subject, error) {
	s := &Subject{avow.NewSubjectID(tx.Now), seal.NewKey()}
	epoch, wrapped := v.keys.Wrap(s.key, s.id)
	if err := tx.Do(ctx, q.AddSubject, s.id, epoch, wrapped); err != nil {
		return nil, fmt.Errorf("add %s: %w", s.id, err)
	}
	tx.Add(store.Subjects, v.subjectRow(s.id, epoch, wrapped))
	return s, nil
}

// Subject finds the person whom values of indexed fields lead to, such as an
// e-mail address and a telephone number, or makes one; values that lead to
// nobody yet lead to that person from then on. Values that differ only in how
// they are written are the same, and an empty one leads to nobody: without any,
// the subject is new and stands apart.
//
// If two values lead to two people it is the one of the value that stands first,
// the order being the statement's, and nothing is merged. Values come unproven:
// whoever types somebody's address beside their own number must not make one
// person of two, and be handed what the other one gave.
func (v *Vault) Subject(ctx context.Context, tx *store.Tx, by ...By) (*Subject, error) {
	var found *Subject
	var fresh [][16]byte
	for _, b := range by {
		digest, ok := v.index(b)
		if !ok {
			continue
		}
		s, err := v.lookup(ctx, tx, digest)
		switch {
		case errors.Is(err, store.ErrNone):
			fresh = append(fresh, digest)
		case err != nil:
			return nil, fmt.Errorf("look up by %s: %w", b.Field, err)
		case found == nil:
			found = s
		}
	}
	if found == nil {
		var err error
		if found, err = v.NewSubject(ctx, tx); err != nil {
			return nil, err
		}
	}
	for _, digest := range fresh {
		if err := v.addIndex(ctx, tx, digest, found.id); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (v *Vault) addIndex(ctx context.Context, tx *store.Tx, digest [16]byte, id avow.SubjectID) error {
	if err := tx.Do(ctx, q.AddIndex, digest, id); err != nil {
		return fmt.Errorf("index %s: %w", id, err)
	}
	tx.Add(store.Indexes, v.indexRow(digest, id))
	return nil
}

// Lookup finds the person whom a value of an indexed field leads to, or returns
// store.ErrNone.
func (v *Vault) Lookup(ctx context.Context, tx *store.Tx, by By) (*Subject, error) {
	digest, ok := v.index(by)
	if !ok {
		return nil, fmt.Errorf("look up by %s: %w", by.Field, store.ErrNone)
	}
	s, err := v.lookup(ctx, tx, digest)
	if err != nil {
		return nil, fmt.Errorf("look up by %s: %w", by.Field, err)
	}
	return s, nil
}

func (v *Vault) lookup(ctx context.Context, tx *store.Tx, digest [16]byte) (*Subject, error) {
	var id avow.SubjectID
	var epoch int64
	var wrapped []byte
	if err := tx.Get(ctx, q.Lookup, store.Into(&id, &epoch, &wrapped), digest); err != nil {
		return nil, err
	}
	return v.unwrap(id, epoch, wrapped)
}

// Find finds a subject by id, or returns store.ErrNone.
func (v *Vault) Find(ctx context.Context, tx *store.Tx, id avow.SubjectID) (*Subject, error) {
	var epoch int64
	var wrapped []byte
	if err := tx.Get(ctx, q.Subject, store.Into(&epoch, &wrapped), id); err != nil {
		return nil, fmt.Errorf("find %s: %w", id, err)
	}
	return v.unwrap(id, epoch, wrapped)
}

func (v *Vault) unwrap(id avow.SubjectID, epoch int64, wrapped []byte) (*Subject, error) {
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
	locked, err := v.lock(ctx, tx, id)
	if err == nil && locked {
		err = v.forget(ctx, tx, id)
	}
	if err != nil {
		return fmt.Errorf("erase %s: %w", id, err)
	}
	return nil
}

// lock makes sure that nobody adds to the subject what is about to be summed up
// or deleted, and says whether there is such a subject.
func (v *Vault) lock(ctx context.Context, tx *store.Tx, id avow.SubjectID) (bool, error) {
	tx.Claim(id)
	var epoch int64
	err := tx.Get(ctx, q.LockSubject, &epoch, id)
	if errors.Is(err, store.ErrNone) {
		return false, nil
	}
	return err == nil, err
}

// forget deletes all that is kept of a locked subject.
func (v *Vault) forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	if v.opt.Forget != nil {
		if err := v.opt.Forget(ctx, tx, id); err != nil {
			return err
		}
	}
	var r row
	err := tx.Each(ctx, q.DropRecords, func(scan func(...any) error) error { return v.dropped(tx, scan, &r) }, id)
	if err != nil {
		return err
	}
	var digest [16]byte
	err = tx.Each(ctx, q.DropIndexes, func(scan func(...any) error) error {
		err := scan(&digest)
		tx.Remove(store.Indexes, v.indexRow(digest, id))
		return err
	}, id)
	if err != nil {
		return err
	}
	var epoch int64
	var wrapped []byte
	if err := tx.Get(ctx, q.DropSubject, store.Into(&epoch, &wrapped), id); err != nil {
		return err
	}
	tx.Remove(store.Subjects, v.subjectRow(id, epoch, wrapped))
	return nil
}

// dropped takes a record that was just deleted out of the state.
func (v *Vault) dropped(tx *store.Tx, scan func(...any) error, r *row) error {
	if err := r.scan(scan); err != nil {
		return err
	}
	tx.Remove(store.Records, v.recordRow(r))
	return nil
}

// TryTombstone makes a person up, wraps the key as it would lie in a backup, and
// says whether what unwraps there gives the same tombstone: by that a restored
// backup knows who was erased since.
func (v *Vault) TryTombstone(now time.Time) bool {
	id, key := avow.NewSubjectID(now), seal.NewKey()
	defer key.Clear()
	epoch, wrapped := v.keys.Wrap(key, id)
	again, err := v.keys.Unwrap(epoch, wrapped, id)
	return err == nil && again.Tombstone() == key.Tombstone() && seal.NewKey().Tombstone() != key.Tombstone()
}
