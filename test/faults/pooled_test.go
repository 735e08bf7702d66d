//go:build linux

package faults_test

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var pgbouncer = flag.String("faults.pgbouncer", "", "the PgBouncer to try, if it is not in the path")

// Behind a pooler that gives a connection for as long as it is wanted all is as
// it is without one.
func pooled(t *testing.T, c *cluster) {
	h, a := newHouse(t), newAccount()
	c.database(t, "pooled")
	h.database = c.url("pooled", startPooler(t, c))
	r := startReplicas(t, h, 2)
	l := a.begin(t, 8, r.public)
	l.until(t, 300)
	l.end()
	if len(a.refused) > 0 {
		t.Errorf("behind a pooler forms are refused: %v\n%s", a.refused, r.running[0].said)
	}
	settle(t, c, "pooled", a, nobody(t, h), h, r)
}

// startPooler starts a PgBouncer before the cluster, and returns its port.
func startPooler(t *testing.T, c *cluster) (port int) {
	t.Helper()
	program := *pgbouncer
	if program == "" {
		var err error
		if program, err = exec.LookPath("pgbouncer"); err != nil {
			t.Fatal("there is no PgBouncer on this machine: run scripts/setup")
		}
	}
	dir, port := filepath.Dir(c.dir), freePort(t)
	// Whoever comes is let in, as the cluster itself does here.
	conf := fmt.Sprintf(`
[databases]
* = host=127.0.0.1 port=%d user=avow
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = session
default_pool_size = 60
ignore_startup_parameters = synchronous_commit, statement_timeout, lock_timeout, idle_in_transaction_session_timeout
`, c.port, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	run, said := exec.Command(program, file), new(said)
	run.SysProcAttr, run.Dir, run.Stdout, run.Stderr = c.as, dir, said, said
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run.Process.Kill(); run.Wait() })
	for range 200 {
		conn, err := pgx.Connect(ctx, c.url("postgres", port))
		if err == nil {
			conn.Close(ctx)
			return port
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatal("PgBouncer does not answer: ", said)
	return 0
}

// The role that runs avow every day may change rows and nothing else. The one
// that owns the tables is needed for the first start, and after an upgrade.
func leastPrivilege(t *testing.T, c *cluster) {
	h, a := newHouse(t), newAccount()
	c.ask(t, "postgres", "CREATE ROLE avow_owner LOGIN")
	c.ask(t, "postgres", "CREATE ROLE avow_daily LOGIN")
	c.ask(t, "postgres", "CREATE DATABASE privileged OWNER avow_owner")
	c.ask(t, "privileged", "GRANT USAGE ON SCHEMA public TO avow_daily")
	c.ask(t, "privileged", "ALTER DEFAULT PRIVILEGES FOR ROLE avow_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO avow_daily")
	h.database = strings.Replace(c.url("privileged", c.port), "avow@", "avow_owner@", 1)
	h.must(t).stop(t)
	h.database = strings.Replace(h.database, "avow_owner@", "avow_daily@", 1)
	p := h.must(t)
	for i := range 10 {
		if err := a.send(http.DefaultClient, p.public, "eve@load.example", fmt.Sprint("privileged ", i)); err != nil {
			t.Fatal(err, p.said)
		}
	}
	settle(t, c, "privileged", a, nobody(t, h), h, &replicas{running: []*process{p}})
}
