package gate

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bigPage is a page of 96 KB as sites have them: some scripts, many links, text.
func bigPage() string {
	var b strings.Builder
	b.WriteString("<!doctype html><html lang=en><head><title>Instruments</title><link rel=stylesheet href=/style.css></head><body><main>\n")
	for i := 0; b.Len() < 96<<10; i++ {
		fmt.Fprintf(&b, `<article class="card card-%d" id="item-%d"><h2><a href="/shop/item/%d?from=list">Tide clock number %d</a></h2>`, i%7, i, i, i)
		b.WriteString("\n<p>It shows the hours to high water and to low water, made of brass and oak by hand in a workshop at the sea, and it\n")
		b.WriteString("will do so for a hundred years if you wind it up each week &amp; keep it dry. Ask us for the small one.</p>\n")
		if i%8 == 0 {
			fmt.Fprintf(&b, `<p><a class="maker" href="https://partner.example/makers/%d">Its maker</a> <img src="/img/%d.jpg" alt="" width=320 height=200></p>`, i%40, i)
		}
		b.WriteString("</article>\n")
	}
	return b.String() + "<script src=/app.js></script></main></body></html>\n"
}

// cpu is what this process used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// lane is one way to a site.
type lane struct {
	url     string
	headers []string
	cpu     time.Duration
	took    []time.Duration
}

func (l *lane) ask(b testing.TB, c http.RoundTripper, into []byte) {
	r, err := http.NewRequestWithContext(b.Context(), "GET", l.url+"/page", nil)
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(l.headers); i += 2 {
		r.Header.Set(l.headers[i], l.headers[i+1])
	}
	from := time.Now()
	a, err := c.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	for {
		if _, err := a.Body.Read(into); err == io.EOF {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	_ = a.Body.Close()
	l.took = append(l.took, time.Since(from))
}

// BenchmarkProxy compares a plain httputil.ReverseProxy with the gate before the
// same: with headers only, and with a page that is rewritten. All take turns in
// the same run. The metrics are ratios to plain: cpu/plain of the CPU time of a
// request (client, proxy and site together), p50/plain of how long it took.
func BenchmarkProxy(b *testing.B) {
	page := []byte(bigPage())
	back := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", fmt.Sprint(len(page)))
		_, _ = w.Write(page)
	}))
	defer back.Close()
	target, err := url.Parse(back.URL)
	if err != nil {
		b.Fatal(err)
	}
	g, _ := newGate(b, func(c *Config) { c.Watch = nil })
	proxy := Proxy(target)
	bare := &httputil.ReverseProxy{
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(target); r.SetXForwarded() },
		Transport:  transport(),
		BufferPool: proxy.(*httputil.ReverseProxy).BufferPool,
	}
	browser := []string{"Accept", "text/html,*/*", "Sec-Fetch-Dest", "document", "Cookie", "basket=1; " + yes(b, g), "User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/152.0"}
	script := slices.Concat(browser, []string{"Sec-Fetch-Dest", "script", "Accept", "*/*"})
	for _, one := range []struct {
		name    string
		headers []string
		http.Handler
	}{{"Plain", browser, bare}, {"HeadersOnly", script, g.Handler(proxy)}, {"Rewriting", browser, g.Handler(proxy)}} {
		b.Run(one.name, func(b *testing.B) {
			front, plain := httptest.NewServer(one.Handler), httptest.NewServer(bare)
			defer front.Close()
			defer plain.Close()
			compare(b, &lane{url: plain.URL, headers: browser}, &lane{url: front.URL, headers: one.headers})
		})
	}
}

// round is how many requests go one way before it is the other's turn: enough
// that the CPU time of a round can be told.
const round = 20

func compare(b *testing.B, plain, other *lane) {
	c := &http.Transport{DisableCompression: true, ReadBufferSize: 64 << 10}
	defer c.CloseIdleConnections()
	into := make([]byte, 64<<10)
	for range round {
		plain.ask(b, c, into)
		other.ask(b, c, into)
	}
	plain.took, other.took = nil, nil
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += round {
		for _, l := range []*lane{plain, other} {
			from := cpu()
			for range min(round, b.N-n) {
				l.ask(b, c, into)
			}
			l.cpu += cpu() - from
		}
	}
	b.StopTimer()
	runtime.KeepAlive(into)
	slices.Sort(plain.took)
	slices.Sort(other.took)
	b.ReportMetric(float64(other.cpu)/float64(plain.cpu), "cpu/plain")
	b.ReportMetric(float64(other.took[len(other.took)/2])/float64(plain.took[len(plain.took)/2]), "p50/plain")
	b.ReportMetric(float64(other.cpu.Microseconds())/float64(b.N), "cpu-µs/op")
}

// BenchmarkHeaders is the gate alone, on an answer that is not rewritten.
func BenchmarkHeaders(b *testing.B) {
	g, _ := newGate(b, func(c *Config) { c.Watch = nil })
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/javascript"}
		w.WriteHeader(200)
	}))
	r := httptest.NewRequest("GET", "https://harbour.example/x.js", nil)
	r.Header.Set("Cookie", "basket=1; "+yes(b, g))
	r.Header.Set("Sec-Fetch-Dest", "script")
	w := &nowhere{h: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkPage is the gate alone, on a page of 96 KB that is rewritten.
func BenchmarkPage(b *testing.B) {
	g, _ := newGate(b, func(c *Config) { c.Watch = nil })
	page := []byte(bigPage())
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/html"}
		for part := range slices.Chunk(page, buffer) {
			_, _ = w.Write(part)
		}
	}))
	r := httptest.NewRequest("GET", "https://harbour.example/x", nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Cookie", "basket=1; "+yes(b, g))
	w := &nowhere{h: http.Header{}}
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

type nowhere struct{ h http.Header }

func (w *nowhere) Header() http.Header         { return w.h }
func (w *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (w *nowhere) WriteHeader(int)             {}
