package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

// Update corrects a record: the fields in changes get those values, under this
// version of the statement, and an empty value takes a field away. The old
// values are kept nowhere. by has the new value of every indexed field among the
// changes, so that the person is found by it from now on, and by the old one no
// more. An address that another record of theirs still has goes on leading to
// them; one that leads to somebody else already goes on doing that.
//
// It changes c too. Without the record it returns store.ErrNone.
func (v *Vault) Update(ctx context.Context, tx *store.Tx, c *Closed, changes map[avow.Field]Sealed, version avow.Version, by ...By) error {
	tx.Overwrites()
	old, err := v.correct(ctx, tx, c, changes, version)
	if err != nil {
		return fmt.Errorf("update %s: %w", c.ID, err)
	}
	defer clearAll(old)
	for _, b := range by {
		if err := v.moveIndex(ctx, tx, c, old[b.Field], b); err != nil {
			return fmt.Errorf("update %s: %w", c.ID, err)
		}
	}
	return nil
}

// correct closes the record anew and returns the values that it had.
func (v *Vault) correct(ctx context.Context, tx *store.Tx, c *Closed, changes map[avow.Field]Sealed, version avow.Version) (map[avow.Field]Sealed, error) {
	locked, err := v.lock(ctx, tx, c.Subject)
	if err != nil {
		return nil, err
	}
	if !locked {
		return nil, store.ErrNone
	}
	var was row
	err = tx.Get(ctx, q.Row, store.Into(&was.ID, &was.Subject, &was.Collection, &was.Version, &was.collected, &was.expires, &was.sealed), c.ID)
	if err != nil {
		return nil, err
	}
	c.Version, c.sealed = was.Version, was.sealed
	old, err := c.open(nil)
	if err != nil {
		return nil, err
	}
	plain := pack(merged(old, changes))
	defer clear(plain)
	is := was
	is.Version, is.sealed = version, c.owner.key.Seal(plain, recordPlace(c.ID, c.Subject, version))
	if err := tx.Do(ctx, q.UpdateRecord, c.ID, int64(version), is.sealed); err != nil {
		return nil, err
	}
	tx.Remove(store.Records, v.recordRow(&was))
	tx.Add(store.Records, v.recordRow(&is))
	c.Version, c.sealed = version, is.sealed
	return old, nil
}

func merged(old, changes map[avow.Field]Sealed) map[avow.Field]Sealed {
	all := make(map[avow.Field]Sealed, len(old)+len(changes))
	for field, value := range old {
		all[field] = value
	}
	for field, value := range changes {
		if all[field] = value; len(value.Reveal()) == 0 {
			delete(all, field)
		}
	}
	return all
}

func clearAll(values map[avow.Field]Sealed) {
	for _, value := range values {
		value.Clear()
	}
}

// moveIndex lets the new value of a field lead to the owner of c, and the old
// one no more.
func (v *Vault) moveIndex(ctx context.Context, tx *store.Tx, c *Closed, old Sealed, by By) error {
	before, had := v.index(By{by.Field, by.Category, old.Reveal()})
	after, has := v.index(by)
	if had == has && before == after {
		return nil
	}
	if had {
		if err := v.dropIndex(ctx, tx, c, before, by); err != nil {
			return err
		}
	}
	if !has {
		return nil
	}
	_, err := v.lookup(ctx, tx, after)
	if errors.Is(err, store.ErrNone) {
		return v.addIndex(ctx, tx, after, c.Subject)
	}
	return err
}

// dropIndex takes away that a value leads to the owner of c, unless another of
// their records has the value too.
func (v *Vault) dropIndex(ctx context.Context, tx *store.Tx, c *Closed, digest [16]byte, by By) error {
	var others []*Closed
	err := tx.Each(ctx, q.Others, func(scan func(...any) error) error {
		other := &Closed{Header: Header{Subject: c.Subject}, owner: c.owner}
		others = append(others, other)
		return scan(&other.ID, &other.Version, &other.sealed)
	}, c.Subject, c.ID)
	if err != nil {
		return err
	}
	for _, other := range others {
		values, err := other.Open(by.Field)
		if err != nil {
			return err
		}
		same, ok := v.index(By{by.Field, by.Category, values[by.Field].Reveal()})
		clearAll(values)
		if ok && same == digest {
			return nil
		}
	}
	n, err := tx.Exec(ctx, q.DropIndex, digest, c.Subject)
	if err == nil && n == 1 {
		tx.Remove(store.Indexes, v.indexRow(digest, c.Subject))
	}
	return err
}
