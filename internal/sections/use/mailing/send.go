package mailing

import (
	"context"
	"fmt"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// MaxRecipients bounds whom one letter is for.
const MaxRecipients = 1000

// A Letter is handed in to be sent: as a message (RFC 5322), or as its parts.
type Letter struct {
	Purpose             avow.Purpose
	Recipients          []mail.Address // the zero Address is none, and refused
	Raw                 []byte
	From                string // only with parts; the house's own address if empty
	Subject, Text, HTML string
}

// A Sent is what became of a letter.
type Sent struct {
	Queued  int       `json:"queued" doc:"How many people will get it."`
	Refused int       `json:"refused" doc:"How many of the recipients will not."`
	Results []Outcome `json:"results" nullable:"false" doc:"In the order of the recipients."`
	Leaf    int64     `json:"leaf" doc:"The entry of the log; -1 if nobody gets it."`
	Receipt string    `json:"receipt,omitempty" doc:"Of a letter to one person: proves that it is in the log. Missing when the letter is only answered again."`
	entered *ledger.Pending
	tally   map[Reason]int
}

// Send decides for each recipient and queues the letter for those who may get it.
// All of that is one transaction. Who is named twice gets it once.
func (s *Section) Send(ctx context.Context, l Letter) (*Sent, error) { return s.send(ctx, l, nil) }

// send is Send for a request that may be repeated.
func (s *Section) send(ctx context.Context, l Letter, once *api.Once) (*Sent, error) {
	now := s.Editions.InForce()
	if now == nil {
		return nil, &avow.Refusal{Clause: decide.Undeclared, Reason: errSilent.Error()}
	}
	p, err := outward(now, l.Purpose)
	if err != nil {
		return nil, err
	}
	d, err := s.draft(now, l)
	if err != nil {
		return nil, err
	}
	text := d.Bytes()
	defer clear(text)
	var out *Sent
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		out = &Sent{Leaf: -1, Results: make([]Outcome, len(l.Recipients))}
		if seen, err := once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		to, err := s.sort(ctx, tx, now, p, l.Recipients, out)
		if err != nil {
			return err
		}
		if len(to) == 0 {
			return once.Keep(ctx, tx, "", out)
		}
		if out.entered, err = s.queue(ctx, tx, now, p, text, to); err != nil {
			return err
		}
		out.entered.Then(func(ctx context.Context, tx *store.Tx, index int64) error {
			out.Leaf = index
			return once.Keep(ctx, tx, "", out)
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", l.Purpose, err)
	}
	s.tell(p.Name, out.tally)
	_, _, err = once.Again(out)
	return out, err
}

// draft reads or writes the letter. Who sends it is of this house: to write in
// another's name is not ours to do, and nobody would believe the signature.
func (s *Section) draft(now *statement.Edition, l Letter) (*letter.Draft, error) {
	var d *letter.Draft
	var err error
	if l.Raw != nil {
		d, err = letter.Parse(l.Raw)
	} else {
		d, err = letter.Write(letter.Parts{From: l.From, Subject: l.Subject, Text: l.Text, HTML: l.HTML})
	}
	if err != nil {
		return nil, err
	}
	ours, err := sender(now)
	if err != nil {
		return nil, fmt.Errorf("the address of the house: %w", err)
	}
	if from, ok := d.From(); ok && !strings.HasSuffix("."+from.Domain(), "."+ours.Domain()) {
		return nil, &letter.Unfit{Part: "From", Reason: "is not of " + ours.Domain()}
	}
	return d, nil
}

// sort decides for each recipient, and gives those who may get the letter.
func (s *Section) sort(ctx context.Context, tx *store.Tx, now *statement.Edition, p *statement.Purpose, recipients []mail.Address, out *Sent) (to []*admitted, err error) {
	seen := map[mail.Address]int{}
	out.tally = map[Reason]int{}
	for i, address := range recipients {
		if first, again := seen[address]; again {
			out.Results[i] = out.Results[first]
			out.Results[i].N = i
		} else {
			seen[address] = i
			var a *admitted
			if out.Results[i], a, err = s.admit(ctx, tx, now, p, address, true); err != nil {
				return nil, err
			}
			if out.Results[i].N = i; a != nil {
				to = append(to, a)
			}
		}
		if !out.Results[i].Queued {
			out.Refused++
			out.tally[out.Results[i].Reason]++
		}
	}
	if out.Queued = len(to); out.Queued > 0 {
		out.tally[queued] = out.Queued
	}
	for reason, n := range out.tally {
		count(tx, p.Name, reason, n)
	}
	return to, nil
}

// queue keeps the text once, sealed, and a row for each who gets it, and enters
// that in the log of each of them.
func (s *Section) queue(ctx context.Context, tx *store.Tx, now *statement.Edition, p *statement.Purpose, text []byte, to []*admitted) (*ledger.Pending, error) {
	whose := to[0].who
	if len(to) > 1 {
		var err error
		if whose, err = s.Vault.NewSubject(ctx, tx); err != nil {
			return nil, err
		}
	}
	kept, err := s.Vault.Put(ctx, tx, whose, vault.Record{Collection: Letters, Version: now.Version, Expires: tx.Now.Add(Patience),
		Values: map[avow.Field]vault.Sealed{textField: vault.Conceal(text)}})
	if err != nil {
		return nil, err
	}
	if err := s.enqueue(ctx, tx, p.Name, kept, to); err != nil {
		return nil, err
	}
	members := make([]ledger.Member, len(to))
	for i, a := range to {
		members[i] = ledger.Member{Who: a.who, Event: ledger.Event{About: a.record, Type: "letter", Clause: now.Keeper("purposes." + string(p.Name)),
			Statement: now.Version, X: map[string]any{"purpose": string(p.Name), "record": a.record.String()}}}
	}
	if len(members) == 1 {
		return s.Ledger.Record(ctx, tx, members[0].Who, members[0].Event)
	}
	return s.Ledger.Bulk(ctx, tx, "letter", members, nil)
}

// What the record of a letter holds.
const (
	textField avow.Field = "letter"
	toField   avow.Field = "to"
)

// enqueue writes the rows that Deliver reads.
func (s *Section) enqueue(ctx context.Context, tx *store.Tx, purpose avow.Purpose, text avow.RecordID, to []*admitted) error {
	message := [16]byte(avow.NewRecordID(tx.Now))
	if err := tx.Do(ctx, q.AddMessage, message, string(purpose), text, tx.Now); err != nil {
		return err
	}
	for _, a := range to {
		tx.Touch(a.who.ID())
		if err := tx.Do(ctx, q.AddQueue, [16]byte(avow.NewRecordID(tx.Now)), message, a.who.ID(), a.record, a.digest, tx.Now); err != nil {
			return err
		}
	}
	return nil
}

// tell logs what was refused, by reason.
func (s *Section) tell(purpose avow.Purpose, tally map[Reason]int) {
	for reason, n := range tally {
		if reason != queued && s.Log != nil {
			s.Log.Info("letters refused", "purpose", string(purpose), "reason", string(reason), "n", n)
		}
	}
}

// A Notice is a letter of the house itself, to somebody who wrote to us or is to
// hear of something: known here or not. It needs nobody's asking.
type Notice struct {
	To            mail.Address
	Subject, Text string
	InReplyTo     string // Message-ID of what it answers; one that is none is left out
	Auto          bool   // an answer that nobody wrote (RFC 3834)
}

// Notice queues a letter of the house in the caller's transaction. Address and
// text are a record of nobody, which is gone once it was delivered.
func (s *Section) Notice(ctx context.Context, tx *store.Tx, n Notice) error {
	if err := s.notice(ctx, tx, n); err != nil {
		return fmt.Errorf("notice: %w", err)
	}
	return nil
}

func (s *Section) notice(ctx context.Context, tx *store.Tx, n Notice) error {
	now := s.Editions.InForce()
	if now == nil {
		return errSilent
	}
	purpose, parts := notices, letter.Parts{Subject: n.Subject, Text: n.Text, InReplyTo: n.InReplyTo, Auto: "auto-generated"}
	if n.Auto {
		purpose, parts.Auto = replies, "auto-replied"
	}
	d, err := letter.Write(parts)
	if err != nil {
		parts.InReplyTo = "" // which a stranger wrote
		d, err = letter.Write(parts)
	}
	if err != nil {
		return err
	}
	who, err := s.Vault.NewSubject(ctx, tx)
	if err != nil {
		return err
	}
	kept, err := s.Vault.Put(ctx, tx, who, vault.Record{Collection: Letters, Version: now.Version, Expires: tx.Now.Add(Patience),
		Values: map[avow.Field]vault.Sealed{textField: vault.Conceal(d.Bytes()), toField: vault.Conceal([]byte(n.To.Text()))}})
	if err != nil {
		return err
	}
	if err := s.enqueue(ctx, tx, purpose, kept, []*admitted{{who: who, record: kept, digest: s.Digests.Digest(n.To)}}); err != nil {
		return err
	}
	count(tx, purpose, queued, 1)
	_, err = s.Ledger.Record(ctx, tx, who, ledger.Event{About: kept, Type: "letter", Clause: now.Keeper("optout.address"), Statement: now.Version, New: true})
	return err
}
