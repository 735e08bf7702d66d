package paper

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// A page is an HTML page being read, tag by tag: that is linear in its length,
// keeps line numbers, and needs no tree that deep nesting could topple.
type page struct {
	doc   Document
	line  int
	areas []area
	lists []list
	bold  int
	ital  int
	href  string
	kind  Kind
	level int
	mark  string
	lines [][]Run
	table int // nesting of tables
	rowAt int // index of the first block of the open row
	cell  int
}

// An area is an element that says what its text is, with how many of its own
// name are open inside.
type area struct {
	name            string
	depth           int
	outside, inside bool
	drop            bool
}

type list struct {
	ordered bool
	count   int
}

var (
	reSaved  = regexp.MustCompile(`(?i)(?:saved from url=\(\d+\)|\burl: *)(https?://\S+)`)
	reHidden = regexp.MustCompile(`(?i)display\s*:\s*none|visibility\s*:\s*hidden`)
)

// Elements whose content is not text, and those that hold what surrounds it.
var (
	dropped = names("script style noscript template svg math iframe object video audio canvas select textarea button")
	around  = names("nav footer aside dialog menu")
	blocks  = names("address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer " +
		"form h1 h2 h3 h4 h5 h6 header hr html legend li main nav ol p pre section summary table tbody td tfoot th thead tr ul menu")
	void = names("area base br col embed hr img input link meta param source track wbr")
)

func names(list string) map[string]bool {
	set := map[string]bool{}
	for _, n := range strings.Fields(list) {
		set[n] = true
	}
	return set
}

func readHTML(text string) (*Document, error) {
	p := &page{line: 1}
	z := html.NewTokenizer(strings.NewReader(text))
	z.SetMaxBuf(MaxSource)
	for {
		kind := z.Next()
		raw := bytes.Count(z.Raw(), []byte("\n"))
		switch kind {
		case html.ErrorToken:
			if z.Err() != io.EOF {
				return nil, z.Err()
			}
			p.flush()
			p.doc.Blocks = choose(p.doc.Blocks)
			return &p.doc, nil
		case html.TextToken:
			p.text(string(z.Text()))
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(z)
			raw = 0
		case html.EndTagToken:
			name, _ := z.TagName()
			p.end(string(name))
		case html.CommentToken:
			if m := reSaved.FindSubmatch(z.Text()); m != nil && p.doc.URL == "" {
				p.doc.URL = string(m[1])
			}
		}
		p.line += raw
	}
}

// text adds words to the open block, one run a line.
func (p *page) text(s string) {
	if p.dropping() {
		if p.areas[len(p.areas)-1].name == "title" && p.doc.Title == "" {
			p.doc.Title = strings.Join(strings.Fields(s), " ")
		}
		return
	}
	for n, l := range strings.Split(s, "\n") {
		if n > 0 {
			l = " " + l
		}
		p.add(Run{Text: l, Line: p.line + n})
	}
}

func (p *page) add(r Run) {
	if len(p.lines) == 0 {
		p.lines = append(p.lines, nil)
	}
	r.Bold, r.Ital, r.Href = p.bold > 0, p.ital > 0, p.href
	last := len(p.lines) - 1
	p.lines[last] = append(p.lines[last], r)
}

func (p *page) dropping() bool { return len(p.areas) > 0 && p.areas[len(p.areas)-1].drop }

func (p *page) start(z *html.Tokenizer) {
	newlines := bytes.Count(z.Raw(), []byte("\n"))
	tag, more := z.TagName()
	name := string(tag)
	attr := map[string]string{}
	for n := 0; more && n < 40; n++ {
		var k, v []byte
		k, v, more = z.TagAttr()
		attr[string(k)] = string(v)
	}
	defer func() { p.line += newlines }()
	p.meta(name, attr)
	if void[name] {
		p.void(name)
		return
	}
	if a := p.area(name, attr); a != nil {
		if blocks[name] {
			p.flush()
		}
		p.areas = append(p.areas, *a)
	}
	if !p.dropping() {
		p.open(name, attr)
	}
}

// area says whether the element opens an area of its own. An element inside
// one of the same name is counted, so that its end is not taken for the area's.
func (p *page) area(name string, attr map[string]string) *area {
	a := area{name: name, depth: 1}
	if n := len(p.areas); n > 0 {
		a.outside, a.inside, a.drop = p.areas[n-1].outside, p.areas[n-1].inside, p.areas[n-1].drop
	}
	was := a
	_, hidden := attr["hidden"]
	about := strings.ToLower(attr["id"] + " " + attr["class"])
	body := name == "body" || name == "html" || name == "main" || name == "article"
	a.outside = a.outside || around[name] || hidden || reHidden.MatchString(attr["style"]) ||
		slices.Contains([]string{"navigation", "banner", "contentinfo", "dialog", "alertdialog", "search"}, attr["role"]) ||
		!body && surrounds(about)
	a.inside = a.inside || name == "main" || name == "article" || attr["role"] == "main"
	// A button in a heading is the heading of a folded part. What is hidden inside a line goes with the line unless dropped.
	a.drop = a.drop || name == "title" || dropped[name] && (name != "button" || p.kind != Head) || !blocks[name] && a.outside != was.outside
	if a != was || name == "title" {
		return &a
	}
	for n := len(p.areas) - 1; n >= 0; n-- {
		if p.areas[n].name == name {
			p.areas[n].depth++
			break
		}
	}
	return nil
}

// meta takes what the head of a page says about the site.
func (p *page) meta(name string, attr map[string]string) {
	switch {
	case name == "html" && p.doc.Lang == "":
		p.doc.Lang = attr["lang"]
	case name == "meta" && (attr["property"] == "og:site_name" || attr["name"] == "application-name"):
		p.doc.Site = strings.TrimSpace(attr["content"])
	case name == "meta" && attr["property"] == "og:url", name == "link" && attr["rel"] == "canonical":
		if u := attr["href"] + attr["content"]; safeLink(u) != "" {
			p.doc.URL = u
		}
	}
}

func (p *page) void(name string) {
	switch {
	case p.dropping():
	case name == "br":
		p.lines = append(p.lines, nil)
	case blocks[name]:
		p.flush()
	}
}

func (p *page) open(name string, attr map[string]string) {
	if blocks[name] {
		p.flush()
	}
	switch name {
	case "h1", "h2", "h3", "h4", "h5", "h6":
		p.kind, p.level = Head, int(name[1]-'0')
	case "dt", "summary", "legend":
		p.kind, p.level = Head, 7
	case "li":
		p.kind, p.level, p.mark = Item, max(len(p.lists)-1, 0), "-"
		if n := len(p.lists); n > 0 && p.lists[n-1].ordered {
			p.lists[n-1].count++
			p.mark = strconv.Itoa(p.lists[n-1].count) + "."
		}
	case "ul", "ol", "menu":
		p.lists = append(p.lists, list{ordered: name == "ol" && attr["type"] != "none"})
	case "table":
		p.table++
	case "tr":
		p.rowAt, p.cell = len(p.doc.Blocks), 0
	case "td", "th":
		p.cell++
	case "b", "strong":
		p.bold++
	case "i", "em":
		p.ital++
	case "a":
		if p.href = safeLink(attr["href"]); p.href == "" && attr["href"] != "" {
			p.href = inSite
		}
	}
}

func (p *page) end(name string) {
	was := p.dropping()
	if !was && blocks[name] {
		p.flush()
	}
	for n := len(p.areas) - 1; n >= 0; n-- {
		if p.areas[n].name != name {
			continue
		}
		if p.areas[n].depth--; p.areas[n].depth == 0 {
			p.areas = p.areas[:n]
		}
		break
	}
	if was {
		return
	}
	switch name {
	case "ul", "ol", "menu":
		p.lists = p.lists[:max(len(p.lists)-1, 0)]
	case "table":
		p.table = max(p.table-1, 0)
	case "tr":
		p.endRow()
	case "b", "strong":
		p.bold = max(p.bold-1, 0)
	case "i", "em":
		p.ital = max(p.ital-1, 0)
	case "a":
		p.href = ""
	}
}

// inSite stands for an address inside the page or the site.
const inSite = "#"

// menu says whether a block is nothing but links inside the site, as in a table
// of contents, and takes such links out of it.
func (b *Block) menu() bool {
	only := len(b.Runs) > 0
	for n := range b.Runs {
		if b.Runs[n].Href == inSite {
			b.Runs[n].Href = ""
		} else if strings.IndexFunc(b.Runs[n].Text, wordy) >= 0 {
			only = false
		}
	}
	return only
}

// flush ends the open block.
func (p *page) flush() {
	found := split(p.lines)
	for n, b := range found {
		if b.Kind == Para && (n == 0 || p.kind == Head) {
			b.Kind, b.Level, b.Mark = p.kind, p.level, p.mark
		}
		if len(p.areas) > 0 {
			b.outside, b.inside = p.areas[len(p.areas)-1].outside, p.areas[len(p.areas)-1].inside
		}
		b.outside = b.menu() && b.Kind != Head || b.outside
		if p.table > 0 {
			b.cell = p.cell
		}
		p.doc.Blocks = append(p.doc.Blocks, b)
	}
	if len(found) > 0 || p.kind != Item {
		p.kind, p.level, p.mark = Para, 0, ""
	}
	if len(found) > 0 {
		p.bold, p.ital, p.href = 0, 0, ""
	}
	p.lines = nil
}

// endRow joins the cells of a row of data to one block. A row with more than a
// short text in each cell is layout, and stays as it is.
func (p *page) endRow() {
	cells := p.doc.Blocks[min(p.rowAt, len(p.doc.Blocks)):]
	p.rowAt = len(p.doc.Blocks)
	if len(cells) < 2 {
		return
	}
	// A term with its explanation is a heading with its text.
	if first := cells[0].Text(); len(cells) == 2 && len(cells[1].Text()) > 100 && len(first) < 100 && (cells[0].Bold() || strings.HasSuffix(first, "?")) {
		cells[0].Kind, cells[0].Level = Head, levelBold
		return
	}
	joined := cells[0]
	joined.Kind, joined.Mark, joined.Runs = Row, "-", slices.Clone(cells[0].Runs)
	size := 0
	for n, c := range cells {
		size += len(c.Text())
		if c.Kind != Para || c.cell == 0 || n > 0 && c.cell == cells[n-1].cell || size > 1500 {
			return
		}
		if n > 0 {
			joined.Runs = append(append(joined.Runs, Run{Text: " · ", Line: c.Line()}), c.Runs...)
		}
	}
	p.doc.Blocks = append(p.doc.Blocks[:len(p.doc.Blocks)-len(cells)], joined)
}

// choose keeps the blocks of the policy: what is outside goes, unless nearly
// everything is, as on a page whose navigation is never closed; and if the page
// marks its main part, the rest goes too.
func choose(all []Block) []Block {
	size := func(list []Block) (n int) {
		for _, b := range list {
			n += len(b.Text())
		}
		return n
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(b Block) bool { return b.outside })
	if n := size(kept); n < 600 && n*5 < size(all) {
		kept = all
	}
	main := slices.DeleteFunc(slices.Clone(kept), func(b Block) bool { return !b.inside })
	if size(main)*2 > size(kept) {
		return main
	}
	return kept
}
