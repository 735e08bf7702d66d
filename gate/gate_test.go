package gate

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
)

var (
	key   = bytes.Repeat([]byte{7}, 32)
	today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
)

func clock() time.Time { return today }

const text = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
data:
  email: {category: user.contact.email, say: E-mail address}
cookies:
  basket:       {for: remember your basket, keep: session, necessary: true}
  login:        {for: know you again, keep: 30 days, necessary: true}
  __Host-safe:  {for: be safe, keep: session, necessary: true}
  theme:        {for: remember how you like the pages, keep: 12 months, consent: opt-in}
trackers:
  maps.example: {for: show the way, consent: opt-in}
  cdn.example:  {for: deliver pictures, consent: none}
---
# Privacy statement

## Collection of information

[Our cookies are the ones in this table.]{#cookies keeps=cookies}

{{cookies}}

[Parts from elsewhere load only after you said yes.]{#trackers keeps=trackers}

{{trackers}}
`

// told is a Watch that writes down what it is told.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (w *told) add(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *told) Violation(v wall.Violation) {
	w.add("%s %s at %s: %s %v", v.Kind, v.What, v.Where, v.How, v.Let)
}
func (w *told) Signal(honoured bool) { w.add("signal %v", honoured) }
func (w *told) Link(host string)     { w.add("link %s", host) }

func (w *told) has(line string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.lines, line)
}

// newGate returns a gate, changed by with.
func newGate(t testing.TB, with ...func(*Config)) (*Gate, *told) {
	t.Helper()
	w := &told{}
	c := Config{Statement: []byte(text), Key: key, Clock: clock, Watch: w}
	for _, f := range with {
		f(&c)
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g, w
}

func observing(c *Config) { c.Observe = true }

// yes is the cookie of somebody who said yes to everything.
func yes(t testing.TB, g *Gate) string {
	t.Helper()
	offers := offersOf(t)
	c := offers.Press(choice.Choice{}, choice.Press{Yes: offers.All()}, [16]byte{1}, today.Add(-time.Hour))
	return choice.SecureCookie + "=" + c.Seal(key)
}

// ask sends a request like that of a browser for a page; headers are pairs.
func ask(h http.Handler, method, url string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept", "text/html,*/*")
	r.Header.Set("Sec-Fetch-Dest", "document")
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, a *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const pageText = `<!doctype html><html><head><title>x</title></head><body><p>hello</p>
<script src="https://maps.example/x.js"></script><script src="https://evil.example/y.js"></script>
<img src="https://cdn.example/a.png"><a href="https://partner.example/deep?x=1">partner</a></body></html>
`

func site(kind, text string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		if kind != "" {
			w.Header().Set("Content-Type", kind)
		}
		_, _ = io.WriteString(w, text)
	})
}

// TestWall: each answer has the wall, or the narrower one that is the same for all.
func TestWall(t *testing.T) {
	g, _ := newGate(t)
	for name, c := range map[string]struct {
		site http.HandlerFunc
		want bool
	}{
		"a page":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, pageText) }, true},
		"nothing":        {func(http.ResponseWriter, *http.Request) {}, true},
		"an error":       {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }, true},
		"a redirect":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, true},
		"not modified":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, true},
		"no content":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, true},
		"a script":       {site("text/javascript", "x").ServeHTTP, true},
		"a drawing":      {site("image/svg+xml", "<svg/>").ServeHTTP, true},
		"no type at all": {site("", "").ServeHTTP, true},
		"XHTML":          {site("application/xhtml+xml; charset=utf-8", "<html/>").ServeHTTP, true},
		"two types":      {typed("image/png", "text/html"), true},
		"types in a row": {typed("image/png;a=b, text/html"), true},
		"a picture":      {site("image/png", "x").ServeHTTP, false},
		"a font":         {site("font/woff2", "x").ServeHTTP, false},
		"a style":        {site("Text/CSS ; charset=utf-8", "x").ServeHTTP, false},
	} {
		a := ask(g.Handler(c.site), "GET", "https://harbour.example/x")
		policy := strings.Join(a.Header["Content-Security-Policy"], "|")
		if got := strings.Contains(policy, "https://harbour.example cdn.example;"); got != c.want {
			t.Errorf("%s has the policy %q", name, policy)
		}
		if got := strings.Contains(policy, "default-src 'none'") && strings.Contains(policy, "sandbox"); got == c.want {
			t.Errorf("%s has the policy %q", name, policy)
		}
		if got := strings.HasPrefix(a.Header.Get("Connection-Allowlist"), "(response-origin"); !got {
			t.Errorf("%s has the allowlist %q", name, a.Header["Connection-Allowlist"])
		}
		if got := a.Header.Get("Vary") == "Cookie, Sec-GPC"; got != c.want {
			t.Errorf("%s varies by %q", name, a.Header["Vary"])
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be taken for another type", name)
		}
	}
}

// typed answers a page under the types that are given, each in a line of its own.
func typed(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = lines
		_, _ = io.WriteString(w, pageText)
	}
}

// TestBeside: what the site says itself stays, unless it is wider.
func TestBeside(t *testing.T) {
	g, _ := newGate(t)
	a := ask(g.Handler(site("text/html", pageText,
		"Content-Security-Policy", "default-src 'self'", "Connection-Allowlist", `("https://evil.example/*")`, "Vary", "Accept",
		"Referrer-Policy", "unsafe-url", "Cache-Control", "public, max-age=600",
		"Link", `<https://evil.example/a>; rel=preconnect, </b>; rel=preload, <https://evil.example/c>; rel=canonical`,
		"Link", `<https://cdn.example/d>; rel="preconnect"`,
		"Report-To", `{"endpoints":[{"url":"https://evil.example/r"}]}`, "NEL", `{"report_to":"x"}`, "Accept-Ranges", "bytes",
	)), "GET", "https://harbour.example/x")
	for name, want := range map[string]string{
		"Vary":            "Accept|Cookie, Sec-GPC",
		"Referrer-Policy": "strict-origin-when-cross-origin",
		"Cache-Control":   "private, no-cache",
		"Link":            `</b>; rel=preload|<https://evil.example/c>; rel=canonical|<https://cdn.example/d>; rel="preconnect"`,
		"Report-To":       "", "Nel": "", "Accept-Ranges": "", "Content-Length": "",
	} {
		if got := strings.Join(a.Header[name], "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if l := a.Header["Connection-Allowlist"]; len(l) != 1 || strings.Contains(l[0], "evil") || !strings.Contains(l[0], "//cdn.example/*") {
		t.Errorf("the allowlists are %q", l)
	}
	if p := a.Header["Content-Security-Policy"]; len(p) != 2 || p[0] != "default-src 'self'" || !strings.Contains(p[1], "cdn.example") {
		t.Errorf("the policies are %q", p)
	}
	a = ask(g.Handler(site("text/html", pageText, "Referrer-Policy", "no-referrer", "Cache-Control", "no-store")), "GET", "https://harbour.example/x")
	if a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a stricter site has %q", a.Header)
	}
}

// TestPage: a page has what is not allowed made inert, its links marked and led
// over a signed hop, and a yes lets through what it was said to.
func TestPage(t *testing.T) {
	g, w := newGate(t)
	h := g.Handler(site("text/html", pageText))
	got := body(t, ask(h, "GET", "https://harbour.example/x"))
	for _, want := range []string{`src="https://cdn.example/a.png"`, `/privacy/out?to=https://partner.example/deep%3Fx%3D1&amp;s=`, "↗", "/privacy/choices"} {
		if !strings.Contains(got, want) {
			t.Errorf("without a choice there is no %q in %s", want, got)
		}
	}
	for _, no := range []string{`<script src="https://maps.example`, `<script src="https://evil.example`} {
		if strings.Contains(got, no) {
			t.Errorf("without a choice there is %q", no)
		}
	}
	for _, line := range []string{"host evil.example at /x: script false", "link partner.example"} {
		if !w.has(line) {
			t.Errorf("nobody was told %q but %q", line, w.lines)
		}
	}
	a := ask(h, "GET", "https://harbour.example/x", "Cookie", yes(t, g))
	if got = body(t, a); !strings.Contains(got, `<script src="https://maps.example/x.js">`) || strings.Contains(got, `<script src="https://evil.example`) {
		t.Errorf("after a yes there is %s", got)
	}
	if p := a.Header.Get("Content-Security-Policy"); !strings.Contains(p, "maps.example") {
		t.Errorf("after a yes the policy is %q", p)
	}
	a = ask(h, "GET", "https://harbour.example/x", "Cookie", yes(t, g), "Sec-GPC", "1")
	if p := a.Header.Get("Content-Security-Policy"); strings.Contains(p, "maps.example") || !w.has("signal true") {
		t.Errorf("with the signal the policy is %q, and told %q", p, w.lines)
	}
	again := a.Cookies()
	if len(again) != 1 || again[0].Name != choice.SecureCookie || !again[0].HttpOnly || !again[0].Secure {
		t.Fatalf("with the signal these cookies are written: %v", again)
	}
	a = ask(h, "GET", "https://harbour.example/x", "Cookie", choice.SecureCookie+"="+again[0].Value)
	if p := a.Header.Get("Content-Security-Policy"); strings.Contains(p, "maps.example") {
		t.Errorf("after the signal the policy is %q", p)
	}
	if got := body(t, ask(h, "GET", "https://harbour.example/x", "Sec-Fetch-Dest", "", "Sec-Fetch-Dest", "empty")); strings.Contains(got, "/privacy/choices") || !strings.Contains(got, "/privacy/out") {
		t.Errorf("a fetched piece is %s", got)
	}
}

// TestFrame: a frame in a page asks nothing of its own, and its buttons work.
func TestFrame(t *testing.T) {
	g, _ := newGate(t)
	h := g.Handler(site("text/html", `<body><iframe src="https://maps.example/"></iframe>`))
	page := body(t, ask(h, "GET", "https://harbour.example/x"))
	frame := body(t, ask(h, "GET", "https://harbour.example/x", "Sec-Fetch-Dest", "", "Sec-Fetch-Dest", "iframe"))
	const question, form = `value="no"`, `id="avow-more"`
	if !strings.Contains(page, question) || strings.Contains(frame, question) || !strings.Contains(strings.ReplaceAll(frame, "id=avow-more", form), form) {
		t.Errorf("the page is %s\nthe frame is %s", page, frame)
	}
	for _, dest := range []string{"", "empty"} { // over plain http browsers do not say what for
		part := body(t, ask(h, "GET", "http://harbour.example/x", "Sec-Fetch-Dest", "", "Sec-Fetch-Dest", dest, "Accept", "", "Accept", "*/*", "Hx-Request", "true"))
		if strings.Contains(part, question) || strings.Contains(part, `<iframe src="https://maps.example/"`) && dest == "" {
			t.Errorf("a part that a script asks for, with the destination %q, is %s", dest, part)
		}
	}
}

// TestObserve: nothing is changed, and everything is told.
func TestObserve(t *testing.T) {
	g, w := newGate(t, observing)
	h := g.Handler(site("text/html", pageText, "Set-Cookie", "evil=1", "ETag", `"x"`, "Cache-Control", "public", "Content-Length", fmt.Sprint(len(pageText))))
	a := ask(h, "GET", "https://harbour.example/x", "Cookie", "old=1")
	if got := body(t, a); got != pageText {
		t.Errorf("the page is %q", got)
	}
	want := http.Header{"Content-Type": {"text/html"}, "Set-Cookie": {"evil=1"}, "Etag": {`"x"`}, "Cache-Control": {"public"}, "Content-Length": {fmt.Sprint(len(pageText))}}
	for name, values := range a.Header {
		if strings.HasSuffix(name, "-Report-Only") || name == "Reporting-Endpoints" {
			continue
		}
		if !slices.Equal(values, want[name]) {
			t.Errorf("%s is %q", name, values)
		}
	}
	if a.Header.Get("Content-Security-Policy-Report-Only") == "" || a.Header.Get("Connection-Allowlist-Report-Only") == "" {
		t.Errorf("there is no wall to report: %q", a.Header)
	}
	for _, line := range []string{"cookie evil at /x: Set-Cookie true", "cookie old at /x: Cookie true", "host evil.example at /x: script true",
		"host maps.example at /x: script before a yes true", "link partner.example"} {
		if !w.has(line) {
			t.Errorf("nobody was told %q but %q", line, w.lines)
		}
	}
}

// TestEncoded: a page that the site compressed comes out compressed and changed,
// however it is cut; what cannot be read passes as it is.
func TestEncoded(t *testing.T) {
	g, _ := newGate(t)
	var zipped, deflated bytes.Buffer
	for _, w := range []io.WriteCloser{gzip.NewWriter(&zipped), zlib.NewWriter(&deflated)} {
		for range 3000 {
			_, _ = io.WriteString(w, pageText)
		}
		_ = w.Close()
	}
	plain := body(t, ask(g.Handler(site("text/html", strings.Repeat(pageText, 3000))), "GET", "https://harbour.example/x"))
	for name, c := range map[string]struct {
		encoding string
		bytes    []byte
		accept   string
		comes    string
	}{
		"gzip":                 {"gzip", zipped.Bytes(), "gzip, br", "gzip"},
		"x-gzip":               {"X-GZIP", zipped.Bytes(), "gzip", "gzip"},
		"deflate":              {"deflate", deflated.Bytes(), "gzip, deflate", "gzip"},
		"to who reads no gzip": {"gzip", zipped.Bytes(), "br, gzip;q=0", ""},
	} {
		for _, cut := range []int{1 << 20, 4096, 7} {
			h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if e := r.Header.Get("Accept-Encoding"); e != "gzip" && e != "identity" {
					t.Errorf("%s: the site is asked for %q", name, e)
				}
				w.Header().Set("Content-Type", "text/html")
				w.Header().Set("Content-Encoding", c.encoding)
				for part := range slices.Chunk(c.bytes, cut) {
					if _, err := w.Write(part); err != nil {
						t.Error(err)
					}
				}
			}))
			a := ask(h, "GET", "https://harbour.example/x", "Accept-Encoding", c.accept)
			var r io.Reader = a.Body
			if a.Header.Get("Content-Encoding") != c.comes {
				t.Errorf("%s comes as %q", name, a.Header["Content-Encoding"])
			}
			if c.comes == "gzip" {
				var err error
				if r, err = gzip.NewReader(r); err != nil {
					t.Fatal(name, err)
				}
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != plain {
				t.Errorf("%s in pieces of %d: %d bytes, want %d (%v)", name, cut, len(got), len(plain), err)
			}
		}
	}
	a := ask(g.Handler(site("text/html", "\x01\x02", "Content-Encoding", "br")), "GET", "https://harbour.example/x")
	if body(t, a) != "\x01\x02" || a.Header.Get("Content-Encoding") != "br" || a.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("what cannot be read is %q", a.Header)
	}
	for name, broken := range map[string][]byte{"cut off": zipped.Bytes()[:zipped.Len()/2], "no gzip": []byte(pageText)} {
		if p := panics(func() {
			ask(g.Handler(site("text/html", string(broken), "Content-Encoding", "gzip")), "GET", "https://harbour.example/x")
		}); p != http.ErrAbortHandler {
			t.Errorf("a page that is %s ends with %v", name, p)
		}
	}
	if a := ask(g.Handler(site("text/html", "", "Content-Encoding", "gzip")), "GET", "https://harbour.example/x"); a.StatusCode != 200 {
		t.Errorf("an empty page is answered %d", a.StatusCode)
	}
}

func panics(f func()) (with any) {
	defer func() { with = recover() }()
	f()
	return nil
}

// TestCached: a page is not modified only for the choice that it was made for.
func TestCached(t *testing.T) {
	g, _ := newGate(t)
	asked := ""
	h := g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header.Get("If-None-Match")
		if r.Header.Get("If-Modified-Since")+r.Header.Get("Range")+r.Header.Get("If-Range") != "" {
			t.Errorf("the site is asked %q", r.Header)
		}
		w.Header().Set("ETag", `"v1"`)
		if strings.Contains(asked, `"v1"`) {
			w.WriteHeader(304)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Length", fmt.Sprint(len(pageText)))
		_, _ = io.WriteString(w, pageText)
	}))
	first := ask(h, "GET", "https://harbour.example/x", "Range", "bytes=1-", "If-Range", `"v1"`)
	tag := first.Header.Get("ETag")
	if !strings.HasPrefix(tag, `W/"v1.avow-`) {
		t.Fatalf("the tag is %q", tag)
	}
	since := []string{"If-Modified-Since", "Tue, 24 Nov 2026 11:00:00 GMT"}
	for name, c := range map[string]struct {
		headers []string
		status  int
		asked   string
	}{
		"the same":             {[]string{"If-None-Match", tag}, 304, `"v1"`},
		"another choice":       {[]string{"If-None-Match", tag, "Cookie", yes(t, g)}, 200, ""},
		"the signal":           {[]string{"If-None-Match", tag, "Sec-GPC", "1"}, 200, ""},
		"from before":          {[]string{"If-None-Match", `"v1"`}, 200, ""},
		"any":                  {[]string{"If-None-Match", `*`}, 200, ""},
		"several":              {[]string{"If-None-Match", `"a", ` + tag + `, W/"b"`}, 304, `"v1"`},
		"by date":              {since, 200, ""},
		"by date and the same": {append(since, "If-None-Match", tag), 304, `"v1"`},
	} {
		a := ask(h, "GET", "https://harbour.example/x", c.headers...)
		if a.StatusCode != c.status || asked != c.asked {
			t.Errorf("%s: %d, the site was asked %q", name, a.StatusCode, asked)
		}
		if a.StatusCode == 304 && a.Header.Get("ETag") != tag || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: the header is %q", name, a.Header)
		}
	}
	head := ask(h, "HEAD", "https://harbour.example/x")
	if head.Header.Get("ETag") != tag || head.Header.Get("Content-Length") != "" || head.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("HEAD is answered %q", head.Header)
	}
	picture := ask(g.Handler(site("image/png", "x", "ETag", `"p"`, "Accept-Ranges", "bytes")), "GET", "https://harbour.example/p", "Sec-Fetch-Dest", "", "Accept", "")
	if picture.Header.Get("ETag") != `"p"` || picture.Header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("a picture has %q", picture.Header)
	}
}
