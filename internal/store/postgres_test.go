package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// A wire stands between the store and the server, and can be cut.
type wire struct {
	listener net.Listener
	server   string
	url      string

	mu    sync.Mutex
	conns []net.Conn
	// cut is asked about what goes to the server: whether the wire breaks
	// there, and if so whether the server still gets it.
	cut    func(sent []byte) (breaks, delivers bool)
	commit string // the name of the statement
	wg     sync.WaitGroup
}

func newWire(t *testing.T, address string) *wire {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{server: filepath.Join(u.Query().Get("host"), ".s.PGSQL.5432")}
	folder := t.TempDir()
	if w.listener, err = net.Listen("unix", filepath.Join(folder, ".s.PGSQL.5432")); err != nil {
		t.Fatal(err)
	}
	u.RawQuery = url.Values{"host": {folder}}.Encode()
	w.url = u.String()
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		w.listener.Close()
		w.cutAll()
		w.wg.Wait()
	})
	return w
}

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", w.server)
		if err != nil {
			near.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, near, far)
		w.commit = "" // names are a connection's own
		w.mu.Unlock()
		mute := &atomic.Bool{}
		w.wg.Go(func() { w.back(far, near, mute); near.Close(); far.Close() })
		w.wg.Go(func() { w.forward(near, far, mute); near.Close(); far.Close() })
	}
}

func (w *wire) back(far, near net.Conn, mute *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := far.Read(buffer)
		if err != nil || mute.Load() {
			return
		}
		near.Write(buffer[:n])
	}
}

func (w *wire) forward(near, far net.Conn, mute *atomic.Bool) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := near.Read(buffer)
		if err != nil {
			return
		}
		w.mu.Lock()
		breaks, delivers := false, false
		if w.cut != nil {
			breaks, delivers = w.cut(buffer[:n])
		}
		w.mu.Unlock()
		if breaks {
			if delivers {
				mute.Store(true) // and the answer goes nowhere
				far.Write(buffer[:n])
				time.Sleep(50 * time.Millisecond)
			}
			return
		}
		if _, err := far.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *wire) cutAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.Close()
	}
	w.conns = nil
}

func (w *wire) set(cut func([]byte) (bool, bool)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}

// The connection breaks while a transaction is being committed. Whether the
// server got that far or not, what was asked is done once.
func TestConnectionCutInCommit(t *testing.T) {
	for _, delivers := range []bool{true, false} {
		t.Run(fmt.Sprint("delivered ", delivers), func(t *testing.T) {
			w := newWire(t, storetest.Postgres(t))
			db := open(t, store.Config{URL: w.url})
			b := &book{}
			db.Attach(b)
			w.set(func(sent []byte) (bool, bool) { w.isCommit(sent); return false, false })
			if err := db.Commit(ctx, add("f", "first")); err != nil {
				t.Fatal(err)
			}
			for i := range 5 {
				cuts, ran := 0, 0
				w.set(func(sent []byte) (bool, bool) {
					if !w.isCommit(sent) || cuts > 0 {
						return false, false
					}
					cuts++
					return true, delivers
				})
				err := db.Commit(ctx, func(tx *store.Tx) error {
					ran++
					tx.Log(fmt.Sprint(i))
					return add("f", fmt.Sprint(i))(tx)
				})
				w.set(nil)
				if err != nil || cuts != 1 {
					t.Fatal(err, cuts)
				}
				if (ran == 1) != delivers {
					t.Errorf("it ran %d times", ran)
				}
			}
			if n := rows(t, db); n != 11 || len(b.written) != 5 {
				t.Errorf("%d rows, %d entries", n, len(b.written))
			}
		})
	}
}

// isCommit knows a COMMIT by the name it was prepared under.
func (w *wire) isCommit(sent []byte) bool {
	text := string(sent)
	if before, _, ok := strings.Cut(text, "\x00COMMIT\x00"); ok {
		w.commit = before[strings.LastIndexByte(before, 0)+1:]
		w.commit = w.commit[strings.LastIndexByte(w.commit, 's'):]
		return false
	}
	return w.commit != "" && strings.Contains(text, "\x00"+w.commit+"\x00")
}

// hammer has many at work, and then holds what is there against what was
// acknowledged: each is there once, with its entry, and nothing else is.
func hammer(t *testing.T, db *store.DB, calm func()) {
	t.Helper()
	b := &book{}
	db.Attach(b)
	var wg sync.WaitGroup
	var mu sync.Mutex
	acknowledged, failed := map[string]bool{}, 0
	for worker := range 16 {
		wg.Go(func() {
			for i := range 15 {
				name := fmt.Sprintf("%d/%d", worker, i)
				err := db.Commit(ctx, func(tx *store.Tx) error {
					var n int
					if err := tx.Get(ctx, count, &n); err != nil {
						return err
					}
					tx.Log(name)
					return add("row", name)(tx)
				})
				mu.Lock()
				if acknowledged[name] = err == nil; err != nil {
					failed++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	calm()
	found := map[string]int{}
	err := db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, "SELECT outcome FROM form_tally", func(scan func(...any) error) error {
			var name string
			err := scan(&name)
			found[name]++
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, ok := range acknowledged {
		if ok != (found[name] == 2) || !ok && found[name] != 0 {
			t.Errorf("%s: acknowledged %v, %d rows", name, ok, found[name])
		}
	}
	if len(b.written) != len(found) || failed > len(acknowledged)/2 {
		t.Errorf("%d entries for %d rows, %d of %d failed", len(b.written), len(found), failed, len(acknowledged))
	}
}

// The connection is cut all the time, anywhere.
func TestConnectionCutAnywhere(t *testing.T) {
	w := newWire(t, storetest.Postgres(t))
	db := open(t, store.Config{URL: w.url})
	var pieces atomic.Int64
	w.set(func([]byte) (bool, bool) {
		n := pieces.Add(1)
		return n%23 == 0, n%2 == 0
	})
	hammer(t, db, func() { w.set(nil) })
	if cuts := pieces.Load() / 23; cuts < 5 {
		t.Errorf("%d cuts", cuts)
	}
}

// The server ends our sessions all the time.
func TestSessionsEndedByServer(t *testing.T) {
	address := storetest.Postgres(t)
	db := open(t, store.Config{URL: address})
	engine, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	stop, ended := make(chan struct{}), 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(15 * time.Millisecond):
			}
			var n int
			err := engine.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE application_name = 'avow' AND datname = current_database()`).Scan(&n)
			if err != nil {
				t.Error(err)
			}
			ended += n
		}
	})
	hammer(t, db, func() { close(stop); wg.Wait() })
	if ended < 1 {
		t.Errorf("%d sessions ended", ended)
	}
}

// Two processes make the same row at once: each is told the truth, and who looks
// before it writes finds the other's row when it is tried again.
func TestTwoProcesses(t *testing.T) {
	address := storetest.Postgres(t)
	one, two := open(t, store.Config{URL: address}), open(t, store.Config{URL: address})
	var wg sync.WaitGroup
	for i := range 20 {
		for _, db := range []*store.DB{one, two} {
			for range 2 {
				wg.Go(func() {
					err := db.Commit(ctx, func(tx *store.Tx) error {
						var n int
						err := tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1 AND outcome = $2 FOR UPDATE", &n, "f", fmt.Sprint(i))
						if errors.Is(err, store.ErrNone) {
							return add("f", fmt.Sprint(i))(tx)
						}
						if err != nil {
							return err
						}
						return tx.Do(ctx, "UPDATE form_tally SET n = $3 WHERE form = $1 AND outcome = $2", "f", fmt.Sprint(i), n+1)
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	wg.Wait()
	var least, most int
	err := one.View(ctx, func(tx *store.Tx) error {
		return tx.Get(ctx, "SELECT min(n), max(n) FROM form_tally", store.Into(&least, &most))
	})
	if err != nil || least < 2 || most > 4 || rows(t, one) != 20 {
		t.Error(least, most, err)
	}
}

func TestStrangePostgres(t *testing.T) {
	for name, c := range map[string]struct{ sql, says string }{
		"newer":   {"UPDATE " + store.VersionTable + " SET version_id = 99999 WHERE version_id = 2", "newer avow"},
		"foreign": {"DROP TABLE " + store.VersionTable, "not made by avow"},
	} {
		t.Run(name, func(t *testing.T) {
			address := storetest.Postgres(t)
			db, err := store.Open(ctx, store.Config{URL: address})
			if err != nil {
				t.Fatal(err)
			}
			db.Close()
			engine, err := sql.Open("pgx", address)
			if err != nil {
				t.Fatal(err)
			}
			defer engine.Close()
			if _, err := engine.Exec(c.sql); err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(ctx, store.Config{URL: address}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Error(err)
			}
		})
	}
	secret := "postgres://avow:geheim@/db?host=/nowhere"
	if _, err := store.Open(ctx, store.Config{URL: secret}); err == nil || strings.Contains(err.Error(), "geheim") {
		t.Error(err)
	}
}

// What the server says of a statement may quote the row. Errors go into logs.
func TestErrorsQuoteNoValues(t *testing.T) {
	db := open(t, store.Config{URL: storetest.Postgres(t)})
	for what, query := range map[string]string{
		"twice":  "INSERT INTO form_tally (form, outcome, n) VALUES ($1, $1, 1), ($1, $1, 1)",
		"no int": "INSERT INTO form_tally (form, outcome, n) SELECT $1, 'x', CAST(CAST($1 AS TEXT) AS BIGINT)",
	} {
		err := db.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, query, "canary@example") })
		if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "canary") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What commits cost without us: each request one transaction of two statements,
// on 64 connections.
func BenchmarkPlainPostgres(b *testing.B) {
	address := storetest.Postgres(b)
	db, err := store.Open(ctx, store.Config{URL: address})
	if err != nil {
		b.Fatal(err)
	}
	db.Close()
	engine, err := sql.Open("pgx", address)
	if err != nil {
		b.Fatal(err)
	}
	defer engine.Close()
	engine.SetMaxIdleConns(64)
	engine.SetMaxOpenConns(64)
	var serial atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			tx, err := engine.Begin()
			if err != nil {
				b.Fatal(err)
			}
			n := serial.Add(1)
			if _, err := tx.Exec(tally, "f", fmt.Sprint(n), 1); err != nil {
				b.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Requests that all want the same to themselves are done one after the other,
// without each being tried again for every one before it.
func TestManyMeet(t *testing.T) {
	db := open(t, store.Config{URL: storetest.Postgres(t)})
	const n = 60
	var tries atomic.Int64
	release := held(db)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := db.Commit(ctx, func(tx *store.Tx) error {
				tries.Add(1)
				tx.Claim([16]byte{1})
				return add("meet", fmt.Sprint(i))(tx)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	release()
	wg.Wait()
	if got := rows(t, db); got != n || tries.Load() > 3*n {
		t.Errorf("%d rows after %d tries of %d requests", got, tries.Load(), n)
	}
}
