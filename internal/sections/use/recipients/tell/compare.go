package tell

import (
	"context"
	"fmt"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Compare holds what recipients were given to what people said since, whatever
// became of the moment when they said it: a stop may have come back from its
// journal, have been written by another process, or be about an address that was
// corrected since. It lets go of what was done long ago, too. The server calls it
// each hour.
func (k *Desk) Compare(ctx context.Context) error {
	for after := []byte{}; after != nil; {
		next, err := k.readdress(ctx, after)
		if err != nil {
			return fmt.Errorf("compare what was given: %w", err)
		}
		after = next
	}
	for after := []byte{}; after != nil; {
		next, err := k.compare(ctx, after)
		if err != nil {
			return fmt.Errorf("compare what was given: %w", err)
		}
		after = next
	}
	return k.Store.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.Forget, tx.Now.Add(-forget)) })
}

// A stop is what somebody said about an address.
type stop struct {
	digest [32]byte
	of     avow.Purpose
}

// compare looks at the next addresses, and says after which to go on; nil at the
// end.
func (k *Desk) compare(ctx context.Context, after []byte) (next []byte, err error) {
	var stops []stop
	now := k.Editions.InForce()
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		digests, err := column(ctx, tx, q.Digests, after)
		if stops, next = nil, last(digests); err != nil || now == nil {
			return err
		}
		for _, d := range digests {
			for i := range now.Purposes {
				if err := k.said(ctx, tx, now, stop{[32]byte(d), now.Purposes[i].Name}, &stops); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil || len(stops) == 0 {
		return next, err
	}
	return next, k.Store.Commit(ctx, func(tx *store.Tx) error {
		for _, s := range stops {
			if err := k.Stopped(ctx, tx, s.digest, s.of); err != nil {
				return err
			}
		}
		return nil
	})
}

// said adds to stops if that was said.
func (k *Desk) said(ctx context.Context, tx *store.Tx, now *statement.Edition, s stop, stops *[]stop) error {
	p := now.Purpose(s.of)
	if p.Transactional() {
		return nil
	}
	reason, err := k.Words.May(ctx, tx, now, nil, s.digest, p)
	if reason == wasStopped || reason == "child" {
		*stops = append(*stops, s)
	}
	return err
}

// readdress remembers of the next people by which addresses they are known now.
func (k *Desk) readdress(ctx context.Context, after []byte) (next []byte, err error) {
	type moved struct {
		who    []byte
		digest [32]byte
	}
	var all []moved
	err = k.Store.View(ctx, func(tx *store.Tx) error {
		people, err := column(ctx, tx, q.People, after)
		if all, next = nil, last(people); err != nil {
			return err
		}
		for _, who := range people {
			digests, err := k.Addresses.Addresses(ctx, tx, avow.SubjectID(who))
			if err != nil {
				return err
			}
			for _, d := range digests {
				var n int64
				if err := tx.Get(ctx, q.Knows, &n, who, d[:]); err != nil {
					return err
				}
				if n == 0 && !slices.ContainsFunc(all, func(m moved) bool { return m.digest == d }) {
					all = append(all, moved{who, d})
				}
			}
		}
		return nil
	})
	if err != nil || len(all) == 0 {
		return next, err
	}
	return next, k.Store.Commit(ctx, func(tx *store.Tx) error {
		for _, m := range all {
			if err := tx.Do(ctx, q.Readdress, m.who, m.digest[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// column reads the next page of a column of bytes.
func column(ctx context.Context, tx *store.Tx, query string, after []byte) (all [][]byte, err error) {
	return all, tx.Each(ctx, query, func(scan func(...any) error) error {
		var b []byte
		err := scan(&b)
		all = append(all, b)
		return err
	}, after, pageSize)
}

// last is what a page ends with; nil if there is none after it.
func last(page [][]byte) []byte {
	if len(page) < pageSize {
		return nil
	}
	return page[len(page)-1]
}
