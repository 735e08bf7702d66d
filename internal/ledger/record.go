package ledger

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/terse"
	"github.com/avow-privacy/avow/receipt"
)

// An Event is something that is done with a person's information.
type Event struct {
	About     avow.RecordID  // the record it is done with; zero for the subject as a whole
	Type      string         // what is done, such as "collected"
	Clause    avow.ClauseID  // the promise it is done under
	Statement avow.Version   // the version in force
	X         map[string]any // more, in values that JSON has; names of fields, never what is in them
	// New says that the record was made in this very transaction, so that there
	// is no event about it yet and none need be looked for.
	New bool
}

// A Pending is an entry on its way into the log. It has its place once the
// Commit it was made in has returned.
type Pending struct {
	entry     []byte
	event     [1]*event // what the entry commits to; nil for a fact
	members   []*event  // of a bulk
	bulk      *Pending  // for a member, the bulk it is in
	tombstone bool
	erasure   *Pending // for an erasure, its tombstone
	fault     error    // why what follows the commit could not be done
	log       int64    // which has it
	index     int64
	placed    []func(ctx context.Context, tx *store.Tx, index int64) error
}

// An event is what is kept about an entry beside the entry.
type event struct {
	subject    avow.SubjectID
	about      avow.RecordID
	n          int64
	pos        int64 // in its bulk; -1 if the entry is its own
	version    avow.Version
	commitment [32]byte
	key        [32]byte
	payload    []byte
	sealed     []byte
}

// Index is the entry's place in the log; a member of a bulk has the bulk's.
// Before the Commit has returned it is -1.
func (p *Pending) Index() int64 {
	if p.bulk != nil {
		return p.bulk.index
	}
	return p.index
}

// events are those that the entry stands for.
func (p *Pending) events() []*event {
	if p.event[0] == nil || p.bulk != nil {
		return p.members
	}
	return p.event[:]
}

// where is the number of the log that has the entry.
func (p *Pending) where() int64 {
	if p.bulk != nil {
		return p.bulk.log
	}
	return p.log
}

// Then calls fn when the entry gets its place, still within the transaction.
func (p *Pending) Then(fn func(ctx context.Context, tx *store.Tx, index int64) error) {
	p.placed = append(p.placed, fn)
}

// Record puts an event of a subject into the log. Events are counted and
// chained for each record apart. Were they for each subject, whoever sends a
// form in somebody else's name would read in the receipt whether, and how
// often, that person had been here before.
func (l *Ledger) Record(ctx context.Context, tx *store.Tx, who Subject, e Event) (*Pending, error) {
	var last link
	if !e.New {
		var err error
		if last, err = tip(ctx, tx, who, e.About); err != nil {
			return nil, fmt.Errorf("record %s of %s: %w", e.Type, who.ID(), err)
		}
	}
	ev, err := newEvent(tx, who, e, last)
	if err != nil {
		return nil, fmt.Errorf("record %s of %s: %w", e.Type, who.ID(), err)
	}
	p := &Pending{entry: receipt.Entry(ev.commitment), event: [1]*event{ev}, index: -1}
	tx.Log(p)
	return p, nil
}

// A link is what one event of a chain takes from the one before.
type link struct {
	n    int64
	prev string
}

func (ev *event) link() link {
	return link{ev.n, base64.StdEncoding.EncodeToString(ev.commitment[:])}
}

// newEvent makes the event that follows last, and closes it.
func newEvent(tx *store.Tx, who Subject, e Event, last link) (*event, error) {
	if chain := [16]byte(e.About); e.About != (avow.RecordID{}) {
		tx.Claim(chain) // two events at the same time would follow the same one
	} else {
		tx.Claim([16]byte(who.ID()))
	}
	nonce := randomText()
	payload, err := receipt.Event{
		At: tx.Now, Clause: e.Clause, N: last.n + 1, Nonce: nonce, Prev: last.prev, Statement: e.Statement, Type: e.Type, X: e.X,
	}.Payload()
	if err != nil {
		return nil, err
	}
	ev := &event{subject: who.ID(), about: e.About, n: last.n + 1, pos: -1, version: e.Statement, key: who.EntryKey(nonce), payload: payload}
	ev.commitment = receipt.Commit(ev.key, payload)
	ev.sealed = who.SealPayload(ev.about, ev.n, ev.version, terse.Pack(payload, terse.Place{About: ev.about, N: ev.n, Version: ev.version}))
	return ev, nil
}

// tip finds the last event about a record of the subject: in the group that is
// under way, where no query sees it yet, or in the table.
func tip(ctx context.Context, tx *store.Tx, who Subject, about avow.RecordID) (link, error) {
	entries := tx.Entries()
	for i := len(entries) - 1; i >= 0; i-- {
		p, ok := entries[i].(*Pending)
		if !ok {
			continue
		}
		if ev := p.about(who.ID(), about); ev != nil {
			return ev.link(), nil
		}
	}
	var n, version int64
	var sealed []byte
	err := tx.Get(ctx, q.LastEvent, store.Into(&n, &version, &sealed), who.ID(), about)
	if errors.Is(err, store.ErrNone) {
		return link{}, nil
	}
	if err != nil {
		return link{}, err
	}
	last, err := open(who, about, n, avow.Version(version), sealed)
	if err != nil {
		return link{}, err
	}
	commitment := receipt.Commit(last.key, last.payload)
	return link{n, base64.StdEncoding.EncodeToString(commitment[:])}, nil
}

// about finds the last event in the entry about a record of a subject.
func (p *Pending) about(who avow.SubjectID, about avow.RecordID) *event {
	all := p.events()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].subject == who && all[i].about == about {
			return all[i]
		}
	}
	return nil
}

// Fact puts a fact about the operator into the log, in clear: s for a statement
// version, d for the opening of a disclosure, r for a report, b for the root of
// a bulk, g for a key epoch destroyed, l for a change of logs.
func (l *Ledger) Fact(ctx context.Context, tx *store.Tx, kind string, fields map[string]any) (*Pending, error) {
	all := map[string]any{"at": tx.Now.Truncate(time.Second).Format(time.RFC3339)}
	for name, value := range fields {
		all[name] = value
	}
	entry, err := receipt.Fact(kind, all)
	if err != nil {
		return nil, fmt.Errorf("log fact: %w", err)
	}
	p := &Pending{entry: entry, index: -1}
	tx.Log(p)
	return p, nil
}

// linkUse is what the texts of links are veiled for.
const linkUse = "receipt"

// Link is an address under which the receipt of an event can be fetched later.
// It cannot be guessed, says nothing, and is kept nowhere.
func (l *Ledger) Link(p *Pending) string {
	ev := p.event[0]
	plain := append(append(make([]byte, 0, 40), ev.subject[:]...), ev.about[:]...)
	return l.cfg.Keys.Veil(linkUse, binary.AppendUvarint(plain, uint64(ev.n)))
}

// unlink says which event a link is of.
func (l *Ledger) unlink(link string) (who avow.SubjectID, about avow.RecordID, n int64, ok bool) {
	plain, err := l.cfg.Keys.Unveil(linkUse, link)
	if err != nil || len(plain) < 33 {
		return who, about, 0, false
	}
	count, width := binary.Uvarint(plain[32:])
	return avow.SubjectID(plain[:16]), avow.RecordID(plain[16:32]), int64(count), width == len(plain)-32
}

// randomText is 128 random bits in 22 characters.
func randomText() string {
	var b [16]byte
	rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}
