package devtools

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
)

// A target is something the browser runs for a visit: its page, a frame from
// another site, a worker, a window it opened.
type target struct {
	page    *Page
	session string
	kind    string // page, iframe, worker, service_worker, shared_worker, …
	id      string
}

// autoAttach stops each new target before its first line, so that it can be
// watched from the start.
var autoAttach = map[string]any{"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true}

// attached meets a new target. It runs on the reading goroutine.
func (b *Browser) attached(params json.RawMessage) {
	var e struct {
		SessionID  string
		TargetInfo struct{ TargetID, Type, URL, OpenerID, BrowserContextID string }
	}
	if json.Unmarshal(params, &e) != nil {
		return
	}
	info := e.TargetInfo
	b.mu.Lock()
	p := b.visits[info.BrowserContextID]
	b.mu.Unlock()
	// The browser's own parts, such as what drops down from its address bar, are
	// let go and not looked at, even when they belong to a visit's window.
	if p == nil || info.Type == "browser_ui" || strings.HasPrefix(info.URL, "chrome") {
		b.task(func(ctx context.Context) {
			b.call(ctx, e.SessionID, "Runtime.runIfWaitingForDebugger", nil, nil)
		})
		return
	}
	t := &target{page: p, session: e.SessionID, kind: info.Type, id: info.TargetID}
	main := p.adopt(t, info.OpenerID)
	b.mu.Lock()
	b.targets[t.session] = t
	b.mu.Unlock()
	b.task(func(ctx context.Context) {
		err := b.watch(ctx, t)
		if main {
			p.ready <- err
		} else if err != nil && !gone(err) {
			p.note(Message{Kind: "devtools", Level: "error", Text: "could not watch a " + t.kind + ": " + err.Error()})
		}
	})
}

func (b *Browser) detached(params json.RawMessage) {
	var e struct{ SessionID string }
	if json.Unmarshal(params, &e) != nil {
		return
	}
	b.mu.Lock()
	t := b.targets[e.SessionID]
	delete(b.targets, e.SessionID)
	b.mu.Unlock()
	if t != nil {
		t.page.left(t)
	}
}

// gone says whether err only means that the target ended while we spoke to it.
func gone(err error) bool {
	var no *callError
	return errors.Is(err, errClosed) || errors.As(err, &no) &&
		(strings.Contains(no.Message, "Session with given id not found") || strings.Contains(no.Message, "Target closed"))
}

// watch turns on what is reported of t, and only then lets it run. Everything
// is sent before the first answer is waited for: a window that has no document
// yet answers only after it was let run.
func (b *Browser) watch(ctx context.Context, t *target) error {
	ctx, cancel := b.limit(ctx)
	defer cancel()
	type step struct {
		method string
		params any
	}
	steps := []step{{"Network.enable", nil}, {"Runtime.enable", nil}, {"Log.enable", nil}}
	if t.kind == "page" || t.kind == "iframe" {
		steps = append(steps, step{"Inspector.enable", nil}, step{"Page.enable", nil}, step{"Audits.enable", nil},
			step{"Page.setLifecycleEventsEnabled", map[string]any{"enabled": true}})
	}
	steps = append(steps, step{"Target.setAutoAttach", autoAttach}, step{"Runtime.runIfWaitingForDebugger", nil})
	var sent []*pending
	for _, s := range steps {
		p, err := b.conn.begin(ctx, t.session, s.method, s.params)
		if err != nil {
			return err
		}
		sent = append(sent, p)
	}
	var errs []error
	for _, p := range sent {
		err := p.wait(ctx, nil)
		var no *callError
		if errors.As(err, &no) && no.Code == methodNotFound {
			continue // a worker knows fewer domains than a page, and which differs by version
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

const methodNotFound = -32601
