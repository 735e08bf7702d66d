package markup

import "github.com/avow-privacy/avow/gate/markup/tags"

// A frame changes the documents that stand in attributes (srcdoc).
type frame struct {
	rules Rules
	w     Writer
	out   []byte
}

// framed is how deep documents may stand in attributes of documents in attributes.
const framed = 4

// Write gathers the changed document.
func (f *frame) Write(p []byte) (int, error) {
	f.out = append(f.out, p...)
	return len(p), nil
}

// judgeFrame changes the document v as the page itself is changed.
func (w *scanner) judgeFrame(p *tags.Part, v []byte) {
	deep := w.deep + 1
	if p.Cut || deep > framed {
		p.Act = tags.Rename
		return
	}
	if w.frame == nil {
		w.frame = &frame{}
	}
	f := w.frame
	f.rules, f.out = *w.r, f.out[:0]
	f.rules.Fragment, f.rules.Policy = true, nil
	f.w.Reset(f, &f.rules)
	f.w.s.deep = deep
	f.w.s.Inherit(&w.Reader)
	f.w.s.baseVerdict = w.baseVerdict
	f.w.Write(v) // a frame takes all
	f.w.Close()
	w.Relied = w.Relied || f.w.s.Relied
	if string(f.out) == string(v) {
		return
	}
	p.From = len(w.values)
	w.values = append(w.values, f.out...)
	p.To = len(w.values)
	p.Act = tags.Replace
}
