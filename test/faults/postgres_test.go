//go:build linux

package faults_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A cluster is a PostgreSQL of this test's own.
type cluster struct {
	dir  string
	bin  string
	port int
	as   *syscall.SysProcAttr
	main *exec.Cmd
	gone chan struct{}
}

// newCluster makes and starts one, or skips the test if there is no PostgreSQL
// here.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{bin: findPostgres(t), as: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}}
	dir, err := os.MkdirTemp("", "avow-faults-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	c.dir = filepath.Join(dir, "data")
	c.dropRoot(t, dir)
	init := exec.Command(filepath.Join(c.bin, "initdb"), "-D", c.dir, "-A", "trust", "-U", "avow", "-E", "UTF8", "--locale=C", "--no-sync")
	init.SysProcAttr, init.Dir = c.as, dir
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.port = freePort(t)
	conf := fmt.Sprintf("listen_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\nshared_buffers = 32MB\nmax_connections = 150\n", c.port, dir)
	if err := os.WriteFile(filepath.Join(c.dir, "postgresql.auto.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.stop() })
	c.start(t)
	return c
}

func findPostgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if inPath, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(inPath); err == nil {
			found = append(found, real)
		}
	}
	if len(found) == 0 {
		t.Fatal("there is no PostgreSQL on this machine: run scripts/setup")
	}
	return filepath.Dir(found[len(found)-1])
}

// dropRoot lets PostgreSQL, which refuses to run as root, run as somebody else.
func (c *cluster) dropRoot(t *testing.T, dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		c.as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("PostgreSQL does not run as root, and there is nobody else here")
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// url names a database of the cluster, at the port it listens on or at a
// proxy's.
func (c *cluster) url(name string, port int) string {
	return fmt.Sprintf("postgres://avow@127.0.0.1:%d/%s?sslmode=disable", port, name)
}

// start starts PostgreSQL and waits until it answers.
func (c *cluster) start(t *testing.T) {
	t.Helper()
	c.main = exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.dir)
	c.main.SysProcAttr, c.main.Dir = c.as, c.dir
	log, err := os.OpenFile(filepath.Join(c.dir, "..", "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	c.main.Stdout, c.main.Stderr = log, log
	if err := c.main.Start(); err != nil {
		t.Fatal(err)
	}
	main, gone := c.main, make(chan struct{})
	c.gone = gone
	go func() { main.Wait(); close(gone) }()
	for range 600 {
		conn, err := pgx.Connect(ctx, c.url("postgres", c.port))
		if err == nil {
			conn.Close(ctx)
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(log.Name())
	t.Fatalf("PostgreSQL does not answer: %s", said)
}

// stop ends PostgreSQL at once, as pg_ctl stop -m immediate does: it is as if
// it had crashed.
func (c *cluster) stop() {
	if c.main == nil || c.main.Process == nil {
		return
	}
	c.main.Process.Signal(syscall.SIGQUIT)
	<-c.gone
}

// database makes an empty database.
func (c *cluster) database(t *testing.T, name string) {
	t.Helper()
	c.ask(t, "postgres", "CREATE DATABASE "+name)
}

// ask runs a statement, and scans the row that it gives into dest.
func (c *cluster) ask(t *testing.T, database, query string, dest ...any) {
	t.Helper()
	conn, err := pgx.Connect(ctx, c.url(database, c.port))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if len(dest) == 0 {
		_, err = conn.Exec(ctx, query)
	} else {
		err = conn.QueryRow(ctx, query).Scan(dest...)
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		t.Fatalf("%s: %v", query, err)
	}
}
