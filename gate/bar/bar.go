// Package bar is what a visitor sees of the gate: the question, its answer, and what stands in for what was not chosen.
package bar

import (
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

// Style says how the style and the script of a bar may reach a page: what the
// page's own Content-Security-Policy lets through.
type Style struct {
	Inline bool   // as they are
	Nonce  string // with this nonce
	Linked bool   // as files of our own origin
}

// A Bar is built from one statement. Any number of goroutines may use it.
type Bar struct{}

// New returns the bar of a statement. base is the path of avow's pages.
func New(s *statement.Statement, offers choice.Offers, base string) *Bar { return &Bar{} }

// Head is what goes into the head of a page: the guard of cookies if asked for,
// and what other programs read the choice from (Consent Mode, GPP).
func (b *Bar) Head(set choice.Set, d choice.Decision, guard bool, st Style) []byte { return nil }

// Body is what goes in at the start of the body: the question if d says to ask,
// or the note of what was chosen, or that the signal was honoured. At is where
// the visitor is, to come back to; saved is set once, right after a choice.
func (b *Bar) Body(d choice.Decision, at string, saved bool, st Style) []byte { return nil }

// Label goes into links that leave the site.
func (b *Bar) Label() []byte { return nil }

// Placeholder appends what stands in for a part of the page that waits for a
// yes, or is not declared.
func (b *Bar) Placeholder(dst []byte, f markup.Found, at string) []byte { return dst }
