package tell

import (
	"testing"
	"time"
)

// TestBackOff: who cannot be told is tried again soon, then ever later, and at
// least once a day.
func TestBackOff(t *testing.T) {
	last := time.Duration(0)
	for tries, want := range []time.Duration{time.Minute, 4 * time.Minute, 16 * time.Minute, 64 * time.Minute} {
		if got := backOff(int64(tries)); got != want {
			t.Errorf("after %d tries it waits %v, want %v", tries, got, want)
		}
	}
	for tries := range int64(200) {
		got := backOff(tries)
		if got < last || got > 24*time.Hour {
			t.Errorf("after %d tries it waits %v", tries, got)
		}
		last = got
	}
}
