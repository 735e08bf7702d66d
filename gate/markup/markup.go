// Package markup finds in a stream of HTML what a statement speaks of, and leaves every other byte as it was.
package markup

import "io"

// Verdict says what a page may do with a host.
type Verdict uint8

// A host is ours, or chosen, or declared and not chosen, or not declared at all.
const (
	Ours Verdict = iota
	Allowed
	Waiting
	Undeclared
)

// A Found is an element that names another site.
type Found struct {
	Element string // lower-case name of the element, such as iframe
	Host    string // as written, in lower case, with its port if it has one
	Verdict Verdict
	Link    bool // a link to follow, not a part that loads
}

// Rules say what is to be done to a page. They are read only, and may serve any
// number of Writers at once.
type Rules struct {
	// Judge says what may be done with the host of an absolute URL.
	Judge func(scheme, host []byte) Verdict
	// Head goes in at the start of the head, Body at the start of the body.
	// The nonces of the page's own policy are not known here: see Nonce.
	Head, Body []byte
	// Label goes into each link to another site, at its end.
	Label []byte
	// Hop appends the address that a link to url is given instead; nil keeps it.
	Hop func(dst, url []byte) []byte
	// Placeholder appends what stands in for an element that was made inert.
	Placeholder func(dst []byte, f Found) []byte
	// Found is told of each element that names another site; nil for nobody.
	Found func(Found)
}

// A Writer passes HTML on to another writer, changed as the rules say.
type Writer struct {
	w io.Writer
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer, r *Rules) *Writer { return &Writer{w: w} }

// Write takes more of the page.
func (w *Writer) Write(p []byte) (int, error) { return w.w.Write(p) }

// Close writes what was held back.
func (w *Writer) Close() error { return nil }
