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
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// An Event is something that is done with a person's information.
type Event struct {
	About     avow.RecordID  // the record it is done with; zero for the subject as a whole
	Type      string         // what is done, such as "collected"
	Clause    avow.ClauseID  // the promise it is done under
	Statement avow.Version   // the version in force
	X         map[string]any // more, in values that JSON has; names of fields, never what is in them
}

// A Pending is an entry on its way into the log. It has its place once the
// Commit it was made in has returned.
type Pending struct {
	entry  []byte
	event  *event // nil for a fact
	index  int64
	placed []func(ctx context.Context, tx *store.Tx, index int64) error
}

// An event is what is kept about an entry beside the entry.
type event struct {
	subject    avow.SubjectID
	about      avow.RecordID
	n          int64
	version    avow.Version
	commitment [32]byte
	key        [32]byte
	payload    []byte
	sealed     []byte
}

// Index is the entry's place in the log. Before the Commit has returned it is
// -1.
func (p *Pending) Index() int64 { return p.index }

// Then calls fn when the entry gets its place, still within the transaction.
func (p *Pending) Then(fn func(ctx context.Context, tx *store.Tx, index int64) error) {
	p.placed = append(p.placed, fn)
}

// Record puts an event of a subject into the log. Events are counted and
// chained for each record apart. Were they for each subject, whoever sends a
// form in somebody else's name would read in the receipt whether, and how
// often, that person had been here before.
func (l *Ledger) Record(ctx context.Context, tx *store.Tx, who Subject, e Event) (*Pending, error) {
	n, prev, err := l.tip(ctx, tx, who, e.About)
	if err != nil {
		return nil, fmt.Errorf("record %s of %s: %w", e.Type, who.ID(), err)
	}
	nonce := randomText()
	payload, err := receipt.Event{
		At: tx.Now, Clause: e.Clause, N: n + 1, Nonce: nonce, Prev: prev, Statement: e.Statement, Type: e.Type, X: e.X,
	}.Payload()
	if err != nil {
		return nil, fmt.Errorf("record %s of %s: %w", e.Type, who.ID(), err)
	}
	ev := &event{subject: who.ID(), about: e.About, n: n + 1, version: e.Statement, key: who.EntryKey(nonce), payload: payload}
	ev.commitment = receipt.Commit(ev.key, payload)
	ev.sealed = who.SealPayload(ev.about, ev.n, ev.version, payload)
	p := &Pending{entry: receipt.Entry(ev.commitment), event: ev, index: -1}
	tx.Log(p)
	return p, nil
}

// tip finds the last event about a record of the subject: in the group that is under way, where no
// query sees it yet, or in the table.
func (l *Ledger) tip(ctx context.Context, tx *store.Tx, who Subject, about avow.RecordID) (n int64, prev string, err error) {
	entries := tx.Entries()
	for i := len(entries) - 1; i >= 0; i-- {
		if ev := entries[i].(*Pending).event; ev != nil && ev.subject == who.ID() && ev.about == about {
			return ev.n, base64.StdEncoding.EncodeToString(ev.commitment[:]), nil
		}
	}
	var version int64
	var sealed []byte
	err = tx.Get(ctx, q.LastEvent, store.Into(&n, &version, &sealed), who.ID(), about)
	if errors.Is(err, store.ErrNone) {
		return 0, "", nil
	}
	if err != nil {
		return 0, "", err
	}
	last, err := open(who, about, n, avow.Version(version), sealed)
	if err != nil {
		return 0, "", err
	}
	commitment := receipt.Commit(last.key, last.payload)
	return n, base64.StdEncoding.EncodeToString(commitment[:]), nil
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
	ev := p.event
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

// Write gives the entries of a group their places. The store calls it.
func (l *Ledger) Write(ctx context.Context, tx *store.Tx, entries []any) error {
	last := l.state.Load()
	next := &state{tree: last.tree.clone(), at: tx.Now, rows: last.rows.Plus(tx.Change())}
	l.staged = next
	chunk, first := []byte(nil), next.tree.size
	for _, e := range entries {
		p := e.(*Pending)
		p.index = next.tree.size
		full := next.tree.add(tlog.RecordHash(p.entry))
		chunk = append(binary.BigEndian.AppendUint16(chunk, uint16(len(p.entry))), p.entry...)
		if next.tree.size%tileWidth == 0 {
			if _, err := tx.Exec(ctx, q.AddChunk, l.log, first, chunk); err != nil {
				return fmt.Errorf("write log: %w", err)
			}
			chunk, first = nil, next.tree.size
		}
		if err := l.place(ctx, tx, p, full); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	if len(chunk) > 0 {
		if _, err := tx.Exec(ctx, q.AddChunk, l.log, first, chunk); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
	}
	next.root = next.tree.root()
	return l.advance(ctx, tx, last, next)
}

// place keeps what belongs to an entry that has its index.
func (l *Ledger) place(ctx context.Context, tx *store.Tx, p *Pending, full []fullTile) error {
	for _, t := range full {
		if _, err := tx.Exec(ctx, q.AddTile, l.log, t.level, t.n, t.hashes); err != nil {
			return err
		}
	}
	if ev := p.event; ev != nil {
		// Adds nothing if the subject was erased by the same transaction: then
		// the payload has nobody left to belong to.
		if _, err := tx.Exec(ctx, q.AddEvent, ev.subject, ev.about, ev.n, l.log, p.index, -1, int64(ev.version), ev.sealed); err != nil {
			return err
		}
	}
	for _, fn := range p.placed {
		if err := fn(ctx, tx, p.index); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) advance(ctx context.Context, tx *store.Tx, last, next *state) error {
	if tx.Now.Sub(l.kept) >= time.Minute && last.tree.size > 0 && last.checkpoint != nil {
		if _, err := tx.Exec(ctx, q.KeepCheckpoint, l.log, last.tree.size, last.checkpoint, last.at); err != nil {
			return fmt.Errorf("write log: %w", err)
		}
		l.kept = tx.Now
	}
	n, err := tx.Exec(ctx, q.Advance, l.log, next.tree.size, next.root, next.tree.edge(), next.rows.Bytes(), last.tree.size)
	if err != nil {
		return fmt.Errorf("write log: %w", err)
	}
	if n != 1 {
		return errors.New("write log: somebody else has written to it: stop avow and start it again")
	}
	return nil
}

// Durable signs what was written. The store calls it after the commit. If the
// key cannot be used, what was written stays written and the next checkpoint
// covers it; until then there are no receipts, and Verify says so.
func (l *Ledger) Durable() {
	_ = l.publish(l.staged)
	l.staged = nil
}

// Lost forgets what was not written after all. The store calls it.
func (l *Ledger) Lost() { l.staged = nil }
