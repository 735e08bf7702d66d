package devtools

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start starts a browser that can reach nothing but this machine.
func start(t *testing.T, o Options) *Browser {
	t.Helper()
	o.Flags = append(o.Flags, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost")
	b, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func newPage(t *testing.T, b *Browser) *Page {
	t.Helper()
	p, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// site serves pages by path. A path that ends in .js is a script, any other HTML.
func site(t *testing.T, pages map[string]string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
			return
		case strings.HasSuffix(r.URL.Path, ".js"):
			w.Header().Set("Content-Type", "text/javascript")
		case strings.HasSuffix(r.URL.Path, ".bin"):
			w.Header().Set("Content-Disposition", `attachment; filename="../../receipt.txt"`)
		case strings.HasPrefix(r.URL.Path, "/strict"):
			w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; require-trusted-types-for 'script'")
			fallthrough
		default:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
		}
		w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func evaluate[T any](t *testing.T, p *Page, expression string) T {
	t.Helper()
	var v T
	must(t, p.Evaluate(t.Context(), expression, &v))
	return v
}

func TestPage(t *testing.T) {
	s := site(t, map[string]string{
		"/": `<!doctype html><html lang=en><title>One</title><style>body{background:white} @media (prefers-color-scheme:dark){body{background:black}}</style>
			<h1>Hello</h1><a href="/next">Next</a><p style="height:3000px">Long</p>`,
		"/next":   `<title>Two</title>`,
		"/moved":  `<title>Moved</title><script>location.replace("/next")</script>`,
		"/script": `<title>off</title><script>document.title="on"</script>`,
	})
	b := start(t, Options{})
	if v, err := b.Version(t.Context()); err != nil || !strings.HasPrefix(v, "Chrome/") {
		t.Errorf("Version = %q, %v", v, err)
	}
	p := newPage(t, b)
	ctx := t.Context()

	t.Run("navigate and evaluate", func(t *testing.T) {
		must(t, p.Navigate(ctx, s.URL))
		if got := evaluate[string](t, p, "document.title"); got != "One" {
			t.Errorf("title = %q", got)
		}
		if got := evaluate[int](t, p, "new Promise(r => setTimeout(r, 10, 42))"); got != 42 {
			t.Errorf("awaited %d", got)
		}
		if err := p.Evaluate(ctx, "nothing.here", nil); err == nil || !strings.Contains(err.Error(), "nothing is not defined") {
			t.Errorf("err = %v", err)
		}
		must(t, p.Navigate(ctx, s.URL+"/#fragment"))
	})
	t.Run("a page that leads on", func(t *testing.T) {
		must(t, p.Navigate(ctx, s.URL+"/moved"))
		must(t, p.wait(ctx, "/next", func() bool {
			return len(p.requests) > 0 && strings.HasSuffix(p.requests[len(p.requests)-1].URL, "/next")
		}))
	})
	t.Run("refused connection", func(t *testing.T) {
		if err := p.Navigate(ctx, "http://127.0.0.1:1/"); err == nil || !strings.Contains(err.Error(), "net::ERR_") {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("viewport", func(t *testing.T) {
		must(t, p.SetViewport(ctx, 320, 600), p.Navigate(ctx, s.URL))
		if got := evaluate[int](t, p, "innerWidth"); got != 320 {
			t.Errorf("innerWidth = %d", got)
		}
	})
	t.Run("screenshot in dark", func(t *testing.T) {
		must(t, p.SetMedia(ctx, "", map[string]string{"prefers-color-scheme": "dark"}))
		shot, err := p.Screenshot(ctx)
		must(t, err)
		img, err := png.Decode(bytes.NewReader(shot))
		must(t, err)
		if img.Bounds().Dx() != 320 || img.Bounds().Dy() < 3000 {
			t.Errorf("the picture is %v", img.Bounds())
		}
		if r, _, _, _ := img.At(300, 2900).RGBA(); r != 0 {
			t.Errorf("background is not black: %v", img.At(300, 2900))
		}
	})
	t.Run("script off and on", func(t *testing.T) {
		for _, on := range []bool{false, true} {
			must(t, p.SetScript(ctx, on), p.Navigate(ctx, s.URL+"/script"))
			want := map[bool]string{false: "off", true: "on"}[on]
			if got := evaluate[string](t, p, "document.title"); got != want {
				t.Errorf("title = %q, want %q", got, want)
			}
		}
	})
	t.Run("accessibility tree", func(t *testing.T) {
		must(t, p.Navigate(ctx, s.URL))
		tree, err := p.AXTree(ctx)
		must(t, err)
		if !slices.ContainsFunc(tree, func(n AXNode) bool { return n.Role == "heading" && n.Name == "Hello" && n.Depth > 0 }) {
			t.Errorf("no heading in %+v", tree)
		}
	})
}

func TestInput(t *testing.T) {
	s := site(t, map[string]string{
		"/": `<title>Form</title><form action="/sent"><label>Name <input name=name></label>
			<label>Note <textarea name=note></textarea></label><label><input type=checkbox name=yes> Yes</label>
			<input type=file name=file><button>Send</button></form>
			<p style="height:2000px"></p><a id=far href="/sent">Far below</a><a id=file href="/file.bin">File</a><b hidden id=none></b>`,
		"/sent": `<title>Sent</title>`, "/file.bin": "downloaded",
	})
	p := newPage(t, start(t, Options{}))
	ctx := t.Context()

	must(t, p.Navigate(ctx, s.URL), p.Press(ctx, "Tab"), p.Type(ctx, "Zoë +1"), p.Press(ctx, "Tab"), p.Type(ctx, "a\nb"), p.Press(ctx, "Backspace"),
		p.Press(ctx, "Tab"), p.Press(ctx, "Space"), p.Press(ctx, "Shift+Tab"), p.Press(ctx, "Shift+Tab"))
	got := evaluate[[]any](t, p, `[document.forms[0].name.value, document.forms[0].note.value, document.forms[0].yes.checked, document.activeElement.name]`)
	if want := []any{"Zoë +1", "a\n", true, "name"}; !slices.Equal(got, want) {
		t.Errorf("typed %q, want %q", got, want)
	}
	file := filepath.Join(t.TempDir(), "receipt.txt")
	must(t, os.WriteFile(file, []byte("text"), 0o600), p.Upload(ctx, "input[type=file]", file))
	if got := evaluate[string](t, p, `document.forms[0].file.files[0].text()`); got != "text" {
		t.Errorf("uploaded %q", got)
	}

	must(t, p.WaitLoad(ctx, func() error { return p.Press(ctx, "Enter") }))
	if got := evaluate[string](t, p, "location.pathname"); got != "/sent" {
		t.Errorf("after Enter at %s", got)
	}
	must(t, p.Navigate(ctx, s.URL), p.WaitLoad(ctx, func() error { return p.Click(ctx, "#far") }))
	if got := evaluate[string](t, p, "location.pathname"); got != "/sent" {
		t.Errorf("after the click at %s", got)
	}
	must(t, p.Navigate(ctx, s.URL))
	dir := t.TempDir()
	path, err := p.Download(ctx, dir, func() error { return p.Click(ctx, "#file") })
	must(t, err)
	if text, _ := os.ReadFile(path); string(text) != "downloaded" || filepath.Dir(path) != dir {
		t.Errorf("downloaded %q to %s", text, path)
	}
	for what, err := range map[string]error{
		"nothing":     p.Click(ctx, "#nowhere"),
		"hidden":      p.Click(ctx, "#none"),
		"no key":      p.Press(ctx, "Tabb"),
		"no modifier": p.Press(ctx, "Hyper+a"),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestRecords(t *testing.T) {
	other := site(t, map[string]string{"/x.js": "1", "/frame": `<script src="/deep.js"></script>`, "/deep.js": "2"})
	// Another name for this machine is another site.
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	s := site(t, map[string]string{
		"/": `<title>T</title><script src="` + elsewhere + `/x.js"></script><iframe src="` + elsewhere + `/frame"></iframe>
			<script>console.warn("mind", 1); new Worker("/worker.js"); document.cookie = "basket=1"; alert("hm")</script>
			<script>throw new Error("oops")</script>`,
		"/worker.js":   `fetch("/from-worker").then(r => r.text()).then(() => console.log("worked"))`,
		"/strict":      `<title>S</title><style>p{}</style><script src="` + elsewhere + `/x.js"></script><script>1</script><p>`,
		"/window":      `<title>W</title><a id=w target=_blank href="/opened">Open</a>`,
		"/opened":      `<title>O</title><script>fetch("/from-window")</script>`,
		"/from-worker": "", "/from-window": "",
	})
	p := newPage(t, start(t, Options{}))
	ctx := t.Context()

	asked := func(suffix string) (found Request) {
		t.Helper()
		err := p.wait(ctx, suffix, func() bool {
			return slices.ContainsFunc(p.requests, func(r *Request) bool {
				if strings.HasSuffix(r.URL, suffix) && (r.Status != 0 || r.Blocked != "" || r.Failed != "") {
					found = *r
					return true
				}
				return false
			})
		})
		if err != nil {
			for _, r := range p.Requests() {
				t.Logf("%s %.80s %d %s %s %s", r.Method, r.URL, r.Status, r.Target, r.Blocked, r.Failed)
			}
			t.Fatal(err)
		}
		return found
	}
	said := func(kind, text string) {
		t.Helper()
		err := p.wait(ctx, text, func() bool {
			return slices.ContainsFunc(p.messages, func(m Message) bool { return m.Kind == kind && strings.Contains(m.Text, text) })
		})
		if err != nil {
			t.Errorf("%v; heard %+v", err, p.Messages())
		}
	}

	must(t, p.Navigate(ctx, s.URL))
	if r := asked("/x.js"); r.Status != 200 || r.Type != "Script" || r.Initiator.Type != "parser" || r.From != s.URL+"/" {
		t.Errorf("%+v", r)
	}
	if r := asked("/deep.js"); r.Target != "iframe" {
		t.Errorf("%+v", r)
	}
	if r := asked("/from-worker"); r.Target != "worker" || r.Initiator.Type != "script" {
		t.Errorf("%+v", r)
	}
	said("console", "mind 1")
	said("console", "worked")
	said("exception", "oops")
	said("dialog", "alert: hm")
	if cookies, err := p.Cookies(ctx); err != nil || len(cookies) != 1 || cookies[0].Name != "basket" {
		t.Errorf("cookies %v, %v", cookies, err)
	}

	p.ForgetRecords()
	must(t, p.Navigate(ctx, s.URL+"/strict"))
	if r := asked("/x.js"); r.Blocked != "csp" {
		t.Errorf("%+v", r)
	}
	said("csp", "script-src-elem: "+elsewhere)
	said("csp", "style-src-elem")
	if got := evaluate[int](t, p, "1+1"); got != 2 {
		t.Errorf("evaluated to %d", got)
	}

	must(t, p.Navigate(ctx, s.URL+"/window"), p.Click(ctx, "#w"))
	asked("/from-window")

	q := newPage(t, p.b)
	must(t, q.Navigate(ctx, s.URL+"/window"))
	if cookies, err := q.Cookies(ctx); err != nil || len(cookies) != 0 {
		t.Errorf("a new visit has cookies: %v, %v", cookies, err)
	}
	must(t, q.Close())
	if err := q.Navigate(ctx, s.URL); !errors.Is(err, ErrGone) {
		t.Errorf("a closed page says %v", err)
	}
}

func TestEverythingEnds(t *testing.T) {
	block := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-block
		}
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<title>T</title>`))
	}))
	defer s.Close()
	defer close(block)
	b := start(t, Options{Timeout: 2 * time.Second})
	p := newPage(t, b)
	ctx := t.Context()

	if err := p.Navigate(ctx, s.URL+"/hang"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that hangs: %v", err)
	}
	if err := p.Evaluate(ctx, "new Promise(() => {})", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a promise that hangs: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := p.Evaluate(short, "new Promise(() => {})", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the caller's deadline: %v", err)
	}
	must(t, p.Navigate(ctx, s.URL))
	if err := p.Call(ctx, "Page.crash", nil, nil); err == nil {
		t.Error("a crashed page answered")
	}
	if err := p.Navigate(ctx, s.URL); !errors.Is(err, ErrGone) {
		t.Errorf("a crashed page: %v", err)
	}
	must(t, newPage(t, b).Navigate(ctx, s.URL)) // the browser lives on

	killGroup(b.cmd.Process)
	if err := p.Evaluate(ctx, "1", nil); err == nil {
		t.Error("a killed browser answered")
	}
	if _, err := b.NewPage(ctx); !errors.Is(err, errClosed) {
		t.Errorf("a killed browser: %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	log := filepath.Join(t.TempDir(), "net.json")
	b := start(t, Options{NetLog: log, ThirdPartyCookies: true})
	newPage(t, b)
	must(t, b.Close(), b.Close())
	if _, err := os.Stat(b.profile); !os.IsNotExist(err) {
		t.Errorf("the profile is still there: %v", err)
	}
	if b.cmd.ProcessState == nil {
		t.Error("the browser still runs")
	}
	if text, err := os.ReadFile(log); err != nil || !bytes.HasSuffix(bytes.TrimSpace(text), []byte("}")) {
		t.Errorf("the NetLog was not written to its end: %v", err)
	}
}

func TestStartSaysWhatIsWrong(t *testing.T) {
	script := filepath.Join(t.TempDir(), "browser")
	must(t, os.WriteFile(script, []byte("#!/bin/sh\necho no display >&2\nexit 1\n"), 0o700))
	for path, want := range map[string]string{
		"/nowhere/chromium": "no such file",
		script:              "no display",
	} {
		if _, err := Start(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := Start(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "apt-get install chromium") {
		t.Errorf("no browser: %v", err)
	}
}

// TestThirdPartyCookies: another site's cookie is kept only if that was asked for.
func TestThirdPartyCookies(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html")
			_, port, _ := strings.Cut(r.Host, ":")
			w.Write([]byte(`<title>T</title><img src="http://localhost:` + port + `/pixel">`))
			return
		}
		if r.URL.Path == "/pixel" { // and not the page's own icon
			http.SetCookie(w, &http.Cookie{Name: "spy", Value: "1", SameSite: http.SameSiteNoneMode, Secure: true})
		}
	}))
	defer s.Close()
	for _, allowed := range []bool{false, true} {
		p := newPage(t, start(t, Options{ThirdPartyCookies: allowed}))
		must(t, p.Navigate(t.Context(), s.URL))
		cookies, err := p.Cookies(t.Context())
		must(t, err)
		if got := len(cookies) == 1 && cookies[0].Domain == "localhost"; got != allowed {
			t.Errorf("allowed %t: cookies %+v", allowed, cookies)
		}
	}
}
