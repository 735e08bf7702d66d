package server

import (
	"context"
	"errors"
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
	waits bool // not at the start, which has more to do
	do    func(ctx context.Context) error
}

func (s *Server) jobs() []job {
	return []job{
		{name: "count", every: time.Second, do: s.flush},
		{name: "learn of links", every: time.Second, do: s.links.Refresh},
		{name: "learn of new keys", every: time.Second, do: s.refreshKeys},
		{name: "learn of new versions", every: time.Second, do: s.changes.Refresh},
		{name: "look at the disk", every: time.Second, do: s.warn},
		{name: "expire", every: time.Minute, do: func(ctx context.Context) error { s.Expire(ctx); return nil }},
		{name: "report the state", every: time.Minute, led: true, do: s.ledger.Report},
		{name: "forget repeated requests", every: time.Minute, led: true, do: func(ctx context.Context) error { return api.Expire(ctx, s.store) }},
		{name: "let go of old logs", every: time.Minute, do: func(ctx context.Context) error { _, err := s.logs.Expire(ctx); return err }},
		{name: "show popular pages", every: time.Minute, led: true, do: s.popular.Settle},
		{name: "send letters", every: time.Second, do: s.mailing.Deliver},
		{name: "forget letters", every: time.Hour, led: true, waits: true, do: s.mailing.Forget},
		{name: "tidy the mailbox", every: time.Hour, led: true, waits: true, do: s.mailbox.Tidy},
		{name: "tell recipients", every: time.Minute, led: true, do: s.recipients.Tell},
		{name: "compare lists with stops", every: time.Hour, led: true, waits: true, do: s.recipients.Compare},
		{name: "look at addresses to opt out", every: time.Hour, led: true, waits: true, do: s.lookElsewhere},
		{name: "forget unseen links", every: time.Hour, led: true, do: s.links.Forget},
		{name: "renew the keys", every: time.Hour, led: true, do: s.security.RotateDue},
		{name: "open everything", every: time.Hour, led: true, waits: true, do: s.security.ScanDue},
	}
}

// Run does what is done by the clock, until ctx ends. No job waits for another:
// to read all rows or to wrap all keys takes its time.
func (s *Server) Run(ctx context.Context) { s.runAll(ctx, s.jobs()) }

func (s *Server) runAll(ctx context.Context, jobs []job) {
	var all sync.WaitGroup
	for _, j := range jobs {
		all.Go(func() { s.repeat(ctx, j) })
	}
	all.Wait()
}

// repeat does a job at its pace, which is not that of the store: its clock stands
// after the machine's was put back.
func (s *Server) repeat(ctx context.Context, j job) {
	tick := time.NewTicker(j.every)
	defer tick.Stop()
	for wait := j.waits; ; wait = false {
		if !wait {
			s.run(ctx, j)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
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

// flush writes what was counted, each by itself: one that fails keeps what it
// has for the next time.
func (s *Server) flush(ctx context.Context) error {
	var all []error
	for _, flush := range s.flushes() {
		all = append(all, flush(ctx))
	}
	return errors.Join(all...)
}

// refreshKeys learns of an epoch that another house over the database began.
func (s *Server) refreshKeys(ctx context.Context) error {
	if s.config.DB == "" {
		return nil
	}
	return s.vault.Refresh(ctx)
}

// lookElsewhere asks for the pages of others. A demonstration asks nobody.
func (s *Server) lookElsewhere(ctx context.Context) error {
	if s.post.outbox != nil {
		return nil
	}
	return s.elsewhere.CheckDue(ctx)
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
