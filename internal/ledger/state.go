package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
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
// rows.
func (l *Ledger) Scan(ctx context.Context, tx *store.Tx) (s store.State, err error) {
	var r row
	err = tx.Each(ctx, q.AllEvents, func(scan func(...any) error) error {
		err := scan(&r.subject, &r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
		s.Add(store.Events, l.rowHash(&r))
		return err
	})
	if err != nil {
		return s, fmt.Errorf("scan events: %w", err)
	}
	return s, nil
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
