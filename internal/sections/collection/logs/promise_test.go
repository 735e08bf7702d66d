package logs_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/sections/collection/logs"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/scrub"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"

// A site is a section over a statement that the test may change, at a time that
// the test decides.
type site struct {
	t   *testing.T
	dir string
	*logs.Section

	mu    sync.Mutex
	now   time.Time
	force *statement.Edition
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *site) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *site) InForce() *statement.Edition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.force
}

// declare puts a statement into force whose log holds these fields; without
// any, there is no log.
func (s *site) declare(fields string) {
	s.t.Helper()
	text := `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
data:
  network: {category: user.device.ip_address, say: Network part of the IP address}
  browser: {category: user.device, say: Browser family}
  system:  {category: user.device, say: Operating system family}
  referrer: {category: user.behavior, say: Referring site}
purposes:
  operate: {say: keep this site running, basis: legitimate-interest}
`
	if fields != "" {
		text += "collect:\n  access-log: {by: visit, fields: [" + fields + "], for: [operate], keep: 30 days}\n"
	}
	text += "---\n# Privacy\n\n## Collection of information\n\n"
	if fields != "" {
		text += "[Our server log is kept for 30 days.]{#access-log keeps=collect.access-log}\n"
	}
	compiled, diagnostics := statement.Compile("statement.md", []byte(text), logs.Keeps)
	if compiled == nil {
		s.t.Fatal(diagnostics)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.force = &statement.Edition{Statement: compiled, Version: 1}
}

func newSite(t *testing.T, fields string) *site {
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "log"), now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}
	s.declare(fields)
	s.open(s.dir)
	return s
}

func (s *site) open(dir string) {
	s.t.Helper()
	var err error
	if s.Section, err = logs.New(logs.Config{Dir: dir, Clock: s.clock}, s); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = s.Close() })
}

// visit asks for a page as a visitor whose address is 203.0.113.77.
func (s *site) visit(target string) {
	r := httptest.NewRequest("GET", target, nil)
	r.RemoteAddr = "203.0.113.77:51234"
	r.Header.Set("User-Agent", firefox)
	r.Header.Set("Referer", "https://search.example/?q=ada")
	s.Log(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })).ServeHTTP(httptest.NewRecorder(), r)
}

func (s *site) stored(day string) string {
	s.t.Helper()
	if err := s.Flush(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(s.dir, "access-"+day+".log"))
	if err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *site) evidence() avow.Evidence {
	s.t.Helper()
	all, err := s.Evidence(s.t.Context(), s.InForce())
	if err != nil || len(all) != 1 {
		s.t.Fatalf("%v, %v", all, err)
	}
	return all[0]
}

const all = "network, browser, system"

func TestPromises(t *testing.T) {
	t.Run("access-log", func(t *testing.T) {
		s := newSite(t, all)
		if e := s.evidence(); e.Standing != avow.Untested || e.Clause != "access-log" {
			t.Errorf("before anybody came it is %s of %s", e.Standing, e.Clause)
		}
		s.visit("/find?q=ada&mail=ada%40example.com")
		want := `203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET /find?q=[…]&mail=[…] HTTP/1.1" 200 5 "-" "Firefox Linux"` + "\n"
		if got := s.stored("2026-11-24"); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
		e := s.evidence()
		if e.Standing != avow.Kept || !strings.Contains(fmt.Sprint(e.Figures), `203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET /find?q=[…] HTTP/1.1" 200 5120 "-" "Firefox Linux"`) {
			t.Errorf("it is %s, and shows %v", e.Standing, e.Figures)
		}
		info, err := os.Stat(filepath.Join(s.dir, "access-2026-11-24.log"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file is %v (%v)", info.Mode(), err)
		}
		if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("the folder is %v (%v)", info.Mode(), err)
		}
	})
	t.Run("it goes in time", func(t *testing.T) {
		s := newSite(t, all)
		s.visit("/")
		s.stored("2026-11-24")
		s.pass(29 * 24 * time.Hour)
		if n, err := s.Expire(t.Context()); n != 0 || err != nil {
			t.Errorf("after 29 days %d went (%v)", n, err)
		}
		s.visit("/again")
		s.stored("2026-12-23")
		s.pass(24 * time.Hour)
		if e := s.evidence(); e.Standing != avow.Broken {
			t.Errorf("past its time and still held it is %s", e.Standing)
		}
		if n, err := s.Expire(t.Context()); n != 1 || err != nil {
			t.Errorf("after 30 days %d went (%v)", n, err)
		}
		if e := s.evidence(); e.Standing != avow.Kept {
			t.Errorf("it is %s: %s", e.Standing, e.Says)
		}
		if s.stored("2026-11-24") != "" || s.stored("2026-12-23") == "" {
			t.Error("the wrong day went")
		}
	})
	t.Run("at the start too", func(t *testing.T) {
		s := newSite(t, all)
		s.visit("/")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s.pass(40 * 24 * time.Hour)
		s.open(s.dir)
		if s.stored("2026-11-24") != "" {
			t.Error("it is still there")
		}
	})
	t.Run("what somebody put there is found", func(t *testing.T) {
		s := newSite(t, all)
		s.visit("/")
		s.stored("2026-11-24")
		f, err := os.OpenFile(filepath.Join(s.dir, "access-2026-11-24.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(f, `203.0.113.77 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"`)
		_ = f.Close()
		if e := s.evidence(); e.Standing != avow.Broken {
			t.Errorf("it is %s: %s", e.Standing, e.Says)
		}
	})
}

// TestDeclared leaves out what the statement does not declare.
func TestDeclared(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{"network", `203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"`},
		{"browser", `- - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "Firefox other"`},
		{"system", `- - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "other Linux"`},
		{"network, referrer", `203.0.113.0 - - [24/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 5 "https://search.example" "-"`},
	} {
		s := newSite(t, c.fields)
		s.visit("/")
		if got := strings.TrimSuffix(s.stored("2026-11-24"), "\n"); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.fields, got, c.want)
		}
		if e := s.evidence(); e.Standing != avow.Kept {
			t.Errorf("%s: %s: %s", c.fields, e.Standing, e.Says)
		}
	}
}

func TestNothingIsLogged(t *testing.T) {
	s := newSite(t, all)
	s.visit("/")
	s.stored("2026-11-24")
	s.declare("")
	s.visit("/undeclared")
	if got := s.stored("2026-11-24"); strings.Contains(got, "undeclared") {
		t.Error("without a declaration something is logged")
	}
	if n, err := s.Expire(t.Context()); n != 1 || err != nil {
		t.Errorf("what is no longer declared stays: %d, %v", n, err)
	}
	s.declare(all)
	s.open("")
	s.visit("/")
	if e := s.evidence(); e.Standing != avow.Kept || e.Says != "No server log is kept at all." {
		t.Errorf("without a folder it is %s: %s", e.Standing, e.Says)
	}
}

// TestConfided: who reads the log cannot open what only its address guards, even
// where that address does not look drawn by lot.
func TestConfided(t *testing.T) {
	s := newSite(t, all)
	const key = "aymCpytlhUHDkcSFxfThQV_2sZx6OSDpMKDXSVVNsDfv_BAavNyHVPxQ_Ns0ofYt2A"
	for _, target := range []string{"/privacy/receipt/" + key, "/privacy/receipt/" + key + "/x?y", "/privacy/%72eceipt/" + key, "/privacy/../privacy//receipt/" + key,
		"/u/" + key, "/u/abc", "http://harbour.example/u/abc"} {
		s.visit(target)
	}
	got := s.stored("2026-11-24")
	for _, part := range []string{key[:8], "abc"} {
		if strings.Contains(got, part) {
			t.Errorf("%s is in the log:\n%s", part, got)
		}
	}
	if n := strings.Count(got, `"GET /privacy/receipt/[secret] HTTP/1.1"`); n != 4 {
		t.Errorf("%d of 4 receipts:\n%s", n, got)
	}
	if e := s.evidence(); e.Standing != avow.Kept {
		t.Errorf("it is %s: %s", e.Standing, e.Says)
	}
}

// TestHostile sends what tries to forge a line, or to stay in one.
func TestHostile(t *testing.T) {
	s := newSite(t, all)
	h := s.Log(http.NotFoundHandler())
	for _, target := range []string{"/a\"b\n203.0.113.9 - - [", "/ada@example.com", "/4111%201111%201111%201111", "/" + strings.Repeat("a@b.cc/", 2000), "*", ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI, r.RemoteAddr = target, "[2001:db8:1:2::77]:1"
		r.Header.Set("User-Agent", "x\" \"203.0.113.9")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	got := s.stored("2026-11-24")
	if n := strings.Count(got, "\n"); n != 6 {
		t.Errorf("%d lines of 6:\n%s", n, got)
	}
	for line := range strings.Lines(got) {
		if found := scrub.Find([]byte(line)); len(found) > 0 || strings.Count(line, `"`) != 6 || !strings.HasPrefix(line, "2001:db8:1:: - - [24/Nov/2026:10:00:00 +0000] \"GET ") {
			t.Errorf("%v in %s", found, line)
		}
	}
	if e := s.evidence(); e.Standing != avow.Kept {
		t.Errorf("%s: %s", e.Standing, e.Says)
	}
}

// TestNobodyWaits fills the queue while nothing is written.
func TestNobodyWaits(t *testing.T) {
	s := newSite(t, all)
	if err := os.RemoveAll(s.dir); err != nil {
		t.Fatal(err)
	}
	for range 20000 {
		s.visit("/")
	}
	if err := s.Flush(t.Context()); err == nil {
		t.Error("a folder that is gone is no error")
	}
	if e := s.evidence(); e.Standing != avow.Untested || !strings.Contains(fmt.Sprint(e.Figures), "lines lost") {
		t.Errorf("%s: %s %v", e.Standing, e.Says, e.Figures)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s.visit("/")
	if got := s.stored("2026-11-24"); got == "" {
		t.Error("it does not go on")
	}
}

// TestWrapper streams, copies and takes over through the log.
func TestWrapper(t *testing.T) {
	s := newSite(t, all)
	server := httptest.NewServer(s.Log(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			fmt.Fprint(w, "first")
			w.(http.Flusher).Flush()
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Error(err)
			}
		case "/copy":
			w.WriteHeader(http.StatusAccepted)
			if n, err := w.(io.ReaderFrom).ReadFrom(bytes.NewReader(make([]byte, 1000))); n != 1000 || err != nil {
				t.Error(n, err)
			}
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusNotFound)
		case "/panic":
			panic(http.ErrAbortHandler)
		default:
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\nraw")
			_ = rw.Flush()
			_ = conn.Close()
		}
	})))
	defer server.Close()
	for _, path := range []string{"/stream", "/copy", "/early", "/panic"} {
		if r, err := server.Client().Get(server.URL + path); err == nil {
			_, _ = io.Copy(io.Discard, r.Body)
			_ = r.Body.Close()
		}
	}
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "GET /raw HTTP/1.1\r\nHost: x\r\n\r\n")
	if first, _ := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(first, "101") {
		t.Errorf("taken over, it says %q", first)
	}
	_ = conn.Close()
	server.Close()
	got := s.stored("2026-11-24")
	for _, want := range []string{`"GET /stream HTTP/1.1" 200 5 `, `"GET /copy HTTP/1.1" 202 1000 `, `"GET /early HTTP/1.1" 404 0 `, `"GET /panic HTTP/1.1" 500 0 `, `"GET /raw HTTP/1.1" 101 0 `} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func BenchmarkLog(b *testing.B) {
	s := &site{now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), dir: b.TempDir()}
	s.t = &testing.T{}
	s.declare(all)
	section, err := logs.New(logs.Config{Dir: s.dir, Clock: s.clock}, s)
	if err != nil {
		b.Fatal(err)
	}
	defer section.Close()
	h := section.Log(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("GET", "/products?page=2", nil)
	r.Header.Set("User-Agent", firefox)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
