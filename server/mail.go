package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/mail/listen"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/scrub/pattern"
)

// Mail says how letters travel. What may be sent, and to whom, is said by the
// statement.
type Mail struct {
	// Relay is the mail server that letters are handed to, host and port. Without
	// one they wait.
	Relay string
	// Implicit speaks TLS to it from the first byte on. Otherwise STARTTLS is
	// asked for, but on this machine.
	Implicit bool
	// User and Password log in there.
	User, Password string
	// Outbox shows letters on a page in place of sending them: a demonstration.
	Outbox bool
	// CertFile and KeyFile are for STARTTLS where mail comes in.
	CertFile, KeyFile string
	// Doubtful is how many stops an hour are taken from one network whose senders
	// nobody vouches for; 20 if 0. Mail from a server of ours is one network.
	Doubtful int
	// Trusted are the names under which mail servers of ours write what they found
	// out about a sender (RFC 8601).
	Trusted []string
}

// A MailUse says what comes in on a listener.
type MailUse = listen.Kind

// The uses.
const (
	FromAnywhere  = listen.Incoming   // mail, by SMTP
	FromOurServer = listen.Local      // mail, by LMTP
	FromPrograms  = listen.Submission // letters to be sent, by SMTP
)

// post is how letters come in and go out.
type post struct {
	relay   *egress.Relay
	outbox  *egress.Outbox // in place of it, in a demonstration
	door    *egress.Door
	mu      sync.Mutex
	servers []*listen.Server
	closed  bool
	open    bool // mail can come in
}

// taking says whether mail can come in.
func (p *post) taking() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.open && !p.closed
}

// openPost opens the way out for letters.
func (s *Server) openPost() (err error) {
	s.post = &post{}
	if s.post.door, err = egress.New(egress.Options{}); err != nil {
		return err
	}
	m := s.config.Mail
	if m.Outbox {
		s.post.outbox = new(egress.Outbox)
	}
	if m.Relay == "" {
		return nil
	}
	o := egress.RelayOptions{Address: m.Relay, User: m.User, Password: m.Password, Name: s.mailName()}
	if m.Implicit {
		o.TLS = "implicit"
	}
	s.post.relay, err = egress.NewRelay(o)
	return err
}

// LettersWait says whether the statement has letters and nothing takes them out of
// the house: who signs up waits for the one that confirms it.
func (s *Server) LettersWait() bool {
	e := s.changes.InForce()
	return e != nil && s.post.way() == nil && slices.ContainsFunc(e.Purposes, func(p statement.Purpose) bool { return p.Channel == "email" })
}

// ServeMail takes mail on l until CloseMail, and then returns nil.
func (s *Server) ServeMail(l net.Listener, use MailUse) error {
	c := listen.Config{Kind: use, Name: s.mailName(), Handler: s.mailbox, CertFile: s.config.Mail.CertFile, KeyFile: s.config.Mail.KeyFile, Log: s.config.Log}
	if use == FromPrograms {
		c.Handler = submission{s.mailing}
	}
	in, err := listen.New(c)
	if err != nil {
		return err
	}
	s.post.mu.Lock()
	s.post.servers = append(s.post.servers, in)
	closed := s.post.closed
	s.post.open = s.post.open || use != FromPrograms
	s.post.mu.Unlock()
	if closed {
		return l.Close()
	}
	return in.Serve(l)
}

// CloseMail lets what is on its way arrive, until ctx ends, and takes no more.
func (s *Server) CloseMail(ctx context.Context) error {
	s.post.mu.Lock()
	s.post.closed = true
	servers := s.post.servers
	s.post.mu.Unlock()
	var all []error
	for _, in := range servers {
		all = append(all, in.Shutdown(ctx))
	}
	return errors.Join(all...)
}

// way is where letters leave: nil as long as there is none.
func (p *post) way() mailing.Door {
	switch {
	case p.outbox != nil:
		return p.outbox
	case p.relay != nil:
		return p.relay
	}
	return nil
}

// close ends the connections to the outside.
func (p *post) close() {
	if p.relay != nil {
		p.relay.Close()
	}
	p.door.Close()
}

// mailName is what the house calls itself to mail servers: the host of the site
// that its log was begun for. At the first start no statement is in force yet.
func (s *Server) mailName() string {
	host, _, _ := strings.Cut(s.ledger.Status().Origin, "/")
	name, _, _ := strings.Cut(host, ":")
	return cmp.Or(name, "localhost")
}

// A mailDNSAnswer is what GET /v1/mail/dns answers.
type mailDNSAnswer struct {
	Records []dnsRecord `json:"records" nullable:"false" doc:"The records."`
}

type dnsRecord struct {
	Name string `json:"name" doc:"Where it stands." example:"avow-e._domainkey.harbour.example"`
	Text string `json:"text" doc:"What it says."`
}

func (s *Server) mailDNS(ctx context.Context, _ *statusIn) (*mailDNSAnswer, error) {
	records, err := s.mailing.Records(ctx)
	if err != nil {
		return nil, err
	}
	out := &mailDNSAnswer{Records: make([]dnsRecord, len(records))}
	for i, r := range records {
		out.Records[i] = dnsRecord(r)
	}
	return out, nil
}

// masked takes the numbers of payment cards out of a text: they are never kept. What
// people and their programs put into such a number is looked through: blanks of all
// kinds, dashes, points, the end of a line and the mark of a quotation.
func masked(text string) string {
	text = cutCards(text, []byte(text), nil)
	even, at := evened(text)
	return cutCards(text, even, at)
}

// cutCards cuts the cards out of text that are in b. At says where in text a byte of b
// comes from, if they differ; then a group of two digits is a part of a date, not of a
// card.
func cutCards(text string, b []byte, at []int) string {
	var f pattern.Finder
	f.Look(b)
	var out strings.Builder
	done := 0
	for _, span := range f.Spans {
		from, to := span.From, span.To
		if span.Kind != pattern.Card {
			continue
		}
		if at != nil {
			if slices.ContainsFunc(bytes.Fields(b[from:to]), func(group []byte) bool { return len(group) < 3 }) {
				continue
			}
			_, size := utf8.DecodeRuneInString(text[at[to-1]:])
			from, to = at[from], at[to-1]+size
		}
		out.WriteString(text[done:from] + "[card]")
		done = to
	}
	return out.String() + text[done:]
}

// evened writes all digits as ASCII has them and one blank for what stands between
// two, and says where each byte comes from.
func evened(text string) (even []byte, at []int) {
	between, blank := 0, false
	for i, r := range text {
		if seen := unicode.In(r, unicode.Zs, unicode.Pd) || strings.ContainsRune("\t\r\n>._", r); seen || unicode.Is(unicode.Cf, r) {
			between, blank = between+1, blank || seen
			continue
		}
		if blank {
			even, at = append(even, " \n"[min(between/6, 1)]), append(at, i)
		}
		between, blank = 0, false
		for _, zero := range []rune{'\uff10', '\u0660', '\u06f0'} {
			if r >= zero && r <= zero+9 {
				r = '0' + r - zero
			}
		}
		for even = utf8.AppendRune(even, r); len(at) < len(even); at = append(at, i) {
		}
	}
	return even, at
}
