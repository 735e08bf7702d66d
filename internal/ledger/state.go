package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

// A row is one of the table of events.
type row struct {
	subject                    avow.SubjectID
	about                      avow.RecordID
	n, log, leaf, pos, version int64
	sealed                     []byte
}

// rowHash is what a row adds to the state.
func (l *Ledger) rowHash(r *row) [32]byte {
	var numbers [40]byte
	for i, n := range [...]int64{r.n, r.log, r.leaf, r.pos, r.version} {
		binary.BigEndian.PutUint64(numbers[8*i:], uint64(n))
	}
	return l.cfg.Keys.Row([]byte("ledger_event"), r.subject[:], r.about[:], numbers[:], r.sealed)
}

// Scan computes the part of the state that sums up the events anew, from all
// rows. It names commitments of bulks that are not those that were entered.
func (l *Ledger) Scan(ctx context.Context, tx *store.Tx) (s store.State, err error) {
	var r row
	err = tx.Each(ctx, q.AllEvents, func(scan func(...any) error) error {
		err := scan(&r.subject, &r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
		s.Add(store.Events, l.rowHash(&r))
		return err
	})
	if err == nil {
		err = l.scanBulks(ctx, tx)
	}
	if err != nil {
		return s, fmt.Errorf("scan events: %w", err)
	}
	return s, nil
}

// A bulk is what is kept of one, and what that gives.
type bulk struct {
	log, leaf, n int64
	root         [32]byte
}

// scanBulks holds the commitments of each bulk to its entry.
func (l *Ledger) scanBulks(ctx context.Context, tx *store.Tx) error {
	var all []bulk
	err := tx.Each(ctx, q.AllBulks, func(scan func(...any) error) error {
		var b bulk
		var commitments []byte
		if err := scan(&b.log, &b.leaf, &commitments); err != nil {
			return err
		}
		if leaves := leavesOf(commitments); len(leaves) > 0 {
			b.n, b.root = int64(len(leaves)), subtree(leaves)
		}
		all = append(all, b)
		return nil
	})
	if err != nil {
		return err
	}
	var unshared int64
	if err := tx.Get(ctx, q.Unshared, &unshared); err != nil {
		return err
	}
	if unshared > 0 {
		return &DamagedError{What: fmt.Sprintf("the commitments of a bulk are missing, and %d events with it cannot be proven", unshared)}
	}
	for _, b := range all {
		entry, err := l.Entry(ctx, tx, b.log, b.leaf)
		if err != nil {
			return err
		}
		if n, root, ok := receipt.BulkRoot(entry); !ok || n != b.n || root != b.root {
			return &DamagedError{What: fmt.Sprintf("the commitments of bulk %d of log %d are not those that were entered", b.leaf, b.log)}
		}
	}
	return nil
}

// Report puts the hash of the state into the log, if it is another than the one
// that was put there last. The server calls it each minute: so what the rows
// were at that moment is signed for, and told by nothing.
func (l *Ledger) Report(ctx context.Context) error {
	var root [32]byte
	err := l.db.Commit(ctx, func(tx *store.Tx) error {
		s, err := l.State(ctx, tx)
		if err != nil {
			return err
		}
		root = sha256.Sum256(s.Bytes())
		if last := l.reported.Load(); last != nil && *last == root {
			return nil
		}
		_, err = l.Fact(ctx, tx, "r", map[string]any{"what": "state", "root": base64.StdEncoding.EncodeToString(root[:])})
		return err
	})
	if err != nil {
		return fmt.Errorf("report state: %w", err)
	}
	l.reported.Store(&root)
	return nil
}

// Row is the keyed hash by which a row of another table counts in the state.
func (l *Ledger) Row(columns ...[]byte) [32]byte { return l.cfg.Keys.Row(columns...) }
