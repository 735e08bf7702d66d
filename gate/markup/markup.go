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

const (
	longest = 64 << 10 // bytes of one tag that are looked at together
	piece   = 8 << 10  // bytes taken at a time while something is held back
	gather  = 4 << 10  // a run of bytes shorter than this is copied to be written with others
)

// A Writer passes HTML on to another writer, changed as the rules say. What it
// writes does not depend on how its input is cut, and it holds back no more than
// one tag, or 64 KiB of it.
type Writer struct {
	w    io.Writer
	r    *Rules
	err  error
	hold []byte // taken and not passed on
	out  []byte // to be written, gathered

	b     []byte // what is looked at: hold, or what Write was given
	done  int    // b[:done] is passed on
	pos   int    // the next byte to look at
	last  bool   // no more will come
	state state

	careful bool // something may have to be made inert

	page
	tag
	address
	frame *frame // for documents in attributes
	deep  int    // how many documents this one stands in
}

// page is what is known of a page so far.
type page struct {
	raw       *element // whose text is being skipped
	escape    uint8    // of a script: 1 in a comment, 2 in a script in it
	dashes    int      // minus signs just before pos
	report    bool     // the text may name hosts
	seen      int      // up to where the text was searched for them
	ended     bool     // a raw text has just ended
	phase     phase
	templates int  // open ones
	noscript  bool // in one, which is text or markup as the browser likes
	before    bool // noscript began in certain HTML
	frames    bool // a frameset was seen
	choosing  bool // a select may be open
	columns   bool // a col in a template was seen
	link      bool // a link to another site is open
	linkDrawn bool // in a drawing
	foreign
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer, r *Rules) *Writer {
	n := &Writer{}
	n.Reset(w, r)
	return n
}

// Reset makes w new, for another page, and keeps its memory.
func (w *Writer) Reset(to io.Writer, r *Rules) {
	w.w, w.r, w.err = to, r, nil
	w.hold, w.out = w.hold[:0], w.out[:0]
	w.done, w.pos, w.last, w.state = 0, 0, false, starting
	w.careful = r.Judge != nil
	w.page.reset()
	w.address.reset(r.Self)
	if r.Fragment {
		w.phase = inBody
	}
}

func (p *page) reset() {
	stack := p.stack[:0]
	*p = page{}
	p.stack = stack
}

// Write takes more of the page.
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && w.err == nil {
		if len(w.hold) == 0 {
			w.look(p)
			break
		}
		k := min(len(p), piece)
		w.hold = append(w.hold, p[:k]...)
		p = p[k:]
		w.look(w.hold)
	}
	w.flush()
	if w.err != nil {
		return 0, w.err
	}
	return n, nil
}

// Close writes what was held back. It does not close the writer beneath.
func (w *Writer) Close() error {
	w.last = true
	w.look(w.hold)
	w.finish()
	w.flush()
	return w.err
}

// look goes over b, and keeps what has to wait for more.
func (w *Writer) look(b []byte) {
	w.b, w.done = b, 0
	keep := w.scan()
	if w.last {
		keep = len(b)
	}
	w.upTo(keep)
	if len(w.hold) == 0 || keep > 0 {
		w.hold = append(w.hold[:0], b[keep:]...)
	}
	w.pos -= keep
	w.start -= keep
	w.seen -= keep
	w.b, w.done = nil, 0
}

// upTo passes on all before k.
func (w *Writer) upTo(k int) {
	if k > w.done {
		w.put(w.b[w.done:k])
		w.done = k
	}
}

// instead passes on all before k, then s in place of the next n bytes.
func (w *Writer) instead(k, n int, s string) {
	w.upTo(k)
	w.out = append(w.out, s...)
	w.done = k + n
}

func (w *Writer) put(p []byte) {
	if len(p) < gather {
		w.out = append(w.out, p...)
		return
	}
	w.flush()
	if w.err == nil {
		_, w.err = w.w.Write(p)
	}
}

func (w *Writer) flush() {
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.w.Write(w.out)
	}
	w.out = w.out[:0]
}
