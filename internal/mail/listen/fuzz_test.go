package listen

import (
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzDialogue: whatever comes over a connection, it ends, nothing panics, and
// what is handed on has no line that ends in anything but CR LF.
func FuzzDialogue(f *testing.F) {
	for _, s := range []string{
		"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<a@x.example>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\nQUIT\r\n",
		"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nBDAT 5\r\nab\r\ncBDAT 0 LAST\r\nRSET\r\nBDAT 3\r\nx", "LHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<\"a b\"@x.example> X=Y\r\nDATA\r\n\n.\n",
		"EHLO x\r\nAUTH PLAIN AHNob3AAcmlnaHQ=\r\nMAIL FROM:<@a,@b:c@d>\r\nRCPT TO:<x@[127.0.0.1]>\r\nDATA\r\n\r.\r", "STARTTLS\r\nEHLO \xff\r\n\x16\x03\x01", "NOOP\nNOOP\r\n\r\n\r\nVRFY x\r\nHELP\r\n",
	} {
		for kind := range 3 {
			f.Add(s, kind)
		}
	}
	f.Fuzz(func(t *testing.T, said string, kind int) {
		h, log := &house{}, &safeLog{}
		s, err := New(Config{Kind: Kind(uint(kind) % 3), Name: "mx", Handler: h, Log: slog.New(slog.NewTextHandler(log, nil)),
			Limits: Limits{Size: 200, Line: 300, Command: 5 * time.Second, Message: 5 * time.Second}})
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := net.Pipe()
		go func() {
			_ = theirs.SetDeadline(time.Now().Add(5 * time.Second))
			_, _ = io.WriteString(theirs, said)
			_ = theirs.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		one := once{c: make(chan net.Conn, 1)}
		one.c <- ours
		go func() { _ = s.Serve(one) }()
		waitFor(t, func() bool { s.gate.mu.Lock(); defer s.gate.mu.Unlock(); return len(one.c) == 0 && s.gate.total == 0 })
		_ = s.Shutdown(t.Context())
		for _, l := range h.letters() {
			if strings.ContainsAny(strings.ReplaceAll(l.text, "\r\n", ""), "\r\n") || len(l.To) == 0 || len(l.text) > 200 {
				t.Errorf("handed on: %+v", l)
			}
		}
		if strings.Contains(log.String(), "panic") && !strings.Contains(said, "panic") {
			t.Error(log.String())
		}
	})
}

// once is a listener of one connection.
type once struct{ c chan net.Conn }

func (o once) Accept() (net.Conn, error) {
	if c, ok := <-o.c; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (o once) Close() error   { close(o.c); return nil }
func (o once) Addr() net.Addr { return &net.UnixAddr{} }
