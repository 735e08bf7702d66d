package links

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"github.com/avow-privacy/avow/gate/markup"
)

// A Labeller puts labels into the pages of a site that is files.
type Labeller struct {
	Label []byte   // what goes into a link, at its end
	Say   string   // the same in plain words, for areas of maps
	Ours  []string // hosts that are the site's, without the usual ports
}

// Page labels the links of a page that lead to other sites, and says to which
// hosts they lead and how many. Every other byte stays as it was, and a page that
// was labelled comes out as it went in.
func (l *Labeller) Page(in []byte) (out []byte, hosts map[string]int, err error) {
	hosts = map[string]int{}
	rules := &markup.Rules{
		Label: l.Label, Say: l.Say,
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
	if _, err := w.Write(l.bare(in)); err != nil {
		return nil, nil, err
	}
	if err := w.Close(); err != nil {
		return nil, nil, err
	}
	return b.Bytes(), hosts, nil
}

// bare takes off the labels that an earlier run put in.
func (l *Labeller) bare(in []byte) []byte {
	if !bytes.Contains(in, l.Label) && (l.Say == "" || !bytes.Contains(in, []byte(l.Say))) {
		return in
	}
	said := html.EscapeString(l.Say)
	var out bytes.Buffer
	z := html.NewTokenizer(bytes.NewReader(in))
	for {
		kind := z.Next()
		raw := z.Raw()
		switch kind {
		case html.ErrorToken:
			return append(out.Bytes(), raw...)
		case html.StartTagToken, html.SelfClosingTagToken:
			if name, _ := z.TagName(); string(name) == "area" && said != "" {
				raw = []byte(strings.NewReplacer(said+`"`, `"`, said+`'`, `'`).Replace(string(raw)))
			}
		case html.EndTagToken:
			if name, _ := z.TagName(); string(name) == "a" {
				rest, _ := bytes.CutSuffix(out.Bytes(), []byte("<title>"+said+"</title>"))
				rest, _ = bytes.CutSuffix(rest, l.Label)
				out.Truncate(len(rest))
			}
		}
		out.Write(raw)
	}
}
