package popular

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

const (
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	chrome  = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
)

// TestWhatCounts asks in many ways; some are somebody reading a page.
func TestWhatCounts(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		path   string
		header string // name: value, in pairs divided by |
		answer string // status, kind; none is set if it is empty
		counts bool
	}{
		{"a browser that says so", "GET", "/a", "Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document|User-Agent: " + firefox, "200 text/html", true},
		{"a browser that does not", "GET", "/a", "Accept: text/html,*/*|User-Agent: " + chrome, "200 text/html; charset=utf-8", true},
		{"a page that does not say what it is", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "", true},
		{"another case", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "200 Text/HTML", true},
		{"a phone", "GET", "/a", "Accept: text/html|User-Agent: Mozilla/5.0 (Linux; Android 12; CUBOT P50) AppleWebKit/537.36", "200 text/html", true},
		{"a form", "POST", "/a", "Accept: text/html|User-Agent: " + chrome, "200 text/html", false},
		{"a look at the head", "HEAD", "/a", "Accept: text/html|User-Agent: " + chrome, "200 text/html", false},
		{"a frame", "GET", "/a", "Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: iframe|User-Agent: " + chrome, "200 text/html", false},
		{"a fetch", "GET", "/a", "Sec-Fetch-Mode: cors|Sec-Fetch-Dest: empty|Accept: text/html|User-Agent: " + chrome, "200 text/html", false},
		{"a picture", "GET", "/a", "Accept: image/png|User-Agent: " + chrome, "200 text/html", false},
		{"a prefetch", "GET", "/a", "Sec-Purpose: prefetch|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document|User-Agent: " + chrome, "200 text/html", false},
		{"a prerender", "GET", "/a", "Sec-Purpose: prefetch;prerender|Sec-Fetch-Mode: navigate|Sec-Fetch-Dest: document|User-Agent: " + chrome, "200 text/html", false},
		{"an older prefetch", "GET", "/a", "Purpose: prefetch|Accept: text/html|User-Agent: " + chrome, "200 text/html", false},
		{"a bot", "GET", "/a", "Accept: text/html|User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "200 text/html", false},
		{"a browser without a window", "GET", "/a", "Accept: text/html|User-Agent: " + strings.Replace(chrome, "Chrome", "HeadlessChrome", 1), "200 text/html", false},
		{"a program", "GET", "/a", "Accept: text/html|User-Agent: CURL/8.0", "200 text/html", false},
		{"avow itself", "GET", "/a", "Accept: text/html, application/xhtml+xml|User-Agent: avow links", "200 text/html", false},
		{"nobody", "GET", "/a", "Accept: text/html", "200 text/html", false},
		{"a page of ours", "GET", "/privacy/promises", "Accept: text/html|User-Agent: " + chrome, "200 text/html", false},
		{"what is not there", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "404 text/html", false},
		{"what was not changed", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "304 text/html", false},
		{"what is elsewhere", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "302 text/html", false},
		{"a file", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "200 application/pdf", false},
		{"something like a page", "GET", "/a", "Accept: text/html|User-Agent: " + chrome, "200 text", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, store.Config{Path: t.TempDir()}, text)
			site := w.Count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var status int
				if code, kind, ok := strings.Cut(c.answer, " "); ok {
					w.Header().Set("Content-Type", kind)
					fmt.Sscan(code, &status)
					w.WriteHeader(http.StatusEarlyHints)
					w.WriteHeader(status)
				}
				io.WriteString(w, "<!doctype html><p>")
			}))
			r := httptest.NewRequest(c.method, c.path, nil)
			for h := range strings.SplitSeq(c.header, "|") {
				name, value, _ := strings.Cut(h, ": ")
				r.Header.Set(name, value)
			}
			a := httptest.NewRecorder()
			site.ServeHTTP(a, r)
			if got := len(w.take()) == 1; got != c.counts {
				t.Errorf("it counts: %v, want %v", got, c.counts)
			}
			if !strings.HasSuffix(a.Body.String(), "<p>") {
				t.Errorf("the page became %q", a.Body)
			}
		})
	}
}

// TestAnswer: a page that passes in other ways is whole, and counts too.
func TestAnswer(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	for name, write := range map[string]func(http.ResponseWriter){
		"in parts": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<p>")
			w.(http.Flusher).Flush()
			w.Write([]byte("hello"))
		},
		"flushed before it began": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			http.NewResponseController(w).Flush()
			w.Write([]byte("<p>hello"))
		},
		"from a reader": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			io.Copy(w, io.LimitReader(strings.NewReader("<p>hello"), 8))
		},
		"without a kind": func(w http.ResponseWriter) { io.WriteString(w, "<p>hello") },
		"with a status and without a kind": func(w http.ResponseWriter) {
			w.WriteHeader(200)
			w.Write([]byte("<p>hello"))
		},
	} {
		server := httptest.NewServer(w.Count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { write(w) })))
		r, _ := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/"+strings.ReplaceAll(name, " ", "-"), nil)
		r.Header.Set("User-Agent", firefox)
		r.Header.Set("Accept", "text/html")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		server.Close()
		if string(body) != "<p>hello" || len(w.take()) != 1 {
			t.Errorf("%s: it is %q, and it counts: %v", name, body, w.pending)
		}
	}
}

// TestVisits: a reading counts once a day, and how many of those that are new
// are taken for old is what the documentation says.
func TestVisits(t *testing.T) {
	var v visits
	now := time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
	v.turn(now)
	if !v.first("192.0.2.1", firefox, "/") || v.first("192.0.2.1", firefox, "/") {
		t.Error("the first reading is not the first, or the second is")
	}
	if !v.first("192.0.2.1", firefox, "/a") || !v.first("192.0.2.2", firefox, "/") || !v.first("192.0.2.1", chrome, "/") || !v.first("192.0.2.1"+firefox, "", "/") {
		t.Error("another page, address or browser is taken for the same")
	}
	if v.turn(now.Add(time.Second)) {
		t.Error("a second later is another day")
	}
	salt := v.salt
	if !v.turn(now.Add(time.Minute)) || v.salt == salt || !v.first("192.0.2.1", firefox, "/") {
		t.Error("the next day is not another one, or has the salt of the day before")
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		after int
		most  float64
	}{{1_000_000, 1.0 / 3000}, {4_000_000, 1.0 / 40}} {
		clear(v.bits)
		for range c.after {
			v.mark(random.Uint64())
		}
		missed := 0
		const tries = 100_000
		for range tries {
			sum := random.Uint64()
			was := v.bits[sum>>48]
			if !v.mark(sum) {
				missed++
			}
			v.bits[sum>>48] = was
		}
		share := float64(missed) / tries
		t.Logf("after %d readings %.4f %% are missed", c.after, 100*share)
		if share > c.most || missed == 0 {
			t.Errorf("after %d readings a share of %f is missed, at most %f is said", c.after, share, c.most)
		}
	}
}

// BenchmarkCount is what counting adds to a page: new is the first reading of a
// day by somebody, known is every other.
func BenchmarkCount(b *testing.B) {
	compiled, _ := statement.Compile("statement.md", []byte(text), Keeps)
	force := &world{force: &statement.Edition{Statement: compiled, Version: 1}}
	db, err := store.Open(b.Context(), store.Config{Path: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	s := New(Deps{Store: db, Pages: pages, Editions: force})
	html := []string{"text/html"}
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header()["Content-Type"] = html; w.WriteHeader(200) })
	r := httptest.NewRequest("GET", "/instruments/marine-barometer", nil)
	r.Header.Set("User-Agent", chrome)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	addresses := make([]string, 4096)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("192.0.%d.%d:50000", i/256, i%256)
	}
	for name, h := range map[string]http.Handler{"bare": site, "count": s.Count(site)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &nothing{header: http.Header{}}
			for i := 0; b.Loop(); i++ {
				r.RemoteAddr = addresses[i%len(addresses)]
				h.ServeHTTP(w, r)
			}
		})
	}
}

type nothing struct{ header http.Header }

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) WriteHeader(int)             {}
func (n *nothing) Write(b []byte) (int, error) { return len(b), nil }
