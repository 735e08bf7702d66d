package paper

import (
	_ "embed"
	"regexp"
	"strings"
	"unicode"
)

// surroundings.txt lists what pages call the parts around their text.
//
//go:embed surroundings.txt
var surroundings string

// surrounds says whether an element with these ids and classes is around the
// text: a banner, a menu, a footer.
func surrounds(about string) bool {
	for _, name := range strings.Fields(strings.ReplaceAll(about, "_", "-")) {
		for _, cue := range strings.Fields(surroundings) {
			if rest, ok := strings.CutPrefix(name, cue); ok && (rest == "" || rest[0] == '-' || strings.HasSuffix(cue, "-")) {
				return true
			}
		}
	}
	return false
}

// Levels of headings that are told by their look alone. They rank below those
// that the file marks.
const (
	levelTerm   = 7 // <dt>, <summary>
	levelCaps   = 8
	levelNumber = 9 // and one more for each further number: 2.1 is 10
	levelBold   = 12
	levelItalic = 13
)

var (
	reNumbered = regexp.MustCompile(`^(?:(?i:section|article|part|chapter|abschnitt|artikel|kapitel|teil|artículo|sección|article|partie)\s+)?` +
		`(§ ?\d{1,2}|\d{1,2}(?:\.\d{1,2})*|[IVX]{1,5}|[A-Z])(?:[.):]+|\s*[–—-]|\s)\s*(\pL.*)$`)
	reSentenceEnd = regexp.MustCompile(`[.;,!]["”’)]?$`)
)

// looksLikeHeading says whether a line is a heading by the way it is typed.
func looksLikeHeading(text string) bool { return headingLevel(text) > 0 }

func headingLevel(text string) int {
	if len(text) > 150 || len(strings.Fields(text)) > 14 || reSentenceEnd.MatchString(strings.TrimSpace(text)) {
		return 0
	}
	letters, upper := 0, 0
	for _, r := range text {
		if unicode.IsLetter(r) {
			letters++
			if unicode.IsUpper(r) {
				upper++
			}
		}
	}
	m := reNumbered.FindStringSubmatch(text)
	words := len(strings.Fields(text))
	switch {
	case m != nil && words > 1 && unicode.IsUpper([]rune(m[2])[0]) && (len(m[1]) > 1 || m[1] < "A" || words > 2 && !strings.HasPrefix(text, "A ") && !strings.HasPrefix(text, "I ")):
		return levelNumber + min(strings.Count(strings.Trim(m[1], "."), "."), 2)
	case letters >= 5 && upper == letters:
		return levelCaps
	}
	return 0
}

// headings turns paragraphs that look like headings into headings, and
// headings that look like a list back into one.
func headings(blocks []Block) []Block {
	for n := range blocks {
		b := &blocks[n]
		text := b.Text()
		if b.Kind != Para && (b.Kind != Item || !b.Bold()) || len(text) > 150 || b.cell > 0 && !b.Bold() {
			continue
		}
		if strings.HasSuffix(text, ":") && len(strings.Fields(text)) > 3 && n+1 < len(blocks) && blocks[n+1].Kind == Item {
			continue // it leads a list
		}
		level := headingLevel(text)
		if level == 0 && b.Bold() && len(strings.Fields(text)) <= 16 && (!reSentenceEnd.MatchString(text) || len(strings.Fields(text)) <= 5) && strings.IndexFunc(text, unicode.IsLetter) >= 0 {
			if level = levelItalic; b.Runs[0].Bold {
				level = levelBold
			}
		}
		if level > 0 {
			if b.Kind == Item && b.Mark != "-" {
				b.Runs = append([]Run{{Text: b.Mark + " ", Line: b.Line(), Bold: b.Runs[0].Bold}}, b.Runs...)
			}
			b.Kind, b.Level = Head, level
		}
	}
	return relist(blocks)
}

// RunIn gives headings of their own to paragraphs that begin with one, in bold:
// "**Cookies.** We use …". It returns nil if fewer than three do.
func RunIn(blocks []Block) []Block {
	var out []Block
	found := 0
	for _, b := range blocks {
		n := 0
		for n < len(b.Runs) && b.Runs[n].Bold {
			n++
		}
		title := Block{Kind: Head, Level: levelBold, Runs: b.Runs[:n]}
		text := strings.TrimSpace(title.Text())
		if b.Kind == Para && n > 0 && n < len(b.Runs) && len(strings.Fields(text)) <= 9 && strings.ContainsAny(text[max(0, len(text)-1):], ".:?") {
			found++
			title.Runs = fold(title.Runs)
			b.Runs = fold(b.Runs[n:])
			out = append(out, title)
		}
		if len(b.Runs) > 0 {
			out = append(out, b)
		}
	}
	if found < 3 {
		return nil
	}
	return out
}

// relist makes three and more guessed headings of one level in a row a list:
// that is a table of contents, or a numbered list of short things.
func relist(blocks []Block) []Block {
	for n := 0; n < len(blocks); {
		m := n + 1
		for m < len(blocks) && blocks[n].Kind == Head && blocks[m].Kind == Head && blocks[n].Level > levelTerm && blocks[m].Level == blocks[n].Level {
			m++
		}
		for k := n; m-n >= 3 && k < m; k++ {
			blocks[k].Kind, blocks[k].Level, blocks[k].Mark = Item, 0, "-"
		}
		n = m
	}
	return blocks
}
