package ledger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// A Member is one event of a bulk, and whose it is.
type Member struct {
	Who   Subject
	Event Event
}

// Bulk puts many events of one kind into the log as one entry in clear, which
// says what was done and with how many, and holds the Merkle root of their
// commitments. Each is kept and proven as if it stood alone. Fields are what the
// entry says more.
func (l *Ledger) Bulk(ctx context.Context, tx *store.Tx, what string, members []Member, fields map[string]any) (*Pending, error) {
	if len(members) == 0 {
		return nil, errors.New("record bulk: nobody is in it")
	}
	events := make([]*event, len(members))
	leaves := make([]tlog.Hash, len(members))
	type chain struct {
		who   avow.SubjectID
		about avow.RecordID
	}
	last := make(map[chain]link, len(members))
	for i, m := range members {
		c := chain{m.Who.ID(), m.Event.About}
		before, ok := last[c]
		var err error
		if !ok && !m.Event.New {
			before, err = tip(ctx, tx, m.Who, m.Event.About)
		}
		if err == nil {
			events[i], err = newEvent(tx, m.Who, m.Event, before)
		}
		if err != nil {
			return nil, fmt.Errorf("record %s of %s: %w", m.Event.Type, m.Who.ID(), err)
		}
		events[i].pos = int64(i)
		leaves[i] = tlog.RecordHash(events[i].commitment[:])
		last[c] = events[i].link()
	}
	root := subtree(leaves)
	all := map[string]any{"what": what, "n": len(members), "root": base64.StdEncoding.EncodeToString(root[:])}
	for name, value := range fields {
		if _, taken := all[name]; taken {
			return nil, fmt.Errorf("record bulk: a field cannot be named %q", name)
		}
		all[name] = value
	}
	p, err := l.Fact(ctx, tx, "b", all)
	if err != nil {
		return nil, err
	}
	p.members = events
	return p, nil
}

// Members are the events of a bulk, in the order they were given: each has its
// link and its receipt.
func (p *Pending) Members() []*Pending {
	all := make([]*Pending, len(p.members))
	for i, ev := range p.members {
		all[i] = &Pending{event: [1]*event{ev}, bulk: p}
	}
	return all
}

// commitments are those of a bulk's events, as they are kept.
func (p *Pending) commitments() []byte {
	b := make([]byte, 0, len(p.members)*tlog.HashSize)
	for _, ev := range p.members {
		b = append(b, ev.commitment[:]...)
	}
	return b
}

// bulkProof says how the pos-th of a bulk's commitments stands in its entry.
func bulkProof(entry, commitments []byte, pos int64) *receipt.Bulk {
	leaves := leavesOf(commitments)
	b := &receipt.Bulk{Entry: entry, Index: pos}
	for first := 0; len(leaves) > 1; {
		k := widest(len(leaves))
		sibling := leaves[k:]
		if int(pos)-first < k {
			leaves = leaves[:k]
		} else {
			sibling, leaves, first = leaves[:k], leaves[k:], first+k
		}
		b.Path = append(b.Path, subtree(sibling))
	}
	slices.Reverse(b.Path) // from the leaf up, as everywhere
	return b
}

// leavesOf are the leaves of the tree over commitments.
func leavesOf(commitments []byte) []tlog.Hash {
	leaves := make([]tlog.Hash, len(commitments)/tlog.HashSize)
	for i := range leaves {
		leaves[i] = tlog.RecordHash(commitments[i*tlog.HashSize:][:tlog.HashSize])
	}
	return leaves
}

// subtree is the root over leaves, as in RFC 6962, section 2.1.
func subtree(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := widest(len(leaves))
	return tlog.NodeHash(subtree(leaves[:k]), subtree(leaves[k:]))
}

// widest is the largest power of two below n.
func widest(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }
