package paper

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	reATX        = regexp.MustCompile(`^ {0,3}(#{1,6})(?: +|$)(.*?)(?: +#+)? *$`)
	reUnderline  = regexp.MustCompile(`^ {0,3}(={3,}|-{3,}|\*{3,}|_{3,}|~{3,}) *$`)
	reAttributes = regexp.MustCompile(` *\{[#.:][^{}]*\} *$`)
	reLooseBold  = regexp.MustCompile(`^ *\*\* *([^*]+?) *\*\*$`)
	reFence      = regexp.MustCompile("^ {0,3}(```|~~~)")
	reTableRow   = regexp.MustCompile(`^ *\|(.+)\| *$`)
	reReference  = regexp.MustCompile(`^ {0,3}\[([^\]^]+)\]: +<?(\S+?)>?(?: +["'(].*)?$`)
	reQuote      = regexp.MustCompile(`^ {0,3}(?:> ?)+`)
	reTitle      = regexp.MustCompile(`(?m)^title: *["']?(.*?)["']? *$`)
	reComment    = regexp.MustCompile(`(?s)<!--.*?-->`)
	reAvow       = regexp.MustCompile(`(?m)^statement: *\d`)
)

// A paper is a text or Markdown file being read, line by line.
type paper struct {
	doc      Document
	markdown bool
	single   bool // each line is a paragraph of its own
	refs     map[string]string
	open     [][]Run // lines of the open paragraph
	indent   int     // of the item that the open paragraph belongs to
	mark     string
}

func readText(text string, markdown bool) (*Document, error) {
	p := &paper{markdown: markdown, refs: map[string]string{}}
	// A comment goes, but its lines still count.
	text = reComment.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
	lines := strings.Split(text, "\n")
	first, err := p.frontMatter(lines)
	if err != nil {
		return nil, err
	}
	p.single = !markdown && !wrapped(lines)
	if markdown {
		p.references(lines)
	}
	for n := first; n < len(lines); n++ {
		p.line(lines, n)
	}
	p.close()
	if markdown {
		for n := range p.doc.Blocks {
			p.doc.Blocks[n].Runs = fold(p.inline(p.doc.Blocks[n].Runs))
		}
	}
	return &p.doc, nil
}

// frontMatter skips the front matter of a site generator, and returns the
// index of the first line after it.
func (p *paper) frontMatter(lines []string) (int, error) {
	if len(lines) == 0 || strings.TrimSpace(lines[0]) != "---" {
		return 0, nil
	}
	end := slices.IndexFunc(lines[1:], func(l string) bool { return strings.TrimSpace(l) == "---" })
	matter := strings.Join(lines[1:max(end+1, 1)], "\n")
	if end < 0 || end > 200 || !strings.Contains(matter, ":") {
		return 0, nil
	}
	if reAvow.MatchString(matter) {
		return 0, errAvow
	}
	if m := reTitle.FindStringSubmatch(matter); m != nil {
		p.doc.Title = m[1]
	}
	return end + 2, nil
}

// wrapped says whether the lines were cut at a width, where no sentence ends:
// then a paragraph goes on over several of them.
func wrapped(lines []string) bool {
	long, full, ended := 0, 0, 0
	for _, l := range lines {
		l = strings.TrimSpace(l)
		switch n := utf8.RuneCountInString(l); {
		case n > 110:
			long++
		case n > 40:
			full++
			if strings.ContainsAny(l[len(l)-1:], ".!?:;") {
				ended++
			}
		}
	}
	return full > 4*long && full > 2*ended
}

func (p *paper) references(lines []string) {
	for n, l := range lines {
		if m := reReference.FindStringSubmatch(l); m != nil && len(p.refs) < 1000 {
			p.refs[strings.ToLower(m[1])] = m[2]
			lines[n] = ""
		}
	}
}

func (p *paper) line(lines []string, n int) {
	text := strings.TrimRight(reQuote.ReplaceAllString(lines[n], ""), " \f\v")
	if p.markdown {
		text = reLooseBold.ReplaceAllString(text, "**$1**")
	}
	bare := strings.TrimLeft(text, " ")
	switch {
	case bare == "", p.markdown && reFence.MatchString(text):
		p.close()
		return
	case reUnderline.MatchString(text) && len(p.open) == 1 && len(bare) >= 3 && p.mark == "":
		b := Block{Kind: Head, Level: 2, Runs: fold(p.open[0])}
		if bare[0] == '=' {
			b.Level = 1
		}
		if len(b.Text()) < 200 {
			p.open = nil
			p.doc.Blocks = append(p.doc.Blocks, b)
		}
		p.close()
		return
	case reUnderline.MatchString(text):
		p.close()
		return
	case strings.HasPrefix(bare, "| ") && strings.Count(bare, "|") == 1: // a table that lost its other cells
		p.prose(text, strings.TrimLeft(bare[1:], " "), n+1, false)
		return
	case reTableRow.MatchString(text):
		p.close()
		p.row(reTableRow.FindStringSubmatch(text)[1], n+1)
		return
	}
	if m := reATX.FindStringSubmatch(reAttributes.ReplaceAllString(text, "")); m != nil {
		p.close()
		if m[2] != "" {
			p.doc.Blocks = append(p.doc.Blocks, Block{Kind: Head, Level: len(m[1]), Runs: fold([]Run{{Text: m[2], Line: n + 1}})})
		}
		return
	}
	p.prose(text, bare, n+1, p.markdown && strings.HasSuffix(lines[n], "  ") && n+1 < len(lines) && strings.TrimSpace(lines[n+1]) != "")
}

// prose adds a line of words to the open paragraph, or opens one. A broken line
// ends with a mark that it goes on below.
func (p *paper) prose(text, bare string, line int, broken bool) {
	bullet := reBullet.FindString(bare)
	if p.markdown && strings.HasPrefix(bare, "**") {
		bullet = ""
	}
	ordinal := reOrdinal.FindString(bare)
	if ordinal != "" && (looksLikeHeading(bare) && !broken || len(p.open) > 0 && p.mark == "") {
		ordinal = ""
	}
	if m := max(len(bullet), len(ordinal)); m > 0 && m < len(bare) {
		p.close()
		p.mark, p.indent = "-", len(text)-len(bare)
		if ordinal != "" {
			p.mark = strings.TrimSpace(ordinal)
		}
		p.open = append(p.open, []Run{{Text: bare[m:], Line: line}})
		return
	}
	if p.single && (p.mark == "" || len(text)-len(bare) <= p.indent) {
		p.close()
	}
	p.open = append(p.open, []Run{{Text: bare, Line: line}})
}

// close ends the open paragraph.
func (p *paper) close() {
	if len(p.open) == 0 {
		return
	}
	if p.mark != "" {
		var all []Run
		for _, l := range p.open {
			all = append(append(all, l...), Run{Text: " ", Line: l[0].Line})
		}
		p.doc.Blocks = append(p.doc.Blocks, Block{Kind: Item, Level: min(p.indent/2, 3), Mark: p.mark, Runs: fold(all)})
	} else {
		if p.markdown {
			for _, l := range p.open {
				l[0].Bold = reBoldLine.MatchString(l[0].Text) // for split alone: inline reads the rest
			}
		}
		p.doc.Blocks = append(p.doc.Blocks, split(p.open)...)
	}
	p.open, p.mark, p.indent = nil, "", 0
}

func (p *paper) row(cells string, line int) {
	if strings.Trim(cells, "|-: ") == "" {
		return
	}
	var texts []string
	for _, c := range strings.Split(strings.ReplaceAll(cells, `\|`, "¦"), "|") {
		if c = strings.TrimSpace(c); c != "" {
			texts = append(texts, c)
		}
	}
	p.doc.Blocks = append(p.doc.Blocks, Block{Kind: Row, Mark: "-", Runs: fold([]Run{{Text: strings.Join(texts, " · "), Line: line}})})
}

var (
	reBoldLine = regexp.MustCompile(`^ *(?:\*\*|__)[^*]{1,150}(?:\*\*|__):? *$`)
	reLink     = regexp.MustCompile(`^!?\[((?:[^\[\]\\]|\\.)*)\](?:\( *<?([^\s()<>]*(?:\([^\s()<>]*\))?[^\s()<>]*)>?(?: +["'][^"']*["'])? *\)|\[([^\]]*)\])?`)
	reAutolink = regexp.MustCompile(`^<((?:https?://|mailto:)[^\s<>]+|[^\s<>@]+@[^\s<>@]+)>`)
	reTag      = regexp.MustCompile(`^</?[a-zA-Z][^<>]*>`)
)

// inline reads the Markdown inside a block: emphasis, links, escapes, entities
// and stray tags. Each character is looked at a bounded number of times.
func (p *paper) inline(runs []Run) []Run {
	var out []Run
	bold, ital := false, false
	for at, r := range runs {
		text := html.UnescapeString(r.Text)
		start := 0
		rest := func(n int, end string) string { // what may belong to a link or tag at n
			near := text[n:min(n+2000, len(text))]
			if !strings.Contains(near, end) {
				return ""
			}
			return near
		}
		put := func(to int, href string, skip int) {
			out = append(out, Run{Text: text[start:to], Line: r.Line, Bold: bold, Ital: ital, Href: href})
			start = to + skip
		}
		for n := 0; n < len(text); {
			width := 1
			switch text[n] {
			case '\\':
				if n+1 < len(text) && unicode.IsPunct(rune(text[n+1])) {
					put(n, "", 1)
					width = 2
				}
			case '*', '_':
				w, switches := emphasis(text, n, bold || ital)
				if width = w; switches && (bold || ital || closes(text[n:n+w], text[n+w:], runs[at+1:])) {
					put(n, "", w)
					bold, ital = bold != (w&2 > 0), ital != (w&1 > 0)
				}
			case '[', '!':
				if m := reLink.FindStringSubmatch(rest(n, "]")); m != nil && (text[n] == '[' || m[0][0] == '!') {
					put(n, "", len(m[0]))
					out = append(out, p.link(m, r.Line, bold, ital)...)
					width = len(m[0])
				}
			case '`':
				put(n, "", 1)
			case '<':
				if m := reAutolink.FindStringSubmatch(rest(n, ">")); m != nil {
					put(n, "", len(m[0]))
					out = append(out, Run{Text: strings.TrimPrefix(m[1], "mailto:"), Line: r.Line, Bold: bold, Ital: ital})
					width = len(m[0])
				} else if m := reTag.FindString(rest(n, ">")); m != "" {
					put(n, "", len(m))
					width = len(m)
				}
			}
			n += width
		}
		put(len(text), "", 0)
	}
	return out
}

// link returns the runs of a link that reLink matched: its text, which may be
// in bold, with its address.
func (p *paper) link(m []string, line int, bold, ital bool) []Run {
	href := m[2]
	if ref, ok := p.refs[strings.ToLower(m[3])]; ok && m[3] != "" {
		href = ref
	} else if ref, ok := p.refs[strings.ToLower(m[1])]; ok && href == "" {
		href = ref
	}
	if strings.HasPrefix(m[0], "!") {
		return nil
	}
	if href == "" && m[3] == "" && !strings.Contains(m[0], "](") && p.refs[strings.ToLower(m[1])] == "" {
		return []Run{{Text: m[0], Line: line, Bold: bold, Ital: ital}}
	}
	text := strings.NewReplacer("**", "", "__", "", `\`, "", "`", "").Replace(m[1])
	return []Run{{Text: text, Line: line, Bold: bold, Ital: ital, Href: safeLink(href)}}
}

// closes says whether a delimiter comes again, mirrored, on this line or soon
// after it.
func closes(delimiter, rest string, more []Run) bool {
	mirrored := []byte(delimiter)
	slices.Reverse(mirrored)
	delimiter = string(mirrored)
	found := strings.Contains(rest[:min(len(rest), 2000)], delimiter)
	for n := 0; n < min(len(more), 6) && !found; n++ {
		found = strings.Contains(more[n].Text, delimiter)
	}
	return found
}

// emphasis says how many stars and underscores stand in text at n, and whether
// they switch emphasis: one italic, two bold, three both.
func emphasis(text string, n int, on bool) (w int, switches bool) {
	for n+w < len(text) && (text[n+w] == '*' || text[n+w] == '_') {
		w++
	}
	before, _ := utf8.DecodeLastRuneInString(text[:n])
	after, _ := utf8.DecodeRuneInString(text[n+w:])
	open := n+w < len(text) && !unicode.IsSpace(after)
	shut := n > 0 && !unicode.IsSpace(before) || n == 0 && on
	return w, (open || shut) && !(text[n] == '_' && wordy(before) && wordy(after)) && w <= 3
}
