package listen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A house is a Handler that remembers what it was handed.
type house struct {
	mu     sync.Mutex
	got    []letter
	answer func(e *Envelope) []error
	wait   chan struct{} // Message waits for it, if there is one
}

type letter struct {
	Envelope
	text string
}

func (h *house) Login(_ context.Context, e *Envelope, user, password string) error {
	if user != "shop" || password != "right" {
		return &Refusal{535, "5.7.8", "That is not right."}
	}
	e.Login = "token of " + user
	return nil
}

func (h *house) Recipient(_ context.Context, _ *Envelope, to string) error {
	switch {
	case strings.HasPrefix(to, "nobody"):
		return &Refusal{550, "5.1.1", "No such address."}
	case strings.HasPrefix(to, "broken"):
		return errors.New("look up 17: the disk is full")
	case strings.HasPrefix(to, "panic"):
		panic("eve@example.com")
	}
	return nil
}

func (h *house) Message(_ context.Context, e *Envelope, raw io.Reader) []error {
	if h.wait != nil {
		<-h.wait
	}
	text, err := io.ReadAll(raw)
	if err != nil {
		panic(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.got = append(h.got, letter{*e, string(text)})
	if h.answer != nil {
		return h.answer(e)
	}
	return make([]error, len(e.To))
}

func (h *house) letters() []letter {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]letter(nil), h.got...)
}

// open starts a Server, with a log that the test fails for if it names somebody.
func open(t testing.TB, cfg Config) (*Server, *house, string) {
	t.Helper()
	h, _ := cfg.Handler.(*house)
	if h == nil {
		h = &house{}
		cfg.Handler = h
	}
	if cfg.Exempt == nil {
		cfg.Exempt = []netip.Prefix{} // this machine is as any other
	}
	log := &safeLog{}
	cfg.Name, cfg.Log = "mx.harbour.example", slog.New(slog.NewTextHandler(log, nil))
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error("shutdown:", err)
		}
		if err := <-done; err != nil {
			t.Error("serve:", err)
		}
		for _, secret := range []string{"@", "127.0.0.1"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log has %q in it: %s", secret, log.String())
			}
		}
	})
	return s, h, l.Addr().String()
}

type safeLog struct {
	mu sync.Mutex
	strings.Builder
}

func (l *safeLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(b)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.String()
}

// A wire is a connection by hand.
type wire struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	return &wire{c, bufio.NewReader(c), t}
}

// send writes bytes as they are.
func (w *wire) send(s string) { _, _ = io.WriteString(w.Conn, s) }

// answer reads one answer of any number of lines; "gone" is the end.
func (w *wire) answer() string {
	var all []string
	for {
		line, err := w.r.ReadString('\n')
		if err != nil {
			return strings.Join(append(all, "gone"), "\n")
		}
		all = append(all, strings.TrimRight(line, "\r\n"))
		if len(line) < 4 || line[3] != '-' {
			return strings.Join(all, "\n")
		}
	}
}

// talk sends lines and holds what comes to what is due: each answer begins so.
// Without a line to send it only reads.
func (w *wire) talk(pairs ...string) {
	w.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] != "" {
			w.send(pairs[i] + "\r\n")
		}
		if got := w.answer(); !strings.HasPrefix(got, pairs[i+1]) {
			w.t.Fatalf("%.60q was answered %q, not %q", pairs[i], got, pairs[i+1])
		}
	}
}

func hello(t testing.TB, address string) *wire {
	t.Helper()
	w := dial(t, address)
	w.talk("", "220", "EHLO mail.example", "250-")
	return w
}

const text = "Subject: hello\r\n\r\n.. a line with a dot\r\nplease\r\n"

func TestTakes(t *testing.T) {
	_, h, at := open(t, Config{})
	w := hello(t, at)
	w.talk("MAIL FROM:<eve@example.com>", "250", "RCPT TO:<privacy@harbour.example>", "250", "RCPT TO:<nobody@harbour.example>", "550 5.1.1",
		"RCPT TO:<press@harbour.example>", "250", "DATA", "354", text+".", "250 2.0.0", "QUIT", "221")
	got := h.letters()
	if len(got) != 1 || got[0].text != strings.Replace(text, "\n..", "\n.", 1) || got[0].From != "eve@example.com" || len(got[0].To) != 2 || !got[0].Peer.IsLoopback() || got[0].Helo != "mail.example" {
		t.Errorf("handed on: %+v", got)
	}
}

func TestSaysNoMoreThanItMust(t *testing.T) {
	_, _, at := open(t, Config{})
	w := dial(t, at)
	if got := w.answer(); got != "220 mx.harbour.example ESMTP Service Ready" {
		t.Errorf("it greets %q", got)
	}
	w.send("EHLO x\r\n")
	got := w.answer()
	if !strings.Contains(got, "SIZE 10485760") || strings.Contains(got, "AUTH") || strings.Contains(got, "STARTTLS") {
		t.Errorf("it offers %q", got)
	}
	w.talk("MAIL FROM:<>", "250", "RCPT TO:<broken@harbour.example>", "451 4.3.0 Please try again later.", "VRFY eve", "252", "EXPN all", "502")
}

// TestLocal is over LMTP: an answer for each recipient.
func TestLocal(t *testing.T) {
	h := &house{answer: func(e *Envelope) []error {
		return []error{nil, &Refusal{550, "5.7.1", "Not this one."}, errors.New("message 17: disk full"), nil}
	}}
	_, _, at := open(t, Config{Kind: Local, Handler: h})
	w := dial(t, at)
	w.talk("", "220", "EHLO x", "500", "LHLO x", "250-", "MAIL FROM:<>", "250", "RCPT TO:<a@harbour.example>", "250", "RCPT TO:<b@harbour.example>", "250",
		"RCPT TO:<c@harbour.example>", "250", "RCPT TO:<a@harbour.example>", "250", "DATA", "354", text+".", "250", "", "550 5.7.1", "", "451 4.3.0", "", "250")
	if got := h.letters(); len(got) != 1 {
		t.Errorf("handed on %d times", len(got))
	}
}

func TestUnixSocket(t *testing.T) {
	s, h, _ := open(t, Config{Kind: Local})
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "lmtp"))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	c, err := net.Dial("unix", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{c, bufio.NewReader(c), t}
	w.talk("", "220", "LHLO x", "250-", "MAIL FROM:<>", "250", "RCPT TO:<a@harbour.example>", "250", "DATA", "354", text+".", "250", "QUIT", "221")
	if got := h.letters(); len(got) != 1 || got[0].Peer.IsValid() {
		t.Errorf("handed on: %+v", got)
	}
}

// TestOneAnswerForAll is over SMTP: one that can be tried again is answered first.
func TestOneAnswerForAll(t *testing.T) {
	no := &Refusal{550, "5.7.1", "Never."}
	for _, c := range []struct {
		errs []error
		due  string
	}{
		{[]error{nil, nil}, "250"}, {[]error{nil, no}, "550 5.7.1 Never."}, {[]error{no, errors.New("x")}, "451 4.3.0"}, {nil, "451"},
		{[]error{no, &Refusal{452, "4.2.2", "Full."}}, "452 4.2.2 Full."}, {[]error{&Refusal{550, "5.7.100", "a\r\nb"}, nil}, "550 5.7.100 a??b"},
	} {
		_, _, at := open(t, Config{Handler: &house{answer: func(*Envelope) []error { return c.errs }}})
		hello(t, at).talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "RCPT TO:<b@x.example>", "250", "DATA", "354", ".", c.due)
	}
}

// TestBroken hands on nothing of what did not arrive whole.
func TestBroken(t *testing.T) {
	_, h, at := open(t, Config{})
	for _, end := range []string{"DATA\r\nSubject: x\r\n\r\nunsubsc", "BDAT 10\r\nSubject: x", "BDAT 3\r\nabcBDAT 10 LAST\r\nabc", "BDAT 9\r\nSubject: RSET\r\nQUIT\r\n"} {
		w := hello(t, at)
		w.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250")
		w.send(end)
		time.Sleep(20 * time.Millisecond)
		w.Close()
	}
	w := hello(t, at)
	w.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250")
	w.send("BDAT 9\r\nSubject: BDAT 5 LAST\r\nx\r\n\r\n")
	w.talk("", "250", "", "250 2.0.0")
	if got := h.letters(); len(got) != 1 || got[0].text != "Subject: x\r\n\r\n" {
		t.Errorf("handed on: %+v", got)
	}
}

// TestEndsOfMessages: what some servers take for the end of a message, and others
// not, is no way to put a second message into a first one.
func TestEndsOfMessages(t *testing.T) {
	second := "MAIL FROM:<boss@harbour.example>\r\nRCPT TO:<privacy@harbour.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n"
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n", "\n.\r", "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\x00\r\n.\n", "\r\r\n.\r\n", "\n\n.\r\n"} {
		t.Run(fmt.Sprintf("%q", end), func(t *testing.T) {
			_, h, at := open(t, Config{})
			w := hello(t, at)
			w.talk("MAIL FROM:<eve@example.com>", "250", "RCPT TO:<privacy@harbour.example>", "250", "DATA", "354")
			w.send("Subject: first\r\n\r\nx" + end + second)
			w.send("QUIT\r\n")
			all, _ := io.ReadAll(w.r)
			for _, l := range h.letters() {
				if strings.HasPrefix(l.text, "Subject: smuggled") || l.From == "boss@harbour.example" {
					t.Errorf("smuggled in; answered %q", all)
				}
				if strings.Contains(strings.ReplaceAll(l.text, "\r\n", ""), "\n") {
					t.Errorf("a bare line end was handed on: %q", l.text)
				}
			}
			// A CR that a line of one dot hides goes no further, and ends nothing.
			hidden := strings.HasPrefix(end, "\r\n.\r") && len(h.letters()) == 1
			if !strings.Contains(string(all), "550 5.5.2") && !hidden {
				t.Errorf("answered %q", all)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	message := []string{"MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354"}
	for _, c := range []struct {
		name   string
		limits Limits
		say    []string
	}{
		{"size announced", Limits{Size: 100}, []string{"MAIL FROM:<> SIZE=101", "552 5.3.4", "MAIL FROM:<> SIZE=100", "250"}},
		{"size", Limits{Size: 100}, append(message[:6:6], strings.Repeat("x", 101)+"\r\n.", "552 5.3.4", "MAIL FROM:<>", "250")},
		{"size in pieces", Limits{Size: 10}, append(message[:4:4], "BDAT 8\r\nabcdef", "250", "BDAT 8 LAST\r\nabcdef", "552 5.3.4")},
		{"recipients", Limits{Recipients: 2}, append(message[:4:4], "RCPT TO:<b@x.example>", "250", "RCPT TO:<c@x.example>", "452 4.5.3")},
		{"line of a command", Limits{Line: 200}, []string{"NOOP " + strings.Repeat("x", 300), "500", "", "gone"}},
		{"line of a message", Limits{Line: 200}, append(message[:6:6], strings.Repeat("x", 300)+"\r\n.", "554 5.6.0", "", "500", "", "gone")},
		{"time for a command", Limits{Command: 50 * time.Millisecond}, []string{"NOOP", "250", "", "421 4.4.2", "", "gone"}},
		{"time for a message", Limits{Message: 50 * time.Millisecond}, append(message[:6:6], "Subject: x", "421 4.4.2", "", "gone")},
		{"life", Limits{Life: 50 * time.Millisecond}, []string{"NOOP", "250", "", "421", "", "gone"}},
		{"recipients tried out", Limits{Faults: 3}, []string{"MAIL FROM:<>", "250", "RCPT TO:<nobody1@x.example>", "550", "RCPT TO:<nobody2@x.example>", "550",
			"RCPT TO:<nobody3@x.example>", "421 4.7.0", "", "gone"}},
		{"commands that are none", Limits{}, []string{"HACK", "500", "HACK", "500", "HACK", "500", "HACK", "500", "", "500", "", "gone"}},
		{"rate of messages", Limits{Rate: 3}, []string{"MAIL FROM:<>", "250", "RSET", "250", "MAIL FROM:<>", "250", "RSET", "250", "MAIL FROM:<>", "451 4.7.0"}},
		{"memory", Limits{InFlight: 50}, append(message[:6:6], strings.Repeat("x", 60)+"\r\n.", "452 4.3.1", "RSET", "250")},
		{"a panic", Limits{}, []string{"MAIL FROM:<>", "250", "RCPT TO:<panic@x.example>", "421", "", "gone"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, h, at := open(t, Config{Limits: c.limits})
			hello(t, at).talk(c.say...)
			if len(h.letters()) > 0 {
				t.Error("it was handed on")
			}
			waitFor(t, func() bool { return s.inFlight.Load() == 0 }) // nothing is held for nobody
		})
	}
}

// TestTrickle: bytes that come now and then do not make more time.
func TestTrickle(t *testing.T) {
	for _, begun := range []string{"", "MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nDATA\r\n"} {
		_, _, at := open(t, Config{Limits: Limits{Command: 200 * time.Millisecond, Message: 200 * time.Millisecond}})
		w := hello(t, at)
		began := time.Now()
		go func() {
			for range 100 {
				if _, err := io.WriteString(w.Conn, begun+"x"); err != nil {
					return
				}
				begun = ""
				time.Sleep(20 * time.Millisecond)
			}
		}()
		_, _ = io.ReadAll(w.r)
		if took := time.Since(began); took > 700*time.Millisecond {
			t.Errorf("held for %s", took)
		}
	}
}

// TestSlow: a message may take longer than a command.
func TestSlow(t *testing.T) {
	_, _, at := open(t, Config{Limits: Limits{Command: 50 * time.Millisecond}})
	w := hello(t, at)
	w.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354")
	time.Sleep(100 * time.Millisecond)
	w.talk("Subject: slow\r\n\r\n.", "250")
}

// TestHalfACommand: what stops in the middle is not done.
func TestHalfACommand(t *testing.T) {
	_, _, at := open(t, Config{Limits: Limits{Command: 100 * time.Millisecond}})
	w := hello(t, at)
	w.send("MAIL FROM:<eve@example.com>")
	w.talk("", "421", "", "421 4.4.2", "", "gone")
}

func TestConnections(t *testing.T) {
	for _, c := range []struct {
		name   string
		limits Limits
		exempt []netip.Prefix
		kind   Kind
		may    int
	}{
		{"in all", Limits{Connections: 3}, nil, Local, 3},
		{"of a network", Limits{PerNetwork: 2}, nil, Incoming, 2},
		{"of one that may", Limits{PerNetwork: 2, Connections: 4}, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Incoming, 4},
		{"in a minute", Limits{Rate: 2}, nil, Incoming, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, at := open(t, Config{Kind: c.kind, Limits: c.limits, Exempt: c.exempt})
			var all []*wire
			for range c.may {
				w := dial(t, at)
				w.talk("", "220")
				all = append(all, w)
			}
			dial(t, at).talk("", "421 4.7.0", "", "gone")
			all[0].talk("QUIT", "221", "", "gone")
			waitFor(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.open) < c.may })
			if c.limits.Rate == 0 {
				dial(t, at).talk("", "220")
			}
		})
	}
}

func TestNetworks(t *testing.T) {
	n := networks{limits: Limits{Connections: 1 << 30, PerNetwork: 1, Rate: 10}, all: map[netip.Prefix]*network{}}
	for _, c := range []struct {
		peer string
		may  bool
	}{{"192.0.2.1", true}, {"192.0.2.200", false}, {"192.0.3.1", true}, {"2001:db8:1::1", true}, {"2001:db8:1:ffff::2", false}, {"2001:db8:2::1", true}} {
		if n.enter(netip.MustParseAddr(c.peer)) != c.may {
			t.Errorf("%s: not %t", c.peer, c.may)
		}
	}
	for i := range 1 << 15 { // from everywhere: what is remembered stays bounded
		peer := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		n.enter(peer)
		n.leave(peer)
	}
	if len(n.all) > 1<<13 {
		t.Errorf("%d networks are remembered", len(n.all))
	}
	if n.enter(netip.MustParseAddr("192.0.2.7")) {
		t.Error("who is connected was forgotten")
	}
}

func waitFor(t testing.TB, so func() bool) {
	t.Helper()
	for range 200 {
		if so() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("it never came to that")
}

// TestShutdown lets a message arrive that is on its way, and nothing else keeps
// it up.
func TestShutdown(t *testing.T) {
	s, h, at := open(t, Config{})
	idle, busy := hello(t, at), hello(t, at)
	busy.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354")
	waitFor(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.open {
			c.mu.Lock()
			on := c.busy != nil
			c.mu.Unlock()
			if on {
				return true
			}
		}
		return false
	})
	down := make(chan error, 1)
	go func() { down <- s.Shutdown(t.Context()) }()
	idle.talk("", "421", "", "gone")
	busy.talk("Subject: late\r\n\r\n.", "250", "", "421", "", "gone")
	if err := <-down; err != nil {
		t.Error(err)
	}
	if len(h.letters()) != 1 {
		t.Error("the message that was on its way is lost")
	}
	if _, err := net.Dial("tcp", at); err == nil {
		t.Error("it still listens")
	}
}

// TestShutdownEnds does not wait for ever: what is not answered is sent again.
func TestShutdownEnds(t *testing.T) {
	h := &house{wait: make(chan struct{})}
	s, _, at := open(t, Config{Handler: h})
	w := hello(t, at)
	w.talk("MAIL FROM:<>", "250", "RCPT TO:<a@x.example>", "250", "DATA", "354")
	w.send("x: y\r\n\r\n.\r\n")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	time.Sleep(20 * time.Millisecond)
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", err)
	}
	w.talk("", "gone")
	close(h.wait)
}
