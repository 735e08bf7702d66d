// Package wall says which hosts and cookies a page may use, in the words of browsers and of web servers.
package wall

import (
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/markup"
	"github.com/avow-privacy/avow/internal/statement"
)

// Options are facts about where the wall stands.
type Options struct {
	Base     string            // path of avow's pages, such as /privacy
	Observe  bool              // report only
	Standins map[string]string // origins that stand in for declared hosts, in a demonstration or a test
}

// A Wall is built from one statement. Any number of goroutines may use it.
type Wall struct {
	Offers choice.Offers
}

// New returns the wall of a statement.
func New(s *statement.Statement, o Options) *Wall { return &Wall{} }

// A Header is one header to be set, ready for http.Header: Values has one value.
type Header struct {
	Name   string
	Values []string
}

// Headers are what each response carries where set was chosen. The slice is
// shared: nobody changes it.
func (w *Wall) Headers(set choice.Set) []Header { return nil }

// Judge says what a page may do with a host where set was chosen. Ours are the
// origins of the statement, and host itself being self.
func (w *Wall) Judge(self, host []byte, set choice.Set) markup.Verdict { return markup.Undeclared }

// Cookie says whether a cookie may be kept where set was chosen.
func (w *Wall) Cookie(name string, set choice.Set) (declared, allowed bool) { return false, false }

// A Violation is something that was done, or tried, against the statement.
type Violation struct {
	Kind  string // host, cookie, ...: see the Kinds
	What  string // the host, or the name of the cookie; never a value
	Where string // path of the page, without query
	How   string // the directive or element that tells
}

// Report reads the reports that browsers send: application/csp-report and
// application/reports+json.
func Report(body []byte) ([]Violation, error) { return nil, nil }
