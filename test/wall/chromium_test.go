package wall

import (
	"context"

	"github.com/avow-privacy/avow/internal/audit/devtools"
)

// A chromium visits pages in Chromium.
type chromium struct{ *devtools.Browser }

func (chromium) name() string { return "Chromium" }
func (chromium) tabs() int    { return 3 }

func (c chromium) visit(ctx context.Context, address string, settled func()) error {
	p, err := c.NewPage(ctx)
	if err != nil {
		return err
	}
	defer p.Close()
	var nav struct{ ErrorText string }
	if err := p.Call(ctx, "Page.navigate", map[string]any{"url": address}, &nav); err != nil {
		return err
	}
	settled()
	return nil
}

// chromiumLacks are channels that Chromium does not open.
func chromiumLacks(c channel) bool {
	switch c.name {
	case "":
		return true
	}
	return false
}
