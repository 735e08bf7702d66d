package source

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// maxShown is how much of a line is shown, in characters: some editors keep a
// paragraph on one line.
const maxShown = 120

// Excerpt returns the part of a line around a position, fit to be printed, and a
// second line with carets under width characters of it.
func (f *File) Excerpt(at Position, width int) (text, carets string) {
	runes := []rune(Printable(string(f.Line(at.Line))))
	column := min(max(at.Column, 1), len(runes)+1)
	start, end := 0, len(runes)
	if end > maxShown {
		start = max(0, min(column-1-maxShown/4, end-maxShown))
		end = start + maxShown
	}
	if runes = runes[start:end:end]; end < len([]rune(string(f.Line(at.Line)))) {
		runes = append(runes, '…')
	}
	if start > 0 {
		runes[0] = '…'
	}
	var b, under strings.Builder
	for i, r := range runes {
		b.WriteRune(r)
		mark := byte(' ')
		if n := i + start + 1; n >= column && n < column+width {
			mark = '^'
		}
		switch n := cells(r); {
		case r == '\t' && mark == ' ':
			under.WriteByte('\t') // as wide as the tab above it, whatever that is
		case r == '\t':
			under.WriteByte('^')
		case n > 0:
			under.WriteString(strings.Repeat(string(mark), n))
		}
	}
	if column > start+len(runes) {
		under.WriteByte('^')
	}
	return b.String(), strings.TrimRight(under.String(), " \t")
}

// cells is how many columns of a terminal a character takes.
func cells(r rune) int {
	switch k := width.LookupRune(r).Kind(); {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case k == width.EastAsianWide || k == width.EastAsianFullwidth || r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}

// Printable keeps what a stranger wrote from steering the terminal it is shown on.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return '·'
		}
		return r
	}, s)
}
