package mailing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// TestRetries: a letter is tried again, later and later, until five days are over.
func TestRetries(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.send("news", "ada@example.com")
	tries := 0
	h.out.answer = func(string) error { tries++; return &egress.DeliveryError{Code: 451} }
	begin := h.now
	var at []time.Duration
	for h.rows("mail_queue") > 0 && h.now.Sub(begin) < 6*24*time.Hour {
		before := tries
		h.deliver()
		if tries > before {
			at = append(at, h.now.Sub(begin))
		}
		if h.pass(time.Minute); len(at) > 5 {
			h.pass(9 * time.Minute)
		}
	}
	for i, want := range []time.Duration{0, 1, 6, 21, 81, 261} {
		if at[i] != want*time.Minute {
			t.Errorf("try %d is after %v, want %v", i, at[i], want*time.Minute)
		}
	}
	if last := at[len(at)-1]; last < 4*24*time.Hour || last > 5*24*time.Hour || h.tally("news", "undone") != 1 {
		t.Errorf("the last try is after %v, and counted as undone are %d", last, h.tally("news", "undone"))
	}
}

// TestRefusedForGood: the relay's no is the end of the letter, and if there is
// nobody of that name, of all letters to that address.
func TestRefusedForGood(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	for _, who := range []string{"ada@example.com", "eve@example.com"} {
		h.gives(who, "newsletter")
	}
	h.out.answer = func(to string) error {
		return &egress.DeliveryError{Code: 550, Permanent: true, Nobody: to == "ada@example.com"}
	}
	h.send("news", "ada@example.com", "eve@example.com")
	h.deliver()
	h.out.answer = nil
	if got := h.send("news", "ada@example.com", "eve@example.com"); got != "bounced/asked-for queued" {
		t.Errorf("after that: %s", got)
	}
	if h.tally("news", "returned") != 2 {
		t.Errorf("counted are %d", h.tally("news", "returned"))
	}
}

// TestRelayAway: while the relay is out of reach nothing is lost and nobody's
// letter is counted as tried in vain but the one that found out.
func TestRelayAway(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	var all []string
	for i := range 100 {
		all = append(all, numbered(i))
		h.gives(numbered(i), "newsletter")
	}
	h.send("news", all...)
	var tried int
	h.out.answer = func(string) error { tried++; return errors.New("connection refused") }
	if err := h.Deliver(ctx); err == nil || strings.Contains(err.Error(), "example.com") {
		t.Errorf("it says %v", err)
	}
	if tried > 8 || h.rows("mail_queue") != 100 {
		t.Errorf("%d were tried, %d wait", tried, h.rows("mail_queue"))
	}
	h.out.answer = nil
	h.pass(2 * time.Minute)
	h.deliver()
	if h.out.count() != 100 {
		t.Errorf("%d went out after it was back", h.out.count())
	}
}

// TestErased: whose letter waits and is erased gets none, and nothing of it is left.
func TestErased(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := newHouse(t, cfg)
		ada, eve := h.gives("ada@example.com", "newsletter"), h.gives("eve@example.com", "newsletter")
		h.send("news", "ada@example.com", "eve@example.com")
		h.send("news", "ada@example.com")
		h.erase(ada)
		if h.rows("mail_queue") != 1 {
			t.Errorf("%d rows wait, want eve's", h.rows("mail_queue"))
		}
		h.erase(eve)
		h.deliver()
		if h.out.count() != 0 || h.rows("vault_record") != 0 || h.rows("vault_subject") != 0 || h.rows("mail_message") != 0 {
			t.Errorf("%d went out; %d records, %d subjects, %d messages are left", h.out.count(), h.rows("vault_record"), h.rows("vault_subject"), h.rows("mail_message"))
		}
	})
}

// TestExpired: what nobody delivers is gone after five days, as any record is.
func TestExpired(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.gives("eve@example.com", "newsletter")
	h.send("news", "ada@example.com", "eve@example.com")
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		return h.Notice(ctx, tx, mailing.Notice{To: parse("x@example.org"), Subject: "a", Text: "b"})
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pass(5*24*time.Hour + time.Second)
	expiry := &collection.Section{Store: h.db, Vault: h.vault, Ledger: h.ledger, Editions: h}
	if n, err := expiry.Expire(ctx); n != 2 || err != nil {
		t.Errorf("%d went (%v), want the text of the news and the notice", n, err)
	}
	if h.rows("vault_record") != 2 || h.rows("vault_subject") != 2 {
		t.Errorf("%d records are left", h.rows("vault_record"))
	}
	h.deliver()
	if h.out.count() != 0 || h.rows("mail_queue") != 0 || h.rows("mail_message") != 0 {
		t.Errorf("%d went out; %d wait", h.out.count(), h.rows("mail_queue"))
	}
	found, err := h.vault.Scan(ctx, nil2(h), true, nil)
	if err != nil || found.Found > 0 {
		t.Error(found, err)
	}
}

// TestCapTogether: however many try at once, nobody gets more than they may.
func TestCapTogether(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := newHouse(t, cfg)
		houses := []*house{h}
		if cfg.URL != "" {
			houses = append(houses, openHouse(t, cfg, t.TempDir(), h.keys))
		}
		h.gives("bob@example.com", "panel")
		h.gives("eve@example.com", "panel")
		var sends sync.WaitGroup
		var mu sync.Mutex
		queued := map[string]int{}
		for i := range 24 {
			sends.Go(func() {
				to := []string{"bob@example.com", "eve@example.com"}
				if i%3 > 0 {
					to = to[i%2:][:1]
				}
				out, err := houses[i%len(houses)].Send(context.Background(), letterFor("opinion", to...))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				for i, o := range out.Results {
					if o.Queued {
						queued[to[i]]++
					}
				}
			})
		}
		sends.Wait()
		if queued["bob@example.com"] != 2 || queued["eve@example.com"] != 2 {
			t.Errorf("queued were %v, want 2 each", queued)
		}
		h.deliver()
		if h.out.count() != 4 {
			t.Errorf("%d went out", h.out.count())
		}
	})
}

// TestOnce: houses that share a database send each letter once, and one that was
// killed between handing over and writing that down sends that letter once more.
func TestOnce(t *testing.T) {
	cfg := store.Config{URL: storetest.Postgres(t)}
	h := newHouse(t, cfg)
	other := openHouse(t, cfg, t.TempDir(), h.keys)
	var all []string
	for i := range 60 {
		all = append(all, numbered(i))
		h.gives(numbered(i), "newsletter")
	}
	h.send("news", all...)
	var both sync.WaitGroup
	for _, one := range []*house{h, other} {
		both.Go(func() {
			if err := one.Deliver(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	seen := map[string]int{}
	for _, p := range append(h.out.letters, other.out.letters...) {
		seen[p.to]++
	}
	if len(seen) != 60 || h.out.count()+other.out.count() != 60 {
		t.Errorf("%d letters reached %d people, want 60 each", h.out.count()+other.out.count(), len(seen))
	}
}

// TestKeys: the keys of letters are made once, by whoever is first, and lie closed.
func TestKeys(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := newHouse(t, cfg)
		if err := h.db.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, "DELETE FROM mail_key") }); err != nil {
			t.Fatal(err)
		}
		var got [3][]letter.Record
		var all sync.WaitGroup
		for i := range got {
			one := mailing.New(h.Deps)
			all.Go(func() {
				var err error
				if got[i], err = one.Records(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if !slices.Equal(got[0], got[1]) || !slices.Equal(got[0], got[2]) || len(got[0]) != 2 || got[0][1].Name != "avow-r._domainkey.harbour.example" ||
			!strings.HasPrefix(got[0][1].Text, "v=DKIM1; k=rsa; p=MII") || !strings.HasPrefix(got[0][0].Text, "v=DKIM1; k=ed25519; p=") {
			t.Errorf("%v", got)
		}
		if h.rows("mail_key") != 2 {
			t.Errorf("there are %d keys", h.rows("mail_key"))
		}
	})
}

// TestKilled: a lease whose holder is gone ends, and the letter goes again as it
// was.
func TestKilled(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.send("news", "ada@example.com")
	h.Kill(ctx)
	if h.out.count() != 1 {
		t.Fatal("it was not handed over")
	}
	h.deliver()
	if h.out.count() != 1 {
		t.Error("a leased letter went to another")
	}
	h.pass(time.Hour)
	h.deliver()
	h.pass(time.Hour)
	h.deliver()
	if h.out.count() != 2 || h.out.letters[0].header(t).Get("Message-Id") != h.out.letters[1].header(t).Get("Message-Id") {
		t.Errorf("%d went out, or they cannot be told to be the same", h.out.count())
	}
}

// TestPoison: a letter that cannot be written holds up no other.
func TestPoison(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	var ids []avow.SubjectID
	for _, who := range []string{"ada@example.com", "eve@example.com", "bob@example.com"} {
		ids = append(ids, h.gives(who, "newsletter"))
		h.send("news", who)
	}
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		err := tx.Do(ctx, "UPDATE vault_subject SET wrapped = $2 WHERE id = $1", ids[0], []byte("x"))
		if err == nil {
			err = tx.Do(ctx, "UPDATE vault_record SET sealed = $2 WHERE subject = $1 AND collection = '(letters)'", ids[1], []byte("x"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.deliver()
	if h.out.count() != 1 || h.out.letters[0].to != "bob@example.com" || h.tally("news", "undone") != 1 || h.rows("mail_queue") != 1 {
		t.Errorf("%d went out, %d wait", h.out.count(), h.rows("mail_queue"))
	}
	if log := h.log.String(); !strings.Contains(log, "cannot be written") || strings.Contains(log, "@") {
		t.Errorf("the log has %s", log)
	}
}

// TestHung: who wakes up when the lease is over leaves the letter to who has it now.
func TestHung(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.send("news", "ada@example.com")
	first := h.Hang(ctx)
	h.pass(time.Hour)
	if err := first(); err != nil || h.out.count() != 0 {
		t.Errorf("after its lease it is handed over %d times (%v)", h.out.count(), err)
	}
	late := h.Hang(ctx)
	h.pass(19 * time.Minute)
	if err := late(); err != nil || h.out.count() != 0 {
		t.Errorf("so that another could have it before it was taken, it is handed over %d times (%v)", h.out.count(), err)
	}
	h.pass(time.Hour)
	second := h.Hang(ctx)
	if err := first(); err != nil || h.out.count() != 0 {
		t.Errorf("another's letter is handed over %d times (%v)", h.out.count(), err)
	}
	if err := second(); err != nil || h.out.count() != 1 || h.rows("mail_queue") != 0 {
		t.Errorf("the one who has it hands it over %d times (%v)", h.out.count(), err)
	}
}
