package devtools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrGone is why calls end on a page that was closed or has crashed.
var ErrGone = errors.New("the page is gone")

// A Page is one visit: a tab with cookies, storage and cache of its own. What
// its frames, workers and windows do is counted as done by the Page. Its methods
// may be called from any goroutine, but a person has only one mouse.
type Page struct {
	b       *Browser
	context string     // the browser context
	ready   chan error // what came of attaching to the tab
	life    context.Context
	end     context.CancelCauseFunc

	mu       sync.Mutex
	main     *target
	changed  chan struct{}  // closed and made anew when something below changes
	began    map[string]int // the main frame's documents by loader, numbered from 1 as they came
	loaded   int            // the last of them that has finished loading
	requests []*Request
	byID     map[string]*Request
	messages []Message
	download download
}

// NewPage opens an empty page.
func (b *Browser) NewPage(ctx context.Context) (*Page, error) {
	var made struct{ BrowserContextID string }
	if err := b.call(ctx, "", "Target.createBrowserContext", map[string]any{"disposeOnDetach": true}, &made); err != nil {
		return nil, fmt.Errorf("open a page: %w", err)
	}
	p := b.newVisit(made.BrowserContextID)
	if err := p.open(ctx); err != nil {
		p.Close()
		return nil, fmt.Errorf("open a page: %w", err)
	}
	return p, nil
}

// newVisit makes the Page of a browser context, so that what is attached in the
// context finds it there.
func (b *Browser) newVisit(id string) *Page {
	p := &Page{b: b, context: id, ready: make(chan error, 1), changed: make(chan struct{}),
		began: map[string]int{}, byID: map[string]*Request{}}
	p.life, p.end = context.WithCancelCause(context.Background())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.visits[id] = p
	return p
}

func (p *Page) open(ctx context.Context) error {
	// A page downloads nothing unless Download asks for it.
	if err := p.setDownloads(ctx, "deny", ""); err != nil {
		return err
	}
	params := map[string]any{"url": "about:blank", "browserContextId": p.context}
	if err := p.b.call(ctx, "", "Target.createTarget", params, nil); err != nil {
		return err
	}
	select {
	case err := <-p.ready:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(p.b.opts.Timeout):
		return errors.New("the browser opened no tab")
	}
}

// adopt makes t part of the visit and says whether it is the visit's own tab.
func (p *Page) adopt(t *target, opener string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.main != nil || t.kind != "page" || opener != "" {
		return false
	}
	p.main = t
	return true
}

// left is called when t has ended.
func (p *Page) left(t *target) {
	p.mu.Lock()
	main := p.main == t
	p.mu.Unlock()
	if main {
		p.end(ErrGone)
	}
}

// Close ends the visit: its cookies and storage are gone.
func (p *Page) Close() error {
	p.end(ErrGone)
	p.b.mu.Lock()
	delete(p.b.visits, p.context)
	p.b.mu.Unlock()
	return p.b.call(context.Background(), "", "Target.disposeBrowserContext", map[string]any{"browserContextId": p.context}, nil)
}

// Call sends any method of the protocol to the page, for what has no method of
// its own here. params are marshalled to JSON, the answer is unmarshalled into
// result; either may be nil.
func (p *Page) Call(ctx context.Context, method string, params, result any) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.life, func() { cancel(context.Cause(p.life)) })()
	return p.b.call(ctx, p.main.session, method, params, result)
}

// event takes what the browser reports of t. It runs on the reading goroutine.
func (p *Page) event(t *target, method string, params json.RawMessage) {
	switch method {
	case "Page.lifecycleEvent":
		p.lifecycle(t, params)
	case "Page.javascriptDialogOpening":
		p.dismiss(t, params)
	case "Inspector.targetCrashed":
		p.note(Message{Kind: "crash", Level: "error", Text: "the page crashed"})
		p.left(t)
	case "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Audits.issueAdded":
		p.said(method, params)
	default:
		p.network(t, method, params)
	}
}

func (p *Page) lifecycle(t *target, params json.RawMessage) {
	var e struct{ FrameID, LoaderID, Name string }
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t != p.main || e.FrameID != t.id {
		return
	}
	switch e.Name {
	case "init":
		if p.began[e.LoaderID] == 0 {
			p.began[e.LoaderID] = len(p.began) + 1
		}
	case "load":
		p.loaded = max(p.loaded, p.began[e.LoaderID])
	}
	p.wake()
}

// wake lets those who wait look again. p.mu is held.
func (p *Page) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// wait returns once is says true, which it is asked with p.mu held.
func (p *Page) wait(ctx context.Context, what string, is func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, p.b.opts.Timeout)
	defer cancel()
	for {
		p.mu.Lock()
		ok, changed := is(), p.changed
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-p.life.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(p.life))
		case <-p.b.conn.done:
			return fmt.Errorf("wait for %s: %w", what, errClosed)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// Navigate opens a URL and returns when the page, or the one that it leads on
// to before it has loaded, has finished loading.
func (p *Page) Navigate(ctx context.Context, url string) error {
	var nav struct{ LoaderID, ErrorText string }
	if err := p.Call(ctx, "Page.navigate", map[string]any{"url": url}, &nav); err != nil {
		return err
	}
	if nav.ErrorText != "" {
		return fmt.Errorf("open %s: %s", url, nav.ErrorText)
	}
	if nav.LoaderID == "" {
		return nil // only the fragment changed
	}
	return p.wait(ctx, "the page to load", func() bool {
		n := p.began[nav.LoaderID]
		return n > 0 && p.loaded >= n
	})
}

// WaitLoad calls do and returns when a page that opened since has finished
// loading: do presses the button or follows the link.
func (p *Page) WaitLoad(ctx context.Context, do func() error) error {
	p.mu.Lock()
	before := len(p.began)
	p.mu.Unlock()
	if err := do(); err != nil {
		return err
	}
	return p.wait(ctx, "the next page to load", func() bool { return p.loaded > before })
}

// Evaluate runs a JavaScript expression in the page, awaits it if it is a
// promise, and stores the value in result unless that is nil. It works under
// any content security policy, and with the page's own scripts switched off.
func (p *Page) Evaluate(ctx context.Context, expression string, result any) error {
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *exception
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}
	if err := p.Call(ctx, "Runtime.evaluate", params, &got); err != nil {
		return err
	}
	if got.ExceptionDetails != nil {
		return fmt.Errorf("evaluate: %s", got.ExceptionDetails)
	}
	if result == nil || len(got.Result.Value) == 0 { // undefined has no value
		return nil
	}
	if err := json.Unmarshal(got.Result.Value, result); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return nil
}

// SetViewport lays the page out as if its window had this size.
func (p *Page) SetViewport(ctx context.Context, width, height int) error {
	return p.Call(ctx, "Emulation.setDeviceMetricsOverride",
		map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
}

// SetMedia lays the page out for a medium ("print", "screen" or "" for the
// usual one) and with media features such as "prefers-color-scheme": "dark".
func (p *Page) SetMedia(ctx context.Context, medium string, features map[string]string) error {
	list := []map[string]string{}
	for name, value := range features {
		list = append(list, map[string]string{"name": name, "value": value})
	}
	return p.Call(ctx, "Emulation.setEmulatedMedia", map[string]any{"media": medium, "features": list}, nil)
}

// SetScript switches the page's own scripts off, or on again, from the next
// page that is opened.
func (p *Page) SetScript(ctx context.Context, on bool) error {
	return p.Call(ctx, "Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Screenshot returns a picture of the whole page, as PNG.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var size struct {
		CSSContentSize struct{ Width, Height float64 }
	}
	if err := p.Call(ctx, "Page.getLayoutMetrics", nil, &size); err != nil {
		return nil, err
	}
	var shot struct{ Data []byte }
	err := p.Call(ctx, "Page.captureScreenshot", map[string]any{
		"format": "png", "captureBeyondViewport": true,
		"clip": map[string]any{"x": 0, "y": 0, "width": size.CSSContentSize.Width, "height": size.CSSContentSize.Height, "scale": 1},
	}, &shot)
	return shot.Data, err
}

// dismiss closes a dialog: nobody is there to answer it, and the page would
// wait. Only a question whether to leave is answered with yes.
func (p *Page) dismiss(t *target, params json.RawMessage) {
	var e struct{ Type, Message string }
	if json.Unmarshal(params, &e) != nil {
		return
	}
	p.note(Message{Kind: "dialog", Level: "info", Text: e.Type + ": " + e.Message})
	p.b.task(func(ctx context.Context) {
		p.b.call(ctx, t.session, "Page.handleJavaScriptDialog", map[string]any{"accept": e.Type == "beforeunload"}, nil)
	})
}
