package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/logbook"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/terse"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

var (
	// ErrGone says that there was a receipt, and that whose it was is forgotten.
	ErrGone = errors.New("the receipt is gone: whose it was has been erased")
	// ErrUnsigned says that the log has the entry, but could not sign yet.
	ErrUnsigned = logbook.ErrUnsigned
)

// An UnprovenError says that what was recorded is durable, and that there can be
// no receipt for it now.
type UnprovenError struct{ Cause error }

func (e *UnprovenError) Error() string { return "done, but not proven: " + e.Cause.Error() }

func (e *UnprovenError) Unwrap() error { return e.Cause }

// Done is there to be asked for by whoever answers that nothing was done.
func (*UnprovenError) Done() {}

// Receipt proves an event that was just recorded, be it a member of a bulk. The
// Commit it was recorded in must have returned, so its error is an UnprovenError.
func (l *Ledger) Receipt(ctx context.Context, p *Pending) ([]byte, error) {
	text, err := l.receipt(ctx, p)
	if err != nil {
		return nil, &UnprovenError{err}
	}
	return text, nil
}

func (l *Ledger) receipt(ctx context.Context, p *Pending) ([]byte, error) {
	ev := p.event[0]
	if ev == nil {
		return nil, errors.New("receipt: a fact has no receipt")
	}
	if p.erasure != nil && p.erasure.fault != nil {
		return nil, fmt.Errorf("receipt of an erasure: %w", p.erasure.fault)
	}
	o := opened{log: p.where(), leaf: p.Index(), key: ev.key, payload: ev.payload}
	if p.bulk != nil {
		o.bulk = bulkProof(p.bulk.entry, p.bulk.commitments(), ev.pos)
	}
	// What is proven is kept already: a connection to the database that breaks
	// now must not make it look as if it were not.
	text, err := l.prove(ctx, &o)
	for wait := 10 * time.Millisecond; err != nil && !errors.Is(err, ErrUnsigned) && wait < 5*time.Second; wait *= 2 {
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(wait):
		}
		text, err = l.prove(ctx, &o)
	}
	return text, err
}

// ReceiptAt proves a subject's event by its place in the log.
func (l *Ledger) ReceiptAt(ctx context.Context, who Subject, index int64) ([]byte, error) {
	var found *opened
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = l.openEvent(ctx, tx, who, q.EventByLeaf, index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("receipt %d of %s: %w", index, who.ID(), err)
	}
	return l.prove(ctx, found)
}

// ByLink finds the receipt behind a link, and what it says. It returns
// store.ErrNone if there never was such a link, ErrGone if there was.
func (l *Ledger) ByLink(ctx context.Context, token string) ([]byte, receipt.Event, error) {
	id, about, n, ok := l.unlink(token)
	if !ok {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", store.ErrNone)
	}
	var found *opened
	err := l.db.View(ctx, func(tx *store.Tx) error {
		if l.cfg.Subject == nil {
			return ErrGone
		}
		who, err := l.cfg.Subject(ctx, tx, id)
		if errors.Is(err, store.ErrNone) {
			return ErrGone
		}
		if err != nil {
			return err
		}
		found, err = l.openEvent(ctx, tx, who, q.EventByN, about, n)
		return err
	})
	if err != nil {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", err)
	}
	event, err := receipt.ParseEvent(found.payload)
	if err != nil {
		return nil, receipt.Event{}, fmt.Errorf("receipt by link: %w", err)
	}
	text, err := l.prove(ctx, found)
	return text, event, err
}

// opened is an event as it was before it was closed under its subject's key.
type opened struct {
	log, leaf int64
	key       [32]byte
	payload   []byte
	bulk      *receipt.Bulk // nil if the entry is its own
}

func (l *Ledger) openEvent(ctx context.Context, tx *store.Tx, who Subject, query string, by ...any) (*opened, error) {
	r := row{subject: who.ID()}
	dest := store.Into(&r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
	if err := tx.Get(ctx, query, dest, append([]any{r.subject}, by...)...); err != nil {
		return nil, err
	}
	o, err := open(who, r.about, r.n, avow.Version(r.version), r.sealed)
	if err != nil || r.pos < 0 {
		o.log, o.leaf = r.log, r.leaf
		return &o, err
	}
	o.log, o.leaf = r.log, r.leaf
	var commitments []byte
	if err := tx.Get(ctx, q.Bulk, &commitments, r.log, r.leaf); err != nil {
		return nil, err
	}
	if (r.pos+1)*tlog.HashSize > int64(len(commitments)) {
		return nil, &DamagedError{What: "the commitments of a bulk are incomplete"}
	}
	entry, err := l.Entry(ctx, tx, r.log, r.leaf)
	if err == nil {
		o.bulk = bulkProof(entry, commitments, r.pos)
	}
	return &o, err
}

// open opens an event that is kept closed.
func open(who Subject, about avow.RecordID, n int64, version avow.Version, sealed []byte) (o opened, err error) {
	small, err := who.OpenPayload(about, n, version, sealed)
	if err != nil {
		return o, err
	}
	if o.payload, err = terse.Unpack(small, terse.Place{About: about, N: n, Version: version}); err != nil {
		return o, err
	}
	event, err := receipt.ParseEvent(o.payload)
	o.key = who.EntryKey(event.Nonce)
	return o, err
}

// prove writes the receipt for an event.
func (l *Ledger) prove(ctx context.Context, o *opened) ([]byte, error) {
	p, err := l.Prove(ctx, o.log, o.leaf)
	if err != nil {
		return nil, err
	}
	p.Extra.EntryKey, p.Extra.Payload, p.Extra.Bulk = o.key, o.payload, o.bulk
	return p.Format()
}

// Verify computes the log anew from its entries and compares what it finds with
// the tiles and with what was signed. It also says if signing or remembering
// does not work at the moment.
func (l *Ledger) Verify(ctx context.Context) error {
	if fault := l.unwritten.Load(); fault != nil {
		return fmt.Errorf("verify log: %w", *fault)
	}
	return l.Book.Verify(ctx)
}
