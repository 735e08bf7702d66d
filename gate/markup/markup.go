// Package markup finds in a stream of HTML what a statement speaks of, and leaves every other byte as it was.
//
// It follows the tokenizer of the HTML standard (section 13.2.5) state by state, so that it sees the tags
// that a browser sees. Where what a browser sees hangs on the tree it has built (foreign content, select, frames)
// or on whether scripts run (noscript), it follows as far as it can be sure; where it cannot, it
// changes a few bytes so that both readings come to the same.
//
// Text that begins with the mark of UTF-16 is passed on as it is. Encodings that keep ASCII in its place
// (UTF-8, windows-1252, Shift_JIS and such) are read right; ISO-2022-JP is not.
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
	Attr    string // lower-case name of the attribute that names the site; "" in the text of a style or script
	Host    string // as written, in lower case, with its port unless it is the usual one
	Verdict Verdict
	Link    bool // a link to follow, not a part that loads
	Inert   bool // it was made inert
}

// Rules say what is to be done to a page. They are read only, and may serve any
// number of Writers at once, as far as their functions may.
type Rules struct {
	// Self is scheme and host of the page, such as https://harbour.example.
	// All that is relative to it is ours.
	Self string
	// Judge says what may be done with the host of an absolute URL; nil: all is ours.
	// Scheme is one of http, https, ws, wss and ftp.
	Judge func(scheme, host []byte) Verdict
	// Fragment is set for what is not a whole document: nothing goes in at head and body.
	Fragment bool
	// Head goes in at the start of the head, Body at the start of the body.
	// A base in the page changes what is relative in them, too: their addresses
	// should name the host.
	Head, Body []byte
	// LateBody, if not nil, appends what goes in instead of Body. It is asked when
	// the place is reached, after Policy was told of the policies in the head.
	LateBody func(dst []byte) []byte
	// Policy is told the content of each <meta http-equiv=content-security-policy>
	// in a page; nil for nobody.
	Policy func(content []byte)
	// Label goes into each link to another site, at its end.
	Label []byte
	// Say is Label in plain words, for where no elements can be: maps and drawings.
	Say string
	// Hop appends the address that a link to url, an absolute URL, is given instead; nil keeps it.
	Hop func(dst, url []byte) []byte
	// Placeholder appends what stands in for a frame, object or video that was made inert.
	Placeholder func(dst []byte, f Found) []byte
	// Found is told of each element that names another site; nil for nobody.
	Found func(Found)
}

// A Writer passes HTML on to another writer, changed as the rules say. What it
// writes does not depend on how its input is cut, and it holds back no more than
// one tag, or 64 KiB of it.
type Writer struct{ s scanner }

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer, r *Rules) *Writer {
	n := &Writer{}
	n.Reset(w, r)
	return n
}

// Reset makes w new, for another page, and keeps its memory.
func (w *Writer) Reset(to io.Writer, r *Rules) { w.s.reset(to, r) }

// Write takes more of the page.
func (w *Writer) Write(p []byte) (int, error) {
	if w.s.take(p); w.s.err != nil {
		return 0, w.s.err
	}
	return len(p), nil
}

// Close writes what was held back. It does not close the writer beneath.
func (w *Writer) Close() error {
	w.s.close()
	return w.s.err
}
