package wall

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/gate"
	ours "github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/audit/devtools"
	"github.com/avow-privacy/avow/internal/statement"
)

// A way is a page that wants to ask another host over something that is no page:
// an answer of another type, a frame of a picture, a worker, a service worker.
type way struct{ name, kind, page string }

const frames = `<!doctype html><body><script>for (const [x, at] of [["png", "/part.png"], ["css", "/part.css"], ["mp4", "/part.mp4"], ["unread", "/%zz"]]) { const f = document.createElement("iframe"); f.src = at;
f.onload = () => { const i = f.contentDocument.createElement("img"); i.src = "http://evil.example/frame-" + x; f.contentDocument.documentElement.append(i) };
document.body.append(f) }</script>`

const serves = `self.addEventListener("install", () => skipWaiting()); self.addEventListener("activate", e => e.waitUntil(clients.claim()));
self.addEventListener("fetch", e => { const path = new URL(e.request.url).pathname;
if (path == "/made.html") e.respondWith(new Response("<img src=http://evil.example/made-page>", {headers: {"Content-Type": "text/html"}}));
if (path == "/made.js") e.respondWith(new Response("fetch('http://evil.example/made-worker', {mode: 'no-cors'})", {headers: {"Content-Type": "text/javascript"}}));
if (path == "/made.json") e.respondWith(new Response("{}")) });`

var ways = []way{
	{"two-types", "image/png\ntext/html", `<img src=http://evil.example/two-types>`},
	{"types-in-a-row", "image/png, text/html", `<img src=http://evil.example/types-in-a-row>`},
	{"frames", "text/html", frames},
	{"workers", "text/html", `<!doctype html><script>new Worker("/work.css"); new Worker("/work.woff2")</script>`},
	{"service", "text/html", `<!doctype html><script>navigator.serviceWorker.register("/serve.js"); navigator.serviceWorker.ready.then(() => setTimeout(async () => {
new Worker("/made.js"); document.title = await (await fetch("/made.json")).text(); setTimeout(() => location = "/made.html", 300) }, 200))</script>`},
}

var wayFiles = map[string][2]string{
	"/part.png": {"image/png", "\x89PNG\r\n\x1a\n"}, "/part.css": {"text/css", "a {}"}, "/part.mp4": {"video/mp4", "x"},
	"/work.css":   {"text/css", `fetch("http://evil.example/style-worker", {mode: "no-cors"})`},
	"/work.woff2": {"font/woff2", `fetch("http://evil.example/font-worker", {mode: "no-cors"})`},
	"/serve.js":   {"text/javascript", serves}, "/made.html": {"text/html", "from the site"}, "/made.js": {"text/javascript", ""},
}

func serveWays(w http.ResponseWriter, r *http.Request) {
	for _, one := range ways {
		if r.URL.Path == "/"+one.name {
			w.Header()["Content-Type"] = strings.Split(one.kind, "\n")
			fmt.Fprint(w, one.page)
			return
		}
	}
	file := wayFiles[r.URL.Path]
	w.Header().Set("Content-Type", file[0])
	fmt.Fprint(w, file[1])
}

// TestWays: over none of these a host is asked that nobody declared; without the
// gate over each of them.
func TestWays(t *testing.T) {
	s, faults := statement.Compile("statement.md", statementText(), nil)
	if s == nil {
		t.Fatal(faults)
	}
	g, err := gate.New(gate.Config{Key: key, Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	g.Use(s)
	without := tryWays(t, http.HandlerFunc(serveWays), func(l net.Listener) net.Listener { return l })
	for _, name := range []string{"two-types", "types-in-a-row", "frame-png", "frame-css", "frame-mp4", "frame-unread", "style-worker", "font-worker", "made-page", "made-worker"} {
		if without["/"+name] == 0 {
			t.Errorf("without the gate, %s asks nobody: it proves nothing", name)
		}
	}
	for path := range tryWays(t, g.Handler(http.HandlerFunc(serveWays)), ours.Listener) {
		t.Errorf("%s reached a host that nobody declared", path[1:])
	}
}

// tryWays visits each way on a site, and returns what another host was asked.
func tryWays(t *testing.T, site http.Handler, on func(net.Listener) net.Listener) map[string]int {
	t.Helper()
	var mu sync.Mutex
	asked := map[string]int{}
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
	}))
	defer evil.Close()
	at, err := url.Parse(evil.URL)
	if err != nil {
		t.Fatal(err)
	}
	own := httptest.NewUnstartedServer(site)
	own.Listener = on(own.Listener)
	own.Start()
	defer own.Close()
	if _, err := devtools.Find(); err != nil {
		missing(t, err)
	}
	b, err := devtools.Start(t.Context(), devtools.Options{Flags: []string{"--host-resolver-rules=MAP *.example 127.0.0.1:" + at.Port()}, ThirdPartyCookies: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, one := range ways {
		p, err := b.NewPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Call(t.Context(), "Page.navigate", map[string]any{"url": own.URL + "/" + one.name}, nil); err != nil {
			t.Error(one.name, err)
		}
		time.Sleep(map[bool]time.Duration{true: 1500 * time.Millisecond, false: 700 * time.Millisecond}[one.name == "service"])
		p.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	return asked
}
