package mailbox_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/sender"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/collection/mailbox"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

const text = `---
statement: 1
organisation: {name: Harbour Instruments Ltd, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
data:
  email: {category: user.contact.email, index: exact}
  message: {category: user.content, type: long}
purposes:
  reply: {say: answer your question, basis: request}
collect:
  mail: {by: mail, fields: [email!, message], for: [reply], keep: 24 months}
optout: {address: stop@letters.harbour.example, within: 2 days}
questions: {answer: 10 days}
---
# Privacy statement
## Collection of information
[Mail that you send us is kept as carefully as a form.]{#mail-in keeps=collect.mail}
`

// A house is as much of one as mail needs. What the neighbours do it writes down.
type house struct {
	*mailbox.Section
	t       testing.TB
	db      *store.DB
	vault   *vault.Vault
	ledger  *ledger.Ledger
	keys    *seal.Keys
	edition *statement.Edition

	mu      sync.Mutex
	now     time.Time
	stops   []string // whom, what and how
	soft    []string
	touched []string
	answers []answer
	bounced map[string][32]byte
	names   map[[32]byte]string
	fail    error // of the next stop
}

type answer struct{ to, subject, text, inReplyTo string }

func (h *house) InForce() *statement.Edition { return h.edition }

func (h *house) Digest(a mail.Address) [32]byte {
	d := h.keys.Row([]byte("letters"), []byte(a.Text()))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.names[d] = a.Text()
	return d
}

func (h *house) Token(digest [32]byte, scope avow.Purpose) string {
	return h.keys.Veil("unsubscribe", append(digest[:], scope...))
}

func (h *house) Stop(_ context.Context, digest [32]byte, scope avow.Purpose, how string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.fail; err != nil {
		h.fail = nil
		return "", err
	}
	h.stops = append(h.stops, fmt.Sprintf("%s %s %s", h.names[digest], scope, how))
	return "/privacy/receipt/x", nil
}

func (h *house) Soft(_ context.Context, digest [32]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.soft = append(h.soft, h.names[digest])
	return nil
}

func (h *house) Bounced(_ context.Context, id string) ([32]byte, avow.Purpose, error) {
	if d, ok := h.bounced[id]; ok {
		return d, "news", nil
	}
	return [32]byte{}, "", store.ErrNone
}

func (h *house) Canary(_ context.Context, to mail.Address) (string, bool, error) {
	return "courier", to.Text() == "nora.k7f@pigeon.example", nil
}

func (h *house) Touched(_ context.Context, to mail.Address) error {
	h.touched = append(h.touched, to.Text())
	return nil
}

func (h *house) Answer(_ context.Context, _ *store.Tx, to mail.Address, subject, text, inReplyTo string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := answer{to.Text(), subject, text, inReplyTo}
	i := slices.IndexFunc(h.answers, func(b answer) bool { return a.to == b.to && a.inReplyTo == b.inReplyTo })
	if i < 0 { // a transaction may run again
		h.answers = append(h.answers, a)
	}
	return nil
}

func begin(t testing.TB, cfg store.Config, text string) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), bounced: map[string][32]byte{}, names: map[[32]byte]string{}}
	compiled, found := statement.Compile("statement.md", []byte(text), mailbox.Keeps)
	if compiled == nil {
		t.Fatal(found)
	}
	h.edition = &statement.Edition{Statement: compiled, Version: 1}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	var err error
	h.keys, err = seal.Create("file:"+dir, seal.Options{})
	must(err)
	cfg.Clock = func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }
	h.db, err = store.Open(t.Context(), cfg)
	must(err)
	forget := func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.ledger.Forget(ctx, tx, id) }
	h.vault, err = vault.Open(t.Context(), h.db, h.keys, vault.Options{Forget: forget, Settle: time.Nanosecond})
	must(err)
	h.ledger, err = ledger.Open(t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: h.keys.LogKey(), Keys: h.keys, HighWater: dir + "/high-water",
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		}})
	must(err)
	t.Cleanup(func() { h.ledger.Close(); h.db.Close() })
	h.Section = mailbox.New(mailbox.Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Editions: h, Digests: h, Tokens: h, Keys: h.keys, Stops: h, Softs: h, Bounces: h,
		Canaries: h, Letters: h, Sender: sender.Options{Trusted: []string{"mx.harbour.example"}}, Origin: "https://harbour.example",
		Mask: func(s string) string { return strings.ReplaceAll(s, "4111111111111111", "[card]") }})
	return h
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// to is an envelope for an address, from a mail server of ours.
func to(address string) mailbox.Envelope {
	return mailbox.Envelope{From: "eve@example.com", To: []string{address}, Peer: netip.MustParseAddr("10.0.2.1")}
}

// vouched is the field by which our own border says that a domain vouches for eve.
const vouched = "Authentication-Results: mx.harbour.example; dkim=pass header.d=example.com header.i=@example.com; dmarc=pass header.from=example.com\r\n"

var number struct {
	sync.Mutex
	n int
}

// written is a mail as somebody writes it.
func written(from, subject, body string, fields ...string) string {
	number.Lock()
	defer number.Unlock()
	number.n++
	return strings.Join(fields, "") + "From: " + from + "\r\nTo: stop@letters.harbour.example\r\nSubject: " + subject + fmt.Sprintf("\r\nMessage-ID: <%d@example.com>", number.n) +
		"\r\nDate: Tue, 24 Nov 2026 08:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + body + "\r\n"
}

// take hands in a mail that has to be taken.
func (h *house) take(e mailbox.Envelope, raw string) {
	h.t.Helper()
	if err := h.Take(h.t.Context(), e, strings.NewReader(raw)); err != nil {
		h.t.Fatal(err)
	}
}

// records opens what is kept, by person.
func (h *house) records() (all []map[avow.Field]string) {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		list, err := h.vault.List(h.t.Context(), tx, "mail", "", 100)
		for _, r := range list {
			closed, err := h.vault.Get(h.t.Context(), tx, r.ID)
			if err != nil {
				return err
			}
			values, err := closed.OpenAll()
			if err != nil {
				return err
			}
			one := map[avow.Field]string{}
			for f, v := range values {
				one[f] = string(v.Reveal())
			}
			all = append(all, one)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// stopped forgets and returns which letters were stopped.
func (h *house) stopped() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.stops)
	all := strings.Join(h.stops, ", ")
	h.stops = nil
	return all
}

// answered forgets and returns the only answer there is, or "".
func (h *house) answered() string {
	h.t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.answers) > 1 {
		h.t.Fatalf("answered %d times", len(h.answers))
	}
	all := ""
	for _, a := range h.answers {
		all = a.to + ": " + a.text
	}
	h.answers = nil
	return all
}
