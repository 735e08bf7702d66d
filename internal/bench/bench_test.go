package bench

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// Every measure is taken, on each engine, and nothing is answered by an error.
func TestRun(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		results, err := Run(t.Context(), Options{Connections: 3, Seconds: 0.02, Subjects: 30, DB: cfg.URL, Dir: t.TempDir(), Clock: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if len(results) != len(Names) {
			t.Fatalf("%d results", len(results))
		}
		for i, r := range results {
			if r.Name != Names[i] || r.Connections != 3 || r.PerSecond <= 0 || r.Bare <= 0 || r.Ratio <= 0 || r.P50 <= 0 || r.P99 < r.P50 || r.BareP99 <= 0 {
				t.Errorf("%+v", r)
			}
		}
	})
}

// An answer that is an error fails the measure, on either side.
func TestErrorsFail(t *testing.T) {
	for _, broken := range []string{"house", "bare"} {
		handler := func(name string) string {
			n := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if n++; name == broken && n > 3 {
					http.Error(w, "no", http.StatusTeapot)
				}
			}))
			t.Cleanup(s.Close)
			return s.Listener.Addr().String()
		}
		r := &run{Options: Options{Connections: 1, Seconds: 0.05, Clock: time.Now, Progress: func(string, int64, int64) {}},
			addr: handler("house"), bareAddr: handler("bare")}
		_, err := r.measure(t.Context(), same("decide", r.decide))
		if !errors.Is(err, ErrAnswers) || !strings.Contains(err.Error(), "418 no") {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// The bare handler decodes what it is sent, and answers as long as it is told.
func TestBare(t *testing.T) {
	b := &bare{}
	for _, size := range []int{40, 1500, 90_000} {
		b.answers(size)
		w := httptest.NewRecorder()
		b.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(`{"values":{"a":"b"}}`)))
		if w.Body.Len() != size || w.Code != 200 {
			t.Errorf("%d bytes, want %d: %d", w.Body.Len(), size, w.Code)
		}
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(`{"values":`)))
	if w.Code != http.StatusBadRequest {
		t.Errorf("what is no JSON is answered %d", w.Code)
	}
}

// Answers are read to their end and no further, whichever way it is marked.
func TestReadsAnswers(t *testing.T) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\ncontent-length:5\r\nX: y\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	} {
		c, server := pipe(t)
		go func() { _, _ = server.Write([]byte(strings.Repeat(text, 2))) }()
		for range 2 {
			a, err := c.read1()
			if err != nil || a.status != 200 || string(a.body) != "hello" {
				t.Errorf("%q: %d %q %v", text, a.status, a.body, err)
			}
		}
	}
	c, server := pipe(t)
	go func() { _, _ = server.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) }()
	if _, err := c.read1(); err == nil {
		t.Error("read an answer that is not HTTP")
	}
}

func pipe(t *testing.T) (*conn, net.Conn) {
	ours, theirs := net.Pipe()
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return &conn{net: ours, in: bufio.NewReaderSize(ours, 16<<10)}, theirs
}
