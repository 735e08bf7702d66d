package mailing_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

var histories = flag.Int("histories", 25, "how many histories of a whole house are tried on each engine")

var confirmed = strings.Replace(harbour, "never: [sale]", "never: [sale]\noptout: {address: privacy@harbour.example, within: 2 days, confirm: by-mail, stays: stopped, topics: each}", 1) +
	"\n[You can stop every letter from us.]{#stop keeps=optout}\n"

// A world is a house with the words of package stops, whose data may be put back
// to what they were. What lies beside the keys stays.
type world struct {
	*house
	cfg  store.Config
	dir  string
	keys *seal.Keys
	book *stops.Book
	out  *outbox

	last     map[string]string // the last word of each
	erased   map[string]bool   // who was, and did not come again
	subjects map[string]avow.SubjectID
}

func newWorld(t *testing.T, cfg store.Config) *world {
	w := &world{cfg: cfg, dir: t.TempDir(), out: &outbox{}, last: map[string]string{}, erased: map[string]bool{}, subjects: map[string]avow.SubjectID{}}
	var err error
	if w.keys, err = seal.Create("file:"+filepath.Join(w.dir, "keys"), seal.Options{}); err != nil {
		t.Fatal(err)
	}
	w.open(t, time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC))
	t.Cleanup(func() { _ = w.book.Close() })
	return w
}

func (w *world) open(t testing.TB, now time.Time) {
	w.house = openHouse(t, w.cfg, w.dir, w.keys)
	w.house.now = now
	w.publish(confirmed)
	var err error
	if w.book, err = stops.Open(ctx, stops.Deps{Store: w.db, Vault: w.vault, Ledger: w.ledger, Keys: w.keys, Editions: w.house}); err != nil {
		t.Fatal(err)
	}
	d := w.Deps
	d.Words, d.Digests, d.Stops, d.Bounces, d.Door = w.book, w.book, w.book, w, w.out
	w.Section = mailing.New(d)
}

func (w *world) Bounced(ctx context.Context, digest [32]byte, _ avow.Purpose) error {
	_, err := w.book.Stop(ctx, stops.Stop{Digest: digest, Scope: stops.All, How: stops.Bounce})
	return err
}

func (w *world) close(t testing.TB) {
	for _, end := range []func() error{w.book.Close, w.ledger.Close, w.db.Close} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
}

// backup copies the data; restore puts a copy in their place, and begins another
// log, since that of the copy is behind what was signed.
func (w *world) backup(t testing.TB) (copied string) {
	copied = t.TempDir()
	w.close(t)
	if err := os.CopyFS(copied, os.DirFS(w.cfg.Path)); err != nil {
		t.Fatal(err)
	}
	w.open(t, w.now)
	return copied
}

func (w *world) restore(t testing.TB, copied string) {
	w.close(t)
	if err := os.RemoveAll(w.cfg.Path); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(w.cfg.Path, os.DirFS(copied)); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Rotate(ctx, db, logOf(w.dir, w.keys), "put back"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	w.open(t, w.now)
	clear(w.erased) // a copy of the files brings them back; package backup erases them again
}

func (w *world) asks(to string) {
	w.subjects[to] = w.gives(to, "newsletter")
	delete(w.erased, to)
}

// starts is what a person does: asks, and follows the link of the letter.
func (w *world) starts(t *rapid.T, to string) {
	w.asks(to)
	digest := w.book.Digest(parse(to))
	var asked int64
	err := w.db.View(ctx, func(tx *store.Tx) error {
		all, err := w.book.Of(ctx, tx, digest)
		asked = max(tx.Now.UnixMicro(), all.Last("news")+1)
		return err
	})
	if err == nil {
		_, err = w.book.Start(ctx, digest, []avow.Purpose{"news"}, asked)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestNothingAfterAStopAnywhere: over any history of people who ask and stop,
// lists that are brought in, letters, answers of the relay, erasures, and data
// that are put back, no letter goes to who stopped and did not start again.
func TestNothingAfterAStopAnywhere(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		w, run := newWorld(t, cfg), 0
		rapid.Check(t, func(r *rapid.T) {
			if run++; run <= *histories {
				w.history(t, r, run)
			}
		})
		if w.out.count() == 0 {
			t.Error("no letter went out in all histories")
		}
		var against int64
		err := w.db.View(ctx, func(tx *store.Tx) (err error) {
			against, err = w.book.Against(ctx, tx, w.InForce(), time.Time{})
			return err
		})
		if against != 0 || err != nil {
			t.Errorf("%d letters are said to have gone against a word (%v)", against, err)
		}
	})
}

func (w *world) history(t *testing.T, r *rapid.T, run int) {
	last, tries, against, bounced := w.last, 0, "", []string{}
	w.out.answer = func(to string) error {
		if last[to] != "start" || w.erased[to] {
			against = "a letter went to somebody who was erased, or whose last word is " + last[to]
		}
		switch tries++; tries % 5 {
		case 3:
			return &egress.DeliveryError{Code: 451}
		case 4:
			bounced = append(bounced, to)
			return &egress.DeliveryError{Code: 550, Permanent: true, Nobody: true}
		}
		return nil
	}
	deliver := func() {
		w.deliver()
		for _, to := range bounced { // another letter to them may have been on its way beside it
			last[to] = "bounce"
		}
		bounced = nil
	}
	var backups []string
	do := []string{"start", "start", "ask", "send", "send", "many", "stop", "click", "list", "consent", "erase", "deliver", "later"}
	if w.cfg.Path != "" {
		do = append(do, "backup", "restore")
	}
	for range rapid.IntRange(3, 14).Draw(r, "steps") {
		to := fmt.Sprintf("w%d-%d@example.com", run, rapid.IntRange(0, 2).Draw(r, "who"))
		digest := w.book.Digest(parse(to))
		stop := func(scope avow.Purpose, how stops.How) {
			if _, err := w.book.Stop(ctx, stops.Stop{Digest: digest, Scope: scope, How: how}); err != nil {
				r.Fatal(err)
			}
			last[to] = "stop"
		}
		var err error
		switch rapid.SampledFrom(do).Draw(r, "do") {
		case "start":
			w.starts(r, to)
			last[to] = "start"
		case "ask": // and follows no link
			w.asks(to)
		case "send":
			w.send("news", to)
		case "many":
			w.send("news", to, fmt.Sprintf("w%d-0@example.com", run), fmt.Sprintf("w%d-1@example.com", run))
		case "stop":
			stop(rapid.SampledFrom([]avow.Purpose{"news", stops.All}).Draw(r, "scope"), stops.Page)
		case "list":
			stop(stops.All, stops.Import)
		case "click":
			err = w.book.StopToken(ctx, w.book.Token(digest, "news"), stops.Click)
			last[to] = "stop"
		case "consent":
			err = w.db.Commit(ctx, func(tx *store.Tx) error { return w.book.Consented(ctx, tx, digest, "news") })
			if last[to] == "" {
				last[to] = "start"
			}
		case "erase":
			w.erase(w.subjects[to])
			w.erased[to] = true
		case "deliver":
			deliver()
		case "later":
			w.pass(time.Duration(rapid.IntRange(1, 400).Draw(r, "minutes")) * time.Minute)
		case "backup":
			backups = append(backups, w.backup(t))
		case "restore":
			if len(backups) > 0 {
				w.restore(t, backups[len(backups)-1])
			}
		}
		if err != nil {
			r.Fatal(err)
		}
	}
	deliver()
	if against != "" {
		r.Fatal(against)
	}
}

// TestStopsOfThen: what could be stopped, or began only by a letter, under the
// statement of then is so for what was collected under it, whatever the one of now
// says.
func TestStopsOfThen(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()})
	for _, to := range []string{"stopped@example.org", "unconfirmed@example.org"} {
		w.gives(to, "newsletter")
	}
	if _, err := w.book.Stop(ctx, stops.Stop{Digest: w.book.Digest(parse("stopped@example.org")), Scope: stops.All, How: stops.Page}); err != nil {
		t.Fatal(err)
	}
	for _, basis := range []string{"contract", "legitimate-interest"} {
		w.publish(strings.Replace(confirmed, "tell you about new instruments, basis: opt-in", "tell you about new instruments, basis: "+basis, 1))
		if got := w.send("news", "stopped@example.org", "unconfirmed@example.org"); strings.Contains(got, "queued") {
			t.Errorf("with the basis %s they are answered %s", basis, got)
		}
	}
	w.publish(strings.Replace(confirmed, "confirm: by-mail, ", "", 1))
	if got := w.send("news", "unconfirmed@example.org"); strings.Contains(got, "queued") {
		t.Errorf("without a promise to ask first, who was promised is answered %s", got)
	}
	w.gives("stopped@example.org", "newsletter")
	w.gives("new@example.org", "newsletter")
	if got := w.send("news", "stopped@example.org", "new@example.org"); !strings.HasPrefix(got, "stopped/") || !strings.HasSuffix(got, " queued") {
		t.Errorf("who gave it now is answered %s", got)
	}
	w.publish(strings.Replace(confirmed, "tell you about new instruments, basis: opt-in", "tell you about new instruments, basis: contract", 1))
	w.deliver()
	if w.out.count() != 1 || w.out.letters[0].header(t).Get("List-Unsubscribe") == "" {
		t.Errorf("%d letters went out, or none that says how to stop it", w.out.count())
	}
}

// TestSpellings: who is found by another spelling of an address has said what they
// said by any of them.
func TestSpellings(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()})
	for i, c := range [][2]string{{"ada@example.org.", "ada@example.org"}, {"EVE@Example.org", "eve@example.org"}, {"ida@BÜCHER.example", "ida@xn--bcher-kva.example"},
		{"jörg@example.org", "JÖRG@example.org"}, {"mia@example。org", "mia@example.org"}} {
		w.gives(c[0], "order")
		if _, err := w.book.Stop(ctx, stops.Stop{Digest: w.book.Digest(parse(c[1])), Scope: "deliver", How: stops.Page}); err != nil {
			t.Fatal(err)
		}
		if got := w.send("deliver", c[0]); !strings.HasPrefix(got, "stopped/") {
			t.Errorf("%d: who stopped by another spelling is answered %s", i, got)
		}
	}
}
