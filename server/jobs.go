package server

import (
	"context"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/sections/collection"
)

// A job is what is done by the clock. What every house over a database would do
// alike, only one does: the one that leads.
type job struct {
	name  string
	every time.Duration
	led   bool
	do    func(ctx context.Context) error
}

func (s *Server) jobs() []job {
	return []job{
		{"count notices", time.Second, false, s.acceptance.Flush},
		{"learn of new keys", time.Second, false, s.refreshKeys},
		{"learn of new versions", time.Second, false, s.changes.Refresh},
		{"expire", time.Minute, false, func(ctx context.Context) error { s.Expire(ctx); return nil }},
		{"report the state", time.Minute, true, s.ledger.Report},
		{"forget repeated requests", time.Minute, true, func(ctx context.Context) error { return api.Expire(ctx, s.store) }},
		{"rotate the keys", time.Hour, true, s.security.RotateDue},
		{"look at the disk", time.Second, false, s.warn},
	}
}

// Run does what is done by the clock, until ctx ends.
func (s *Server) Run(ctx context.Context) { s.runAll(ctx, s.jobs()) }

// runAll does each job at its own pace: one that takes long, such as wrapping
// all keys anew, must not keep a house from learning of a new version. The pace
// is not that of the store, whose clock stands after the machine's was put back.
func (s *Server) runAll(ctx context.Context, jobs []job) {
	var all sync.WaitGroup
	for _, j := range jobs {
		all.Go(func() {
			tick := time.NewTicker(j.every)
			defer tick.Stop()
			for ctx.Err() == nil {
				s.run(ctx, j)
				select {
				case <-ctx.Done():
				case <-tick.C:
				}
			}
		})
	}
	all.Wait()
}

func (s *Server) run(ctx context.Context, j job) {
	if j.led {
		release, ok := s.store.Lead(ctx, j.name)
		if !ok {
			return
		}
		defer release()
	}
	if err := j.do(ctx); err != nil && ctx.Err() == nil {
		s.config.Log.Error(j.name, "error", err)
	}
}

// refreshKeys learns of an epoch that another house over the database began.
func (s *Server) refreshKeys(ctx context.Context) error {
	if s.config.DB == "" {
		return nil
	}
	return s.vault.Refresh(ctx)
}

// warn says once a minute that the disk is full.
func (s *Server) warn(context.Context) error {
	if now := s.store.Now(); s.store.Low() && now.Sub(s.warned) >= time.Minute {
		s.warned = now
		s.config.Log.Error("the disk is full: only erasures are done. Make room where the data folder is")
	}
	return nil
}

// Expire lets go at once what is past its time.
func (s *Server) Expire(ctx context.Context) {
	for {
		n, err := s.collection.Expire(ctx)
		if err != nil && ctx.Err() == nil {
			s.config.Log.Error("expire", "error", err)
		}
		if err != nil || n < collection.AtOnce || ctx.Err() != nil {
			return
		}
	}
}
