package markup

import (
	"bytes"

	"github.com/avow-privacy/avow/gate/markup/tags"
	"github.com/avow-privacy/avow/gate/markup/values"
)

// judging is what is needed to judge an address.
type judging struct {
	baseVerdict Verdict
	outward     bool   // the tag that is read is a link to another site
	extra       string // to be added to it after its name
	schemeRoom  [8]byte
	decoded     []byte
	values      []byte // new values of attributes
	absolute    []byte
}

// A site is where an address leads, and what may be done with it.
type site struct {
	values.Site
	verdict Verdict
}

// locate reads the address u and has it judged.
func (w *scanner) locate(u []byte) site {
	s := site{Site: w.Locate(u)}
	switch {
	case s.None || s.Own || w.r.Judge == nil:
	case s.Relative:
		s.verdict = w.baseVerdict
	default:
		s.verdict = w.r.Judge(append(w.schemeRoom[:0], s.Scheme...), s.Host)
	}
	return s
}

// value returns the value of p without character references. It holds until
// the next call.
func (w *scanner) value(p *tags.Part) []byte {
	if !p.Valued {
		return nil
	}
	v := w.b[w.Start+p.Val : w.Start+p.ValEnd]
	if bytes.IndexByte(v, '&') < 0 && bytes.IndexByte(v, 0) < 0 {
		return v
	}
	w.decoded = values.Decode(w.decoded[:0], v)
	return w.decoded
}

// judgePart says what is to be done to p. The first of a name counts, of those
// that are not made inert. Stand is set to what needs a placeholder.
func (w *scanner) judgePart(p *tags.Part, all bool, stand *Found) {
	u := w.UseOf(p.ID, all)
	if u == tags.UseNone || w.Stays>>p.ID&1 == 1 {
		return
	}
	v := w.value(p)
	switch u {
	case tags.UsePart:
		s := w.locate(v)
		w.judgeSite(p, s)
		if p.Act == tags.Rename && (p.ID == tags.AtSrc || p.ID == tags.AtData) {
			*stand = w.found(p.ID, s)
			stand.Inert = true
		}
	case tags.UseSet:
		w.judgeSet(p, v)
	case tags.UseList:
		w.judgeList(p, v, values.BySpace)
	case tags.UseValues:
		w.judgeList(p, v, values.BySemicolon)
	case tags.UseLink:
		w.judgeLink(p, v)
	case tags.UseBase:
		w.judgeBase(p, v)
	case tags.UseForm:
		if s := w.locate(v); !s.None {
			w.tell(w.found(p.ID, s))
		}
	case tags.UseStyle:
		if p.ID == tags.AtStyle || bytes.Contains(v, []byte("url")) {
			w.hosts(v, 0, true, p.ID)
		}
	case tags.UseFrame:
		w.judgeFrame(p, v)
	case tags.UseRefresh:
		w.judgeRefresh(p, v, all)
	case tags.UsePolicy:
		if w.r.Policy != nil {
			w.r.Policy(v)
		}
	}
	if p.Act != tags.Rename {
		w.Stays |= 1 << p.ID
	}
}

func (w *scanner) found(id tags.Attr, s site) Found {
	f := Found{Verdict: s.verdict}
	if w.r.Found == nil && w.r.Placeholder == nil {
		return f
	}
	f.Host = string(s.Host)
	if f.Element = w.Elem.Name; w.Elem == tags.Unknown {
		f.Element = string(bytes.ToLower(w.Name()))
	}
	f.Attr = tags.AttrNames[id]
	return f
}

func (w *scanner) tell(f Found) {
	if w.r.Found != nil && f.Verdict != Ours {
		w.r.Found(f)
	}
}

// judgeSite makes p inert if s may not be loaded, or might not be where p goes on.
func (w *scanner) judgeSite(p *tags.Part, s site) {
	if p.Cut && s.Open {
		p.Act = tags.Rename
		return
	}
	if s.None || s.verdict == Ours {
		return
	}
	f := w.found(p.ID, s)
	if f.Inert = s.verdict >= Waiting; f.Inert {
		p.Act = tags.Rename
	}
	w.tell(f)
}

// judgeSet judges each candidate of a srcset.
func (w *scanner) judgeSet(p *tags.Part, v []byte) {
	if p.Cut {
		p.Act = tags.Rename
		return
	}
	for len(v) > 0 {
		var u []byte
		u, v = values.Candidate(v)
		w.judgeSite(p, w.locate(u))
	}
}

// judgeList judges each of several addresses.
func (w *scanner) judgeList(p *tags.Part, v []byte, list values.Fields) {
	if p.Cut {
		p.Act = tags.Rename
		return
	}
	for len(v) > 0 {
		var u []byte
		u, v = list.Next(v)
		w.judgeSite(p, w.locate(u))
	}
}

// judgeLink looks whether a link leaves the site.
func (w *scanner) judgeLink(p *tags.Part, v []byte) {
	s := w.locate(v)
	if s.None || s.verdict == Ours || w.Download {
		return
	}
	f := w.found(p.ID, s)
	f.Link = true
	w.tell(f)
	w.outward = true
	if w.r.Hop == nil || p.Cut || !p.Valued {
		return
	}
	w.absolute = w.Whole(w.absolute[:0], s.Site)
	p.From = len(w.values)
	w.values = w.r.Hop(w.values, w.absolute)
	if p.To = len(w.values); p.To > p.From {
		p.Act = tags.Replace
	}
}

// judgeBase reads what relative addresses are relative to from now on. A base
// that a browser may not heed must not lead away, nor one that comes after
// addresses which were taken to be relative to the page.
func (w *scanner) judgeBase(p *tags.Part, v []byte) {
	sure := w.Plain() && w.templates == 0 && !w.noscript && !w.choosing && !w.frames
	if sure && w.Based {
		return
	}
	s := w.locate(v)
	away := !s.None && s.verdict != Ours
	sure = sure && (!w.Relied || s.verdict < Waiting)
	if p.Cut || away && !sure {
		p.Act = tags.Rename
	}
	if !sure || p.Cut {
		return
	}
	w.Based = true
	if away {
		w.tell(w.found(p.ID, s))
		w.Base(s.Site)
		w.baseVerdict = s.verdict
	}
}

// judgeRefresh reads the content of <meta http-equiv=refresh>. To go unasked to
// where nobody chose to go is not for a page to do.
func (w *scanner) judgeRefresh(p *tags.Part, v []byte, all bool) {
	if p.Cut || !all && !w.Refresh {
		p.Act = tags.Rename
		return
	}
	s := w.locate(values.Refresh(v))
	if s.None || s.verdict == Ours {
		return
	}
	f := w.found(p.ID, s)
	if f.Link, f.Inert = true, s.verdict >= Waiting; f.Inert {
		p.Act = tags.Rename
	}
	w.tell(f)
}
