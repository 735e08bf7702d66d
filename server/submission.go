package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/mail/listen"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
)

// submission hands letters of programs on, and puts what becomes of them into
// the words of SMTP (RFC 5321, RFC 3463).
type submission struct{ *mailing.Section }

func (s submission) Login(ctx context.Context, e *listen.Envelope, user, password string) error {
	p, err := s.Section.Login(ctx, user, password)
	if errors.Is(err, mailing.ErrLogin) {
		return &listen.Refusal{Code: 535, Enhanced: "5.7.8", Text: "no token for letters for this purpose; the user name is the purpose, the password the token"}
	}
	if err != nil {
		return err
	}
	e.Login = p
	return nil
}

func (s submission) Recipient(ctx context.Context, e *listen.Envelope, to string) error {
	p, ok := e.Login.(*mailing.Program)
	if !ok {
		return notLoggedIn
	}
	return inSMTP(s.Section.Recipient(ctx, p, to))
}

func (s submission) Message(ctx context.Context, e *listen.Envelope, raw io.Reader) []error {
	p, ok := e.Login.(*mailing.Program)
	if !ok {
		return []error{notLoggedIn}
	}
	return together(s.Section.Message(ctx, p, e.To, raw))
}

var notLoggedIn = &listen.Refusal{Code: 530, Enhanced: "5.7.0", Text: "log in first"}

// together is what SMTP, which has one answer for a letter, says of several. A
// letter that somebody gets is taken: were it refused, the program would send it
// again, to them too. Who does not get it was said when it was announced for
// them, if the purpose was known by then, and is counted.
func together(all []error) []error {
	if slices.Contains(all, nil) {
		return make([]error, len(all))
	}
	for i, err := range all {
		all[i] = inSMTP(err)
	}
	return all
}

// inSMTP says no in the words of SMTP. Any other error passes: try again.
func inSMTP(err error) error {
	var no *avow.Refusal
	var unfit *letter.Unfit
	switch {
	case errors.As(err, &no):
		return &listen.Refusal{Code: 550, Enhanced: "5.7.1", Text: fmt.Sprintf("refused by %s: %s", no.Clause, line(no.Reason))}
	case errors.As(err, &unfit):
		return &listen.Refusal{Code: 554, Enhanced: "5.6.0", Text: line(unfit.Error())}
	}
	return err
}

// line keeps a text to one line of SMTP.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }
