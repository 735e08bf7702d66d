package mailing

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

const (
	atOnce = 32               // letters leased in one transaction
	leased = 20 * time.Minute // how long a letter is this process's to deliver
	taking = 10 * time.Minute // of that, what a Door may take for one, and more
	soon   = time.Minute      // when the relay is asked again after it was out of reach
)

// waits are how long a letter waits after each try; the last one goes on.
var waits = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour}

// A row is a letter to one person that waits.
type row struct {
	id, message [16]byte
	subject     avow.SubjectID
	record      avow.RecordID // that holds the address
	digest      [32]byte
	due         time.Time
	tries       int64
	purpose     avow.Purpose
	text        avow.RecordID // that holds the letter
	created     time.Time
}

func (r *row) house() bool { return r.purpose == notices || r.purpose == replies }

// Deliver hands over what is due, until nothing is, or until the relay cannot be
// reached. Several houses over one database may do so at the same time: none
// takes a letter that another one has leased.
//
// A letter is done with in the transaction that follows its handing over. If the
// process ends between the two it is sent once more, and only the letters that
// were on the way then.
func (s *Section) Deliver(ctx context.Context) error {
	if s.Door == nil || s.Editions.InForce() == nil { // letters wait
		return nil
	}
	work := make(chan *row)
	var broken atomic.Pointer[error]
	fail := func(err error) { broken.CompareAndSwap(nil, &err) }
	var lines sync.WaitGroup
	for range s.Lines {
		lines.Go(func() {
			for r := range work {
				if err := s.deliver(ctx, r, broken.Load() != nil); err != nil {
					fail(err)
				}
			}
		})
	}
	more, worked := true, false
	for round := 1; more && broken.Load() == nil && ctx.Err() == nil; round++ {
		rows, left, err := s.lease(ctx)
		if err == nil && round%32 == 0 { // when there is always more
			err = s.tidy(ctx)
		}
		if err != nil {
			fail(err)
		}
		for _, r := range rows {
			work <- r
		}
		more, worked = left, worked || len(rows) > 0
	}
	close(work)
	lines.Wait()
	var err error
	if now := s.Store.Now().UnixMicro(); worked || now-s.tidied.Load() > time.Minute.Microseconds() { // it looks at all that wait
		s.tidied.Store(now)
		err = s.tidy(ctx)
	}
	if first := broken.Load(); first != nil {
		err = *first
	}
	return err
}

// lease takes letters that are due, decides again, and makes those that may still
// go this process's for a while.
func (s *Section) lease(ctx context.Context) (mine []*row, more bool, err error) {
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		mine = nil
		due, err := s.due(ctx, tx)
		if err != nil {
			return err
		}
		more = len(due) == atOnce
		for _, r := range due {
			tx.Touch([16]byte(r.digest[:16]))
			reason, _, err := s.stands(ctx, tx, r)
			if err != nil {
				s.fault(err)
				reason = undone // it does not open; a fault of the store undoes all of this
			}
			if reason != "" {
				if err := s.drop(ctx, tx, r, reason); err != nil {
					return err
				}
				continue
			}
			until := tx.Now.Add(leased)
			n, err := tx.Exec(ctx, q.Lease, r.id, r.due, until)
			if err != nil {
				return err
			}
			if r.due = until; n == 1 {
				mine = append(mine, r)
			}
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("lease letters: %w", err)
	}
	return mine, more, nil
}

func (s *Section) due(ctx context.Context, tx *store.Tx) (all []*row, err error) {
	return all, tx.Each(ctx, q.Due, func(scan func(...any) error) error {
		r := &row{}
		all = append(all, r)
		return scan(&r.id, &r.message, &r.subject, &r.record, &r.digest, &r.due, &r.tries, &r.purpose, &r.text, &r.created)
	}, tx.Now, int64(atOnce))
}

// stands says why a letter that waits may not go any more, or gives the record
// with its address, and the fields that it may be in.
func (s *Section) stands(ctx context.Context, tx *store.Tx, r *row) (Reason, *open, error) {
	now := s.Editions.InForce()
	held, err := s.Vault.Get(ctx, tx, r.record)
	switch {
	case errors.Is(err, store.ErrNone):
		return gone, nil, nil
	case err != nil:
		return "", nil, err
	case r.house():
		return "", &open{now, nil, held, []avow.Field{toField}}, nil
	}
	p := now.Purpose(r.purpose)
	if p == nil || p.Channel != "email" {
		return NotALetter, nil, nil
	}
	no, fields := s.allows(now, p.Name, held.Header, tx.Now)
	if no != nil || len(fields) == 0 {
		return NotAsked, nil, nil
	}
	pinned := s.Editions.Edition(held.Version)
	reason, err := s.Words.May(ctx, tx, now, pinned, r.digest, p)
	if err != nil || reason != "" {
		return Reason(reason), nil, err
	}
	if p.AtMost.Times > 0 {
		if full, err := s.full(ctx, tx, p, r.subject, r.digest, r.id, false); err != nil || full {
			return TooOften, nil, err
		}
	}
	return "", &open{now, decide.Promised(now.Statement, pinned.Statement, p.Name), held, fields}, nil
}

// An open is what a letter is made of once it is decided that it goes.
type open struct {
	now    *statement.Edition
	p      *statement.Purpose // nil for a letter of the house
	held   *vault.Closed
	fields []avow.Field
}

// What else may become of a try.
const (
	later Reason = "later" // it is tried again, the later the more often it was
	back  Reason = "back"  // it was not tried
)

// deliver hands over one letter and writes down what became of it. An error is
// the relay's, or the house's, and stops the others.
func (s *Section) deliver(ctx context.Context, r *row, stopped bool) error {
	if stopped {
		return s.settle(ctx, r, back)
	}
	from, to, text, reason, err := s.compose(ctx, r)
	switch {
	case errors.Is(err, errOthers):
		return nil
	case err != nil: // of this letter, or else settle will have it too
		s.fault(err)
		return s.settle(ctx, r, later)
	case reason != "":
		return s.settle(ctx, r, reason)
	}
	err = s.Door.Send(ctx, from, to.Text(), text)
	clear(text)
	var answer *egress.DeliveryError
	switch {
	case err == nil:
		return s.settle(ctx, r, sent)
	case !errors.As(err, &answer):
		return errors.Join(err, s.settle(ctx, r, later))
	case !answer.Permanent:
		return s.settle(ctx, r, later)
	}
	if err := s.settle(ctx, r, returned); err != nil || !answer.Nobody || s.Bounces == nil {
		return err
	}
	return s.Bounces.Bounced(ctx, r.digest, r.purpose)
}

func (s *Section) fault(err error) {
	if s.Log != nil {
		s.Log.Error("a letter cannot be written", "error", err)
	}
}

// errOthers says that a letter is not ours any more.
var errOthers = errors.New("the letter is another's, or gone")

// compose opens address and text, if the letter may still go at this very moment,
// and writes it.
func (s *Section) compose(ctx context.Context, r *row) (from string, to mail.Address, text []byte, reason Reason, err error) {
	var o *open
	var d *letter.Draft
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) {
		var due time.Time
		err = tx.Get(ctx, q.Leased, &due, r.id)
		if errors.Is(err, store.ErrNone) || err == nil && (!due.Equal(r.due) || !tx.Now.Before(due.Add(-taking))) {
			return errOthers
		}
		if err != nil {
			return err
		}
		if reason, o, err = s.stands(ctx, tx, r); err != nil || reason != "" {
			return err
		}
		var ok bool
		if to, ok, err = s.address(o.held, o.fields, r.digest); err == nil && !ok {
			reason = NotAsked // they corrected it meanwhile
		}
		if err != nil || !ok {
			return err
		}
		kept, err := s.Vault.Get(ctx, tx, r.text)
		if errors.Is(err, store.ErrNone) {
			reason = undone
			return nil
		}
		if err != nil {
			return err
		}
		values, err := kept.Open(textField)
		if err == nil {
			d, err = letter.Kept(values[textField].Reveal())
		}
		return err
	})
	if err != nil || reason != "" {
		return "", to, nil, reason, err
	}
	from, text, err = s.write(ctx, r, o, to, d)
	return from, to, text, "", err
}

// write writes the letter that this person gets, and signs it.
func (s *Section) write(ctx context.Context, r *row, o *open, to mail.Address, d *letter.Draft) (from string, text []byte, err error) {
	ours, err := sender(o.now)
	if err != nil {
		return "", nil, err
	}
	// The same each time: who gets a letter twice can tell.
	id := sha256.Sum256(append([]byte("avow/v1/message-id\n"), r.id[:]...))
	e := letter.Envelope{From: letter.Mailbox{Name: o.now.Organisation.Name, Address: ours}, To: to, Date: r.created, ID: idText.EncodeToString(id[:16])}
	if o.p != nil {
		e.Token = s.Stops.Token(r.digest, r.purpose)
		e.Unsubscribe, e.Mailto, e.Listed = s.origin(o.now)+"/u/"+e.Token, ours, !o.p.Transactional()
	}
	plain, err := d.Compose(e)
	if err != nil {
		return "", nil, err
	}
	signer, err := s.signer(ctx, ours.Domain())
	if err != nil {
		return "", nil, err
	}
	if r.purpose != replies {
		from = returnPath(r.id, ours)
	}
	text, err = signer.Sign(plain)
	return from, text, err
}

// settle writes down what became of a letter. What was leased by another meanwhile
// is left to them.
func (s *Section) settle(ctx context.Context, r *row, outcome Reason) error {
	ctx = context.WithoutCancel(ctx) // it was handed over: that must not be forgotten
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		next, tries := tx.Now.Add(soon), r.tries
		switch outcome {
		case sent:
			// At the moment it was decided: a word said since was not there to be heard.
			if err := tx.Do(ctx, q.Sent, r.id, r.digest, string(r.purpose), r.due.Add(-leased)); err != nil {
				return err
			}
			return s.drop(ctx, tx, r, sent)
		case later:
			next, tries = tx.Now.Add(waits[min(int(tries), len(waits)-1)]), tries+1
		case back:
		default:
			return s.drop(ctx, tx, r, outcome)
		}
		if !next.Before(r.created.Add(Patience)) {
			return s.drop(ctx, tx, r, undone)
		}
		return tx.Do(ctx, q.Later, r.id, r.due, next, tries)
	})
	if err != nil {
		return fmt.Errorf("settle a letter: %w", err)
	}
	return nil
}

// drop takes a letter out of the queue.
func (s *Section) drop(ctx context.Context, tx *store.Tx, r *row, outcome Reason) error {
	n, err := tx.Exec(ctx, q.Done, r.id, r.due)
	if err == nil && (n == 1 || outcome == sent) {
		count(tx, r.purpose, outcome, 1)
	}
	return err
}
