package paper

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Run is text of one look on one line of the file.
type Run struct {
	Text       string
	Line       int
	Bold, Ital bool
	Href       string
}

// Kind says what a Block is.
type Kind int

// The kinds of blocks.
const (
	Para Kind = iota
	Head
	Item // of a list
	Row  // of a table
)

// A Block is a paragraph, a heading, an item of a list or a row of a table.
type Block struct {
	Kind  Kind
	Level int    // of a heading, 1 the highest and 7 and more guessed from its look; of an item, 0 the outermost
	Mark  string // of an item, "-" or "1."
	Runs  []Run  // white space folded, so that their texts join to the block's

	outside bool // of the policy: navigation, footer, banner, hidden
	inside  bool // the part of a page that calls itself the main one
	cell    int  // of a table: the cell it came from, from 1
}

// Text returns the words of b.
func (b *Block) Text() string {
	var s strings.Builder
	for _, r := range b.Runs {
		s.WriteString(r.Text)
	}
	return s.String()
}

// Line returns the line of the file where b starts.
func (b *Block) Line() int {
	if len(b.Runs) == 0 {
		return 1
	}
	return b.Runs[0].Line
}

// Bold says whether the whole block is set off by its type.
func (b *Block) Bold() bool {
	letters := false
	for _, r := range b.Runs {
		if strings.IndexFunc(r.Text, unicode.IsLetter) >= 0 {
			if letters = true; !r.Bold && !r.Ital {
				return false
			}
		}
	}
	return letters
}

// fold joins runs, with white space folded across them and trimmed.
func fold(runs []Run) []Run {
	var out []Run
	space := true
	for _, r := range runs {
		var s strings.Builder
		for _, c := range r.Text {
			if c == '\n' || unicode.IsSpace(c) {
				if !space {
					s.WriteByte(' ')
				}
				space = true
				continue
			}
			s.WriteRune(c)
			space = false
		}
		if r.Text = s.String(); r.Text != "" {
			out = append(out, r)
		}
	}
	for n := len(out) - 1; n >= 0; n-- {
		if out[n].Text = strings.TrimRight(out[n].Text, " "); out[n].Text != "" {
			break
		}
		out = out[:n]
	}
	return out
}

// Cut divides runs at the bytes ends of their joined text, which rise.
func Cut(runs []Run, ends ...int) [][]Run {
	var out [][]Run
	var part []Run
	at := 0
	for _, r := range runs {
		for len(ends) > 0 && ends[0] <= at+len(r.Text) {
			here := r
			here.Text, r.Text = r.Text[:ends[0]-at], r.Text[ends[0]-at:]
			out, part = append(out, fold(append(part, here))), nil
			at, ends = ends[0], ends[1:]
		}
		at += len(r.Text)
		part = append(part, r)
	}
	return append(out, fold(part))
}

// cutPrefix removes n bytes from the start of runs.
func cutPrefix(runs []Run, n int) []Run { return Cut(runs, n)[1] }

var (
	reBullet  = regexp.MustCompile(`^(?:[·•●○◦▪■□♦✓✔➢►▸‣∙]|[-–—o§*+](?: |$)) *`)
	reOrdinal = regexp.MustCompile(`^(?:\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})\)|(?:\d{1,2}|[a-z])\.) +`)
)

// split breaks the lines of one paragraph where typing alone marks a new block:
// a bullet, an ordinal, a line in bold.
func split(lines [][]Run) []Block {
	var out []Block
	fresh := true
	for n, l := range lines {
		l = fold(l)
		b := Block{Runs: l}
		text := b.Text()
		switch m := reBullet.FindString(text); {
		case text == "":
			fresh = true
			continue
		case m != "" && len(m) < len(text):
			out, fresh = append(out, Block{Kind: Item, Mark: "-", Runs: cutPrefix(l, len(m))}), false
			continue
		case reOrdinal.MatchString(text) && !looksLikeHeading(text):
			m := reOrdinal.FindString(text)
			out, fresh = append(out, Block{Kind: Item, Mark: strings.TrimSpace(m), Runs: cutPrefix(l, len(m))}), false
			continue
		case b.Bold() && len(text) < 120 && standsAlone(lines, n):
			out, fresh = append(out, b), true
			continue
		case fresh || len(out) == 0:
			out, fresh = append(out, b), false
			if len(lines) > n+1 && looksLikeHeading(text) && (n == 0 || len(text) < shortCaps) && !goesOnInCaps(text, lines[n+1]) {
				fresh = true
			}
			continue
		}
		last := &out[len(out)-1]
		last.Runs = append(append(last.Runs, Run{Text: " ", Line: l[0].Line}), l...)
	}
	for n := range out {
		out[n].Runs = fold(out[n].Runs)
	}
	return out
}

// Lines of a title are shorter than this, those of a paragraph in capitals
// longer.
const shortCaps = 50

func goesOnInCaps(text string, next []Run) bool {
	b := Block{Runs: fold(next)}
	return len(text) >= shortCaps && strings.ToUpper(text) == text && strings.ToUpper(b.Text()) == b.Text()
}

// standsAlone says that the line n does not run on into its neighbours.
func standsAlone(lines [][]Run, n int) bool {
	if n == 0 || len(lines) == 1 {
		return true
	}
	before := Block{Runs: fold(lines[n-1])}
	text := before.Text()
	return text == "" || strings.ContainsAny(text[len(text)-1:], ".:!?") || before.Bold()
}

// Markdown returns the Markdown that renders as runs.
func Markdown(runs []Run) string {
	var s strings.Builder
	for n := 0; n < len(runs); {
		m := n
		for m < len(runs) && runs[m].Bold == runs[n].Bold && runs[m].Ital == runs[n].Ital && runs[m].Href == runs[n].Href {
			m++
		}
		part, next := Block{Runs: runs[n:m]}, ' '
		if m < len(runs) {
			next, _ = utf8.DecodeRuneInString(runs[m].Text)
		}
		out := dress(part.Text(), runs[n], s.String(), next)
		if before, ok := strings.CutSuffix(out, "!"); ok && m < len(runs) && runs[m].Href != "" {
			out = before + `\!` // no picture
		}
		s.WriteString(out)
		n = m
	}
	return s.String()
}

// dress gives text the look of r. Emphasis that CommonMark would not see where
// it stands is left off.
func dress(text string, r Run, before string, next rune) string {
	core := strings.TrimSpace(text)
	if core == "" {
		return text
	}
	left, right, _ := strings.Cut(text, core)
	out, star := escape(core), ""
	if r.Href != "" {
		out = "[" + out + "](" + escapeLink(r.Href) + ")"
	}
	if r.Ital {
		star = "*"
	}
	if r.Bold {
		star += "**"
	}
	first, _ := utf8.DecodeRuneInString(out)
	last, _ := utf8.DecodeLastRuneInString(out)
	prior, _ := utf8.DecodeLastRuneInString(before)
	if left != "" || before == "" {
		prior = ' '
	}
	if right != "" {
		next = ' '
	}
	if !wordy(first) && wordy(prior) || !wordy(last) && wordy(next) || prior == '*' || next == '*' ||
		strings.IndexFunc(core, wordy) < 0 {
		star = ""
	}
	return left + star + out + star + right
}

var reEntity = regexp.MustCompile(`&(#?[A-Za-z0-9]+;)`)

// escape makes Markdown render text as it is.
func escape(text string) string {
	var s strings.Builder
	prior := ' '
	for n, c := range text {
		switch c {
		case '\\', '`', '*', '[', ']', '<', '{', '}', '~':
			s.WriteByte('\\')
		case '_':
			next, _ := utf8.DecodeRuneInString(text[n+1:])
			if !wordy(prior) || !wordy(next) {
				s.WriteByte('\\')
			}
		case '!':
			if strings.HasPrefix(text[n+1:], "[") {
				s.WriteByte('\\')
			}
		}
		s.WriteRune(c)
		prior = c
	}
	return reEntity.ReplaceAllString(s.String(), `\&$1`)
}

func wordy(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

var reLineStart = regexp.MustCompile(`^(#{1,6}(?: |$)|\||[-+](?: |$)|>|=+ *$|-{2,}|:{1,3}(?: |$)|%|\d{1,9}[.)](?: |$))`)

// EscapeStart keeps text from starting a block when it starts a line.
func EscapeStart(text string) string {
	m := reLineStart.FindString(text)
	if m == "" {
		return text
	}
	if n := strings.IndexAny(m, ".)"); n > 0 {
		return text[:n] + `\` + text[n:]
	}
	return `\` + text
}

// escapeLink keeps an address inside the parentheses of a link.
func escapeLink(href string) string {
	return strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E", `\`, "%5C",
		"[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", "\n", "", "*", "%2A", "`", "%60", `"`, "%22").Replace(href)
}

// reArchived finds the address that a web archive put its own in front of.
var reArchived = regexp.MustCompile(`^https?://web\.archive\.org/web/\d+[a-z_]*/(https?(?::|%3A)//.*)$`)

// safeLink returns href if a page may carry it, else "".
func safeLink(href string) string {
	href = strings.TrimSpace(href)
	if m := reArchived.FindStringSubmatch(href); m != nil {
		if plain, err := url.PathUnescape(m[1]); err == nil {
			href = plain
		}
	}
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if len(href) > len(scheme) && len(href) < 2000 && strings.EqualFold(href[:len(scheme)], scheme) {
			return href
		}
	}
	return ""
}
