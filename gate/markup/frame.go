package markup

// A frame changes the documents that stand in attributes (srcdoc).
type frame struct {
	rules Rules
	w     Writer
	deep  int
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
func (w *Writer) judgeFrame(p *part, v []byte) {
	deep := w.deep + 1
	if p.cut || deep > framed {
		p.act = rename
		return
	}
	if w.frame == nil {
		w.frame = &frame{}
	}
	f := w.frame
	f.rules, f.out = *w.r, f.out[:0]
	f.rules.Fragment, f.rules.Policy = true, nil
	f.w.Reset(f, &f.rules)
	f.w.deep = deep
	f.w.inherit(&w.address)
	f.w.Write(v) // a frame takes all
	f.w.Close()
	w.relied = w.relied || f.w.relied
	if string(f.out) == string(v) {
		return
	}
	p.from = len(w.values)
	w.values = append(w.values, f.out...)
	p.to = len(w.values)
	p.act = replace
}

// inherit takes over what relative addresses are relative to.
func (a *address) inherit(from *address) {
	a.baseScheme, a.baseVerdict = from.baseScheme, from.baseVerdict
	a.baseHost = append(a.baseHost, from.baseHost...)
	a.base = append(a.base, from.base...)
}
