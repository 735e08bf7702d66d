package server

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/store"
)

// What takes long keeps nothing else from being done, and neither does a clock
// that was put back: a house that goes on wrapping keys, or whose clock stands,
// still learns of versions and lets go in time.
func TestJobsDoNotWait(t *testing.T) {
	stands := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	db, err := store.Open(t.Context(), store.Config{Path: t.TempDir(), Clock: func() time.Time { return stands }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := &Server{store: db, config: Config{Log: slog.New(slog.DiscardHandler)}}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var done atomic.Int64
	s.runAll(ctx, []job{
		{name: "wrap", every: time.Second, do: func(ctx context.Context) error { <-ctx.Done(); return nil }},
		{name: "learn", every: 10 * time.Millisecond, do: func(context.Context) error {
			if done.Add(1) == 3 {
				cancel()
			}
			return nil
		}},
	})
	if n := done.Load(); n < 3 {
		t.Errorf("it was done %d times", n)
	}
}
