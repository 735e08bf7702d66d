package devtools

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A key is a key of the keyboard as the browser wants it described.
type key struct {
	name string // the value of the event's key
	code string
	vk   int // Windows virtual key code, which default actions still go by
	text string
}

var keys = map[string]key{
	"Tab":        {"Tab", "Tab", 9, ""},
	"Enter":      {"Enter", "Enter", 13, "\r"},
	"Space":      {" ", "Space", 32, " "},
	"Escape":     {"Escape", "Escape", 27, ""},
	"Backspace":  {"Backspace", "Backspace", 8, ""},
	"Delete":     {"Delete", "Delete", 46, ""},
	"PageUp":     {"PageUp", "PageUp", 33, ""},
	"PageDown":   {"PageDown", "PageDown", 34, ""},
	"End":        {"End", "End", 35, ""},
	"Home":       {"Home", "Home", 36, ""},
	"ArrowLeft":  {"ArrowLeft", "ArrowLeft", 37, ""},
	"ArrowUp":    {"ArrowUp", "ArrowUp", 38, ""},
	"ArrowRight": {"ArrowRight", "ArrowRight", 39, ""},
	"ArrowDown":  {"ArrowDown", "ArrowDown", 40, ""},
}

// modifiers are the bits of the protocol.
var modifiers = map[string]int{"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

// Press presses and releases one key: "Tab", "Shift+Tab", "Enter", "Space",
// "ArrowDown", "Control+a".
func (p *Page) Press(ctx context.Context, name string) error {
	parts := strings.Split(name, "+")
	last := parts[len(parts)-1]
	k, ok := keys[last]
	if !ok && len(last) == 1 {
		k, ok = letter(rune(last[0])), true
	}
	held := 0
	for _, m := range parts[:len(parts)-1] {
		held |= modifiers[m]
		ok = ok && modifiers[m] != 0
	}
	if !ok {
		return fmt.Errorf("press %q: there is no such key", name)
	}
	if held&^modifiers["Shift"] != 0 {
		k.text = "" // a shortcut types nothing
	}
	return p.stroke(ctx, k, held)
}

// letter describes the key that types r.
func letter(r rune) key {
	k := key{name: string(r), text: string(r)}
	if upper := strings.ToUpper(string(r)); upper >= "A" && upper <= "Z" && len(upper) == 1 {
		k.code, k.vk = "Key"+upper, int(upper[0])
	}
	return k
}

func (p *Page) stroke(ctx context.Context, k key, held int) error {
	params := map[string]any{"type": "keyDown", "modifiers": held, "key": k.name, "code": k.code,
		"windowsVirtualKeyCode": k.vk, "text": k.text}
	if k.text == "" {
		params["type"] = "rawKeyDown"
	}
	if err := p.Call(ctx, "Input.dispatchKeyEvent", params, nil); err != nil {
		return err
	}
	params["type"] = "keyUp"
	delete(params, "text")
	return p.Call(ctx, "Input.dispatchKeyEvent", params, nil)
}

// Type types text, key by key, into whatever has the focus. A line end is the
// Enter key.
func (p *Page) Type(ctx context.Context, text string) error {
	for _, r := range text {
		k := letter(r)
		if r == '\n' {
			k = keys["Enter"]
		}
		if err := p.stroke(ctx, k, 0); err != nil {
			return err
		}
	}
	return nil
}

// find returns the node of the first element that matches a CSS selector.
func (p *Page) find(ctx context.Context, selector string) (int, error) {
	var doc struct{ Root struct{ NodeID int } }
	if err := p.Call(ctx, "DOM.getDocument", map[string]any{"depth": 0}, &doc); err != nil {
		return 0, err
	}
	var found struct{ NodeID int }
	params := map[string]any{"nodeId": doc.Root.NodeID, "selector": selector}
	if err := p.Call(ctx, "DOM.querySelector", params, &found); err != nil {
		return 0, err
	}
	if found.NodeID == 0 {
		return 0, fmt.Errorf("nothing on the page matches %s", selector)
	}
	return found.NodeID, nil
}

// Click scrolls to the first element that matches a CSS selector and clicks on
// its middle with the mouse. Whatever lies on top there gets the click.
func (p *Page) Click(ctx context.Context, selector string) error {
	node, err := p.find(ctx, selector)
	if err != nil {
		return err
	}
	id := map[string]any{"nodeId": node}
	if err := p.Call(ctx, "DOM.scrollIntoViewIfNeeded", id, nil); err != nil {
		return fmt.Errorf("click on %s: %w", selector, err)
	}
	var shape struct{ Quads [][8]float64 }
	if err := p.Call(ctx, "DOM.getContentQuads", id, &shape); err != nil {
		return fmt.Errorf("click on %s: %w", selector, err)
	}
	if len(shape.Quads) == 0 {
		return fmt.Errorf("click on %s: it cannot be seen", selector)
	}
	q := shape.Quads[0]
	x, y := (q[0]+q[2]+q[4]+q[6])/4, (q[1]+q[3]+q[5]+q[7])/4
	for _, do := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		params := map[string]any{"type": do, "x": x, "y": y, "button": "left", "clickCount": 1}
		if do == "mouseMoved" {
			params["button"], params["clickCount"] = "none", 0
		}
		if err := p.Call(ctx, "Input.dispatchMouseEvent", params, nil); err != nil {
			return err
		}
	}
	return nil
}

// Upload chooses files in the first file field that matches a CSS selector.
func (p *Page) Upload(ctx context.Context, selector string, files ...string) error {
	node, err := p.find(ctx, selector)
	if err != nil {
		return err
	}
	return p.Call(ctx, "DOM.setFileInputFiles", map[string]any{"nodeId": node, "files": files}, nil)
}

// A download is a file on its way from a page to a folder.
type download struct {
	id, name string
	state    string // inProgress, completed or canceled
}

func (p *Page) setDownloads(ctx context.Context, behaviour, dir string) error {
	params := map[string]any{"behavior": behaviour, "browserContextId": p.context, "eventsEnabled": true}
	if dir != "" {
		params["downloadPath"] = dir
	}
	return p.b.call(ctx, "", "Browser.setDownloadBehavior", params, nil)
}

// Download calls do, which follows a link or presses a button, and returns the
// path of the file in dir that came of it, under the name that the site gave it.
func (p *Page) Download(ctx context.Context, dir string, do func() error) (string, error) {
	p.mu.Lock()
	p.download = download{}
	p.mu.Unlock()
	if err := p.setDownloads(ctx, "allowAndName", dir); err != nil {
		return "", err
	}
	defer p.setDownloads(context.WithoutCancel(ctx), "deny", "")
	if err := do(); err != nil {
		return "", err
	}
	var got download
	err := p.wait(ctx, "the download", func() bool {
		got = p.download
		return got.state == "completed" || got.state == "canceled"
	})
	if err == nil && got.state == "canceled" {
		err = fmt.Errorf("the download of %s was broken off", got.name)
	}
	if err != nil {
		return "", err
	}
	// The browser names the file by its id, so that no site chooses a path.
	path := filepath.Join(dir, filepath.Base(filepath.Clean("/"+got.name)))
	return path, os.Rename(filepath.Join(dir, got.id), path)
}

// downloading follows the downloads of all pages. It runs on the reading goroutine.
func (b *Browser) downloading(method string, params json.RawMessage) {
	var e struct{ FrameID, GUID, SuggestedFilename, State string }
	if json.Unmarshal(params, &e) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.visits {
		p.mu.Lock()
		switch {
		case method == "Browser.downloadWillBegin" && p.main != nil && p.main.id == e.FrameID:
			p.download = download{id: e.GUID, name: e.SuggestedFilename}
		case p.download.id == e.GUID && e.State != "":
			p.download.state = e.State
			p.wake()
		}
		p.mu.Unlock()
	}
}
