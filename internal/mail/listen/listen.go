// Package listen takes mail over SMTP and LMTP, within limits.
//
// One Server serves one of three uses: mail that anybody sends us, mail that a
// mail server of the same house hands on (LMTP, RFC 2033), and letters that
// programs hand in to be sent (submission, RFC 6409). What becomes of a message
// is the business of its Handler, which gets it whole: a message that broke off
// never arrives there.
//
// A line ends in CR LF and a message in CR LF . CR LF and in nothing else. A
// bare CR or LF is refused and ends the connection, because servers that
// disagree about where a message ends can be made to see two in one. What was
// sent before TLS began is forgotten when it begins.
//
// Nothing logged here has an address in it, be it of a person or of a machine.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"
)

// A Kind is a use of a Server.
type Kind int

// The uses.
const (
	Incoming   Kind = iota // mail from anywhere, by SMTP
	Local                  // mail from a mail server of ours, by LMTP
	Submission             // letters of programs that logged in, by SMTP
)

func (k Kind) String() string {
	return [...]string{"from anywhere", "from our own mail server", "letters of programs"}[k]
}

// An Envelope is what is known of a message beside it. While the sender has not
// begun one it has no From.
type Envelope struct {
	Kind  Kind
	Peer  netip.Addr // not valid over a Unix socket
	Helo  string     // what the peer calls itself
	TLS   bool
	User  string // who logged in
	Login any    // what Handler.Login left here, for all messages of the connection
	From  string // the return path as it was sent, "" for none
	To    []string
}

// A Handler does with mail what is to be done with it. What it returns is the
// answer: nil to take it on, a *Refusal, or any other error, by which the sender
// learns only to try again.
type Handler interface {
	// Login says who wants to hand in letters. It may leave that in e.Login.
	Login(ctx context.Context, e *Envelope, user, password string) error
	// Recipient says whether mail for this address is taken, before the message
	// is there.
	Recipient(ctx context.Context, e *Envelope, to string) error
	// Message takes a message to all of e.To, and answers for each in their order.
	// Over SMTP there is one answer for all: the first error that passes, else the
	// first error.
	Message(ctx context.Context, e *Envelope, raw io.Reader) []error
}

// A Refusal is an answer in the words of SMTP: a code such as 550, one of RFC
// 3463 such as 5.1.1, and a text. The text goes to whoever is connected.
type Refusal struct {
	Code     int
	Enhanced string
	Text     string
}

func (r *Refusal) Error() string { return fmt.Sprintf("refused: %d %s", r.Code, r.Enhanced) }

// Limits bound what a peer can make a Server do. Zero means the usual.
type Limits struct {
	Size        int64         // bytes of a message: 10 MiB
	Recipients  int           // of a message: 100
	Line        int           // bytes of a line: 12 KiB, as AUTH may need (RFC 4954)
	Command     time.Duration // until the next command is there: 2 minutes
	Message     time.Duration // until a message is there and answered: 5 minutes
	Life        time.Duration // of a connection: 30 minutes
	Connections int           // at a time: 200
	PerNetwork  int           // of them from one network, /24 or /48: 20
	Rate        int           // connections, and messages to us, a minute from one network: 300
	Faults      int           // refused recipients, or log-ins that failed, on a connection: 10
	InFlight    int64         // bytes of messages held in memory: 64 MiB
}

// Config says what a Server serves.
type Config struct {
	Kind     Kind
	Name     string // of this host, as it greets
	Handler  Handler
	Limits   Limits
	Exempt   []netip.Prefix // networks without a limit of their own, such as a relay's; if nil, this machine
	CertFile string         // PEM; with KeyFile it lets peers begin TLS. Both are
	KeyFile  string         // read again when they change
	Log      *slog.Logger
}

// A Server takes mail until it is shut down.
type Server struct {
	Config
	smtp     *smtp.Server
	ctx      context.Context // ends when nobody waits for open connections any more
	end      context.CancelFunc
	gate     networks
	inFlight atomic.Int64
	mu       sync.Mutex
	open     map[*conn]struct{}
	draining bool
}

// New makes a Server. It fails if there are no certificates where they should be.
func New(cfg Config) (*Server, error) {
	cfg.Limits = cfg.Limits.or(Limits{Size: 10 << 20, Recipients: 100, Line: 12 << 10, Command: 2 * time.Minute, Message: 5 * time.Minute,
		Life: 30 * time.Minute, Connections: 200, PerNetwork: 20, Rate: 300, Faults: 10, InFlight: 64 << 20})
	if cfg.Exempt == nil {
		cfg.Exempt = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	s := &Server{Config: cfg, open: map[*conn]struct{}{}}
	s.gate = networks{limits: cfg.Limits, exempt: cfg.Exempt, free: cfg.Kind == Local, all: map[netip.Prefix]*network{}}
	s.ctx, s.end = context.WithCancel(context.Background())
	out := smtp.NewServer(smtp.BackendFunc(s.session))
	out.Domain, out.LMTP = cfg.Name, cfg.Kind == Local
	out.MaxMessageBytes, out.MaxRecipients, out.MaxLineLength = cfg.Limits.Size, cfg.Limits.Recipients, cfg.Limits.Line
	out.ReadTimeout, out.WriteTimeout = cfg.Limits.Command, cfg.Limits.Command
	out.AllowInsecureAuth = true // a session offers AUTH only where it is safe
	out.ErrorLog = quiet{cfg.Log}
	if cfg.CertFile != "" {
		var err error
		if out.TLSConfig, err = reloading(cfg.CertFile, cfg.KeyFile); err != nil {
			return nil, fmt.Errorf("certificate for mail: %w", err)
		}
	}
	s.smtp = out
	return s, nil
}

func (l Limits) or(usual Limits) Limits {
	return Limits{Size: pick(l.Size, usual.Size), Recipients: pick(l.Recipients, usual.Recipients), Line: pick(l.Line, usual.Line),
		Command: pick(l.Command, usual.Command), Message: pick(l.Message, usual.Message), Life: pick(l.Life, usual.Life),
		Connections: pick(l.Connections, usual.Connections), PerNetwork: pick(l.PerNetwork, usual.PerNetwork), Rate: pick(l.Rate, usual.Rate),
		Faults: pick(l.Faults, usual.Faults), InFlight: pick(l.InFlight, usual.InFlight)}
}

func pick[T int | int64 | time.Duration](v, usual T) T {
	if v == 0 {
		return usual
	}
	return v
}

// Serve takes mail on l until Shutdown, and then returns nil. It may be called
// for several listeners.
func (s *Server) Serve(l net.Listener) error { return s.smtp.Serve(&listener{l, s}) }

// Shutdown lets messages that are on their way arrive and ends everything else.
// When ctx ends it ends those too: their senders were not answered, and send
// them again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	for c := range s.open {
		c.drain()
	}
	s.mu.Unlock()
	err := s.smtp.Shutdown(ctx)
	s.end()
	switch {
	case errors.Is(err, smtp.ErrServerClosed):
		return nil // for the second time
	case err == nil || ctx.Err() == nil:
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		_ = c.Conn.Close()
	}
	return err
}

// quiet logs that something went wrong on a connection, and nothing that came
// over it: what it is given names the peer.
type quiet struct{ to *slog.Logger }

func (q quiet) Printf(format string, v ...any) {
	switch {
	case len(v) == 3: // panic serving, whom, with what, where
		q.to.Error("a panic while taking mail", "stack", fmt.Sprint(v[2]))
	case len(v) == 2 && format[0] == 'a':
		q.to.Warn("no connection for mail taken on; trying again")
	}
}

func (q quiet) Println(...any) {}
