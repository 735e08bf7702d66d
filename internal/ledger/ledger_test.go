package ledger_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
	"github.com/avow-privacy/avow/receipt"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("AVOW_TEST_WORK"); dir != "" {
		work(dir)
	}
	goleak.VerifyTestMain(m)
}

var ctx = context.Background()

const origin = "harbour.example/log"

// A house is a ledger with what it stands on, under one folder.
type house struct {
	*ledger.Ledger
	dir   string
	db    *store.DB
	vault *vault.Vault
	keys  *seal.Keys
}

func enter(dir string) (h *house, err error) {
	h = &house{dir: dir}
	spec := "file:" + filepath.Join(dir, "keys")
	if h.keys, err = seal.Open(spec, seal.Options{}); errors.Is(err, seal.ErrNone) {
		h.keys, err = seal.Create(spec, seal.Options{})
	}
	if err != nil {
		return nil, err
	}
	if h.db, err = store.Open(ctx, where(dir)); err != nil {
		return nil, err
	}
	if h.vault, err = vault.Open(ctx, h.db, h.keys, h.options()); err == nil {
		h.Ledger, err = ledger.Open(ctx, h.db, h.config())
	}
	if err != nil {
		h.db.Close()
		return nil, err
	}
	return h, nil
}

// where is the database of the house under a folder: in the folder, or where the
// file "url" says.
func where(dir string) store.Config {
	if url, err := os.ReadFile(filepath.Join(dir, "url")); err == nil {
		return store.Config{URL: string(url)}
	}
	return store.Config{Path: filepath.Join(dir, "data")}
}

// each runs a test in an empty folder, once for each engine.
func each(t *testing.T, test func(t *testing.T, dir string)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		dir := t.TempDir()
		if cfg.URL != "" {
			write(t, filepath.Join(dir, "url"), []byte(cfg.URL))
		}
		test(t, dir)
	})
}

func (h *house) options() vault.Options {
	return vault.Options{Forget: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.Forget(ctx, tx, id) }}
}

func (h *house) config() ledger.Config {
	return ledger.Config{
		Origin: origin, Key: h.keys.LogKey(), Keys: h.keys, HighWater: filepath.Join(h.dir, "high-water"),
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		},
	}
}

func (h *house) leave(t testing.TB) {
	t.Helper()
	if err := errors.Join(h.Ledger.Close(), h.db.Close()); err != nil {
		t.Error(err)
	}
}

func open(t testing.TB, dir string) *house {
	t.Helper()
	h, err := enter(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.leave(t) })
	return h
}

func (h *house) commit(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := h.db.Commit(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

var collected = ledger.Event{Type: "collected", Clause: "contact", Statement: 1, X: map[string]any{"collection": "contact"}}

// record puts n events of one person into the log in one commit.
func (h *house) record(t testing.TB, who string, n int) (subject *vault.Subject, last *ledger.Pending) {
	t.Helper()
	h.commit(t, func(tx *store.Tx) (err error) {
		if subject, err = h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte(who)}); err != nil {
			return err
		}
		for range n {
			if last, err = h.Record(ctx, tx, subject, collected); err != nil {
				return err
			}
		}
		return nil
	})
	return subject, last
}

func (h *house) fetch(path string) ([]byte, error) {
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/"+path, nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.Bytes(), nil
}

func (h *house) check(t testing.TB, old []byte) *receipt.LogReport {
	t.Helper()
	report, err := receipt.CheckLog(h.fetch, receipt.LogOptions{Key: h.Status().Key, Old: old})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	return report
}

// Every event has a receipt that holds, whatever tiles its proof needs, at once
// and after a restart.
func TestReceipts(t *testing.T) { each(t, testReceipts) }

func testReceipts(t *testing.T, dir string) {
	h := open(t, dir)
	var subjects []*vault.Subject
	var checkpoints [][]byte
	for i, n := range []int{1, 1, 2, 251, 1, 1, 255, 300, 1} {
		s, last := h.record(t, fmt.Sprint(i), n)
		for range n {
			subjects = append(subjects, s)
		}
		if last.Index() != int64(len(subjects)-1) {
			t.Fatalf("the last entry has index %d, of %d", last.Index(), len(subjects))
		}
		text, err := h.Receipt(ctx, last)
		if err != nil {
			t.Fatal(err)
		}
		r, err := receipt.Verify(text, receipt.Options{Key: h.Status().Key})
		if err != nil || r.Index != last.Index() || r.Event.N != int64(n) || r.Size != int64(len(subjects)) {
			t.Fatalf("%+v %v", r, err)
		}
		checkpoints = append(checkpoints, h.Checkpoint())
	}
	before := h.Status()
	h.leave(t)
	h = open(t, dir)
	if after := h.Status(); after.Size != before.Size || after.Root != before.Root || after.Key != before.Key || after.Origin != origin {
		t.Errorf("after a restart the log is %+v, before it was %+v", after, before)
	}
	if !bytes.Equal(h.Checkpoint(), checkpoints[len(checkpoints)-1]) {
		t.Error("after a restart another checkpoint was signed for the same log")
	}
	for i, s := range subjects {
		if h.db.Engine() == "postgres" && i%17 > 0 {
			continue // the same, and slower
		}
		text, err := h.ReceiptAt(ctx, s, int64(i))
		if err != nil {
			t.Fatal(err)
		}
		if r, err := receipt.Verify(text, receipt.Options{Key: before.Key}); err != nil || r.Index != int64(i) {
			t.Fatal(i, err)
		}
	}
	if _, err := h.ReceiptAt(ctx, subjects[0], 1); !errors.Is(err, store.ErrNone) {
		t.Error("a receipt for somebody else's event:", err)
	}
	for _, old := range checkpoints {
		h.check(t, old)
	}
}

// A subject's events are numbered and chained without a gap, across requests of
// a group and whatever others in it fail.
func TestChains(t *testing.T) { each(t, testChains) }

func testChains(t *testing.T, dir string) {
	h := open(t, dir)
	size := int64(0)
	last := map[string]receipt.Event{}
	commitments := map[string]string{}
	type step struct {
		who  string
		fail bool
	}
	some := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		return step{rapid.SampledFrom([]string{"eve", "bob", "kim"}).Draw(t, "who"), rapid.IntRange(0, 4).Draw(t, "fail") == 0}
	}), 1, 8)
	try := func(t rapid.TB, steps []step) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		pending := map[*ledger.Pending]string{}
		for _, s := range steps {
			wg.Go(func() {
				var made []*ledger.Pending
				err := h.db.Commit(ctx, func(tx *store.Tx) error {
					made = nil
					who, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte(s.who)})
					for range 2 {
						if err != nil {
							return err
						}
						var p *ledger.Pending
						p, err = h.Record(ctx, tx, who, collected)
						made = append(made, p)
					}
					if s.fail {
						err = errors.New("own error")
					}
					return err
				})
				if (err != nil) != s.fail {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					for _, p := range made {
						pending[p] = s.who
					}
				}
			})
		}
		wg.Wait()
		if size += int64(len(pending)); h.Status().Size != size {
			t.Fatalf("the log has %d entries, and %d were acknowledged", h.Status().Size, size)
		}
		byIndex := map[int64]*ledger.Pending{}
		for p := range pending {
			byIndex[p.Index()] = p
		}
		for i := size - int64(len(pending)); i < size; i++ {
			p := byIndex[i]
			text, err := h.Receipt(ctx, p)
			if err != nil {
				t.Fatal(err)
			}
			r, err := receipt.Verify(text, receipt.Options{})
			if err != nil {
				t.Fatal(err)
			}
			who := pending[p]
			if r.Event.N != last[who].N+1 || r.Event.Prev != commitments[who] {
				t.Fatalf("after %+v comes %+v", last[who], r.Event)
			}
			parsed, err := receipt.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c := receipt.Commit(parsed.Extra.EntryKey, r.Payload)
			last[who], commitments[who] = r.Event, base64.StdEncoding.EncodeToString(c[:])
		}
	}
	if h.db.Engine() == "sqlite" {
		rapid.Check(t, func(t *rapid.T) { try(t, some.Draw(t, "steps")) })
	}
	for seed := range 12 {
		try(t, some.Example(seed))
	}
	h.check(t, nil)
}

// Sixty-four at once: all they were told is in the log, and each receipt holds.
func TestManyAtOnce(t *testing.T) { each(t, testManyAtOnce) }

func testManyAtOnce(t *testing.T, dir string) {
	h := open(t, dir)
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 8 {
				_, p := h.record(t, fmt.Sprint(i), 1+j%2)
				text, err := h.Receipt(ctx, p)
				if err != nil {
					t.Error(err)
				} else if _, err := receipt.Verify(text, receipt.Options{Key: h.Status().Key}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if report := h.check(t, nil); report.Size != 64*12 || report.Kinds["e"] != 64*12 {
		t.Errorf("%+v", report)
	}
}

func TestFacts(t *testing.T) { each(t, testFacts) }

func testFacts(t *testing.T, dir string) {
	h := open(t, dir)
	var placed int64 = -1
	var p *ledger.Pending
	h.record(t, "eve", 3)
	h.commit(t, func(tx *store.Tx) (err error) {
		p, err = h.Fact(ctx, tx, "s", map[string]any{"n": 1, "rules": "abc"})
		p.Then(func(ctx context.Context, tx *store.Tx, index int64) error {
			placed = index
			_, err := tx.Exec(ctx, "INSERT INTO form_tally (form, outcome, n) VALUES ('f', 'o', $1)", index)
			return err
		})
		if p.Index() != -1 {
			t.Error("an index before the entry was written")
		}
		return err
	})
	if placed != 3 || p.Index() != 3 {
		t.Error("placed at", placed, p.Index())
	}
	bundle, err := h.fetch("tile/entries/000.p/4")
	if err != nil || !bytes.Contains(bundle, []byte(`"k":"s","n":1,"rules":"abc","v":1}`)) {
		t.Errorf("%s %v", bundle, err)
	}
	if _, err := h.Receipt(ctx, p); err == nil {
		t.Error("a fact has a receipt")
	}
	err = h.db.Commit(ctx, func(tx *store.Tx) error { _, err := h.Fact(ctx, tx, "e", nil); return err })
	if err == nil {
		t.Error("a fact was entered as if it were about a person")
	}
}

func TestLinks(t *testing.T) { each(t, testLinks) }

func testLinks(t *testing.T, dir string) {
	h := open(t, dir)
	var token string
	var p *ledger.Pending
	var who *vault.Subject
	h.commit(t, func(tx *store.Tx) (err error) {
		if who, err = h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte("eve")}); err != nil {
			return err
		}
		if p, err = h.Record(ctx, tx, who, collected); err != nil {
			return err
		}
		token = h.Link(p)
		return err
	})
	h.record(t, "eve", 4)
	text, event, err := h.ByLink(ctx, token)
	if err != nil || event.Type != "collected" {
		t.Fatal(event, err)
	}
	if r, err := receipt.Verify(text, receipt.Options{}); err != nil || r.Index != p.Index() {
		t.Error(r, err)
	}
	for _, wrong := range []string{"", token + "x", strings.ToUpper(token), "AAAAAAAAAAAAAAAAAAAAAA"} {
		if _, _, err := h.ByLink(ctx, wrong); !errors.Is(err, store.ErrNone) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	h.commit(t, func(tx *store.Tx) error { return h.vault.Erase(ctx, tx, who.ID()) })
	if _, _, err := h.ByLink(ctx, token); !errors.Is(err, ledger.ErrGone) {
		t.Error("after the erasure:", err)
	}
	if _, err := receipt.Verify(text, receipt.Options{}); err != nil {
		t.Error("the receipt that was handed out before:", err)
	}
}

// The entry of an erasure stands in the log and has a receipt, though its
// payload is gone in the same transaction.
func TestErasureIsEntered(t *testing.T) { each(t, testErasureIsEntered) }

func testErasureIsEntered(t *testing.T, dir string) {
	h := open(t, dir)
	who, _ := h.record(t, "eve", 2)
	var p *ledger.Pending
	h.commit(t, func(tx *store.Tx) (err error) {
		if p, err = h.Record(ctx, tx, who, ledger.Event{Type: "erased", Clause: "requests", Statement: 1}); err != nil {
			return err
		}
		return h.vault.Erase(ctx, tx, who.ID())
	})
	text, err := h.Receipt(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := receipt.Verify(text, receipt.Options{Key: h.Status().Key}); err != nil || r.Event.Type != "erased" || r.Event.N != 3 {
		t.Error(r, err)
	}
	if _, err := h.ReceiptAt(ctx, who, p.Index()); !errors.Is(err, store.ErrNone) {
		t.Error("something was kept of an erased person:", err)
	}
	h.check(t, nil)
}

// What was undone is not in the log, and nothing was signed for it.
func TestUndone(t *testing.T) { each(t, testUndone) }

func testUndone(t *testing.T, dir string) {
	h := open(t, dir)
	who, _ := h.record(t, "eve", 1)
	before := h.Checkpoint()
	refused := errors.New("refused")
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		p, err := h.Record(ctx, tx, who, collected)
		if err == nil {
			p.Then(func(context.Context, *store.Tx, int64) error { return refused })
		}
		return err
	})
	if !errors.Is(err, refused) || !bytes.Equal(h.Checkpoint(), before) {
		t.Error("signed for what was undone:", err)
	}
	err = h.db.Commit(ctx, func(tx *store.Tx) error {
		p, err := h.Record(ctx, tx, who, collected)
		if err == nil {
			p.Then(func(ctx context.Context, tx *store.Tx, _ int64) error {
				_, err := h.Record(ctx, tx, who, collected)
				return err
			})
		}
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "after the log was written") {
		t.Error("an entry that came too late was lost without a word:", err)
	}
	h.record(t, "eve", 1)
	if report := h.check(t, before); report.Size != 2 {
		t.Error(report.Size)
	}
}

// A key that fails for a while loses nothing and signs nothing wrong.
func TestKeyFails(t *testing.T) { each(t, testKeyFails) }

func testKeyFails(t *testing.T, dir string) {
	h := open(t, dir)
	h.record(t, "eve", 1)
	h.leave(t)
	h, key := &house{dir: dir, keys: h.keys}, &failing{Signer: h.keys.LogKey()}
	var err error
	if h.db, err = store.Open(ctx, where(dir)); err != nil {
		t.Fatal(err)
	}
	if h.vault, err = vault.Open(ctx, h.db, h.keys, h.options()); err != nil {
		t.Fatal(err)
	}
	c := h.config()
	c.Key = key
	if h.Ledger, err = ledger.Open(ctx, h.db, c); err != nil {
		t.Fatal(err)
	}
	defer h.leave(t)
	before := h.Checkpoint()
	key.broken = true
	_, p := h.record(t, "eve", 2)
	if _, err := h.Receipt(ctx, p); !errors.Is(err, ledger.ErrUnsigned) {
		t.Error("a receipt without a signature:", err)
	}
	if err := h.Verify(ctx); !errors.Is(err, ledger.ErrUnsigned) {
		t.Error(err)
	}
	if _, err := h.fetch("checkpoint"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Error(err)
	}
	h.record(t, "eve", 1)
	key.broken = false
	h.record(t, "eve", 1)
	text, err := h.Receipt(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Verify(text, receipt.Options{}); err != nil {
		t.Error(err)
	}
	if report := h.check(t, before); report.Size != 5 {
		t.Error(report.Size)
	}
}

// A failing key signs only while it is not broken.
type failing struct {
	crypto.Signer
	broken bool
}

func (f *failing) Sign(r io.Reader, msg []byte, o crypto.SignerOpts) ([]byte, error) {
	if f.broken {
		return nil, errors.New("the key cannot be reached")
	}
	return f.Signer.Sign(r, msg, o)
}

// A high-water file that cannot be written does not stop the log, and is said.
func TestHighWaterFails(t *testing.T) {
	t.Parallel() // it waits for the clock
	h := open(t, t.TempDir())
	file := filepath.Join(h.dir, "high-water")
	if err := errors.Join(os.Remove(file), os.Mkdir(file, 0o700)); err != nil { // in the way
		t.Fatal(err)
	}
	h.record(t, "eve", 1)
	waitFor(t, func() bool { return h.Verify(ctx) != nil })
	if err := h.Verify(ctx); !strings.Contains(err.Error(), "remember log size") {
		t.Error(err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return h.Verify(ctx) == nil })
	if high, err := os.ReadFile(file); err != nil || !bytes.Equal(high, h.Checkpoint()) {
		t.Errorf("%s %v", high, err)
	}
}

func waitFor(t *testing.T, cond func() bool) {
	t.Helper()
	for range 500 {
		if cond() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("waited too long")
}

func TestHandler(t *testing.T) { each(t, testHandler) }

func testHandler(t *testing.T, dir string) {
	h := open(t, dir)
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		http.StripPrefix("/log", h.Handler()).ServeHTTP(w, httptest.NewRequest(method, "/log/"+path, nil))
		return w
	}
	if report := h.check(t, nil); report.Size != 0 {
		t.Error("an empty log:", report)
	}
	for range 9 {
		h.record(t, "eve", 71)
	}
	const forever, never = "public, max-age=31536000, immutable", "no-store"
	for _, c := range []struct {
		path, contentType, cache string
		length                   int
	}{
		{"checkpoint", "text/plain; charset=utf-8", never, len(h.Checkpoint())},
		{"vkey", "text/plain; charset=utf-8", "no-cache", len(h.Status().Key) + 1},
		{"tile/0/000", "application/octet-stream", forever, 256 * 32},
		{"tile/0/001.p/200", "application/octet-stream", forever, 200 * 32},
		{"tile/0/002.p/127", "application/octet-stream", forever, 127 * 32},
		{"tile/1/000.p/2", "application/octet-stream", forever, 2 * 32},
		{"tile/1/000.p/1", "application/octet-stream", forever, 32},
		{"tile/entries/000", "application/octet-stream", forever, 256 * 68},
		{"tile/entries/000.p/1", "application/octet-stream", forever, 68},
		{"tile/entries/002.p/127", "application/octet-stream", forever, 127 * 68},
	} {
		w := ask("GET", c.path)
		header := w.Header()
		if w.Code != 200 || header.Get("Content-Type") != c.contentType || header.Get("Cache-Control") != c.cache || w.Body.Len() != c.length ||
			header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d, %d bytes, %v", c.path, w.Code, w.Body.Len(), header)
		}
		if w := ask("HEAD", c.path); w.Code != 200 {
			t.Errorf("HEAD %s: %d", c.path, w.Code)
		}
		if w := ask("POST", c.path); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d", c.path, w.Code)
		}
	}
	for _, path := range []string{
		"", "checkpoint/", "Checkpoint", "tile/0/002.p/128", "tile/0/002", "tile/0/003", "tile/0/003.p/1", "tile/1/000", "tile/1/000.p/3", "tile/1/001.p/1",
		"tile/2/000.p/1", "tile/7/000.p/1", "tile/63/000.p/1", "tile/entries/002", "tile/entries/003.p/1", "tile/0/x999/x999/x999/x999/999", "tile/0/0",
		"tile%2f0/000", "tile/0/%30%30%30", "../checkpoint", "tile/0/000.p/0",
	} {
		if w := ask("GET", path); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d", path, w.Code)
		}
	}
	// A partial tile of every size that was ever signed.
	for size := int64(71); size <= h.Status().Size; size += 71 {
		if w := ask("GET", receipt.Tile{Level: 0, N: size / 256, Width: int(size % 256)}.Path()); size%256 != 0 && w.Code != 200 {
			t.Errorf("size %d: %d", size, w.Code)
		}
	}
}

func TestConfig(t *testing.T) {
	h := open(t, t.TempDir())
	for _, bad := range []string{"", "a b", "a+b", "a\nb"} {
		c := h.config()
		c.Origin = bad
		if l, err := ledger.Open(ctx, h.db, c); err == nil {
			l.Close()
			t.Errorf("origin %q", bad)
		}
	}
	c := h.config()
	c.Origin = "elsewhere.example/log"
	os.Remove(c.HighWater)
	if _, err := ledger.Open(ctx, h.db, c); err == nil || !strings.Contains(err.Error(), "another name") {
		t.Error(err)
	}
}
