package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// RelayOptions say how letters get to the smart host, which takes them from
// there.
type RelayOptions struct {
	Address string // host and port
	// TLS is starttls; implicit, from the first byte on; or none. Empty is
	// starttls, but none for a smart host on this machine (loopback).
	TLS      string
	User     string // for AUTH; empty for none
	Password string
	Name     string        // what we call ourselves in EHLO; localhost if empty
	Timeout  time.Duration // for one answer; a minute if 0
	Idle     int           // connections that are kept for the next letter; 8 if 0
	Trust    *tls.Config   // for tests and private authorities; nil for the machine's
}

// A Relay hands letters to one smart host, over connections that it keeps for the
// next letter. Any number of goroutines may use it.
type Relay struct {
	o    RelayOptions
	host string

	mu     sync.Mutex
	idle   []*line
	closed bool
}

// A line is a connection to the smart host.
type line struct {
	*smtp.Client
	sent int
	rest *time.Timer // closes it when nobody used it for a while
}

// A DeliveryError is the answer of a smart host that did not take a letter. It
// holds no text, which might repeat an address.
type DeliveryError struct {
	Code     int
	Enhanced [3]int // as in RFC 3463; zero if there was none
	// Permanent says that the same letter will not be taken later either. What
	// the smart host has against us is never permanent.
	Permanent bool
	// Nobody says that the address is the reason: there is nobody of that name.
	Nobody bool
}

func (e *DeliveryError) Error() string {
	return fmt.Sprintf("the relay answered %d %d.%d.%d", e.Code, e.Enhanced[0], e.Enhanced[1], e.Enhanced[2])
}

const (
	perLine = 200              // letters over one connection
	rests   = 20 * time.Second // how long a connection waits for the next one
	patient = 8                // times Timeout, for a whole letter
)

// NewRelay returns a Relay. It connects when there is something to send.
func NewRelay(o RelayOptions) (*Relay, error) {
	host, port, err := net.SplitHostPort(o.Address)
	if err != nil || host == "" || port == "" {
		return nil, errors.New("the relay needs a host and a port, such as smtp.harbour.example:587")
	}
	at, err := netip.ParseAddr(host)
	here := host == "localhost" || err == nil && at.Unmap().IsLoopback()
	switch {
	case o.TLS == "" && here:
		o.TLS = "none"
	case o.TLS == "":
		o.TLS = "starttls"
	case o.TLS != "starttls" && o.TLS != "implicit" && o.TLS != "none":
		return nil, fmt.Errorf("the relay cannot be reached by %q: it is starttls, implicit or none", o.TLS)
	case o.TLS == "none" && o.User != "" && !here:
		return nil, errors.New("the relay would be told a password in clear: use starttls or implicit")
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Idle == 0 {
		o.Idle = 8
	}
	if o.Name == "" {
		o.Name = "localhost"
	}
	return &Relay{o: o, host: host}, nil
}

// Send hands over one letter for one recipient. A *DeliveryError is about the
// letter; any other error is about the relay, and the next letter would fare no
// better. A letter whose answer was lost may have been taken.
func (r *Relay) Send(ctx context.Context, from, to string, letter []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patient*r.o.Timeout)
	defer cancel()
	for {
		l, err := r.take(ctx)
		if err != nil {
			return fmt.Errorf("relay %s: %w", r.host, err)
		}
		stop := context.AfterFunc(ctx, func() { _ = l.Close() })
		err = r.over(l, from, to, letter)
		late := !stop() && err != nil
		l.sent++
		var answer *DeliveryError
		switch {
		case late:
			return fmt.Errorf("relay %s: %w", r.host, context.Cause(ctx))
		case err == nil:
			r.give(l)
			return nil
		case errors.As(err, &answer) && l.Reset() == nil:
			r.give(l)
			return answer
		}
		_ = l.Close()
		switch {
		case answer != nil:
			return answer
		case !errors.Is(err, errStale):
			return fmt.Errorf("relay %s: %w", r.host, err)
		}
	}
}

// errStale says that a connection had ended before this letter.
var errStale = errors.New("the connection had ended")

// over says one letter over a line.
func (r *Relay) over(l *line, from, to string, letter []byte) error {
	utf8 := !ascii(from) || !ascii(to)
	if known, _ := l.Extension("SMTPUTF8"); utf8 && !known {
		return &DeliveryError{Code: 550, Enhanced: [3]int{5, 6, 7}, Permanent: true}
	}
	// An answer to MAIL is about us, and a 552 about the size about the letter.
	if err := l.Mail(from, &smtp.MailOptions{Size: int64(len(letter)), UTF8: utf8}); err != nil {
		var said *smtp.SMTPError
		if l.sent > 0 && (!errors.As(err, &said) || said.Code == 421) {
			return errStale
		}
		return answered(err, false)
	}
	if err := l.Rcpt(to, nil); err != nil {
		e := answered(err, true)
		var d *DeliveryError
		// 5.7 is a matter of policy: of us, or of the relay, not of the address.
		if errors.As(e, &d) && d.Permanent && d.Code != 552 && d.Code != 554 {
			d.Nobody = d.Enhanced[1] < 3 // 5.1 the address, 5.2 the mailbox; or no enhanced code
		}
		return e
	}
	w, err := l.Data()
	if err != nil {
		return answered(err, true)
	}
	if _, err := w.Write(letter); err != nil {
		return bare(err)
	}
	return answered(w.Close(), true)
}

// answered makes of an answer what may be told. On the letter it may be for
// good; on us it never is, since somebody will mend that.
func answered(err error, letter bool) error {
	var said *smtp.SMTPError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &said):
		return bare(err)
	case said.Code == 421: // it closes the connection, whatever the letter
		return errors.New("the relay is not ready")
	case !letter && said.Code != 552:
		return fmt.Errorf("the relay answered %d to the sender", said.Code)
	}
	d := &DeliveryError{Code: said.Code, Permanent: said.Code >= 500}
	if e := said.EnhancedCode; e[0] == 4 || e[0] == 5 {
		d.Enhanced = [3]int(e)
	}
	return d
}

// bare takes off an error what an answer may have said.
func bare(err error) error {
	var said *smtp.SMTPError
	var op *net.OpError
	var untrusted *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &said):
		return fmt.Errorf("it answered %d", said.Code)
	case errors.As(err, &op):
		return op
	case errors.As(err, &untrusted):
		return untrusted
	case errors.As(err, &noTLS):
		return noTLS
	}
	return errors.New("the connection broke off")
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// take gives a line that nobody uses.
func (r *Relay) take(ctx context.Context) (*line, error) {
	for {
		r.mu.Lock()
		if r.closed {
			r.mu.Unlock()
			return nil, net.ErrClosed
		}
		if len(r.idle) == 0 {
			r.mu.Unlock()
			return r.dial(ctx)
		}
		l := r.idle[len(r.idle)-1]
		r.idle = r.idle[:len(r.idle)-1]
		r.mu.Unlock()
		if l.rest.Stop() {
			return l, nil
		}
		_ = l.Close()
	}
}

// give keeps a line for the next letter.
func (r *Relay) give(l *line) {
	r.mu.Lock()
	keep := !r.closed && len(r.idle) < r.o.Idle && l.sent < perLine
	if keep {
		l.rest = time.AfterFunc(rests, func() { _ = l.Close() })
		r.idle = append(r.idle, l)
	}
	r.mu.Unlock()
	if !keep {
		l.end()
	}
}

func (l *line) end() {
	_ = l.Quit()
	_ = l.Close()
}

// Close ends the connections that wait.
func (r *Relay) Close() {
	r.mu.Lock()
	idle := r.idle
	r.idle, r.closed = nil, true
	r.mu.Unlock()
	for _, l := range idle {
		if l.rest.Stop() {
			l.end()
		}
	}
}

// dial connects, closed to others if it is to be, and says who we are.
func (r *Relay) dial(ctx context.Context) (*line, error) {
	conn, err := (&net.Dialer{Timeout: r.o.Timeout}).DialContext(ctx, "tcp", r.o.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	c, err := r.greet(conn)
	if err == nil {
		err = r.auth(c)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &line{Client: c}, nil
}

func (r *Relay) greet(conn net.Conn) (c *smtp.Client, err error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if r.o.Trust != nil {
		trust = r.o.Trust.Clone()
	}
	trust.ServerName = r.host
	switch r.o.TLS {
	case "starttls":
		if c, err = smtp.NewClientStartTLS(conn, trust); err != nil {
			return nil, unclosed(err)
		}
	case "implicit":
		c = smtp.NewClient(tls.Client(conn, trust))
	default:
		c = smtp.NewClient(conn)
	}
	c.CommandTimeout, c.SubmissionTimeout = r.o.Timeout, 5*r.o.Timeout
	if err := c.Hello(r.o.Name); err != nil {
		return nil, bare(err)
	}
	return c, nil
}

// unclosed says why there is no TLS: certificates are named, answers are not.
func unclosed(err error) error {
	var said *smtp.SMTPError
	if errors.As(err, &said) {
		return bare(err)
	}
	return fmt.Errorf("without TLS everybody on the way could read the letters: %w", err)
}

func (r *Relay) auth(c *smtp.Client) error {
	if r.o.User == "" {
		return nil
	}
	var how sasl.Client
	switch {
	case c.SupportsAuth(sasl.Plain):
		how = sasl.NewPlainClient("", r.o.User, r.o.Password)
	case c.SupportsAuth(sasl.Login):
		how = sasl.NewLoginClient(r.o.User, r.o.Password)
	default:
		return errors.New("it takes neither AUTH PLAIN nor AUTH LOGIN")
	}
	if err := c.Auth(how); err != nil {
		return fmt.Errorf("it did not let us in: %w", bare(err))
	}
	return nil
}
