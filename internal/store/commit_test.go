package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// What a request of a group may come to.
const (
	succeeds = iota
	fails    // after it has written
	refuses  // before it has written anything
	panics
	violates // a constraint, and hears of it
	swallows // the same, and says nothing
	late     // the same, with nothing after it that would have to wait
	kinds
)

// request does something of a kind.
func request(kind int, name string) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		var n int
		if err := tx.Get(ctx, count, &n); err != nil {
			return err
		}
		if kind == refuses {
			tx.Log("never")
			return errOwn
		}
		if _, err := tx.Exec(ctx, tally, "row", name, 1); err != nil {
			return err
		}
		tx.Log(name)
		switch kind {
		case fails:
			return errOwn
		case panics:
			panic("own panic")
		case violates:
			_, err := tx.Exec(ctx, tally, "row", name, 1)
			return err
		case swallows:
			tx.Exec(ctx, tally, "row", name, 1)
			return nil
		case late:
			return tx.Do(ctx, tally, "row", name, 1)
		}
		return nil
	}
}

// Whatever others in the group do, a request's changes and log entries are
// there exactly if it was told so.
func TestGroupsKeepRequestsApart(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := &book{}
		db.Attach(b)
		serial := 0
		rapid.Check(t, func(t *rapid.T) {
			serial++
			wanted := rapid.SliceOfN(rapid.IntRange(succeeds, kinds-1), 1, 12).Draw(t, "kinds")
			already := len(b.written)
			release := held(db)
			var wg sync.WaitGroup
			told := make([]bool, len(wanted))
			for i, kind := range wanted {
				wg.Go(func() {
					defer func() { recover() }()
					err := db.Commit(ctx, request(kind, fmt.Sprintf("%d/%d", serial, i)))
					told[i] = err == nil
					if (kind == fails || kind == refuses) && !errors.Is(err, errOwn) {
						t.Errorf("request %d was told %v", i, err)
					}
				})
			}
			queued(len(wanted))
			release()
			wg.Wait()
			succeeded := 0
			for i, kind := range wanted {
				if told[i] != (kind == succeeds) {
					t.Fatalf("request %d of kind %d: succeeded: %v", i, kind, told[i])
				}
				if kind == succeeds {
					succeeded++
				}
				n := 0
				err := db.View(ctx, func(tx *store.Tx) error {
					return tx.Get(ctx, "SELECT count(*) FROM form_tally WHERE outcome = $1", &n, fmt.Sprintf("%d/%d", serial, i))
				})
				if err != nil || (n == 2) != (kind == succeeds) || n != 0 && n != 2 {
					t.Fatalf("request %d of kind %d left %d rows: %v", i, kind, n, err)
				}
			}
			if len(b.written)-already != succeeded {
				t.Fatalf("%d entries in the log for %d requests that succeeded", len(b.written)-already, succeeded)
			}
		})
		if b.groups == 0 || b.groups >= len(b.written) {
			t.Errorf("%d entries in %d groups: nothing was grouped", len(b.written), b.groups)
		}
	})
}

// One request that the log cannot write takes nobody else down.
func TestGroupThatFailsIsDoneOneByOne(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := &book{fail: func(entries []any) error {
			if slices.Contains(entries, any("poison")) {
				return errOwn
			}
			if slices.Contains(entries, any("bomb")) {
				panic("in the log")
			}
			return nil
		}}
		db.Attach(b)
		release := held(db)
		var wg sync.WaitGroup
		errs := make([]error, 6)
		for i := range errs {
			wg.Go(func() {
				errs[i] = db.Commit(ctx, func(tx *store.Tx) error {
					name := fmt.Sprint("fine ", i)
					switch i {
					case 2:
						name = "poison"
					case 4:
						name = "bomb"
					}
					tx.Log(name)
					return add("row", name)(tx)
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
	})
}

// Entries stand in the order in which the requests came, and the state is that
// of the requests that succeeded.
func TestOrderAndState(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := &book{}
		db.Attach(b)
		release := held(db)
		var wg sync.WaitGroup
		var want []any
		var sum store.State
		for i := range 20 {
			row := [32]byte{byte(i + 1)}
			bad := i%5 == 4
			if !bad {
				want = append(want, i)
				sum.Add(store.Records, row)
			}
			wg.Go(func() {
				db.Commit(ctx, func(tx *store.Tx) error {
					tx.Add(store.Records, row)
					tx.Log(i)
					if err := add("row", fmt.Sprint(i))(tx); err != nil || bad {
						return errOwn
					}
					return nil
				})
			})
			queued(1)
		}
		release()
		wg.Wait()
		if diff := cmp.Diff(want, b.written); diff != "" {
			t.Error(diff)
		}
		if got := b.changes[len(b.changes)-1]; got != sum {
			t.Errorf("the state is %v, want %v", got, sum)
		}
		if b.groups != 1 {
			t.Errorf("%d groups", b.groups)
		}
	})
}

// A change of the state alone calls the log too, and is there to be read.
func TestChangeWithoutEntries(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		b := &book{}
		db.Attach(b)
		var own store.State
		err := db.Commit(ctx, func(tx *store.Tx) error {
			tx.Add(store.Events, [32]byte{1})
			tx.Add(store.Events, [32]byte{2})
			tx.Remove(store.Events, [32]byte{1})
			own = tx.Change()
			return nil
		})
		var want store.State
		want.Add(store.Events, [32]byte{2})
		if err != nil || own != want || len(b.changes) != 1 || b.changes[0] != want {
			t.Error(own, b.changes, err)
		}
	})
}

func TestEntriesOfARequest(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		db.Attach(&book{})
		err := db.Commit(ctx, func(tx *store.Tx) error {
			tx.Log("a")
			tx.Log("b")
			if diff := cmp.Diff([]any{"a", "b"}, tx.Entries()); diff != "" {
				t.Error(diff)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestEntriesWithoutALog(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		if err := db.Commit(ctx, func(tx *store.Tx) error { tx.Log(1); return nil }); err == nil {
			t.Error("an entry went nowhere without a word")
		}
	})
}

// More requests than a transaction takes.
func TestMany(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		release := held(db)
		var wg sync.WaitGroup
		for i := range store.MaxGroup + 50 {
			wg.Go(func() {
				if err := db.Commit(ctx, add("f", fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
		}
		queued(store.MaxGroup)
		release()
		wg.Wait()
		if n := rows(t, db); n != store.MaxGroup+50 {
			t.Errorf("%d rows", n)
		}
	})
}

// A caller who goes away takes back what has not begun, and cannot disturb what
// has.
func TestCancelling(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		release := held(db)
		gone, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			err := db.Commit(gone, func(*store.Tx) error { t.Error("ran for somebody who had gone"); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		queued(1)
		cancel()
		wg.Wait()
		release()

		// Cancelled in the middle of a statement: were that interrupted, the whole
		// transaction would be rolled back.
		release = held(db)
		gone, cancel = context.WithCancel(ctx)
		wg.Go(func() {
			if err := db.Commit(ctx, add("row", "other")); err != nil {
				t.Error("another's request:", err)
			}
		})
		queued(1)
		wg.Go(func() {
			err := db.Commit(gone, func(tx *store.Tx) error {
				if gone.Err() != nil {
					return gone.Err() // run again without the other
				}
				time.AfterFunc(10*time.Millisecond, cancel)
				const slow = `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 500000) SELECT count(*) FROM c`
				var n int
				if err := tx.Get(gone, slow, &n); err != nil {
					t.Error("interrupted:", err)
				}
				<-gone.Done()
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
		if n := rows(t, db); n != 1 {
			t.Errorf("%d rows, want the other's alone", n)
		}
	})
}

// A view ends with its context.
func TestCancelledView(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		err := db.View(soon, func(tx *store.Tx) error {
			var n int
			const endless = `WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 100000000) SELECT count(*) FROM c`
			return tx.Get(soon, endless, &n)
		})
		if err == nil {
			t.Error("it went on")
		}
		if n := rows(t, db); n != 0 {
			t.Error(n)
		}
	})
}

// t.Fatal in a request ends the goroutine it runs on. Nobody may hang on that.
func TestGoexit(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		err := db.Commit(ctx, func(tx *store.Tx) error { tx.Exec(ctx, tally, "f", "lost", 1); runtime.Goexit(); return nil })
		if err == nil {
			t.Error("a request that never ended has succeeded")
		}
		if err := db.Commit(ctx, add("f", "o")); err != nil || rows(t, db) != 1 {
			t.Error("after that:", err)
		}
	})
}

func TestClosed(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		nothing := func(*store.Tx) error { t.Error("ran after Close"); return nil }
		if err := db.Commit(ctx, nothing); !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
		if err := db.View(ctx, nothing); !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
}

// What was committed is there for who opens the database next.
func TestOpenAgain(t *testing.T) {
	for range 2 {
		engines(t, func(t *testing.T, db *store.DB) {
			if err := db.Commit(ctx, add("f", "o")); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestTimeNeverGoesBack(t *testing.T) {
	clock := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	db := open(t, store.Config{Path: t.TempDir(), Clock: func() time.Time { return clock }})
	moment := func() (now time.Time) {
		if err := db.Commit(ctx, func(tx *store.Tx) error { now = tx.Now; return nil }); err != nil {
			t.Fatal(err)
		}
		return now
	}
	first := moment()
	clock = clock.Add(-time.Hour)
	if back := moment(); !back.Equal(first) {
		t.Errorf("after the clock was put back the moment is %v, before it was %v", back, first)
	}
	clock = clock.Add(2 * time.Hour)
	if on := moment(); !on.Equal(clock) {
		t.Errorf("the moment is %v at %v", on, clock)
	}
}

// What is counted is the sum of those that succeed, whoever shared a group with
// them, and also what is counted while the log is written.
func TestCount(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		db := open(t, cfg)
		const add = "INSERT INTO form_tally (form, outcome, n) VALUES ($1, $2, $3) ON CONFLICT (form, outcome) DO UPDATE SET n = form_tally.n + excluded.n"
		for range 2 {
			release := held(db)
			var wg sync.WaitGroup
			for i := range 60 {
				wg.Go(func() {
					err := db.Commit(ctx, func(tx *store.Tx) error {
						tx.Count(add, "contact", "accepted", 1)
						tx.Count(add, "contact", fmt.Sprint("kind", i%3), 2)
						if i%3 == 0 {
							return errOwn
						}
						return nil
					})
					if (i%3 == 0) != (err != nil) {
						t.Errorf("request %d: %v", i, err)
					}
				})
			}
			release()
			wg.Wait()
		}
		got := map[string]int{}
		err := db.View(ctx, func(tx *store.Tx) error {
			return tx.Each(ctx, "SELECT outcome, n FROM form_tally", func(scan func(...any) error) error {
				var outcome string
				var n int
				err := scan(&outcome, &n)
				got[outcome] = n
				return err
			})
		})
		if diff := cmp.Diff(map[string]int{"accepted": 80, "kind1": 80, "kind2": 80}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	})
}
