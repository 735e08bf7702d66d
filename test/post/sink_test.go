package post

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/mail/listen"
)

// A sink takes all mail and keeps it.
type sink struct {
	Address string
	mu      sync.Mutex
	got     []arrived
}

type arrived struct {
	listen.Envelope
	text string
}

func (s *sink) Login(_ context.Context, e *listen.Envelope, user, password string) error {
	if password != "right" {
		return &listen.Refusal{Code: 535, Enhanced: "5.7.8", Text: "That is not right."}
	}
	e.Login = user
	return nil
}

func (s *sink) Recipient(_ context.Context, e *listen.Envelope, to string) error {
	if strings.HasPrefix(to, "stopped") {
		return &listen.Refusal{Code: 550, Enhanced: "5.7.1", Text: "stopped"}
	}
	return nil
}

func (s *sink) Message(_ context.Context, e *listen.Envelope, raw io.Reader) []error {
	text, err := io.ReadAll(raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, arrived{*e, string(text)})
	all := make([]error, len(e.To))
	for i := range all {
		all[i] = err
	}
	return all
}

func (s *sink) letters() []arrived {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]arrived(nil), s.got...)
}

// startSink opens a sink of that kind.
func startSink(t testing.TB, kind listen.Kind) *sink {
	s := &sink{}
	s.Address = serve(t, listen.Config{Kind: kind, Handler: s})
	return s
}

// serve serves mail until the test ends, and returns where.
func serve(t testing.TB, cfg listen.Config) string {
	t.Helper()
	cfg.Name, cfg.Log = "mx.harbour.example", slog.New(slog.DiscardHandler)
	cfg.Limits.Rate, cfg.Limits.PerNetwork = 1<<20, 100
	s, err := listen.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
	})
	return l.Addr().String()
}

// decoded is the text of a letter with its lines whole.
func (a arrived) decoded() string {
	return strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(a.text)
}

// next waits for a letter to an address, beyond the first n that came, that has a
// part: answers of machines may come in between.
func (s *sink) next(t testing.TB, n int, to, part string) (found arrived) {
	t.Helper()
	waitFor(t, 10*time.Second, "a letter with "+part, func() bool {
		for _, a := range s.letters()[n:] {
			if len(a.To) == 1 && a.To[0] == to && strings.Contains(a.decoded(), part) {
				found = a
				return true
			}
		}
		return false
	})
	return found
}
