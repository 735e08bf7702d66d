package markup

import (
	"io"

	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

const (
	longest = 64 << 10 // bytes of one tag that are looked at together
	piece   = 8 << 10  // bytes taken at a time while something is held back
	full    = 32 << 10 // bytes gathered that are written at once
	gather  = 4 << 10  // a run of bytes shorter than this is copied to be written with others
)

// A scanner looks for tags in a page, and passes the page on.
type scanner struct {
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
	tags.Tag
	values.Reader
	judging
	frame *frame // for documents in attributes
	deep  int    // how many documents this one stands in
}

// page is what is known of a page so far.
type page struct {
	raw       *tags.Element // whose text is being skipped
	escape    uint8         // of a script: 1 in a comment, 2 in a script in it
	dashes    int           // minus signs just before pos
	report    bool          // the text may name hosts
	seen      int           // up to where the text was searched for them
	ended     bool          // a raw text has just ended
	phase     phase
	templates int  // open ones
	noscript  bool // in one, which is text or markup as the browser likes
	before    bool // noscript began in certain HTML
	frames    bool // a frameset was seen
	choosing  bool // a select may be open
	columns   bool // a col in a template was seen
	link      bool // a link to another site is open
	linkDrawn bool // in a drawing
	tags.Foreign
}

func (w *scanner) reset(to io.Writer, r *Rules) {
	w.w, w.r, w.err = to, r, nil
	w.hold, w.out = w.hold[:0], w.out[:0]
	w.done, w.pos, w.last, w.state = 0, 0, false, starting
	w.careful = r.Judge != nil
	w.page.reset()
	w.Reader.Reset(r.Self)
	if r.Fragment {
		w.phase = inBody
	}
}

func (p *page) reset() {
	f := p.Foreign
	f.Reset()
	*p = page{Foreign: f}
}

// take takes more of the page.
func (w *scanner) take(p []byte) {
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
}

func (w *scanner) close() {
	w.last = true
	w.look(w.hold)
	w.finish()
	w.flush()
}

// look goes over b, and keeps what has to wait for more.
func (w *scanner) look(b []byte) {
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
	w.Start -= keep
	w.seen -= keep
	w.b, w.done = nil, 0
}

// upTo passes on all before k.
func (w *scanner) upTo(k int) {
	if k > w.done {
		w.put(w.b[w.done:k])
		w.done = k
	}
}

// instead passes on all before k, then s in place of the next n bytes.
func (w *scanner) instead(k, n int, s string) {
	w.upTo(k)
	w.out = append(w.out, s...)
	w.done = k + n
}

func (w *scanner) put(p []byte) {
	if len(w.out) >= full {
		w.flush()
	}
	if len(p) < gather {
		w.out = append(w.out, p...)
		return
	}
	w.flush()
	if w.err == nil {
		_, w.err = w.w.Write(p)
	}
}

func (w *scanner) flush() {
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.w.Write(w.out)
	}
	w.out = w.out[:0]
}
