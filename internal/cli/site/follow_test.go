package site

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/scrub"
)

type shared struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestFollow grows, renames, replaces and truncates a log while it is followed:
// each line comes once, in order, scrubbed.
func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "access.log")
	add := func(text string) {
		t.Helper()
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(text)
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	var out shared
	want := func(text string) {
		t.Helper()
		for range 500 {
			if out.String() == text {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("got  %q\nwant %q", out.String(), text)
	}
	add("one 203.0.113.1\ntwo ada@exam")
	ctx, stop := context.WithCancel(t.Context())
	lines := scrub.New(scrub.Rules{}).Writer(&out)
	done := make(chan error)
	go func() { done <- (&follower{name: name, every: time.Millisecond, all: true}).run(ctx, lines) }()
	all := "one 203.0.113.0\n"
	want(all)
	add("ple.com\n")
	all += "two [e-mail]\n"
	want(all)
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	add("three\n")
	all += "three\n"
	want(all)
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	add("four\n")
	all += "four\n"
	want(all)
	add("five without an end ada@example.com")
	time.Sleep(20 * time.Millisecond)
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	want(all + "five without an end [e-mail]")
}
