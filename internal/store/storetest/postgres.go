// Package storetest runs tests on every engine of the store.
package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/avow-privacy/avow/internal/store"
)

// Engines runs a test on an empty SQLite database and on an empty PostgreSQL
// database.
func Engines(t *testing.T, fn func(t *testing.T, cfg store.Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, store.Config{Path: t.TempDir()}) })
	t.Run("postgres", func(t *testing.T) { fn(t, store.Config{URL: database(t, emptied)}) })
}

// Bench is Engines for a benchmark.
func Bench(b *testing.B, fn func(b *testing.B, cfg store.Config)) {
	b.Run("sqlite", func(b *testing.B) { fn(b, store.Config{Path: b.TempDir()}) })
	b.Run("postgres", func(b *testing.B) { fn(b, store.Config{URL: Postgres(b)}) })
}

// Postgres gives the URL of an empty database that goes away with the test. The
// server is this process's own, started by the first test that asks and stopped
// when the process ends, however it ends. It syncs to disk as a real one does.
func Postgres(t testing.TB) (address string) {
	t.Helper()
	return database(t, fresh)
}

// How a database that a test gave back is made ready for the next: without any
// tables, or only without rows, which is quicker by far.
const (
	fresh   = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
	emptied = `SET session_replication_role = replica;
		DO $$ DECLARE t text; BEGIN
			FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'store_migration' LOOP
				EXECUTE 'DELETE FROM ' || t;
			END LOOP;
		END $$`
)

func database(t testing.TB, reset string) (address string) {
	t.Helper()
	c, err := start()
	if err != nil {
		t.Fatalf("start PostgreSQL, which scripts/setup installs: %v", err)
	}
	name, err := c.take(reset)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.give(name, reset); err != nil {
			t.Error(err)
		}
	})
	return c.url(name)
}

// A cluster is a running server.
type cluster struct {
	folder string
	hold   *os.File // the script runs until this is closed

	mu    sync.Mutex
	bases int
	free  map[string][]string // databases that were given back, by how
}

var start = sync.OnceValues(func() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "avow-pg-")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder, free: map[string][]string{}}
	if err := c.run(bin); err != nil {
		log, _ := os.ReadFile(filepath.Join(folder, "log"))
		return nil, fmt.Errorf("%w\n%s", err, log)
	}
	return c, nil
})

// binaries finds the folder of PostgreSQL's programs.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.Sort(found)
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	initdb, err := exec.LookPath("initdb")
	return filepath.Dir(initdb), err
}

// script makes a cluster and runs it until standard input ends, which it does
// when this process ends.
const script = `
cd "$1"
"$2/initdb" -D data -U avow -A trust -E UTF8 --locale=C --no-sync --no-instructions >log 2>&1 || exit 1
"$2/postgres" -D data -k "$1" -h '' -c shared_buffers=64MB -c max_connections=120 -c wal_level=replica -c max_wal_size=256MB >>log 2>&1 &
server=$!
cat >/dev/null
while kill -INT $server 2>/dev/null; do sleep 0.1; done
wait $server
rm -rf "$1"
`

// run starts the script as somebody who is not root: PostgreSQL would refuse.
func (c *cluster) run(bin string) error {
	in, hold, err := os.Pipe()
	if err != nil {
		return err
	}
	defer in.Close()
	c.hold = hold
	cmd := exec.Command("/bin/sh", "-c", script, "sh", c.folder, bin)
	cmd.Stdin = in
	if os.Getuid() == 0 {
		uid, gid, err := somebody()
		if err != nil {
			return err
		}
		if err := os.Chown(c.folder, uid, gid); err != nil {
			return err
		}
		become(cmd, uint32(uid), uint32(gid))
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for range 600 {
		if err = c.exec("postgres", "SELECT 1"); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func somebody() (uid, gid int, err error) {
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, err
	}
	if uid, err = strconv.Atoi(who.Uid); err == nil {
		gid, err = strconv.Atoi(who.Gid)
	}
	return uid, gid, err
}

func (c *cluster) url(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User("avow"), Path: "/" + database, RawQuery: url.Values{"host": {c.folder}}.Encode()}).String()
}

// take gives an empty database. To make one takes the server longer than to
// empty one.
func (c *cluster) take(reset string) (name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if free := c.free[reset]; len(free) > 0 {
		c.free[reset] = free[1:]
		return free[0], nil
	}
	c.bases++
	name = fmt.Sprintf("test%d", c.bases)
	return name, c.exec("postgres", "CREATE DATABASE "+name)
}

// give takes a database back, whoever is still connected to it.
func (c *cluster) give(name, reset string) error {
	err := c.exec("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	if err == nil {
		err = c.exec(name, reset)
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[reset] = append(c.free[reset], name)
	return nil
}

func (c *cluster) exec(database, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, c.url(database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement).ReadAll()
	return err
}
