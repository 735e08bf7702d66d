package listen

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// A session is the dialogue on one connection, from one greeting or start of TLS
// to the next.
type session struct {
	s      *Server
	c      *conn
	ctx    context.Context
	cancel context.CancelFunc
	peer   Envelope  // without a message
	env    *Envelope // with one, or nil
	faults int
}

func (s *Server) session(c *smtp.Conn) (smtp.Session, error) {
	under, secure := c.Conn(), false
	if t, ok := under.(*tls.Conn); ok {
		under, secure = t.NetConn(), true
	}
	n := under.(*conn)
	in := &session{s: s, c: n, peer: Envelope{Kind: s.Kind, Peer: n.peer, Helo: c.Hostname(), TLS: secure}}
	in.ctx, in.cancel = context.WithCancel(s.ctx)
	return in, nil
}

// Reset forgets the message that was begun.
func (in *session) Reset() {
	in.env = nil
	in.c.end()
}

// Logout ends the session.
func (in *session) Logout() error {
	in.cancel()
	return nil
}

// AuthMechanisms are offered where nobody else can read along.
func (in *session) AuthMechanisms() []string {
	if in.s.Kind == Submission && in.private() {
		return []string{sasl.Plain}
	}
	return nil
}

func (in *session) private() bool {
	return in.peer.TLS || in.c.peer.IsLoopback() || in.c.LocalAddr().Network() == "unix"
}

// Auth logs a program in.
func (in *session) Auth(mechanism string) (sasl.Server, error) {
	switch {
	case in.s.Kind != Submission:
		return nil, answer(502, "5.7.0", "Nobody logs in here.")
	case !in.private():
		return nil, answer(538, "5.7.11", "Please begin TLS first.")
	case mechanism != sasl.Plain:
		return nil, answer(504, "5.5.4", "Only PLAIN is understood.")
	}
	return sasl.NewPlainServer(func(identity, user, password string) error {
		err := error(&Refusal{535, "5.7.8", "That is not right."})
		if identity == "" || identity == user {
			err = in.s.Handler.Login(in.ctx, &in.peer, user, password)
		}
		if err == nil {
			in.peer.User = user
			return nil
		}
		in.peer.Login = nil
		// Guessing is made slow for the network it comes from.
		in.s.gate.spend(in.c.peer, 10)
		return in.fault(err, 3)
	}), nil
}

// Mail begins a message.
func (in *session) Mail(from string, _ *smtp.MailOptions) error {
	switch {
	case in.c.ended():
		return answer(421, "4.7.0", "This connection has ended.")
	case in.s.Kind == Submission && in.peer.User == "":
		return answer(530, "5.7.0", "Please log in first.")
	case in.s.Kind == Incoming && !in.s.gate.spend(in.c.peer, 1):
		return answer(451, "4.7.0", "Too much mail from your network; please try again later.")
	}
	e := in.peer
	e.From = from
	in.env = &e
	return nil
}

// Rcpt adds a recipient. Who tries out addresses does not get far.
func (in *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if in.c.ended() || in.env == nil {
		return answer(421, "4.7.0", "This connection has ended.")
	}
	if err := in.s.Handler.Recipient(in.ctx, in.env, to); err != nil {
		if in.s.Kind == Submission {
			return in.reply(err) // a program that sends to many is refused for many
		}
		return in.fault(err, 1)
	}
	in.env.To = append(in.env.To, to)
	return nil
}

// fault answers with an error and counts it; when there were too many the
// connection ends.
func (in *session) fault(err error, much int) error {
	if in.faults += much; in.faults >= in.s.Limits.Faults {
		in.c.breakOff()
		return answer(421, "4.7.0", "Too many errors on this connection.")
	}
	return in.reply(err)
}

// Data takes a message over SMTP.
func (in *session) Data(r io.Reader) error {
	errs, err := in.take(r)
	if err != nil {
		return err
	}
	var first error
	for _, err := range errs {
		var no *Refusal
		if err != nil && (!errors.As(err, &no) || no.Code < 500) {
			return in.reply(err)
		}
		if first == nil {
			first = err
		}
	}
	if first != nil {
		return in.reply(first)
	}
	return nil
}

// LMTPData takes a message over LMTP.
func (in *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	env := in.env
	errs, err := in.take(r)
	if err != nil {
		return err
	}
	for i, to := range env.To {
		if errs[i] != nil {
			errs[i] = in.reply(errs[i])
		}
		status.SetStatus(to, errs[i])
	}
	return nil
}

// take reads a message whole and hands it on.
func (in *session) take(r io.Reader) ([]error, error) {
	env := in.env
	if env == nil || in.c.ended() {
		return nil, answer(421, "4.7.0", "This connection has ended.")
	}
	in.c.begin() // Reset ends it, when the message was answered
	var held int64
	defer func() { in.s.inFlight.Add(-held) }()
	var body bytes.Buffer
	check := strict{last: '\n'}
	chunk := make([]byte, 32<<10)
	for {
		n, err := r.Read(chunk)
		if held += int64(n); in.s.inFlight.Add(int64(n)) > in.s.Limits.InFlight {
			return nil, answer(452, "4.3.1", "Too much at once; please try again later.")
		}
		body.Write(chunk[:n])
		if !check.fits(chunk[:n], err == io.EOF) {
			in.c.breakOff()
			return nil, answer(550, "5.5.2", "A line must end in CR LF; a bare CR or LF is not accepted.")
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, in.broken(err)
		}
	}
	errs := in.s.Handler.Message(in.ctx, env, bytes.NewReader(body.Bytes()))
	if len(errs) != len(env.To) {
		return nil, answer(451, "4.3.0", "Please try again later.")
	}
	return errs, nil
}

// broken answers for a message that did not arrive whole.
func (in *session) broken(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, smtp.ErrDataTooLarge):
		return answer(552, "5.3.4", "The message is too large.")
	case errors.Is(err, smtp.ErrTooLongLine):
		return answer(554, "5.6.0", "A line of the message is too long.")
	case in.c.ended() || errors.As(err, &timeout):
		return answer(421, "4.4.2", "The message took too long.")
	}
	return answer(451, "4.3.0", "The message did not arrive whole.")
}

// reply makes of an error what the peer may know of it.
func (in *session) reply(err error) error {
	var no *Refusal
	if errors.As(err, &no) {
		return answer(no.Code, no.Enhanced, no.Text)
	}
	in.s.Log.Error("mail was not taken; its sender tries again", "error", err)
	return answer(451, "4.3.0", "Please try again later.")
}

func answer(code int, enhanced, text string) *smtp.SMTPError {
	e := &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: strings.Map(printable, text)}
	part := 0
	for _, c := range enhanced {
		switch {
		case c == '.' && part < 2:
			part++
			e.EnhancedCode[part] = 0
		case c >= '0' && c <= '9' && part > 0:
			e.EnhancedCode[part] = e.EnhancedCode[part]*10 + int(c-'0')
		}
	}
	return e
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// strict sees to it that lines end in CR LF and in nothing else.
type strict struct{ last byte }

func (s *strict) fits(b []byte, whole bool) bool {
	for _, c := range b {
		if (c == '\n') != (s.last == '\r') {
			return false
		}
		s.last = c
	}
	return !whole || s.last != '\r'
}
