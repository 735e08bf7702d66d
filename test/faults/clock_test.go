//go:build linux

package faults_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

var ticks = count("ticks", 300, "how many steps the clock makes")

// The clock of the machine steps back and forth, also while the house is down.
// The times in receipts never go back along the log, and nothing is let go
// before its time.
func TestClock(t *testing.T) {
	t.Parallel()
	h := servertest.New(t)
	steps := []time.Duration{-time.Hour, -time.Minute, -time.Second, -time.Microsecond, 0, time.Microsecond, time.Second, time.Minute, 30 * time.Minute}
	var last *receipt.Receipt
	for i := range *ticks {
		h.Pass(steps[rand.IntN(len(steps))])
		if last != nil && last.Event.At.Sub(h.Now()) > 20*time.Hour {
			h.Pass(10 * time.Hour) // by more than a day avow believes the clock
		}
		if i%50 == 49 { // an older clock after a restart
			h.Stop()
			h.Pass(-2 * time.Hour)
			h.Start("")
		}
		text, _ := h.Taken("contact", "email", fmt.Sprintf("%d@load.example", i/2), "message", fmt.Sprint(i))
		r, err := receipt.Verify([]byte(text), receipt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && (r.Event.At.Before(last.Event.At) || r.Index <= last.Index) {
			t.Errorf("after %s at %d comes %s at %d", last.Event.At, last.Index, r.Event.At, r.Index)
		}
		last = r
		if i%20 == 0 {
			h.Expire(t.Context())
		}
	}
	if n := kept(t, h); n != *ticks {
		t.Errorf("%d records are left of %d, and none is past its time", n, *ticks)
	}
}

// Of what is kept for 24 months all is there a moment before, whatever the clock
// did in between, and nothing after.
func TestNothingExpiresEarly(t *testing.T) {
	t.Parallel()
	h := servertest.New(t)
	begun := h.Now()
	due := begun.AddDate(0, 24, 0)
	h.Taken("contact", "email", "eve@load.example", "message", "the first")
	to := func(when time.Time) { h.Pass(when.Sub(h.Now())) }
	for _, when := range []time.Time{begun.AddDate(0, 0, -3), begun.AddDate(1, 0, 0), begun, due.Add(-time.Second), begun.AddDate(0, 0, 1)} {
		to(when)
		h.Expire(t.Context())
		if n := kept(t, h); n != 1 {
			t.Fatalf("at %s the record is gone, and it is due at %s", when, due)
		}
	}
	to(due)
	h.Expire(t.Context())
	if n := kept(t, h); n != 0 {
		t.Errorf("at %s the record is still there", due)
	}
}

// kept counts the records that can be read.
func kept(t *testing.T, h *servertest.House) int {
	t.Helper()
	records, err := readAll(&process{private: h.Private}, tokenOf(t, h.Keys()))
	if err != nil {
		t.Fatal(err)
	}
	return len(records)
}
