package stops

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// A told is what one address was told to be, in the order in which it was said,
// whatever the clocks were. Numbers count what happened.
type told struct {
	digest  [32]byte
	stopped map[avow.Purpose]int // last stop, by scope
	begun   map[avow.Purpose]int // last start by the person
	known   map[avow.Purpose]int // last consent from elsewhere
	asked   int64                // when the letter was sent that a start follows, microseconds
}

// fits says whether a letter may go by what was said.
func (a *told) fits(p avow.Purpose, transactional bool) bool {
	started := a.begun[p]
	last := 0
	for _, n := range a.begun { // any start tells that the address takes letters
		last = max(last, n)
	}
	if a.stopped[child] > 0 || a.stopped[bounced] > last {
		return false
	}
	stopped := a.stopped[p]
	if !transactional {
		stopped = max(stopped, a.stopped[All])
	}
	return stopped <= started && (p != "news" || started > 0 || a.known[p] > 0)
}

var histories = flag.Int("histories", 30, "how many histories to try on each engine, as far as -rapid.checks goes")

// TestHistory: over any history of stops, starts, imports, erasures, crashes and
// backups put back, no letter may go after a stop without a later start by the
// person.
func TestHistory(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		n, tried, failed := 0, 0, false
		rapid.Check(t, func(t *rapid.T) {
			if tried++; tried <= *histories || failed { // one that fails is tried until it is short
				failed = true
				h.history(t, &n)
				failed = false
			}
		})
		h.whole()
	})
}

var ways = []How{Click, Page, Mail, Bounce, Complaint, Child, Import, Staff}

func (h *house) history(t *rapid.T, n *int) {
	ctx := context.Background()
	people := make([]*told, rapid.SampledFrom([]int{1, 1, 2}).Draw(t, "people"))
	for i := range people {
		*n++
		people[i] = &told{h.of(fmt.Sprintf("p%d-%d@example.com", *n, rand.Uint64())), map[avow.Purpose]int{}, map[avow.Purpose]int{}, map[avow.Purpose]int{}, 0}
	}
	backups := []copied{h.backup()}
	for step := 1; step <= rapid.IntRange(4, 10).Draw(t, "steps"); step++ {
		a := people[rapid.IntRange(0, len(people)-1).Draw(t, "who")]
		scope := rapid.SampledFrom([]avow.Purpose{"news", "news", "tips", "deliver", All, All}).Draw(t, "scope")
		switch what := rapid.SampledFrom([]string{"stop", "stop", "cut off", "token", "dated", "ask", "start", "begin", "begin", "consent", "erase", "backup", "restore", "pass"}).Draw(t, "what"); what {
		case "stop", "cut off":
			how := rapid.SampledFrom(append(slices.Repeat([]How{Click, Page, Mail}, 3), ways...)).Draw(t, "how")
			ctx, cancel := context.WithCancel(ctx)
			if what == "cut off" {
				cancel()
			}
			if _, err := h.Stop(ctx, Stop{Digest: a.digest, Scope: scope, How: how}); err != nil && what == "stop" {
				t.Fatal(err)
			}
			cancel()
			if what == "cut off" {
				h.must(h.open())
			}
			a.stopped[how.scope(scope)] = step
		case "token":
			h.must(h.StopToken(ctx, h.Token(a.digest, scope), Click))
			a.stopped[scope] = step
		case "dated":
			if _, err := h.Stop(ctx, Stop{Digest: a.digest, Scope: scope, How: Import, At: h.clock().Add(-time.Hour)}); err != nil {
				t.Fatal(err)
			}
			if len(a.begun) == 0 { // else it may be older than what the person said
				a.stopped[scope] = step
			}
		case "ask":
			a.asked = h.asks(a.digest)
		case "begin":
			a.asked = h.asks(a.digest)
			h.starts(t, a, scope, step)
		case "start":
			h.starts(t, a, scope, step)
		case "consent":
			if scope != All {
				h.consented(a.digest, scope)
				a.known[scope] = step
			}
		case "erase":
			h.must(h.db.Commit(ctx, func(tx *store.Tx) error {
				who, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: a.digest[:]})
				if err != nil {
					return err
				}
				return h.vault.Erase(ctx, tx, who.ID())
			}))
		case "backup":
			backups = append(backups, h.backup())
		case "restore":
			h.restore(backups[rapid.IntRange(0, len(backups)-1).Draw(t, "backup")])
		case "pass":
			h.pass(time.Duration(rapid.IntRange(-2, 60).Draw(t, "minutes")) * time.Minute)
		}
		h.fit(t, people)
	}
}

// asks says when a letter is sent that asks for a start.
func (h *house) asks(digest [32]byte) (asked int64) {
	h.must(h.db.View(context.Background(), func(tx *store.Tx) error {
		all, err := h.Of(context.Background(), tx, digest)
		asked = tx.Now.UnixMicro()
		for _, p := range []avow.Purpose{"news", "tips"} {
			asked = max(asked, all.Last(p)+1)
		}
		return err
	}))
	return asked
}

// starts follows the last letter that asked. What is answered as started has
// started, unless the address is a child's.
func (h *house) starts(t *rapid.T, a *told, scope avow.Purpose, step int) {
	if scope != "tips" {
		scope = "news"
	}
	if _, err := h.Start(context.Background(), a.digest, []avow.Purpose{scope}, a.asked); err != nil {
		return
	}
	a.begun[scope] = step
	if why := h.may(a.digest, scope); why != "" && a.stopped[child] == 0 {
		t.Fatalf("started, and refused as %q", why)
	}
}

func (h *house) fit(t *rapid.T, people []*told) {
	for _, a := range people {
		for _, p := range []avow.Purpose{"news", "tips", "deliver"} {
			if h.may(a.digest, p) == "" && !a.fits(p, p == "deliver") {
				t.Fatalf("a letter for %s may go after %v, %v, %v", p, a.stopped, a.begun, a.known)
			}
		}
	}
}

// TestClockAhead: a start that a wrong clock has dated years ahead does not
// outlast a stop, nor does a backup make it.
func TestClockAhead(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	ada := h.of("ada@example.com")
	h.pass(3 * 365 * 24 * time.Hour)
	h.must(h.begun(ada, "news"))
	h.must(h.Settle(t.Context()))
	h.end()
	h.pass(-3 * 365 * 24 * time.Hour)
	h.start()
	old := h.backup()
	for _, scope := range []avow.Purpose{"news", All} {
		h.stop(ada, scope, Click)
		if why := h.may(ada, "news"); why != "stopped" {
			t.Errorf("a stop of %s leaves letters refused as %q", scope, why)
		}
		h.restore(old)
		if why := h.may(ada, "news"); why != "stopped" {
			t.Errorf("a stop of %s and a backup leave letters refused as %q", scope, why)
		}
		h.must(h.begun(ada, "news"))
		if why := h.may(ada, "news"); why != "" {
			t.Errorf("started again, letters are refused as %q", why)
		}
	}
	h.whole()
}

// TestAtOnce: of a start and a stop of everything at the same moment the stop
// wins, and a state that two of them change fits the rows.
func TestAtOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		digests := make([][32]byte, 8)
		for i := range digests {
			digests[i] = [32]byte{9, byte(i)}
		}
		done := make(chan error)
		for i := range 64 {
			go func() {
				digest, scope := digests[i%8], []avow.Purpose{All, "news", "tips"}[i/8%3]
				if i < 40 {
					_, err := h.Stop(context.Background(), Stop{Digest: digest, Scope: scope, How: slices.Clone(ways)[i%8]})
					done <- err
					return
				}
				_, _ = h.Start(context.Background(), digest, []avow.Purpose{"news"}, h.clock().UnixMicro())
				done <- nil
			}()
		}
		for range 64 {
			h.must(<-done)
		}
		h.whole()
		for _, d := range digests {
			if h.may(d, "news") == "" {
				t.Error("a start that was asked for before a stop comes after it")
			}
		}
	})
}
