package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// held returns a DB whose committer is busy until release is called, so that
// what is committed meanwhile becomes one group.
func held(t testing.TB, db *DB) (release func()) {
	started, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		db.Commit(ctx, func(*Tx) error { close(started); <-end; return nil })
	}()
	<-started
	return func() { close(end); <-done }
}

// queued waits until n requests wait for the committer.
func queued(n int) {
	// An unbuffered channel does not say who waits to send; a moment is enough
	// for goroutines that have nothing else to do.
	for range n + 10 {
		runtime.Gosched()
	}
	time.Sleep(5 * time.Millisecond)
}

// A book is a log that remembers what it was told.
type book struct {
	db      *DB
	staged  []any
	written []any
	groups  int
	lost    int
	fail    func(entries []any) error
}

func (b *book) Write(ctx context.Context, tx *Tx, entries []any) error {
	b.staged = append([]any(nil), entries...)
	if b.fail != nil {
		if err := b.fail(entries); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if _, err := tx.Exec(ctx, tally, "entry", fmt.Sprint(e), 1); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Durable() { b.written = append(b.written, b.staged...); b.groups++ }
func (b *book) Lost()    { b.lost++ }

var errOwn = errors.New("own error")

// Whatever others in the group do, a request's changes and log entries are
// there exactly if it was told so.
func TestGroupsKeepRequestsApart(t *testing.T) {
	db := open(t, t.TempDir())
	b := &book{db: db}
	db.Attach(b)
	serial := 0
	rapid.Check(t, func(t *rapid.T) {
		serial++
		const succeeds, fails, panics, violates = 0, 1, 2, 3
		kinds := rapid.SliceOfN(rapid.IntRange(succeeds, violates), 1, 12).Draw(t, "kinds")
		already := len(b.written)
		release := held(t2(t), db)
		var wg sync.WaitGroup
		got := make([]int, len(kinds))
		for i, kind := range kinds {
			wg.Go(func() {
				defer func() {
					if recover() != nil {
						got[i] = panics
					}
				}()
				err := db.Commit(ctx, func(tx *Tx) error {
					name := fmt.Sprintf("%d/%d", serial, i)
					if _, err := tx.Exec(ctx, tally, "row", name, 1); err != nil {
						return err
					}
					tx.Log(name)
					switch kind {
					case fails:
						return errOwn
					case panics:
						panic("own panic")
					case violates: // the same row twice
						_, err := tx.Exec(ctx, tally, "row", name, 1)
						return err
					}
					return nil
				})
				switch {
				case errors.Is(err, errOwn):
					got[i] = fails
				case err != nil:
					got[i] = violates
				}
			})
		}
		queued(len(kinds))
		release()
		wg.Wait()
		if diff := cmp.Diff(kinds, got); diff != "" {
			t.Fatal("requests were told what did not happen to them:", diff)
		}
		want := 0
		for i, kind := range kinds {
			if kind == succeeds {
				want++
			}
			n := 0
			err := db.View(ctx, func(tx *Tx) error {
				return tx.Get(ctx, "SELECT count(*) FROM form_tally WHERE outcome = $1", &n, fmt.Sprintf("%d/%d", serial, i))
			})
			if err != nil || (n == 2) != (kind == succeeds) || n != 0 && n != 2 {
				t.Fatalf("request %d of kind %d left %d rows: %v", i, kind, n, err)
			}
		}
		if len(b.written)-already != want {
			t.Fatalf("%d entries in the log for %d requests that succeeded", len(b.written)-already, want)
		}
	})
	if b.groups == 0 || b.groups >= len(b.written) {
		t.Errorf("%d entries in %d groups: nothing was grouped", len(b.written), b.groups)
	}
}

// t2 lets helpers that want a testing.TB run under rapid; they only fail through
// the database.
func t2(*rapid.T) testing.TB { return nil }

// One request that the log cannot write takes nobody else down.
func TestGroupThatFailsIsDoneOneByOne(t *testing.T) {
	db := open(t, t.TempDir())
	b := &book{db: db, fail: func(entries []any) error {
		for _, e := range entries {
			switch e {
			case "poison":
				return errOwn
			case "bomb":
				panic("in the log")
			}
		}
		return nil
	}}
	db.Attach(b)
	release := held(t, db)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			errs[i] = db.Commit(ctx, func(tx *Tx) error {
				name := fmt.Sprint("fine ", i)
				switch i {
				case 2:
					name = "poison"
				case 4:
					name = "bomb"
				}
				tx.Log(name)
				_, err := tx.Exec(ctx, tally, "row", name, 1)
				return err
			})
		})
	}
	queued(len(errs))
	release()
	wg.Wait()
	for i, err := range errs {
		if (i == 2) != errors.Is(err, errOwn) || (i == 2 || i == 4) != (err != nil) {
			t.Errorf("request %d: %v", i, err)
		}
	}
	if n := rows(t, db); n != 8 || len(b.written) != 4 || b.lost != 3 {
		t.Errorf("%d rows, %d entries, %d times lost", n, len(b.written), b.lost)
	}
}

func TestEntriesWithoutALog(t *testing.T) {
	db := open(t, t.TempDir())
	if err := db.Commit(ctx, func(tx *Tx) error { tx.Log(1); return nil }); err == nil {
		t.Error("an entry went nowhere without a word")
	}
}

// A caller who goes away takes back what has not begun, and cannot disturb what
// has.
func TestCancelling(t *testing.T) {
	db := open(t, t.TempDir())
	release := held(t, db)
	gone, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := db.Commit(gone, func(*Tx) error { t.Error("ran for somebody who had gone"); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	queued(1)
	cancel()
	wg.Wait()
	release()

	// Cancelled in the middle of a statement: SQLite would roll back the whole
	// transaction if that were interrupted, and the other would have to run again.
	release = held(t, db)
	gone, cancel = context.WithCancel(ctx)
	ran := 0
	wg.Go(func() {
		if err := db.Commit(ctx, func(tx *Tx) error {
			ran++
			_, err := tx.Exec(ctx, tally, "row", "other", 1)
			return err
		}); err != nil {
			t.Error("another's request:", err)
		}
	})
	queued(1)
	wg.Go(func() {
		err := db.Commit(gone, func(tx *Tx) error {
			time.AfterFunc(30*time.Millisecond, cancel)
			const slow = `INSERT INTO form_tally WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000)
				SELECT 'slow', 'sum', sum(n) FROM c`
			if _, err := tx.Exec(gone, slow); err != nil {
				t.Error("interrupted:", err)
			}
			_, err := tx.Exec(gone, tally, "row", "own too", 1)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Error("not told of its end:", err)
		}
	})
	queued(1)
	release()
	wg.Wait()
	if n := rows(t, db); n != 1 || ran != 1 {
		t.Errorf("%d rows, want the other's alone, which ran %d times", n, ran)
	}
}

// t.Fatal in a request ends the committer's goroutine. Nobody may hang on that.
func TestGoexit(t *testing.T) {
	db := open(t, t.TempDir())
	if err := db.Commit(ctx, func(*Tx) error { runtime.Goexit(); return nil }); !errors.Is(err, errGoexit) {
		t.Error(err)
	}
	err := db.Commit(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, tally, "f", "o", 1)
		return err
	})
	if err != nil || rows(t, db) != 1 {
		t.Error("after that:", err)
	}
}

// An erasure that a reader was in the way of is made good once it has gone.
func TestErasureWaitsForReaders(t *testing.T) {
	db := open(t, t.TempDir())
	err := db.View(ctx, func(tx *Tx) error {
		var n int
		if err := tx.Get(ctx, count, &n); err != nil {
			return err
		}
		return db.Commit(ctx, func(tx *Tx) error {
			tx.Erases()
			_, err := tx.Exec(ctx, tally, "f", "o", 1)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		owed := true
		if err := db.Commit(ctx, func(*Tx) error { owed = db.owed != nil; return nil }); err != nil {
			t.Fatal(err)
		}
		if !owed && i > 0 {
			return
		}
		if i == 0 && !owed {
			t.Error("the reader was not in the way: this test shows nothing")
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the write-ahead log was never emptied")
}

func BenchmarkCommit(b *testing.B) {
	db := open(b, b.TempDir())
	b.SetParallelism(32) // times two cores: 64 goroutines
	var serial sync.Mutex
	n := 0
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			serial.Lock()
			n++
			name := fmt.Sprint(n)
			serial.Unlock()
			err := db.Commit(ctx, func(tx *Tx) error {
				_, err := tx.Exec(ctx, tally, "f", name, 1)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPointRead(b *testing.B) {
	db := open(b, b.TempDir())
	err := db.Commit(ctx, func(tx *Tx) error {
		_, err := tx.Exec(ctx, tally, "f", "o", 1)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		err := db.View(ctx, func(tx *Tx) error {
			var n int
			return tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1 AND outcome = $2", &n, "f", "o")
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
