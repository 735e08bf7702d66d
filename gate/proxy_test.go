package gate

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// through serves a site behind a proxy behind a gate.
func through(t testing.TB, site http.Handler, with ...func(*Config)) (*httptest.Server, *told) {
	t.Helper()
	back := httptest.NewServer(site)
	t.Cleanup(back.Close)
	target, err := url.Parse(back.URL)
	if err != nil {
		t.Fatal(err)
	}
	g, w := newGate(t, with...)
	front := httptest.NewServer(g.Handler(Proxy(target)))
	t.Cleanup(front.Close)
	return front, w
}

func get(t testing.TB, front *httptest.Server, path string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", front.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Encoding", "identity")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Body.Close() })
	return a
}

// TestStream: what a site sends piece by piece arrives piece by piece, events
// and pages, compressed ones too.
func TestStream(t *testing.T) {
	for name, kind := range map[string]string{"events": "text/event-stream", "a page": "text/html", "a zipped page": "text/html"} {
		more := make(chan struct{})
		front, _ := through(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", kind)
			var to io.Writer = w
			flush := w.(http.Flusher).Flush
			if strings.Contains(name, "zipped") {
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				defer func() { _ = z.Close() }()
				to, flush = z, func() { _ = z.Flush(); w.(http.Flusher).Flush() }
			}
			_, _ = io.WriteString(to, "<p>first</p>\n\n")
			flush()
			<-more
			_, _ = io.WriteString(to, "<p>last</p>\n")
		}))
		a := get(t, front, "/", "Accept-Encoding", "gzip")
		var r io.Reader = a.Body
		if a.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r)
			if err != nil {
				t.Fatal(err)
			}
			r = z
		}
		line := make([]byte, 0, 8192)
		for !strings.Contains(string(line), "first</p>") { // hangs if it does not arrive
			n, err := r.Read(line[len(line):cap(line)])
			if line = line[:len(line)+n]; err != nil {
				t.Fatalf("%s: %v after %q", name, err, line)
			}
		}
		close(more)
		if rest, err := io.ReadAll(r); err != nil || !strings.Contains(string(rest), "last") {
			t.Errorf("%s ends with %q (%v)", name, rest, err)
		}
		if a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s has no wall", name)
		}
	}
}

// TestWebSocket: a WebSocket passes, and sets no undeclared cookie.
func TestWebSocket(t *testing.T) {
	front, w := through(t, websocket.Server{
		Handshake: func(c *websocket.Config, _ *http.Request) error {
			c.Header = http.Header{"Set-Cookie": {"evil=1", "basket=2"}}
			return nil
		},
		Handler: func(c *websocket.Conn) { _, _ = io.Copy(c, c) },
	})
	at := strings.TrimPrefix(front.URL, "http://")
	raw, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	head := &strings.Builder{}
	config, err := websocket.NewConfig("ws://"+at+"/ws", front.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := websocket.NewClient(config, struct {
		io.Reader
		io.WriteCloser
	}{io.TeeReader(raw, head), raw})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	if n, err := c.Read(b); err != nil || string(b[:n]) != "hello" {
		t.Errorf("it says %q (%v)", b[:n], err)
	}
	if strings.Contains(head.String(), "evil") || !strings.Contains(head.String(), "basket=2") || !w.has("cookie evil at /ws: Set-Cookie false") {
		t.Errorf("it begins %q, told %q", head, w.lines)
	}
}

// TestHijack: whoever takes the connection itself is held to the statement too,
// in however many pieces it writes.
func TestHijack(t *testing.T) {
	g, _ := newGate(t)
	front := httptest.NewServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, b, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		for _, x := range "HTTP/1.1 200 OK\r\nset-cookie : evil=1\r\nSet-Cookie: basket=1\r\nContent-Length: 2\r\n\r\nok" {
			_, _ = b.WriteString(string(x))
			_ = b.Flush()
		}
	})))
	defer front.Close()
	a := get(t, front, "/")
	if got := body(t, a); got != "ok" || strings.Join(a.Header["Set-Cookie"], "|") != "basket=1" {
		t.Errorf("it is answered %q with %q", got, a.Header)
	}
}

// TestEarly: hints of what to load have the wall, no cookie, and no host that
// may not be asked.
func TestEarly(t *testing.T) {
	g, _ := newGate(t)
	front := httptest.NewServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "evil=1")
		w.Header()["Link"] = []string{"<https://evil.example/x>; rel=preload", "</own>; rel=preload"}
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "ok")
	})))
	defer front.Close()
	c, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: harbour.example\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	early, late, _ := strings.Cut(string(all), "\r\n\r\n")
	for name, part := range map[string]string{"the hints": early, "the answer": late} {
		if strings.Contains(part, "evil") || strings.Count(part, "Content-Security-Policy") != 1 || !strings.Contains(part, "</own>") {
			t.Errorf("%s are %q", name, part)
		}
	}
	if !strings.HasPrefix(early, "HTTP/1.1 103") {
		t.Errorf("there are no hints: %q", early)
	}
}

// TestDown: a site that is gone is a page that says so, within a wall.
func TestDown(t *testing.T) {
	target, _ := url.Parse("http://127.0.0.1:1")
	g, _ := newGate(t)
	a := ask(g.Handler(Proxy(target)), "GET", "https://harbour.example/x")
	if got := body(t, a); a.StatusCode != 502 || !strings.Contains(got, "cannot be reached") || len(a.Header["Content-Security-Policy"]) != 2 {
		t.Errorf("it is answered %d %q %s", a.StatusCode, a.Header, got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	if p := panics(func() { Proxy(target).ServeHTTP(httptest.NewRecorder(), r) }); p != http.ErrAbortHandler {
		t.Errorf("who left is answered %v", p)
	}
}

// TestForwarded: the site is told who asks, and by what name.
func TestForwarded(t *testing.T) {
	front, _ := through(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Host, r.Header["X-Forwarded-For"], r.Header["X-Forwarded-Host"], r.Header["X-Forwarded-Proto"])
	}))
	host := strings.TrimPrefix(front.URL, "http://")
	a := get(t, front, "/", "X-Forwarded-Proto", "https", "X-Forwarded-For", "1.2.3.4", "Accept", "*/*")
	if got, want := body(t, a), fmt.Sprintf("%s [127.0.0.1] [%s] [https]", host, host); got != want {
		t.Errorf("the site is told %q, want %q", got, want)
	}
}

// TestFile: a file goes as it is, in ranges, and a site's deadlines reach the connection.
func TestFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.bin")
	content := strings.Repeat("0123456789", 100_000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	g, _ := newGate(t)
	front := httptest.NewServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if r.URL.Path == "/copied" {
			f, err := os.Open(name)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = f.Close() }()
			if _, err := io.Copy(w, f); err != nil {
				t.Error(err)
			}
			return
		}
		http.ServeFile(w, r, name)
	})))
	defer front.Close()
	for _, path := range []string{"/", "/copied"} {
		if got := body(t, get(t, front, path, "Accept", "*/*")); got != content {
			t.Errorf("%s has %d bytes", path, len(got))
		}
	}
	a := get(t, front, "/", "Accept", "*/*", "Range", "bytes=10-14")
	if got := body(t, a); a.StatusCode != 206 || got != "01234" {
		t.Errorf("a range is answered %d %q", a.StatusCode, got)
	}
}

// TestTrailer: a cookie in a trailer is none.
func TestTrailer(t *testing.T) {
	g, _ := newGate(t)
	front := httptest.NewServer(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Set-Cookie, X-Sum")
		_, _ = io.WriteString(w, "ok")
		w.Header().Set("Set-Cookie", "evil=1")
		w.Header().Set("X-Sum", "1")
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "evil=1")
	})))
	defer front.Close()
	a := get(t, front, "/")
	body(t, a)
	if a.Trailer.Get("Set-Cookie") != "" || a.Trailer.Get("X-Sum") != "1" {
		t.Errorf("the trailer is %q", a.Trailer)
	}
}
