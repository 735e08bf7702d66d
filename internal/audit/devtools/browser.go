// Package devtools drives a browser over its DevTools pipe.
//
// It is a small client of the Chrome DevTools Protocol for Chromium and its
// kin. The browser is a child process that listens on a pair of pipes and on no
// port, with a profile of its own that is gone after Close. Each Page is a visit
// of its own: it shares no cookies, storage or cache with any other.
//
// Everything that a page starts (frames, workers, windows) is attached to
// before its first line runs, so that Requests and Messages miss nothing that
// the protocol can see. Three things it cannot: preconnects, STUN and the beacons
// of a page that is closing. Options.NetLog is the second witness for those.
//
// Every call ends: with an answer, with the context, or after Options.Timeout.
package devtools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// names are the browsers Find looks for, in this order.
var names = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"}

// Find returns the path of a browser on the machine's PATH.
func Find() (string, error) {
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no browser on PATH (looked for %s): install one, on Debian with: apt-get install chromium",
		strings.Join(names, ", "))
}

// Options say how a browser is started. The zero value is a browser found on
// PATH, without a window, 1280 pixels wide and 800 high.
type Options struct {
	Path          string        // the browser's program; Find chooses when empty
	Width, Height int           // of the window, in pixels
	Timeout       time.Duration // the longest any call may take; 30 seconds when zero
	NetLog        string        // a file for the browser's own log of its connections; none when empty
	Flags         []string      // further command-line flags

	// ThirdPartyCookies lets other sites set cookies. Debian's Chromium blocks
	// them unless its profile says otherwise.
	ThirdPartyCookies bool
}

func (o Options) withDefaults() Options {
	if o.Width == 0 || o.Height == 0 {
		o.Width, o.Height = 1280, 800
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	return o
}

// quiet keeps the browser from talking to anyone but the pages it is sent to,
// and from asking or showing anything.
var quiet = []string{
	"--headless=new", "--remote-debugging-pipe", "--no-startup-window", "--disable-gpu", "--disable-quic",
	"--no-first-run", "--no-default-browser-check", "--no-service-autorun", "--mute-audio",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
	"--disable-domain-reliability", "--disable-client-side-phishing-detection", "--disable-breakpad",
	"--disable-search-engine-choice-screen", "--disable-dev-shm-usage", "--disable-prompt-on-repost",
	"--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,AutofillServerCommunication",
	"--metrics-recording-only", "--password-store=basic", "--use-mock-keychain",
	"--hide-scrollbars", "--force-color-profile=srgb", "--font-render-hinting=none",
}

func (o Options) flags(profile string) []string {
	flags := append([]string{"--user-data-dir=" + profile, fmt.Sprintf("--window-size=%d,%d", o.Width, o.Height)}, quiet...)
	if mustUnbox() {
		flags = append(flags, "--no-sandbox")
	}
	if o.NetLog != "" {
		flags = append(flags, "--log-net-log="+o.NetLog)
	}
	return append(flags, o.Flags...)
}

// A Browser is a running browser. Its methods may be called from any goroutine.
type Browser struct {
	opts    Options
	conn    *conn
	cmd     *exec.Cmd
	profile string
	errors  *tail
	exited  chan struct{}

	close sync.Once
	tasks sync.WaitGroup // goroutines that answer events

	mu      sync.Mutex
	closing bool
	visits  map[string]*Page   // by browser context
	targets map[string]*target // by session
}

// Start starts a browser. It is given up when ctx ends before the browser
// answers; afterwards it lives until Close.
func Start(ctx context.Context, o Options) (*Browser, error) {
	o = o.withDefaults()
	if o.Path == "" {
		path, err := Find()
		if err != nil {
			return nil, err
		}
		o.Path = path
	}
	profile, err := newProfile(o)
	if err != nil {
		return nil, fmt.Errorf("make a browser profile: %w", err)
	}
	b := &Browser{opts: o, profile: profile, errors: &tail{}, exited: make(chan struct{}),
		visits: map[string]*Page{}, targets: map[string]*target{}}
	if err := b.launch(); err != nil {
		os.RemoveAll(profile)
		return nil, fmt.Errorf("start %s: %w", o.Path, err)
	}
	// Attaching is asked for before any page exists: what a page does first is
	// what an audit most wants to see.
	if err := b.call(ctx, "", "Target.setAutoAttach", autoAttach, nil); err != nil {
		b.Close()
		return nil, fmt.Errorf("start %s: %w%s", o.Path, err, b.errors.tell())
	}
	return b, nil
}

// newProfile makes the folder that holds everything the browser writes.
func newProfile(o Options) (string, error) {
	dir, err := os.MkdirTemp("", "avow-browser-")
	if err != nil {
		return "", err
	}
	mode := 1 // block third-party cookies
	if o.ThirdPartyCookies {
		mode = 0
	}
	prefs := fmt.Sprintf(`{"profile":{"cookie_controls_mode":%d,"block_third_party_cookies":%t}}`, mode, mode == 1)
	err = errors.Join(
		os.MkdirAll(filepath.Join(dir, "Default"), 0o700),
		os.Mkdir(filepath.Join(dir, "tmp"), 0o700),
		os.WriteFile(filepath.Join(dir, "Default", "Preferences"), []byte(prefs), 0o600))
	if err != nil {
		os.RemoveAll(dir)
		return "", err
	}
	return dir, nil
}

// launch runs the browser with its two pipes as descriptors 3 and 4.
func (b *Browser) launch() error {
	theirIn, ourOut, err := os.Pipe()
	if err != nil {
		return err
	}
	defer theirIn.Close()
	ourIn, theirOut, err := os.Pipe()
	if err != nil {
		ourOut.Close()
		return err
	}
	defer theirOut.Close()

	b.cmd = exec.Command(b.opts.Path, b.opts.flags(b.profile)...)
	b.cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	b.cmd.Stderr = b.errors
	b.cmd.Env = append(b.cmd.Environ(), "TMPDIR="+filepath.Join(b.profile, "tmp"))
	b.cmd.WaitDelay = time.Second
	ownGroup(b.cmd)
	if err := b.cmd.Start(); err != nil {
		ourOut.Close()
		ourIn.Close()
		return err
	}
	b.conn = newConn(ourOut, ourIn, b.event)
	go func() {
		b.cmd.Wait() // how it ended is of no use: we ended it, or its last words tell more
		ourIn.Close()
		close(b.exited)
	}()
	return nil
}

// Close ends the browser and everything it started, and removes its profile.
// Calls that still wait end with an error.
func (b *Browser) Close() error {
	var err error
	b.close.Do(func() {
		b.mu.Lock()
		b.closing = true
		b.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if b.conn.call(ctx, "", "Browser.close", nil, nil) == nil {
			select { // asked politely it writes its NetLog to the end
			case <-b.exited:
			case <-ctx.Done():
			}
		}
		killGroup(b.cmd.Process)
		<-b.exited
		b.conn.end(errClosed)
		<-b.conn.done
		b.tasks.Wait()
		err = removeAll(b.profile)
	})
	return err
}

// removeAll tries for a second: the last of the killed processes may still be
// writing when the first look is taken.
func removeAll(dir string) error {
	err := os.RemoveAll(dir)
	for range 20 {
		if err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
		err = os.RemoveAll(dir)
	}
	return err
}

// Version returns the browser's name and version, such as "Chrome/156.0.8078.79".
func (b *Browser) Version(ctx context.Context) (string, error) {
	var v struct{ Product string }
	err := b.call(ctx, "", "Browser.getVersion", nil, &v)
	return v.Product, err
}

func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	ctx, cancel := b.limit(ctx)
	defer cancel()
	return b.conn.call(ctx, session, method, params, result)
}

// limit gives ctx the deadline that every call has.
func (b *Browser) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, b.opts.Timeout,
		fmt.Errorf("no answer within %s: %w", b.opts.Timeout, context.DeadlineExceeded))
}

// task runs f on a goroutine that Close waits for. Events are answered there,
// since the goroutine that reads them must not wait.
func (b *Browser) task(f func(ctx context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closing {
		return
	}
	b.tasks.Go(func() { f(context.Background()) })
}

func (b *Browser) event(session, method string, params json.RawMessage) {
	switch method {
	case "Target.attachedToTarget":
		b.attached(params)
	case "Target.detachedFromTarget":
		b.detached(params)
	case "Browser.downloadWillBegin", "Browser.downloadProgress":
		b.downloading(method, params)
	default:
		b.mu.Lock()
		t := b.targets[session]
		b.mu.Unlock()
		if t != nil {
			t.page.event(t, method, params)
		}
	}
}

// A tail keeps the last words of a program.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 2048; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) tell() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if words := bytes.TrimSpace(t.text); len(words) > 0 {
		return "; its last words: " + string(words)
	}
	return ""
}
