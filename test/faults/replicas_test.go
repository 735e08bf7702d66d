//go:build linux

package faults_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

var (
	replicaKills = count("replica-kills", 4, "how often one of three replicas is killed over PostgreSQL")
	stops        = count("postgres-stops", 2, "how often PostgreSQL is stopped as if it had crashed")
	cuts         = count("cuts", 60, "how many connections to PostgreSQL are cut")
)

// TestPostgres has one PostgreSQL for all that is tried with it.
func TestPostgres(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	t.Run("replicas", func(t *testing.T) { replicasKilled(t, c) })
	t.Run("cuts", func(t *testing.T) { connectionsCut(t, c) })
	t.Run("least privilege", func(t *testing.T) { leastPrivilege(t, c) })
	t.Run("pooled", func(t *testing.T) { pooled(t, c) })
}

// replicas are several avows over one database, where some may be down.
type replicas struct {
	mu      sync.Mutex
	running []*process
}

// public is where a visitor sends to: each has a replica, and waits while that
// one is down.
func (r *replicas) public(visitor int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.running[visitor%len(r.running)]; p != nil {
		return p.public
	}
	return ""
}

// private is where a program of the staff sends to: to any that runs.
func (r *replicas) private(int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.running[rand.IntN(len(r.running))]; p != nil {
		return p.private
	}
	return ""
}

// set puts p, or nothing, in the place of what ran there.
func (r *replicas) set(i int, p *process) (before *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.running[i] = r.running[i], p
	return before
}

// start starts n replicas, the first alone: it makes the tables and the keys.
func startReplicas(t *testing.T, h *house, n int) *replicas {
	t.Helper()
	r := &replicas{running: make([]*process, n)}
	for i := range n {
		r.set(i, h.must(t))
	}
	return r
}

// Three avows over one database are killed in turn, and PostgreSQL is stopped
// under them.
func replicasKilled(t *testing.T, c *cluster) {
	h, a := newHouse(t), newAccount()
	c.database(t, "replicas")
	h.database = c.url("replicas", c.port)
	r := startReplicas(t, h, 3)
	l, s := a.begin(t, 12, r.public), beginStaff(t, 3, h.token(t), r.private)
	l.until(t, 30)
	for i := range max(*replicaKills, *stops) {
		if i < *replicaKills {
			victim := i % 3
			time.Sleep(time.Duration(rand.Int64N(int64(50 * time.Millisecond))))
			r.set(victim, nil).kill()
			l.until(t, 5) // the others go on
			r.set(victim, h.must(t))
		}
		if i < *stops {
			c.stop()
			time.Sleep(time.Duration(rand.Int64N(int64(200 * time.Millisecond))))
			c.start(t)
		}
		l.until(t, 10)
	}
	l.end()
	s.end()
	settle(t, c, "replicas", a, s, h, r)
	t.Logf("3 replicas, %d killed, PostgreSQL stopped %d times: %d forms acknowledged and kept, %d in doubt; other answers: %v; %s",
		*replicaKills, *stops, len(a.taken), len(a.sent)-len(a.taken), a.refused, s)
}

// Connections to PostgreSQL are cut after any number of bytes, and its backends
// are ended in the middle of what they do.
func connectionsCut(t *testing.T, c *cluster) {
	h, a := newHouse(t), newAccount()
	c.database(t, "cuts")
	p := newProxy(t, fmt.Sprintf("127.0.0.1:%d", c.port))
	h.database = c.url("cuts", p.port)
	r := startReplicas(t, h, 2)
	l, s := a.begin(t, 8, r.public), beginStaff(t, 3, h.token(t), r.private)
	l.until(t, 20)
	ended := int64(0)
	p.mean.Store(20_000)
	for i := 0; p.cuts.Load()+ended < int64(*cuts); i++ {
		if i == 10_000 {
			t.Fatalf("of %d cuts only %d were made", *cuts, p.cuts.Load()+ended)
		}
		var n int64
		c.ask(t, "postgres", "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE datname = 'cuts' ORDER BY random() LIMIT 1) one", &n)
		ended += n
		time.Sleep(time.Duration(rand.Int64N(int64(40 * time.Millisecond))))
	}
	p.mean.Store(0)
	// What was opened before may still be cut.
	c.ask(t, "postgres", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'cuts'", new(int64))
	l.until(t, 10)
	l.end()
	s.end()
	settle(t, c, "cuts", a, s, h, r)
	if t.Failed() {
		t.Log(r.running[0].said, r.running[1].said)
	}
	t.Logf("%d connections cut, %d backends ended: %d forms acknowledged and kept, %d in doubt; other answers: %v; %s",
		p.cuts.Load(), ended, len(a.taken), len(a.sent)-len(a.taken), a.refused, s)
}

// settle holds a quiet house to what it acknowledged, asking each replica, and
// the database to itself.
func settle(t *testing.T, c *cluster, database string, a *account, s *staff, h *house, r *replicas) {
	t.Helper()
	sameCheckpoint(t, r)
	report := a.hold(t, h, r.running[0], s.entries)
	s.hold(t, r.running[0], nil)
	for i, p := range r.running[1:] {
		if _, err := a.holdLog(p); err != nil {
			t.Errorf("replica %d: %v", i+1, err)
		}
	}
	var size, events, leaves int64
	c.ask(t, database, fmt.Sprintf(`SELECT (SELECT size FROM ledger_head ORDER BY log DESC LIMIT 1),
		count(*), count(DISTINCT leaf) FROM ledger_event WHERE pos < 0 AND leaf < %d`, report.Size), &size, &events, &leaves)
	if size < report.Size || events != leaves || events != report.Kinds["e"]-s.forgotten() {
		t.Errorf("the log has %d entries, %d of them about persons, of which %d were forgotten; the database says %d, with %d events at %d places",
			report.Size, report.Kinds["e"], s.forgotten(), size, events, leaves)
	}
}

// sameCheckpoint waits until all replicas serve the same checkpoint.
func sameCheckpoint(t *testing.T, r *replicas) {
	t.Helper()
	var all [][]byte
	for range 300 {
		all = nil
		for _, p := range r.running {
			checkpoint, err := p.fetch("checkpoint")
			if err != nil {
				checkpoint = []byte(err.Error()) // not yet
			}
			if len(all) == 0 || err != nil || !bytes.Equal(all[0], checkpoint) {
				all = append(all, checkpoint)
			}
		}
		if len(all) == 1 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the replicas do not come to the same checkpoint:\n%s", bytes.Join(all, []byte("\n")))
}
