package ledger

import (
	"context"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"golang.org/x/mod/sumdb/tlog"
)

// A Kept event is one that the subject's key still opens.
type Kept struct {
	Log, Leaf, Pos int64  // its place; Pos is -1 unless it shares its entry
	Payload        []byte // as it is in the receipt
}

// Events opens everything that was done with a subject's information, in the
// order of the log.
func (l *Ledger) Events(ctx context.Context, tx *store.Tx, who Subject) (all []Kept, err error) {
	var rows []row
	err = tx.Each(ctx, q.EventsOf, func(scan func(...any) error) error {
		r := row{subject: who.ID()}
		err := scan(&r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
		rows = append(rows, r)
		return err
	}, who.ID())
	for i := 0; err == nil && i < len(rows); i++ {
		var o opened
		r := &rows[i]
		o, err = open(who, r.about, r.n, avow.Version(r.version), r.sealed)
		all = append(all, Kept{r.log, r.leaf, r.pos, o.payload})
	}
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", who.ID(), err)
	}
	return all, nil
}

// Root is that of a bulk's commitments, as its entry has it.
func (p *Pending) Root() [32]byte {
	leaves := make([]tlog.Hash, len(p.members))
	for i, ev := range p.members {
		leaves[i] = tlog.RecordHash(ev.commitment[:])
	}
	return subtree(leaves)
}
