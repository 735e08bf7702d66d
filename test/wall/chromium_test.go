package wall

import (
	"context"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/audit/devtools"
)

// A chromium visits pages in Chromium.
type chromium struct {
	*devtools.Browser
	anchor *devtools.Page // through which tabs are opened that are no visit of their own
}

func newChromium(t testing.TB, third *thirdParty, flags ...string) chromium {
	t.Helper()
	b := startChromium(t, third, flags...)
	anchor, err := b.NewPage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return chromium{b, anchor}
}

func (chromium) name() string { return "Chromium" }
func (chromium) tabs() int    { return 3 }

// visit opens address. Windows that a page opens end with a visit's own profile;
// but Chromium preconnects only in its usual one.
func (c chromium) visit(ctx context.Context, address string, settled func()) error {
	if strings.Contains(address, "popup") {
		return c.visitApart(ctx, address, settled)
	}
	var made struct{ TargetID string }
	if err := c.anchor.Call(ctx, "Target.createTarget", map[string]any{"url": address, "newWindow": true}, &made); err != nil {
		return err
	}
	settled()
	return c.anchor.Call(ctx, "Target.closeTarget", map[string]any{"targetId": made.TargetID}, nil)
}

func (c chromium) visitApart(ctx context.Context, address string, settled func()) error {
	p, err := c.NewPage(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Call(ctx, "Page.navigate", map[string]any{"url": address}, nil); err != nil {
		return err
	}
	settled()
	return nil
}

// chromiumLacks are channels that Chromium does not open: a style sheet by a
// Link header, and a manifest unless somebody asks for the page to be installed.
func chromiumLacks(c channel) bool {
	return c.name == "header-style" || c.name == "manifest"
}
