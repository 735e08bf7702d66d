package logbook

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	cosigner "github.com/avow-privacy/avow/internal/witness"
	"github.com/avow-privacy/avow/receipt"
)

var ctx = context.Background()

func private(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

// A shelf is a book with what it stands on.
type shelf struct {
	*Book
	db  *store.DB
	cfg Config
}

// Write and what follows make a shelf the log of its store: an entry is its
// bytes.
func (s *shelf) Write(ctx context.Context, tx *store.Tx, entries []any) error {
	g, err := s.Grow(ctx, tx)
	for _, e := range entries {
		if err == nil {
			_, err = g.Add(ctx, tx, e.([]byte))
		}
	}
	if err == nil {
		err = g.Finish(ctx, tx)
	}
	return err
}

func enter(at store.Config, dir string, witnesses ...Witness) (*shelf, error) {
	db, err := store.Open(ctx, at)
	if err != nil {
		return nil, err
	}
	s := &shelf{db: db, cfg: Config{"harbour.example/log", private("log"), filepath.Join(dir, "high-water"), witnesses}}
	if name, err := Name(ctx, db); err == nil && name != "" {
		s.cfg.Origin = name
	}
	if s.Book, err = Open(ctx, db, s.cfg); err != nil {
		db.Close()
		return nil, err
	}
	db.Attach(s)
	return s, nil
}

func open(t testing.TB, at store.Config, dir string, witnesses ...Witness) *shelf {
	t.Helper()
	s, err := enter(at, dir, witnesses...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.leave(t) })
	return s
}

func (s *shelf) leave(t testing.TB) {
	t.Helper()
	if err := errors.Join(s.Close(), s.db.Close()); err != nil {
		t.Error(err)
	}
}

// add adds n entries in one commit.
func (s *shelf) add(t testing.TB, n int) {
	t.Helper()
	if err := s.put(n); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) put(n int) error {
	return s.db.Commit(ctx, func(tx *store.Tx) error {
		for range n {
			tx.Log(receipt.Entry(sha256.Sum256(fmt.Append(nil, serial.next()))))
		}
		return nil
	})
}

var serial counter

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) next() int { c.mu.Lock(); defer c.mu.Unlock(); c.n++; return c.n }

func (s *shelf) fetch(prefix string) func(path string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/"+prefix+path, nil))
		if w.Code != 200 {
			return nil, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.Bytes(), nil
	}
}

func (s *shelf) check(t testing.TB, prefix string, o receipt.LogOptions) *receipt.LogReport {
	t.Helper()
	report, err := receipt.CheckLog(s.fetch(prefix), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Fatal(err)
	}
	return report
}

// watcher is a witness in this process.
func watcher(t testing.TB, name string) (*cosigner.Witness, Witness) {
	t.Helper()
	v, err := newVolume(1, "harbour.example/log", private("log"))
	if err != nil {
		t.Fatal(err)
	}
	v2, err := newVolume(2, "harbour.example/log/2", private("log"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := cosigner.Open(cosigner.Config{Folder: t.TempDir(), Name: name, Key: private(name), Logs: []string{v.vkey, v2.vkey}, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return w, Witness{Key: w.Key(), Ask: func(ctx context.Context, request []byte) ([]byte, error) {
		rw := httptest.NewRecorder()
		w.Handler().ServeHTTP(rw, httptest.NewRequest("POST", "/add-checkpoint", bytes.NewReader(request)))
		var size int64
		switch _, err := fmt.Sscanf(rw.Body.String(), "%d\n", &size); {
		case rw.Code == 409 && err == nil:
			return nil, &ConflictError{size}
		case rw.Code != 200:
			return nil, errors.New(rw.Body.String())
		}
		return rw.Body.Bytes(), nil
	}}
}

// away is a witness that nobody reaches.
func away(t testing.TB) Witness {
	_, w := watcher(t, "away.example")
	w.Ask = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("nobody is there") }
	return w
}

// Two processes over one database write at once: what each was told is there,
// no index is given twice, and both serve one log.
func TestReplicas(t *testing.T) {
	at := store.Config{URL: storetest.Postgres(t)}
	one, two := open(t, at, t.TempDir()), open(t, at, t.TempDir())
	var wg sync.WaitGroup
	const writers, each = 8, 12
	for i := range writers {
		s := []*shelf{one, two}[i%2]
		wg.Go(func() {
			for j := range each {
				if err := s.put(1 + 9*(j%2)); err != nil {
					t.Error(err)
				}
				other := []*shelf{two, one}[i%2]
				// Whoever was answered here finds it there.
				size := s.Status().Size
				if _, err := other.fetch("")("checkpoint"); err != nil || other.Status().Size < size {
					t.Error("a checkpoint behind what was answered elsewhere:", other.Status().Size, size, err)
				}
			}
		})
	}
	wg.Wait()
	const want = writers * each * 11 / 2
	for _, s := range []*shelf{one, two} {
		if err := s.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		report := s.check(t, "", receipt.LogOptions{})
		if report.Size != want || report.Kinds["e"] != want || report.Root != one.Status().Root {
			t.Errorf("%d entries, of %d", report.Size, want)
		}
		leaves := map[string]bool{}
		err := s.db.View(ctx, func(tx *store.Tx) error {
			return eachEntry(ctx, tx, 1, 0, want, func(_ int64, entry []byte) error { leaves[string(entry)] = true; return nil })
		})
		if err != nil || len(leaves) != want {
			t.Errorf("%d distinct entries: %v", len(leaves), err)
		}
	}
	if !bytes.Equal(one.Checkpoint(), two.Checkpoint()) {
		t.Error("two checkpoints")
	}
}

// A head that went back under a process is not signed for again, and what was
// changed under it is named.
func TestReplicaRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change string
		behind bool
	}{
		"gone back":       {"UPDATE ledger_head SET size = 2", true},
		"another root":    {"UPDATE ledger_head SET root = sha256(root)", true},
		"chunks missing":  {"UPDATE ledger_head SET size = 9", false},
		"chunks too many": {"INSERT INTO ledger_chunk (log, first, data) SELECT log, 4, data FROM ledger_chunk WHERE first = 0; UPDATE ledger_head SET size = 5", false},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, store.Config{URL: storetest.Postgres(t)}, t.TempDir())
			s.add(t, 2)
			s.add(t, 2)
			before := s.Checkpoint()
			for _, change := range strings.Split(c.change, "; ") {
				err := s.db.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, change) })
				if err != nil {
					t.Fatal(err)
				}
			}
			var behind *BehindError
			var damaged *DamagedError
			err := s.put(1)
			if c.behind && (!errors.As(err, &behind) || !strings.Contains(err.Error(), "avow ledger rotate")) || !c.behind && !errors.As(err, &damaged) {
				t.Error("written:", err)
			}
			if err := s.Refresh(ctx); err == nil {
				t.Error("refreshed")
			}
			if !bytes.Equal(s.Checkpoint(), before) {
				t.Error("something was signed")
			}
		})
	}
}

// A process that has a log open from which another has gone on does not.
func TestReplicaOfALeftLog(t *testing.T) {
	at := store.Config{URL: storetest.Postgres(t)}
	s := open(t, at, t.TempDir())
	s.add(t, 2)
	db, err := store.Open(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Rotate(ctx, db, s.cfg, "to see who goes on"); err != nil {
		t.Fatal(err)
	}
	var behind *BehindError
	if err := s.put(1); !errors.As(err, &behind) || !strings.Contains(err.Error(), "another log was begun") {
		t.Error(err)
	}
	if err := s.Refresh(ctx); !errors.As(err, &behind) {
		t.Error(err)
	}
}

// The checkpoint that is served carries the cosignatures, and so does a proof
// once there is a cosigned checkpoint that covers it; a witness that is away
// keeps nobody waiting.
func TestWitnessed(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, at store.Config) {
		_, a := watcher(t, "a.example")
		_, b := watcher(t, "b.example")
		s := open(t, at, t.TempDir(), a, away(t), b)
		s.add(t, 3)
		p, err := s.Prove(ctx, 1, 0)
		if err != nil || len(p.Extra.Witnesses) != 0 {
			t.Fatal("before any cosigned:", p, err)
		}
		s.tend(ctx)
		s.add(t, 300)
		for leaf, witnesses := range map[int64]int{0: 2, 2: 2, 3: 0, 302: 0} {
			p, err := s.Prove(ctx, 1, leaf)
			if err != nil || len(p.Extra.Witnesses) != witnesses {
				t.Errorf("entry %d: %v %v", leaf, p.Extra.Witnesses, err)
			}
			checkProof(t, s, p)
		}
		s.tend(ctx)
		o := receipt.LogOptions{Witnesses: []string{a.Key, b.Key}, Quorum: 2}
		if report := s.check(t, "", o); report.Size != 303 || len(report.Cosigned) != 2 {
			t.Errorf("%+v", report)
		}
		o.Quorum = 3
		if _, err := receipt.CheckLog(s.fetch(""), o); err == nil {
			t.Error("a quorum that was not there")
		}
		if st := s.Status(); st.Cosigned != 303 || len(st.Witnesses) != 2 {
			t.Errorf("%+v", st)
		}
		s.add(t, 1)
		if report := s.check(t, "", receipt.LogOptions{Witnesses: o.Witnesses}); report.Size < 303 {
			t.Error(report.Size)
		}
	})
}

func checkProof(t *testing.T, s *shelf, p *receipt.Proof) {
	t.Helper()
	c, _, err := receipt.OpenCosigned(p.Checkpoint, s.Status().Key, p.Extra.Witnesses, len(p.Extra.Witnesses))
	if err != nil || c.Size <= p.Index {
		t.Error(c, err)
	}
}

// Of two processes one keeps the checkpoints, and the other finds them.
func TestKept(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, at store.Config) {
		now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		var mu sync.Mutex
		at.Clock = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		_, w := watcher(t, "a.example")
		dir := t.TempDir()
		s := open(t, at, dir, w)
		for range 20 {
			s.add(t, 1)
			s.tend(ctx)
			mu.Lock()
			now = now.Add(20 * time.Second)
			mu.Unlock()
		}
		var kept [][]byte
		err := s.db.View(ctx, func(tx *store.Tx) error {
			return tx.Each(ctx, "SELECT note FROM ledger_checkpoint ORDER BY size", func(scan func(...any) error) error {
				var note []byte
				err := scan(&note)
				kept = append(kept, note)
				return err
			})
		})
		if err != nil || len(kept) < 6 || len(kept) > 8 {
			t.Errorf("%d checkpoints of 20 groups in 400 seconds: %v", len(kept), err)
		}
		for _, old := range kept {
			s.check(t, "", receipt.LogOptions{Old: old})
		}
		s.leave(t)
		again := open(t, at, dir, w)
		again.tend(ctx)
		if again.Status().Cosigned < 18 {
			t.Error("after a restart nothing is cosigned:", again.Status())
		}
	})
}

func copyFile(t testing.TB, to, from string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// An older database under a newer high-water file, or before a witness who has
// seen more, is refused; another log goes on, says why, and both are served.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	at := store.Config{Path: filepath.Join(dir, "data")}
	file, mark, old := filepath.Join(at.Path, "avow.db"), filepath.Join(dir, "high-water"), filepath.Join(dir, "old")
	seen, w := watcher(t, "a.example")
	s := open(t, at, dir, w)
	s.add(t, 300)
	s.tend(ctx) // keeps a checkpoint
	s.leave(t)
	copyFile(t, old, file)
	copyFile(t, old+"-mark", mark)
	s = open(t, at, dir, w)
	s.add(t, 5)
	s.tend(ctx)
	s.leave(t)
	if seen.Seen()["harbour.example/log"] != 305 {
		t.Fatal(seen.Seen())
	}

	copyFile(t, file, old)
	refused := func(what string, witnesses ...Witness) {
		t.Helper()
		_, err := enter(at, dir, witnesses...)
		var behind *BehindError
		if !errors.As(err, &behind) || !strings.Contains(err.Error(), what) || !strings.Contains(err.Error(), "avow ledger rotate") {
			t.Fatalf("%s: %v", what, err)
		}
	}
	refused("305 were signed")
	copyFile(t, mark, old+"-mark") // who puts back all they have
	refused("witness a.example has seen 305", w)

	copyFile(t, mark, old+"-mark")
	db, err := store.Open(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{"harbour.example/log", private("log"), mark, []Witness{w}}
	if _, err := Rotate(ctx, db, cfg, ""); err == nil {
		t.Error("without a reason")
	}
	origin, err := Rotate(ctx, db, cfg, "the disk was lost, and with it 5 entries")
	if err != nil || origin != "harbour.example/log/2" {
		t.Fatal(origin, err)
	}
	db.Close()
	s = open(t, at, dir, w)
	s.add(t, 4)
	s.tend(ctx)
	if report := s.check(t, "2/", receipt.LogOptions{Witnesses: []string{w.Key}, Quorum: 1}); report.Size != 5 || report.Kinds["l"] != 1 || report.Origin != origin {
		t.Errorf("%+v", report)
	}
	if first, err := s.fetch("2/")("tile/entries/000.p/1"); err != nil || !strings.Contains(string(first), `"reason":"the disk was lost, and with it 5 entries"`) || !strings.Contains(string(first), `"size":300,"v":1,"was":"harbour.example/log"`) {
		t.Errorf("%s %v", first, err)
	}
	// The old log is served as far as it was signed.
	if report := s.check(t, "", receipt.LogOptions{}); report.Size != 300 || report.Origin != "harbour.example/log" {
		t.Errorf("%+v", report)
	}
	if p, err := s.Prove(ctx, 1, 299); err != nil || !bytes.Contains(p.Checkpoint, []byte("harbour.example/log\n300\n")) {
		t.Error(p, err)
	}
	if _, err := s.fetch("3/")("checkpoint"); err == nil {
		t.Error("a third log")
	}
	if logs, err := s.Logs(ctx); err != nil || len(logs) != 2 || logs[1].Origin != origin {
		t.Error(logs, err)
	}
	s.leave(t)

	// A backup from before the second log is not taken for the newest, and a
	// third is not given the second's name.
	copyFile(t, file, old)
	refused("number 2 was begun")
	if db, err = store.Open(ctx, at); err != nil {
		t.Fatal(err)
	}
	origin, err = Rotate(ctx, db, cfg, "again")
	if err != nil || origin != "harbour.example/log/3" {
		t.Error(origin, err)
	}
	db.Close()
}

// A log that is sound and left all the same is signed to its end.
func TestRotateSound(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, at store.Config) {
		dir := t.TempDir()
		s := open(t, at, dir)
		s.add(t, 7)
		cfg := s.cfg
		s.leave(t)
		for n := 2; n < 4; n++ {
			db, err := store.Open(ctx, at)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Origin, err = Rotate(ctx, db, cfg, "the key is to be another")
			if err != nil || cfg.Origin != fmt.Sprintf("harbour.example/log/%d", n) {
				t.Fatal(cfg.Origin, err)
			}
			db.Close()
		}
		s = open(t, at, dir)
		for prefix, size := range map[string]int64{"": 7, "2/": 1, "3/": 1} {
			if report := s.check(t, prefix, receipt.LogOptions{}); report.Size != size {
				t.Errorf("%q: %+v", prefix, report)
			}
		}
	})
}

// While a commit does not end, as when the database is away, who asks for the
// checkpoint is told so, and the log can be closed.
func TestCommitDoesNotEnd(t *testing.T) {
	s := open(t, store.Config{URL: storetest.Postgres(t)}, t.TempDir())
	s.add(t, 1)
	s.growing <- struct{}{}
	defer func() { <-s.growing }()
	ended, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Refresh(ended); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
