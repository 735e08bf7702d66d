// Package mailbox takes the mail people send, and does what it asks.
//
// A mail is read within limits, sorted by what it wants, and acted on before its
// sender's server is told that we have it; if that fails it is told to try again.
// The same mail twice acts once. Letters are stopped by whoever holds the token
// of one, and else only for the address that the mail comes from: at once when
// its domain vouches for it; when nobody does, too, since doubt favours silence,
// but only so often from one network, so that nobody stops others' letters
// wholesale. Who was stopped is told, and told how to come back.
//
// What somebody has to look at is kept as a form is: sealed, pinned to the
// version, gone in its time, with a receipt for the sender. Of everything else
// only a count stays. Whoever is answered by itself is answered once a day, and
// never if no person waits for it (RFC 3834).
//
// It keeps this promise:
//
//	mail-in: Mail that you send us is kept as carefully as a form.
package mailbox

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/sender"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"collect.mail"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Seen, See, Item, Open, Waiting, Answered, Answer, Tally, Tallies, Held, Forget, ForgetAnswered, ForgetTally string }](queries)

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Digests give what stands for an address where none may stand.
type Digests interface{ Digest(mail.Address) [32]byte }

// Tokens give the text by which letters of a scope are stopped.
type Tokens interface {
	Token(digest [32]byte, scope avow.Purpose) string
}

// Keys open the tokens of letters.
type Keys interface {
	Unveil(use, text string) ([]byte, error)
}

// Stops stop letters, of a purpose or all ("*"). It is durable when Stop returns.
// How is mail, bounce, complaint or child. The path is that of a receipt, if there
// is one for the person.
type Stops interface {
	Stop(ctx context.Context, digest [32]byte, scope avow.Purpose, how string) (path string, err error)
}

// Softs are told of an address that did not take a letter just now.
type Softs interface {
	Soft(ctx context.Context, digest [32]byte) error
}

// Bounces know what was sent under a return path, by the part of it between
// bounce+ and @: store.ErrNone if nothing was, or if it is long ago.
type Bounces interface {
	Bounced(ctx context.Context, id string) (digest [32]byte, purpose avow.Purpose, err error)
}

// Canaries know the addresses of invented people. Canary changes nothing.
type Canaries interface {
	Canary(ctx context.Context, to mail.Address) (recipient string, ok bool, err error)
	Touched(ctx context.Context, to mail.Address) error
}

// Letters sends an answer, in the transaction of what it is about.
type Letters interface {
	Answer(ctx context.Context, tx *store.Tx, to mail.Address, subject, text, inReplyTo string) error
}

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Editions Editions
	Digests  Digests
	Tokens   Tokens
	Keys     Keys
	Stops    Stops
	Softs    Softs
	Bounces  Bounces                  // nil if no letters are sent
	Canaries Canaries                 // nil if there are none
	Letters  Letters                  // nil if nobody is answered
	Mask     func(text string) string // takes out what is never kept, such as card numbers; may be nil
	Sender   sender.Options           // whom to believe about senders
	Doubtful int                      // stops an hour from one network that nobody vouches for: 20 if 0
	Origin   string                   // where links in letters lead; the site of the statement if empty
}

// Section takes mail.
type Section struct {
	Deps
	doubts  doubts // stops that nobody vouches for
	answers doubts // answers to whom nobody vouches for
}

// New returns the section over d.
func New(d Deps) *Section {
	if d.Doubtful == 0 {
		d.Doubtful = 20
	}
	return &Section{Deps: d}
}

// MaxSize is the most bytes of a mail that is read.
const MaxSize = 10 << 20

var limits = mail.Limits{Size: MaxSize, Parts: 500, Depth: 20, Header: 256 << 10, Text: 64 << 10}

// Errors that stay: to send such a mail again changes nothing.
var (
	ErrNobody  = errors.New("mail for this address is not taken")
	ErrTooMuch = errors.New("the mail is larger, or in more pieces, than is read")
)

var errNone = errors.New("no statement is in force")

// An Envelope is what is known of a mail beside it.
type Envelope struct {
	From string // the return path; "" for none
	To   []string
	Peer netip.Addr // who handed it over; not valid if that is a mail server of ours
}

// An inlet is what mail for an address is to us.
type inlet struct {
	at     mail.Address
	bounce string // the part that names a letter, if it is a return path
	canary bool
}

// returns begins the return paths of letters.
const returns = "bounce+"

// inlet says what mail for an address is to us: ErrNobody if nothing.
func (s *Section) inlet(ctx context.Context, to string) (in inlet, err error) {
	now := s.Editions.InForce()
	if now == nil {
		return in, errNone
	}
	if in.at, err = mail.ParseAddress(to); err != nil {
		return in, ErrNobody
	}
	own := owns(now)
	for _, a := range own {
		if a == in.at {
			return in, nil
		}
	}
	if id, ok := strings.CutPrefix(in.at.Local(), returns); ok && id != "" && len(own) > 0 && in.at.Domain() == own[0].Domain() {
		in.bounce = id
		return in, nil
	}
	if s.Canaries != nil {
		if _, in.canary, err = s.Canaries.Canary(ctx, in.at); err != nil || in.canary {
			return in, err
		}
	}
	return in, ErrNobody
}

// owns are the addresses that people write to. The first one's domain is that of
// the return paths of letters.
func owns(now *statement.Edition) (all []mail.Address) {
	for _, text := range []string{optOut(now).Address, now.Organisation.Contact} {
		if a, err := mail.ParseAddress(text); err == nil {
			all = append(all, a)
		}
	}
	return all
}

func optOut(now *statement.Edition) statement.OptOut {
	if now.OptOut == nil {
		return statement.OptOut{}
	}
	return *now.OptOut
}

// Take takes a mail that was sent to us. What it asks is done, and durable, when
// Take returns. ErrNobody and ErrTooMuch stay; after any other error the sender
// has to try again.
func (s *Section) Take(ctx context.Context, e Envelope, raw io.Reader) error {
	_, err := s.take(ctx, e, raw, source{answers: true})
	return err
}

// source is how a mail came here.
type source struct {
	fed     bool // by staff, who say that it is real
	answers bool // its sender gets an answer
}

// Fed is what became of a mail that staff fed.
type Fed struct {
	Kind string `json:"kind" doc:"What the mail was taken for." example:"bounce"`
	Done string `json:"done" doc:"What was done: stopped, noted, asked, kept, counted, or again, if it was known already." example:"stopped"`
}

func (s *Section) take(ctx context.Context, e Envelope, raw io.Reader, from source) (*Fed, error) {
	text, err := io.ReadAll(io.LimitReader(raw, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("take mail: %w", err)
	}
	m, err := mail.Read(bytes.NewReader(text), limits)
	var much *mail.LimitError
	switch {
	case errors.As(err, &much):
		return nil, ErrTooMuch
	case err != nil:
		return nil, fmt.Errorf("take mail: %w", err)
	}
	l := &letter{s: s, now: s.Editions.InForce(), raw: text, Message: m, from: from, peer: e.Peer}
	if l.now == nil {
		return nil, errNone
	}
	for _, to := range s.addressed(e, m, from) {
		in, err := s.inlet(ctx, to)
		if err != nil && !errors.Is(err, ErrNobody) {
			return nil, fmt.Errorf("take mail: %w", err)
		}
		if err == nil {
			l.in = append(l.in, in)
		}
	}
	if len(l.in) == 0 && !from.fed {
		return nil, ErrNobody
	}
	l.mark = l.digest()
	seen, err := s.seen(ctx, l.mark)
	if err != nil {
		return nil, fmt.Errorf("take mail: %w", err)
	}
	if seen {
		return &Fed{"", "again"}, nil
	}
	l.quiet = m.NullReturn || e.From == ""
	if err := l.act(ctx); err != nil {
		return nil, fmt.Errorf("take mail: %w", err)
	}
	l.wait = l.waited(ctx)
	// Who is neither stopped nor asked is heard by somebody: who floods us in the
	// names of many must not drown the few.
	l.keep = l.keep || l.done == asked && !l.wait && l.trust != sender.Forged
	if err := l.finish(ctx); err != nil {
		return nil, fmt.Errorf("take mail: %w", err)
	}
	return &Fed{l.kind, l.done}, nil
}

// addressed are the addresses that a mail came to. Of one that staff feeds only
// the mail itself tells.
func (s *Section) addressed(e Envelope, m *mail.Message, from source) []string {
	if !from.fed {
		return e.To
	}
	all := append(m.Header("Delivered-To"), m.Header("X-Original-To")...)
	for _, a := range m.To {
		all = append(all, a.Text())
	}
	return all
}

// remember is how long a mail is known that was taken.
const remember = 7 * 24 * time.Hour

func (s *Section) seen(ctx context.Context, mark [32]byte) (yes bool, err error) {
	return yes, s.Store.View(ctx, func(tx *store.Tx) error {
		var n int64
		err := tx.Get(ctx, q.Seen, &n, mark[:])
		yes = n > 0
		return err
	})
}

// digest is by what a mail is known when it comes again: by what its sender wrote,
// since on another way other servers write other things on top of it. To another
// return path the same report is another one.
func (l *letter) digest() [32]byte {
	columns := [][]byte{[]byte("mailbox_seen"), []byte(l.ID), []byte(l.From.Text()), []byte(l.Subject), []byte(l.Text), []byte(strings.Join(l.Header("Date"), "\n"))}
	for _, in := range l.in {
		if in.bounce != "" || in.canary {
			columns = append(columns, []byte(in.at.Text()))
		}
	}
	if l.ID == "" && len(l.Header("Date")) == 0 {
		columns = append(columns, l.raw) // who says "stop" twice may have changed their mind between
	}
	return l.s.Ledger.Row(columns...)
}

// Tidy forgets which mails were taken and who was answered, once that cannot
// matter any more. The server calls it each hour.
func (s *Section) Tidy(ctx context.Context) error {
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		return errors.Join(tx.Do(ctx, q.Forget, tx.Now.Add(-remember)), tx.Do(ctx, q.ForgetAnswered, tx.Now.Add(-2*once)),
			tx.Do(ctx, q.ForgetTally, tx.Now.AddDate(-2, 0, 0).UTC().Format(time.DateOnly)))
	})
	if err != nil {
		return fmt.Errorf("tidy the mailbox: %w", err)
	}
	return nil
}

// doubts count what was done this hour for whom nobody vouches for, by network. When
// there are more networks than anybody has, nothing more is.
type doubts struct {
	mu    sync.Mutex
	since time.Time
	all   map[netip.Prefix]int
}

func (d *doubts) may(peer netip.Addr, now time.Time, most int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now.Sub(d.since) >= time.Hour {
		d.since, d.all = now, map[netip.Prefix]int{}
	}
	bits := 24
	if peer.Is6() {
		bits = 48
	}
	network, _ := peer.Prefix(bits) // the zero one for a mail server of ours
	if _, known := d.all[network]; !known && len(d.all) >= 1<<13 {
		return false
	}
	d.all[network]++
	return d.all[network] <= most
}

// origin is where links in letters lead.
func (s *Section) origin(now *statement.Edition) string {
	return cmp.Or(s.Origin, now.Organisation.Home())
}
