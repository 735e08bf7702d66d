package mailing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/store"
)

// A Program is one that logged in to hand in letters over SMTP.
type Program struct {
	caller  *api.Caller
	purpose avow.Purpose // by its user name; empty if each letter says it
}

// ErrLogin says that nobody has this token, or not for letters.
var ErrLogin = errors.New("no token for letters")

// Login lets in a program by its token. The user name is the purpose of all its
// letters; without one, or with -, each letter has a header field X-Avow-Purpose.
func (s *Section) Login(ctx context.Context, user, password string) (*Program, error) {
	caller, err := s.Guard.Caller(ctx, api.Digest(password))
	if err != nil {
		return nil, fmt.Errorf("log in for letters: %w", err)
	}
	if caller == nil {
		return nil, ErrLogin
	}
	p := &Program{caller: caller}
	if user != "-" {
		p.purpose = avow.Purpose(user)
	}
	if !slices.Contains(caller.May, api.Send) || p.purpose != "" && !p.within(p.purpose) {
		s.Guard.Refused(ctx, caller)
		return nil, ErrLogin
	}
	return p, nil
}

func (p *Program) within(purpose avow.Purpose) bool {
	return len(p.caller.Purposes) == 0 || slices.Contains(p.caller.Purposes, purpose)
}

// Recipient says at once whether somebody may get a letter, if the purpose is
// known by now. The answer no is an *avow.Refusal. What is said later of the
// letter itself may be another answer.
func (s *Section) Recipient(ctx context.Context, p *Program, to string) error {
	now := s.Editions.InForce()
	if p.purpose == "" || now == nil {
		return nil
	}
	purpose, err := outward(now, p.purpose)
	if err != nil {
		return err
	}
	address, _ := mail.ParseAddress(to) // the zero Address is refused
	var o Outcome
	err = s.Store.View(ctx, func(tx *store.Tx) (err error) { o, _, err = s.admit(ctx, tx, now, purpose, address, false); return err })
	if err != nil || o.Queued {
		return err
	}
	s.tell(purpose.Name, map[Reason]int{o.Reason: 1})
	err = s.Store.Commit(ctx, func(tx *store.Tx) error { count(tx, purpose.Name, o.Reason, 1); return nil })
	return errors.Join(o.refusal(), err)
}

func (o *Outcome) refusal() error {
	if o.Queued {
		return nil
	}
	return &avow.Refusal{Clause: o.Clause, Reason: string(o.Reason)}
}

// Message takes a letter for those whom it was announced for, and answers for each
// in their order: nil, an *avow.Refusal or a *letter.Unfit; any other error is the
// house's, and the program may try again.
func (s *Section) Message(ctx context.Context, p *Program, to []string, raw io.Reader) []error {
	all := make([]error, len(to))
	out, err := s.submit(ctx, p, to, raw)
	for i := range all {
		if all[i] = err; err == nil {
			all[i] = out.Results[i].refusal()
		}
	}
	return all
}

func (s *Section) submit(ctx context.Context, p *Program, to []string, raw io.Reader) (*Sent, error) {
	text, err := io.ReadAll(io.LimitReader(raw, letter.MaxSize+1))
	if err != nil {
		return nil, err
	}
	l := Letter{Purpose: p.purpose, Raw: text, Recipients: make([]mail.Address, len(to))}
	if l.Purpose == "" {
		_, said := letter.Addressed(text)
		if l.Purpose = avow.Purpose(said); said == "" {
			return nil, &letter.Unfit{Part: "X-Avow-Purpose", Reason: "is missing, and no purpose was said by the user name"}
		}
	}
	if !p.within(l.Purpose) {
		s.Guard.Refused(ctx, p.caller)
		return nil, &avow.Refusal{Clause: "undeclared", Reason: "this token was not made for this purpose"}
	}
	if len(to) > MaxRecipients {
		return nil, &letter.Unfit{Part: "envelope", Reason: fmt.Sprintf("names more than %d recipients", MaxRecipients)}
	}
	for i := range to {
		l.Recipients[i], _ = mail.ParseAddress(to[i])
	}
	return s.Send(ctx, l)
}
