package mailing_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	address "github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/sections/use"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

const harbour = `---
statement: 1
organisation: {name: Harbour Instruments Ltd, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
data:
  email:   {category: user.contact.email, say: E-mail address, index: exact}
  message: {category: user.content, say: Your message, type: long, max: 4000}
purposes:
  reply:   {say: answer your question, basis: request}
  deliver: {say: deliver what you ordered, basis: contract, channel: email}
  news:    {say: tell you about new instruments, basis: opt-in, channel: email}
  opinion: {say: learn what you think, basis: opt-in, channel: email, at-most: 2 per year}
collect:
  contact:    {fields: [email!, message!], for: [reply], keep: 24 months}
  order:      {fields: [email!], for: [deliver], keep: 6 years}
  newsletter: {fields: [email!], for: [news], keep: 24 months}
  panel:      {fields: [email!], for: [opinion], keep: 24 months}
never: [sale]
---
# Privacy

## Collection of information

[We keep your mail address.]{#contact keeps=collect}

## Use of information collected

[We use it to answer you.]{#purpose keeps=purposes.reply,never}
[News and surveys reach you only if you asked for them, and surveys no more than twice a year.]{#asked-for keeps=purposes.deliver,purposes.news,purposes.opinion}
`

var kinds = slices.Concat(collection.Keeps, use.Keeps, mailing.Keeps, optout.Keeps)

func compiled(t testing.TB, text string) *statement.Statement {
	t.Helper()
	s, found := statement.Compile("statement.md", []byte(text), kinds)
	if found.Failed() {
		t.Fatal(found)
	}
	return s
}

// A house is the section with what it needs, over words and a clock that the test
// decides.
type house struct {
	*mailing.Section
	t      testing.TB
	db     *store.DB
	vault  *vault.Vault
	ledger *ledger.Ledger
	keys   *seal.Keys
	out    *outbox
	words  *words
	log    strings.Builder

	mu       sync.Mutex
	now      time.Time
	editions []*statement.Edition
}

var ctx = context.Background()

func newHouse(t testing.TB, cfg store.Config) *house {
	t.Helper()
	dir := t.TempDir()
	keys, err := seal.Create("file:"+filepath.Join(dir, "keys"), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return openHouse(t, cfg, dir, keys)
}

func openHouse(t testing.TB, cfg store.Config, dir string, keys *seal.Keys) *house {
	t.Helper()
	h := &house{t: t, keys: keys, out: &outbox{}, words: &words{stopped: map[[32]byte]string{}}, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	cfg.Clock = func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now }
	var err error
	if h.db, err = store.Open(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.db.Close() })
	if h.vault, err = vault.Open(ctx, h.db, keys, vault.Options{Forget: h.forget, Settle: time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	log := logOf(dir, keys)
	log.Subject = func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
		return h.vault.Find(ctx, tx, id)
	}
	if name, err := ledger.Name(ctx, h.db); err == nil && name != "" {
		log.Origin = name
	}
	if h.ledger, err = ledger.Open(ctx, h.db, log); err != nil {
		t.Fatal(err)
	}
	h.publish(harbour)
	h.signs()
	h.Section = mailing.New(mailing.Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Editions: h, Keys: keys, Words: h.words, Digests: h, Stops: h, Bounces: h, Guard: h,
		Door: h.out, Origin: "https://harbour.example", Log: slog.New(slog.NewTextHandler(&locked{w: &h.log}, nil))})
	return h
}

func logOf(dir string, keys *seal.Keys) ledger.Config {
	return ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(dir, "high")}
}

// ders are keys for letters; to make them takes longer than most tests.
var ders = sync.OnceValues(func() (all [][]byte, err error) {
	for _, selector := range letter.Selectors {
		der, err := letter.MakeKey(selector)
		if err != nil {
			return nil, err
		}
		all = append(all, der)
	}
	return all, nil
})

func (h *house) signs() {
	h.t.Helper()
	made, err := ders()
	if err == nil {
		err = h.db.Commit(ctx, func(tx *store.Tx) (err error) {
			for i, selector := range letter.Selectors {
				err = errors.Join(err, tx.Do(ctx, "INSERT INTO mail_key (selector, made, sealed) VALUES ($1, $2, $3) ON CONFLICT (selector) DO NOTHING",
					selector, tx.Now, h.keys.Veil("dkim/"+selector, made[i])))
			}
			return err
		})
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

type locked struct {
	sync.Mutex
	w *strings.Builder
}

func (l *locked) Write(b []byte) (int, error) { l.Lock(); defer l.Unlock(); return l.w.Write(b) }

func (h *house) forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	return h.ledger.Forget(ctx, tx, id)
}

func (h *house) publish(text string) {
	s := compiled(h.t, text)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.editions = append(h.editions, &statement.Edition{Statement: s, Version: avow.Version(len(h.editions) + 1)})
}

func (h *house) InForce() *statement.Edition {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.editions[len(h.editions)-1]
}

func (h *house) Edition(v avow.Version) *statement.Edition {
	h.mu.Lock()
	defer h.mu.Unlock()
	if v < 1 || int(v) > len(h.editions) {
		return nil
	}
	return h.editions[v-1]
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) Digest(a address.Address) (d [32]byte) {
	m := hmac.New(sha256.New, []byte("a key"))
	m.Write([]byte(a.Text()))
	m.Sum(d[:0])
	return d
}

func (h *house) Token(digest [32]byte, p avow.Purpose) string {
	return h.keys.Veil("unsubscribe", append(digest[:], p...))
}

func (h *house) Bounced(_ context.Context, digest [32]byte, _ avow.Purpose) error {
	h.words.stop(digest, "bounced")
	return nil
}

// gives keeps what somebody gave us.
func (h *house) gives(to string, in avow.Collection) (who avow.SubjectID) {
	h.t.Helper()
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		e := h.InForce()
		s, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Category: "user.contact.email", Value: []byte(to)})
		if err != nil {
			return err
		}
		who = s.ID()
		id, err := h.vault.Put(ctx, tx, s, vault.Record{Collection: in, Version: e.Version, Expires: e.Collection(in).Keep.After(tx.Now), Values: map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(to))}})
		if err != nil {
			return err
		}
		_, err = h.ledger.Record(ctx, tx, s, ledger.Event{About: id, Type: "collected", Clause: "contact", Statement: e.Version, New: true})
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return who
}

func (h *house) erase(who avow.SubjectID) {
	h.t.Helper()
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		s, err := h.vault.Find(ctx, tx, who)
		if errors.Is(err, store.ErrNone) {
			return nil
		}
		if err == nil {
			_, err = h.ledger.Erase(ctx, tx, s, ledger.Event{Type: "erased", Statement: 1})
		}
		if err == nil {
			err = h.vault.Erase(ctx, tx, who)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func parse(text string) address.Address {
	a, _ := address.ParseAddress(text)
	return a
}

func letterFor(purpose avow.Purpose, to ...string) mailing.Letter {
	l := mailing.Letter{Purpose: purpose, Subject: "A new barometer", Text: "It is made of brass. {unsubscribe}"}
	for _, one := range to {
		l.Recipients = append(l.Recipients, parse(one))
	}
	return l
}

// send sends a letter and says for each recipient why not.
func (h *house) send(purpose avow.Purpose, to ...string) string {
	h.t.Helper()
	out, err := h.Send(ctx, letterFor(purpose, to...))
	var no *avow.Refusal
	if errors.As(err, &no) {
		return "all " + string(no.Clause)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	var all []string
	for _, o := range out.Results {
		if o.Queued {
			all = append(all, "queued")
		} else {
			all = append(all, string(o.Reason)+"/"+string(o.Clause))
		}
	}
	return strings.Join(all, " ")
}

func (h *house) deliver() {
	h.t.Helper()
	if err := h.Deliver(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// rows counts the rows of a table.
func (h *house) rows(table string) (n int64) {
	h.t.Helper()
	if err := h.db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT COUNT(*) FROM "+table, &n) }); err != nil {
		h.t.Fatal(err)
	}
	return n
}

// tally is what was counted, for all days.
func (h *house) tally(purpose, outcome string) (n int64) {
	h.t.Helper()
	err := h.db.View(ctx, func(tx *store.Tx) error {
		return tx.Get(ctx, "SELECT COALESCE(CAST(SUM(n) AS BIGINT), 0) FROM mail_tally WHERE purpose = $1 AND outcome = $2", &n, purpose, outcome)
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// words are those of package optout, as far as they matter here.
type words struct {
	mu      sync.Mutex
	stopped map[[32]byte]string
}

func (w *words) stop(digest [32]byte, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped[digest] = reason
}

func (w *words) May(_ context.Context, _ *store.Tx, _, _ *statement.Edition, digest [32]byte, p *statement.Purpose) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	reason := w.stopped[digest]
	if reason == "stopped" && p.Transactional() {
		return "", nil
	}
	return reason, nil
}

// An outbox takes letters, and answers as it is told to.
type outbox struct {
	mu      sync.Mutex
	letters []posted
	answer  func(to string) error
}

type posted struct {
	from, to string
	text     string
}

func (o *outbox) Send(_ context.Context, from, to string, letter []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answer != nil {
		if err := o.answer(to); err != nil {
			return err
		}
	}
	o.letters = append(o.letters, posted{from, to, string(letter)})
	return nil
}

func (o *outbox) count() int { o.mu.Lock(); defer o.mu.Unlock(); return len(o.letters) }

func (p posted) header(t testing.TB) mail.Header {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(p.text))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header
}

func numbered(n int) string { return fmt.Sprintf("p%d@example.com", n) }

// Caller knows one token.
func (h *house) Caller(_ context.Context, digest [32]byte) (*api.Caller, error) {
	switch digest {
	case api.Digest("good"):
		return &api.Caller{Name: "shop", May: []api.Verb{api.Send}, Purposes: []avow.Purpose{"news", "deliver"}}, nil
	case api.Digest("reader"):
		return &api.Caller{Name: "crm", May: []api.Verb{api.Read}}, nil
	}
	return nil, nil
}

func (h *house) Refused(context.Context, *api.Caller) {}
