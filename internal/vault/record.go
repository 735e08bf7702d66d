package vault

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
)

// A Record is what one person hands over at one moment, before it is closed.
type Record struct {
	Collection avow.Collection
	Version    avow.Version // the statement it is collected under: its pin
	Values     map[avow.Field]Sealed
	Expires    time.Time
}

// A Header is what may be known of a record without opening it.
type Header struct {
	ID         avow.RecordID
	Subject    avow.SubjectID
	Collection avow.Collection
	Version    avow.Version
	Collected  time.Time
	Expires    time.Time
}

// Mark is the header's place in its collection, for the next call of List.
func (h Header) Mark() string { return h.ID.String() }

// ErrMark says that a text is no mark of a header.
var ErrMark = errors.New("not a place in a list")

// parseMark reads a mark. The empty mark is before everything.
func parseMark(mark string) (id avow.RecordID, err error) {
	if mark == "" {
		return id, nil
	}
	if id, err = avow.ParseRecordID(mark); err != nil {
		return id, ErrMark
	}
	return id, nil
}

// A Closed is a record as it is kept. It opens field by field.
type Closed struct {
	Header
	owner  *Subject
	sealed []byte
}

// Put closes a record under the subject's key and keeps it.
func (v *Vault) Put(ctx context.Context, tx *store.Tx, who *Subject, r Record) (avow.RecordID, error) {
	id := avow.NewRecordID(tx.Now)
	plain := pack(r.Values)
	defer clear(plain)
	kept := row{
		Header:    Header{ID: id, Subject: who.id, Collection: r.Collection, Version: r.Version},
		collected: tx.Now.UnixMicro(), expires: r.Expires.UnixMicro(),
		sealed: who.key.Seal(plain, recordPlace(id, who.id, r.Version)),
	}
	err := tx.Do(ctx, q.AddRecord, id, who.id, string(r.Collection), int64(r.Version), kept.collected, kept.expires, kept.sealed)
	if err != nil {
		return id, fmt.Errorf("put record of %s: %w", who.id, err)
	}
	tx.Touch(who.id)
	tx.Add(store.Records, v.recordRow(&kept))
	return id, nil
}

// Get finds a record, closed, or returns store.ErrNone.
func (v *Vault) Get(ctx context.Context, tx *store.Tx, id avow.RecordID) (*Closed, error) {
	c := &Closed{Header: Header{ID: id}}
	var epoch int64
	var wrapped []byte
	into := store.Into(&c.Subject, &c.Collection, &c.Version, &c.Collected, &c.Expires, &c.sealed, &epoch, &wrapped)
	if err := tx.Get(ctx, q.Record, into, id); err != nil {
		return nil, fmt.Errorf("get %s: %w", id, err)
	}
	owner, err := v.unwrap(c.Subject, epoch, wrapped)
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", id, err)
	}
	c.owner = owner
	return c, nil
}

// Owner is the subject whose record it is.
func (c *Closed) Owner() *Subject { return c.owner }

// Open opens the named fields, and no others. A field that was not handed over
// is not in the result.
func (c *Closed) Open(fields ...avow.Field) (map[avow.Field]Sealed, error) {
	return c.open(func(f avow.Field) bool { return slices.Contains(fields, f) })
}

// OpenAll opens all that was handed over, to be handed to whose it is: the
// statement may have dropped a field since.
func (c *Closed) OpenAll() (map[avow.Field]Sealed, error) { return c.open(nil) }

// open opens the fields that are wanted; nil wants all.
func (c *Closed) open(wanted func(avow.Field) bool) (map[avow.Field]Sealed, error) {
	plain, err := c.owner.key.Open(c.sealed, recordPlace(c.ID, c.Subject, c.Version))
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.ID, err)
	}
	defer clear(plain)
	values, ok := unpack(plain, wanted)
	if !ok {
		return nil, fmt.Errorf("open %s: not a record", c.ID)
	}
	return values, nil
}

func recordPlace(id avow.RecordID, who avow.SubjectID, v avow.Version) seal.Place {
	return seal.Place{Table: "vault_record", Row: id[:], Subject: who, Version: v}
}

// List lists the records of a collection, oldest first, after the one with this
// mark.
func (v *Vault) List(ctx context.Context, tx *store.Tx, from avow.Collection, after string, limit int) ([]Header, error) {
	id, err := parseMark(after)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", from, err)
	}
	return headers(ctx, tx, q.List, from, id, limit)
}

// Of lists the records of a subject, oldest first.
func (v *Vault) Of(ctx context.Context, tx *store.Tx, who avow.SubjectID) ([]Header, error) {
	return headers(ctx, tx, q.OfSubject, who)
}

// Expired lists records whose time is up, the longest overdue first.
func (v *Vault) Expired(ctx context.Context, tx *store.Tx, limit int) ([]Header, error) {
	return headers(ctx, tx, q.Expired, tx.Now, limit)
}

// Delete forgets one record, and its subject too if nothing else is kept of
// them. To delete what is not there is no error.
func (v *Vault) Delete(ctx context.Context, tx *store.Tx, id avow.RecordID) error {
	tx.Erases()
	var who avow.SubjectID
	err := tx.Get(ctx, q.OwnerOf, &who, id)
	if errors.Is(err, store.ErrNone) {
		return nil
	}
	if err == nil {
		err = v.delete(ctx, tx, id, who)
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", id, err)
	}
	return nil
}

func (v *Vault) delete(ctx context.Context, tx *store.Tx, id avow.RecordID, who avow.SubjectID) error {
	locked, err := v.lock(ctx, tx, who)
	if err != nil || !locked {
		return err
	}
	var r row
	gone := false
	err = tx.Each(ctx, q.DropRecord, func(scan func(...any) error) error { gone = true; return v.dropped(tx, scan, &r) }, id)
	if err != nil || !gone {
		return err
	}
	var left avow.RecordID
	err = tx.Get(ctx, q.AnyOf, &left, who)
	if errors.Is(err, store.ErrNone) {
		return v.forget(ctx, tx, who)
	}
	return err
}

func headers(ctx context.Context, tx *store.Tx, query string, args ...any) (found []Header, err error) {
	err = tx.Each(ctx, query, func(scan func(...any) error) error {
		var h Header
		err := scan(&h.ID, &h.Subject, &h.Collection, &h.Version, &h.Collected, &h.Expires)
		found = append(found, h)
		return err
	}, args...)
	if err != nil {
		return nil, fmt.Errorf("list records: %w", err)
	}
	return found, nil
}

// pack writes values in one buffer: name and value, each headed by its length,
// in the order of the names.
func pack(values map[avow.Field]Sealed) []byte {
	size, names := 0, make([]avow.Field, 0, 16)
	for field, value := range values {
		size += 8 + len(field) + len(value.Reveal())
		names = append(names, field)
	}
	slices.Sort(names)
	plain := make([]byte, 0, size) // never grown: a grown buffer leaves a copy behind
	for _, field := range names {
		value := values[field].Reveal()
		plain = binary.BigEndian.AppendUint32(plain, uint32(len(field)))
		plain = append(plain, field...)
		plain = binary.BigEndian.AppendUint32(plain, uint32(len(value)))
		plain = append(plain, value...)
	}
	return plain
}

func unpack(plain []byte, wanted func(avow.Field) bool) (map[avow.Field]Sealed, bool) {
	values := map[avow.Field]Sealed{}
	for len(plain) > 0 {
		name, rest, ok := cut(plain)
		if !ok {
			return nil, false
		}
		value, rest, ok := cut(rest)
		if !ok {
			return nil, false
		}
		if field := avow.Field(name); wanted == nil || wanted(field) {
			values[field] = Conceal(slices.Clone(value))
		}
		plain = rest
	}
	return values, true
}

func cut(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if uint64(len(b)-4) < n {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}
