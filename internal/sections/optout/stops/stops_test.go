package stops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// A house is as much of one as stops need.
type house struct {
	*Book
	t       testing.TB
	cfg     store.Config
	keys    *seal.Keys
	db      *store.DB
	vault   *vault.Vault
	ledger  *ledger.Ledger
	edition *statement.Edition

	mu   sync.Mutex
	now  time.Time
	tick func() // is called once, when the clock is asked
}

func (h *house) InForce() *statement.Edition { return h.edition }

func (h *house) clock() time.Time {
	h.mu.Lock()
	now, tick := h.now, h.tick
	h.tick = nil
	h.mu.Unlock()
	if tick != nil {
		tick()
	}
	return now
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

const text = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
purposes:
  news: {say: tell you about new instruments, basis: opt-in, channel: email}
  tips: {say: help you with what you have, basis: legitimate-interest, channel: email}
  deliver: {say: deliver what you ordered, basis: contract, channel: email}
optout: {address: privacy@harbour.example, within: 2 days, confirm: by-mail, stays: stopped, topics: each}
---
# Statement
`

func begin(t testing.TB, cfg store.Config) *house {
	compiled, found := statement.Compile("statement.md", []byte(text), nil)
	if compiled == nil {
		t.Fatal(found)
	}
	h := &house{t: t, cfg: cfg, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC), edition: &statement.Edition{Version: 1, Statement: compiled}}
	var err error
	h.keys, err = seal.Create("file:"+filepath.Join(t.TempDir(), "keys"), seal.Options{})
	h.must(err)
	h.start()
	t.Cleanup(h.end)
	return h
}

// start opens the house, again if it was ended.
func (h *house) start() {
	h.t.Helper()
	var err error
	h.cfg.Clock = h.clock
	h.db, err = store.Open(context.Background(), h.cfg)
	h.must(err)
	h.vault, err = vault.Open(context.Background(), h.db, h.keys, vault.Options{Settle: time.Nanosecond,
		Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.ledger.Forget(ctx, tx, id) }})
	h.must(err)
	h.ledger, err = ledger.Open(context.Background(), h.db, ledger.Config{Origin: "harbour.example/log", Key: h.keys.LogKey(), Keys: h.keys,
		HighWater: filepath.Join(h.keys.Beside(), "high-water")})
	h.must(err)
	h.must(h.open())
}

// open opens another book, as another process would; what the one before has not
// settled it has not settled.
func (h *house) open() (err error) {
	if h.Book != nil {
		h.must(h.Close())
	}
	h.Book, err = Open(context.Background(), Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Keys: h.keys, Editions: h})
	return err
}

func (h *house) end() {
	h.must(h.Close())
	h.must(h.ledger.Close())
	h.must(h.db.Close())
	h.Book = nil
}

func (h *house) of(address string) [32]byte {
	h.t.Helper()
	a, err := mail.ParseAddress(address)
	h.must(err)
	return h.Digest(a)
}

func (h *house) may(digest [32]byte, p avow.Purpose) (why string) {
	h.t.Helper()
	h.must(h.db.View(context.Background(), func(tx *store.Tx) (err error) {
		why, err = h.May(context.Background(), tx, h.edition, nil, digest, h.edition.Purpose(p))
		return err
	}))
	return why
}

func (h *house) stop(digest [32]byte, scope avow.Purpose, how How) Stopped {
	h.t.Helper()
	done, err := h.Stop(context.Background(), Stop{Digest: digest, Scope: scope, How: how})
	h.must(err)
	return done[0]
}

// begun starts letters for a purpose, asked for now.
func (h *house) begun(digest [32]byte, p avow.Purpose) error {
	var asked int64
	h.must(h.db.View(context.Background(), func(tx *store.Tx) error {
		all, err := h.Of(context.Background(), tx, digest)
		asked = max(tx.Now.UnixMicro(), all.Last(p)+1)
		return err
	}))
	_, err := h.Start(context.Background(), digest, []avow.Purpose{p}, asked)
	return err
}

func (h *house) consented(digest [32]byte, p avow.Purpose) {
	h.t.Helper()
	h.must(h.db.Commit(context.Background(), func(tx *store.Tx) error { return h.Consented(context.Background(), tx, digest, p) }))
}

// whole says that the rows are those that the state sums up.
func (h *house) whole() {
	h.t.Helper()
	h.must(h.db.View(context.Background(), func(tx *store.Tx) error {
		found, err := h.Scan(context.Background(), tx)
		if err != nil {
			return err
		}
		kept, err := h.ledger.State(context.Background(), tx)
		if err == nil && found[store.Words] != kept[store.Words] {
			err = errors.New("the words are not those that the state sums up")
		}
		return err
	}))
}

// A copied is what a backup has.
type copied struct {
	words   []word
	applied map[[16]byte]int64
}

func (h *house) backup() (c copied) {
	h.t.Helper()
	c.applied = map[[16]byte]int64{}
	h.must(h.db.View(context.Background(), func(tx *store.Tx) error {
		err := tx.Each(context.Background(), q.AllWords, func(scan func(...any) error) error {
			var w word
			var digest []byte
			err := scan(&digest, &w.scope, &w.stopped, &w.started, &w.how)
			w.digest = [32]byte(digest)
			c.words = append(c.words, w)
			return err
		})
		if err != nil {
			return err
		}
		return tx.Each(context.Background(), "SELECT id, applied FROM optout_journal", func(scan func(...any) error) error {
			var id [16]byte
			var n int64
			err := scan(&id, &n)
			c.applied[id] = n
			return err
		})
	}))
	return c
}

// restore puts the rows of a backup in the place of those that are there. The
// journal stays as it is.
func (h *house) restore(c copied) {
	h.t.Helper()
	now := h.backup()
	h.must(h.db.Commit(context.Background(), func(tx *store.Tx) error {
		ctx := context.Background()
		for i := range now.words {
			tx.Remove(store.Words, h.row(&now.words[i]))
		}
		for i := range c.words {
			tx.Add(store.Words, h.row(&c.words[i]))
		}
		if err := errors.Join(tx.Do(ctx, "DELETE FROM optout_word"), tx.Do(ctx, "DELETE FROM optout_journal")); err != nil {
			return err
		}
		for _, w := range c.words {
			if err := tx.Do(ctx, q.AddWord, w.digest[:], string(w.scope), w.stopped, w.started, string(w.how)); err != nil {
				return err
			}
		}
		for id, n := range c.applied {
			if err := tx.Do(ctx, q.Apply, id, n); err != nil {
				return err
			}
		}
		return nil
	}))
	h.must(h.open())
}

func (h *house) journals() (names []string) {
	names, err := filepath.Glob(filepath.Join(h.keys.Beside(), journalPrefix+"*"))
	h.must(err)
	return names
}

func TestWords(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		ada := h.of("Ada@Example.com")
		if ada != h.of("ada@example.com") || ada == h.of("eve@example.com") {
			t.Error("an address is not known by one digest")
		}
		say := func(what, news, tips, deliver string) {
			t.Helper()
			for p, want := range map[avow.Purpose]string{"news": news, "tips": tips, "deliver": deliver} {
				if got := h.may(ada, p); got != want {
					t.Errorf("%s: a letter to %s is refused as %q, want %q", what, p, got, want)
				}
			}
		}
		say("at first", "unconfirmed", "", "")
		h.must(h.begun(ada, "news"))
		say("confirmed", "", "", "")
		if h.stop(ada, "tips", Click).Link == "" {
			t.Error("a click gets no receipt")
		}
		say("a topic stopped", "", "stopped", "")
		h.stop(ada, All, Page)
		say("everything stopped", "stopped", "stopped", "")
		h.consented(ada, "news")
		h.consented(ada, "tips")
		say("imported", "stopped", "stopped", "")
		h.must(h.begun(ada, "news"))
		say("started again", "", "stopped", "")
		h.stop(ada, All, Mail)
		say("everything stopped again", "stopped", "stopped", "")
		h.must(h.begun(ada, "news"))
		if h.stop(ada, "", Bounce).Link != "" {
			t.Error("a bounce gets a receipt")
		}
		say("bounced", "bounced", "bounced", "bounced")
		h.must(h.begun(ada, "tips"))
		say("the address works again", "", "", "")
		h.stop(ada, "", Child)
		if err := h.begun(ada, "news"); !errors.Is(err, ErrStopped) {
			t.Errorf("a start by a child is answered %v", err)
		}
		say("a child's", "child", "child", "child")
		h.whole()
		eve := h.of("eve@example.com")
		h.consented(eve, "news")
		if why := h.may(eve, "news"); why != "" {
			t.Errorf("consent from elsewhere is refused as %q", why)
		}
	})
}

// TestDated: a stop from another tool holds, unless the person started after it.
func TestDated(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	early := h.clock().Add(-time.Hour)
	ada, eve := h.of("ada@example.com"), h.of("eve@example.com")
	h.must(h.begun(ada, "news"))
	for _, scope := range []avow.Purpose{"news", All} {
		for _, who := range [][32]byte{ada, eve} {
			_, err := h.Stop(t.Context(), Stop{who, scope, Import, early})
			h.must(err)
		}
		if h.may(ada, "news") != "" || h.may(eve, "tips") == "" && scope == All {
			t.Errorf("%s: who started later is refused as %q, who did not as %q", scope, h.may(ada, "news"), h.may(eve, "tips"))
		}
	}
	_, err := h.Stop(t.Context(), Stop{ada, "news", Import, h.clock().Add(time.Hour)}) // whatever that means
	h.must(err)
	if h.may(ada, "news") != "stopped" {
		t.Error("a stop from the future is passed over")
	}
}

// TestLinkOfBefore: a link that was sent before a stop starts nothing after it.
func TestLinkOfBefore(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ada, asked := h.of("ada@example.com"), h.clock().UnixMicro()
	for range 2 {
		done, err := h.Start(t.Context(), ada, []avow.Purpose{"news"}, asked)
		h.must(err)
		if h.pass(time.Minute); (done.Link == "") != (h.clock().Minute() == 2) {
			t.Error("a start that is done twice is entered twice, or never")
		}
	}
	h.stop(ada, "news", Click)
	if _, err := h.Start(t.Context(), ada, []avow.Purpose{"news"}, asked); !errors.Is(err, ErrStopped) || h.may(ada, "news") != "stopped" {
		t.Errorf("after a stop the old link is answered %v", err)
	}
}

func TestTokens(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ada := h.of("ada@example.com")
	token := h.Token(ada, "news")
	if token != h.Token(ada, "news") || token == h.Token(ada, "tips") || token == h.Token(h.of("eve@example.com"), "news") || strings.Contains(token, "news") {
		t.Errorf("a token is %s", token)
	}
	for _, wrong := range []string{"", "x", token[:len(token)-2], token + "A", h.keys.Veil("start", append(ada[:], "news"...)), h.keys.Veil(veil, ada[:])} {
		if err := h.StopToken(t.Context(), wrong, Click); !errors.Is(err, ErrToken) {
			t.Errorf("%q is answered %v", wrong, err)
		}
	}
	size := h.ledger.Status().Size
	for range 3 {
		h.must(h.StopToken(t.Context(), token, Click))
	}
	if why := h.may(ada, "news"); why != "stopped" || h.ledger.Status().Size != size+1 {
		t.Errorf("after three clicks a letter is refused as %q, and there are %d entries more", why, h.ledger.Status().Size-size)
	}
	if fault := h.TryLink() + TryImport() + TryTopics(h.edition, []avow.Purpose{"news", "tips"}) + TryConfirm(h.edition); fault != "" {
		t.Error(fault)
	}
}

// TestSoft: an address that does not take letters five times in 30 days does not
// take them.
func TestSoft(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		ada := h.of("ada@example.com")
		for i := range 9 { // four, then a month without, then five
			if why := h.may(ada, "tips"); why != "" {
				t.Fatalf("after %d times it is refused as %q", i, why)
			}
			if h.pass(24 * time.Hour); i == 4 {
				h.pass(31 * 24 * time.Hour)
			}
			h.must(h.Soft(t.Context(), ada))
		}
		if why := h.may(ada, "deliver"); why != "bounced" {
			t.Errorf("it is refused as %q", why)
		}
		h.must(h.begun(ada, "tips"))
		h.must(h.Soft(t.Context(), ada))
		if why := h.may(ada, "tips"); why != "" {
			t.Errorf("once more after it worked, it is refused as %q", why)
		}
	})
}

// TestAgainst finds the letters that went out against a stop, and no others.
func TestAgainst(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		n := 0
		send := func(digest [32]byte, p avow.Purpose) {
			n++
			h.pass(time.Minute)
			h.must(h.db.Commit(t.Context(), func(tx *store.Tx) error {
				return tx.Do(t.Context(), "INSERT INTO mail_sent (id, digest, purpose, at) VALUES ($1, $2, $3, $4)", [16]byte{byte(n)}, digest[:], string(p), tx.Now)
			}))
			h.pass(time.Minute)
		}
		against := func() (sent int64) {
			t.Helper()
			h.must(h.db.View(t.Context(), func(tx *store.Tx) (err error) {
				sent, err = h.Against(t.Context(), tx, h.edition, tx.Now.AddDate(0, 0, -30))
				return err
			}))
			return sent
		}
		ada := h.of("ada@example.com")
		send(ada, "news")
		h.stop(ada, All, Page)
		send(ada, "deliver")
		h.must(h.begun(ada, "news"))
		send(ada, "news")
		h.stop(ada, "news", Page)
		if got := against(); got != 0 {
			t.Fatalf("%d were sent against a stop, want none", got)
		}
		for i, p := range []avow.Purpose{"news", "tips"} {
			if send(ada, p); against() != int64(i+1) {
				t.Errorf("a letter to %s against a stop is not seen", p)
			}
		}
		h.stop(h.of("eve@example.com"), "", Child)
		if send(h.of("eve@example.com"), "deliver"); against() != 3 {
			t.Error("a letter to a child is not seen")
		}
		bob := h.of("bob@example.com")
		h.stop(bob, All, Page)
		send(bob, "tips")
		h.stop(bob, All, Page) // who stops once more must not hide it
		if h.stop(bob, All, Page); against() != 4 {
			t.Errorf("a letter between two stops: %d were sent against a stop, want 4", against())
		}
	})
}

// TestGroups: stops that come at once are made durable together.
func TestGroups(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	var all sync.WaitGroup
	for i := range 256 {
		all.Go(func() {
			if _, err := h.Stop(t.Context(), Stop{Digest: [32]byte{1, byte(i)}, Scope: All, How: Page}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	groups, lines := map[int64]bool{}, 0
	text, err := os.ReadFile(h.journals()[0])
	h.must(err)
	for _, one := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		_, group, ok := parseLine([]byte(one))
		if !ok {
			t.Fatalf("%q is no line", one)
		}
		groups[group] = true
		lines++
	}
	if lines != 256 || len(groups) > 192 { // how many wait for each other is the scheduler's business
		t.Errorf("%d stops were made durable in %d groups", lines, len(groups))
	}
	t.Logf("256 stops in %d groups", len(groups))
	if h.journal.low() != h.journal.size || len(h.journal.flying) != 0 {
		t.Error("some are still under way")
	}
	h.whole()
}

// TestTells: neither a word nor a stop prints an address.
func TestTells(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ada := h.of("ada@example.com")
	h.stop(ada, All, Page)
	text, err := os.ReadFile(h.journals()[0])
	h.must(err)
	if strings.Contains(string(text)+fmt.Sprint(h.backup()), "ada@") {
		t.Error("an address is in the journal or in the table")
	}
}

// others remember what they were told.
type others []avow.Purpose

func (o *others) Stopped(_ context.Context, _ *store.Tx, _ [32]byte, scope avow.Purpose) error {
	*o = append(*o, scope)
	return nil
}

// TestOthers: others are told what somebody wants, in words that they know.
func TestOthers(t *testing.T) {
	h, told := begin(t, store.Config{Path: t.TempDir()}), others{}
	h.Others = &told
	for _, how := range ways {
		h.stop([32]byte{1}, "tips", how)
	}
	h.stop([32]byte{1}, All, Mail)
	if want := "[tips tips tips tips * tips tips *]"; fmt.Sprint(told) != want {
		t.Errorf("others are told %v, want %s", told, want)
	}
}
