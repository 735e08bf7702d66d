package mailbox

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/avow-privacy/avow/internal/mail/listen"
)

var (
	refuseNobody  = &listen.Refusal{Code: 550, Enhanced: "5.1.1", Text: "Mail for this address is not taken here."}
	refuseTooMuch = &listen.Refusal{Code: 554, Enhanced: "5.6.0", Text: "The message is larger, or in more pieces, than is read."}
	refuseLogin   = &listen.Refusal{Code: 502, Enhanced: "5.7.0", Text: "Nobody logs in here."}
)

// Login lets nobody in: who writes to us needs no name.
func (s *Section) Login(context.Context, *listen.Envelope, string, string) error { return refuseLogin }

// Recipient says whether mail for an address is taken.
func (s *Section) Recipient(ctx context.Context, _ *listen.Envelope, to string) error {
	_, err := s.inlet(ctx, to)
	return told(err)
}

// Message takes a mail that arrived. What it asks is done, and durable, before it
// is answered.
func (s *Section) Message(ctx context.Context, e *listen.Envelope, raw io.Reader) []error {
	in := Envelope{From: e.From, To: e.To, Peer: e.Peer}
	if e.Kind == listen.Local {
		in.Peer = netip.Addr{} // whose network that is says nothing of the sender
	}
	err := told(s.Take(ctx, in, raw))
	all := make([]error, len(e.To))
	for i := range all {
		all[i] = err
	}
	return all
}

// told puts what stays into the words of SMTP. After anything else the sender's
// server is to try again.
func told(err error) error {
	switch {
	case errors.Is(err, ErrNobody):
		return refuseNobody
	case errors.Is(err, ErrTooMuch):
		return refuseTooMuch
	}
	return err
}
