package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv("AVOW_TEST_HOLD"); folder != "" {
		hold(folder)
	}
	flag.Parse()
	if !set("rapid.checks") {
		flag.Set("rapid.checks", "30") // each of many groups, on a server that syncs
	}
	// A connection that was given up in the middle of an answer is seen off by
	// the driver in its own time.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgconn.(*PgConn).asyncClose.func1"))
}

func set(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

var ctx = context.Background()

// open opens a database that is closed when the test ends.
func open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// engines runs a test on an empty database of each engine.
func engines(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, cfg store.Config) { fn(t, open(t, cfg)) })
}

func at(path string) store.Config { return store.Config{Path: path} }

const (
	tally = "INSERT INTO form_tally (form, outcome, n) VALUES ($1, $2, $3)"
	count = "SELECT count(*) FROM form_tally"
)

func add(form, outcome string) func(*store.Tx) error {
	return func(tx *store.Tx) error { return tx.Do(ctx, tally, form, outcome, 1) }
}

func rows(t testing.TB, db *store.DB) (n int) {
	t.Helper()
	if err := db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, count, &n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

// held returns once the committer is busy until release is called, so that what
// is committed meanwhile becomes one group.
func held(db *store.DB) (release func()) {
	started, end, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		db.Commit(ctx, func(*store.Tx) error { close(started); <-end; return nil })
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
	staged  []any
	written []any
	changes []store.State
	groups  int
	lost    int
	fail    func(entries []any) error
}

func (b *book) Write(ctx context.Context, tx *store.Tx, entries []any) error {
	b.staged = append([]any(nil), entries...)
	b.changes = append(b.changes, tx.Change())
	if b.fail != nil {
		if err := b.fail(entries); err != nil {
			return err
		}
	}
	var n int
	if err := tx.Get(ctx, "SELECT count(*) FROM form_tally WHERE form = $1", &n, "entry"); err != nil {
		return err
	}
	for _, e := range entries {
		if err := tx.Do(ctx, tally, "entry", fmt.Sprint(e), 1); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) Durable() { b.written = append(b.written, b.staged...); b.groups++ }
func (b *book) Lost()    { b.lost++ }

var errOwn = errors.New("own error")
