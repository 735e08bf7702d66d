//go:build linux

package faults_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

var kills = count("kills", 20, "how often avow is killed over SQLite")

// perHouse is how often one house is killed before a new one is taken: each
// start reads the whole log, and each check all of it.
const perHouse = 25

// avow is killed again and again while forms come in over many connections.
// What was acknowledged is there when it is started again, once, and nothing
// else is.
func TestKilled(t *testing.T) {
	t.Parallel()
	acknowledged, inFlight := 0, 0
	for done := 0; done < *kills; done += perHouse {
		a, l := killHouse(t, min(perHouse, *kills-done))
		acknowledged, inFlight = acknowledged+a, inFlight+l
	}
	t.Logf("%d kills: %d forms acknowledged and kept, %d in flight when it died", *kills, acknowledged, inFlight)
}

func killHouse(t *testing.T, times int) (acknowledged, inFlight int) {
	h, a := newHouse(t), newAccount()
	r := &replicas{running: []*process{h.must(t)}}
	l := a.begin(t, 16, r.public)
	s := beginStaff(t, 4, h.token(t), r.private)
	for range times {
		l.until(t, 1)
		time.Sleep(time.Duration(rand.Int64N(int64(100 * time.Millisecond))))
		r.set(0, nil).kill()
		r.set(0, h.must(t))
	}
	l.end()
	s.end()
	if len(a.refused) > 0 {
		t.Errorf("an avow that was well until it was killed refused: %v", a.refused)
	}
	a.hold(t, h, r.running[0], s.entries)
	s.hold(t, r.running[0], nil)
	t.Log(s)
	r.running[0].kill()
	return len(a.taken), len(a.sent) - len(a.taken)
}

// avow is killed while it starts for the first time, when keys, tables and the
// first version of the statement are being made. It starts all the same the
// next time.
func TestKilledAtFirstStart(t *testing.T) {
	t.Parallel()
	for range *kills / 2 {
		h, a := newHouse(t), newAccount()
		for range 2 {
			p, _, err := h.launch(t)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rand.Int64N(int64(150 * time.Millisecond))))
			p.kill()
		}
		p, err := h.start(t)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := a.send(http.DefaultClient, p.public, "eve@load.example", "the first"); err != nil {
			t.Error(err)
		}
		a.hold(t, h, p, 0)
		p.kill()
	}
}
