package mailing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// A Reason says why a letter did not go to somebody.
type Reason string

// The reasons. Others are the words of package optout: stopped, unconfirmed,
// child and bounced.
const (
	NotALetter Reason = "not-a-letter" // the purpose is none that letters are sent for
	NoAddress  Reason = "no-address"   // what was given is none
	NotAsked   Reason = "not-asked"    // nobody gave us this address for this purpose
	TooOften   Reason = "too-often"    // they had as many as they may get
)

// What else is counted.
const (
	queued   Reason = "queued"
	sent     Reason = "sent"
	gone     Reason = "gone"     // whose letter it was, was erased while it waited
	undone   Reason = "undone"   // nobody took it for as long as is tried
	returned Reason = "returned" // the relay refused it for good
)

// A Outcome is what became of a letter for one of its recipients.
type Outcome struct {
	N      int           `json:"n" doc:"Their place among the recipients, from 0."`
	Queued bool          `json:"queued" doc:"Whether they get it."`
	Reason Reason        `json:"reason,omitempty" doc:"Why not: not-asked, stopped, unconfirmed, child, bounced, too-often, not-a-letter or no-address."`
	Clause avow.ClauseID `json:"clause,omitempty" doc:"The promise that says so."`
}

// An admitted is somebody who may get a letter.
type admitted struct {
	who    *vault.Subject
	record avow.RecordID // that holds the address
	digest [32]byte
	pinned *statement.Edition // that it was given under
}

// outward says whether letters may be sent for a purpose at all.
func outward(now *statement.Edition, purpose avow.Purpose) (*statement.Purpose, error) {
	if no := decide.Allow(decide.Use{Current: now.Statement, Pinned: now.Statement, Actor: actor, Purpose: purpose}); no.Clause != decide.Undeclared {
		return nil, no // it is never done, by a promise
	}
	p := now.Purpose(purpose)
	if p == nil {
		return nil, &avow.Refusal{Clause: decide.Undeclared, Reason: "that is not a declared purpose"}
	}
	return p, nil
}

// actor is who uses an address: this section, for whoever handed in the letter.
const actor avow.Actor = "mailing"

// admit says whether a letter for p may go to an address. With hold, what that
// rests on stays so until the transaction ends.
func (s *Section) admit(ctx context.Context, tx *store.Tx, now *statement.Edition, p *statement.Purpose, to mail.Address, hold bool) (Outcome, *admitted, error) {
	no := func(r Reason) (Outcome, *admitted, error) { return refused(now, p, r), nil, nil }
	switch {
	case p.Channel != "email":
		return no(NotALetter)
	case to.IsZero():
		return no(NoAddress)
	}
	a := &admitted{digest: s.Digests.Digest(to)}
	if hold {
		tx.Touch([16]byte(a.digest[:16])) // a word about this address, said beside us
	}
	refusal, err := s.find(ctx, tx, now, p, to, a)
	if err != nil {
		return Outcome{}, nil, err
	}
	if a.who == nil {
		o := refused(now, p, NotAsked)
		if refusal != nil {
			o.Clause = refusal.Clause
		}
		return o, nil, nil
	}
	reason, err := s.Words.May(ctx, tx, now, a.pinned, a.digest, p)
	if err != nil {
		return Outcome{}, nil, err
	}
	if reason != "" {
		return no(Reason(reason))
	}
	if p.AtMost.Times == 0 {
		return Outcome{Queued: true}, a, nil
	}
	full, err := s.full(ctx, tx, p, a.who.ID(), a.digest, last, hold)
	if err != nil {
		return Outcome{}, nil, err
	}
	if full {
		return no(TooOften)
	}
	return Outcome{Queued: true}, a, nil
}

// last is after every id.
var last = [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}

// full says whether as many letters as there may be for p were sent to an address,
// or wait in the queue before an id. With hold nobody adds to them meanwhile: not
// beside us in this transaction, nor in another.
func (s *Section) full(ctx context.Context, tx *store.Tx, p *statement.Purpose, who avow.SubjectID, digest [32]byte, before [16]byte, hold bool) (bool, error) {
	if hold {
		tx.Claim([16]byte(digest[:16]))
		var locked avow.SubjectID
		if err := tx.Get(ctx, q.Lock, &locked, who); err != nil && !errors.Is(err, store.ErrNone) {
			return false, err
		}
	}
	var had int64
	err := tx.Get(ctx, q.Had, &had, digest, string(p.Name), since(tx.Now, p.AtMost.Per), before)
	return had >= int64(p.AtMost.Times), err
}

// since is when a period began that ends now.
func since(now time.Time, per avow.Period) time.Time {
	return now.AddDate(0, -per.Months, -per.Days).Add(-time.Duration(per.Hours) * time.Hour)
}

// refused is the answer no.
func refused(now *statement.Edition, p *statement.Purpose, r Reason) Outcome {
	path := map[Reason]string{"stopped": "optout.stays", "unconfirmed": "optout.confirm", "child": "children"}[r]
	clause := now.Keeper(path)
	if clause == "" {
		clause = now.Keeper("purposes." + string(p.Name))
	}
	return Outcome{Reason: r, Clause: clause}
}

// find looks for a record that the person at an address gave us for p. It leaves
// whose it is in a. The refusal is that of a record which would have done, had it
// not been collected under another promise.
func (s *Section) find(ctx context.Context, tx *store.Tx, now *statement.Edition, p *statement.Purpose, to mail.Address, a *admitted) (refusal *avow.Refusal, err error) {
	var asked []avow.SubjectID
	for i := range now.Data {
		d := &now.Data[i]
		if !mail.In(d.Category) || d.Index == "" {
			continue
		}
		who, err := s.Vault.Lookup(ctx, tx, vault.By{Field: d.Name, Category: d.Category, Value: []byte(to.Text())})
		if errors.Is(err, store.ErrNone) || err == nil && slices.Contains(asked, who.ID()) {
			continue
		}
		if err != nil {
			return nil, err
		}
		asked = append(asked, who.ID())
		held, err := s.Vault.Of(ctx, tx, who.ID())
		if err != nil {
			return nil, err
		}
		for i := len(held) - 1; i >= 0; i-- { // the newest first
			no, fields := s.allows(now, p.Name, held[i], tx.Now)
			if no != nil {
				refusal = no
			}
			if no != nil || len(fields) == 0 {
				continue
			}
			kept, err := s.Vault.Get(ctx, tx, held[i].ID)
			if err != nil {
				return nil, err
			}
			if _, ok, err := s.address(kept, fields, a.digest); ok || err != nil {
				a.who, a.record, a.pinned = who, held[i].ID, s.Editions.Edition(held[i].Version)
				return nil, err
			}
		}
	}
	return refusal, nil
}

// allows says by which fields of a record a letter may be addressed, or which
// promise forbids it. What the record is not for, or what holds no address, is
// neither.
func (s *Section) allows(now *statement.Edition, purpose avow.Purpose, h vault.Header, at time.Time) (*avow.Refusal, []avow.Field) {
	c, pinned := now.Collection(h.Collection), s.Editions.Edition(h.Version)
	if c == nil || pinned == nil || !at.Before(h.Expires) || !slices.Contains(c.For, purpose) {
		return nil, nil
	}
	var fields []avow.Field
	for _, f := range c.Fields {
		if d := now.Datum(f.Name); d != nil && mail.In(d.Category) {
			fields = append(fields, f.Name)
		}
	}
	return decide.Allow(decide.Use{Current: now.Statement, Pinned: pinned.Statement, Collection: c.Name, Actor: actor, Purpose: purpose, Fields: fields}), fields
}

// address opens, of the fields of a record, the address with this digest.
func (s *Section) address(held *vault.Closed, fields []avow.Field, digest [32]byte) (to mail.Address, ok bool, err error) {
	values, err := held.Open(fields...)
	if err != nil {
		return to, false, fmt.Errorf("open an address: %w", err)
	}
	for _, value := range values {
		one, err := mail.ParseAddress(value.Reveal())
		if err == nil && s.Digests.Digest(one) == digest {
			to, ok = one, true
		}
		value.Clear()
	}
	return to, ok, nil
}
