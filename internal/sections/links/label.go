package links

import (
	"bytes"
	"html"
	"slices"
	"strconv"

	"github.com/avow-privacy/avow/gate/markup"
)

// A Labeller puts labels into the pages of a site that is files.
type Labeller struct {
	Label []byte   // what goes into a link, at its end
	Say   string   // the same in plain words, for areas of maps and for drawings
	Ours  []string // hosts that are the site's, without the usual ports
}

// Page labels the links of a page that lead to other sites, and says to which
// hosts they lead and how many. Every other byte stays as it was, and a page that
// was labelled comes out as it went in.
func (l *Labeller) Page(in []byte) (out []byte, hosts map[string]int, err error) {
	hosts = map[string]int{}
	mark := unused(in)
	rules := &markup.Rules{
		Label: mark, Say: string(mark),
		Judge: func(_, host []byte) markup.Verdict {
			if slices.Contains(l.Ours, string(host)) {
				return markup.Ours
			}
			return markup.Allowed // what a page may load is not decided here
		},
		Found: func(f markup.Found) {
			if f.Link {
				hosts[f.Host]++
			}
		},
	}
	var b bytes.Buffer
	b.Grow(len(in) + len(in)/8)
	w := markup.NewWriter(&b, rules)
	if _, err := w.Write(in); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return l.put(b.Bytes(), mark), hosts, nil
}

// unused is a word that is nowhere in a page. Where it comes out, a label goes;
// if none is there already.
func unused(in []byte) []byte {
	for n := 0; ; n++ {
		if mark := []byte("avow-label-" + strconv.Itoa(n) + "-here"); !bytes.Contains(in, mark) {
			return mark
		}
	}
}

// put replaces the marks by labels, but for those behind a label.
func (l *Labeller) put(page, mark []byte) []byte {
	out := make([]byte, 0, len(page)+len(l.Label))
	said := []byte(html.EscapeString(l.Say))
	open, shut := []byte("<title>"), []byte("</title>")
	for {
		before, after, found := bytes.Cut(page, mark)
		if out = append(out, before...); !found {
			return out
		}
		page = after
		switch {
		case bytes.HasSuffix(out, open) && bytes.HasPrefix(page, shut): // in a drawing
			if there := slices.Concat(open, said, shut); bytes.HasSuffix(out[:len(out)-len(open)], there) {
				out, page = out[:len(out)-len(open)], page[len(shut):]
				continue
			}
			out = append(out, said...)
		case len(page) > 0 && page[0] == '"' || len(page) > 0 && page[0] == '\'': // in an attribute
			if !bytes.HasSuffix(out, said) {
				out = append(out, said...)
			}
		case !bytes.HasSuffix(out, l.Label):
			out = append(out, l.Label...)
		}
	}
}
