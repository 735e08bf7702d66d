package page

import (
	"encoding/hex"
	"fmt"
	"html/template"
	"reflect"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
)

var funcs = template.FuncMap{
	"date":   func(d avow.Date) string { return d.Time().Format("2 January 2006") },
	"day":    func(t time.Time) string { return t.UTC().Format("2 January 2006") },
	"moment": func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	"iso":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"hash":   func(h [32]byte) string { return hex.EncodeToString(h[:8]) },
	"plural": func(n any, one, many string) string { return plural(reflect.ValueOf(n).Int(), one, many) },
	"mark":   mark,
	"word":   word,
	"shares": shares,
	"said":   said,
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// mark is the glyph of a standing: told by shape, not by colour alone.
func mark(s any) string {
	switch standing(s) {
	case avow.Kept:
		return "✓"
	case avow.Broken:
		return "✕"
	case avow.Untested:
		return "?"
	case avow.Aspiration:
		return "→"
	}
	return ""
}

func word(s any) string { return Word(standing(s)) }

// Word is what a standing is called on a page.
func Word(s avow.Standing) string {
	if s == avow.Aspiration {
		return "aim"
	}
	return string(s)
}

// standing takes what a template passes: a Standing, or its name.
func standing(s any) avow.Standing { return avow.Standing(fmt.Sprint(s)) }

// said writes a value of a receipt as a person would.
func said(v any) string {
	list, ok := v.([]any)
	if !ok {
		return fmt.Sprint(v)
	}
	words := make([]string, len(list))
	for i := range list {
		words[i] = fmt.Sprint(list[i])
	}
	return strings.Join(words, ", ")
}

// A Share is one part of a bar.
type Share struct {
	Standing avow.Standing
	Count    int
	X, Width float64 // per mille of the bar
}

// shares lays counts side by side on a bar 1000 units wide.
func shares(counts map[avow.Standing]int) (bar []Share) {
	total := 0
	order := []avow.Standing{avow.Kept, avow.Untested, avow.Broken, avow.Aspiration}
	for _, s := range order {
		total += counts[s]
	}
	x := 0.0
	for _, s := range order {
		if n := counts[s]; n > 0 {
			width := 1000 * float64(n) / float64(total)
			bar = append(bar, Share{s, n, x, width})
			x += width
		}
	}
	return bar
}
