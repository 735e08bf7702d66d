package words

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Sentence is one sentence of a text.
type Sentence struct {
	Words    []Word
	Question bool
}

// Sentences parts text[start:end] into sentences. A full stop ends one unless
// it belongs to an abbreviation, an initial, a number or an address.
func (l *Lexicon) Sentences(text []byte, start, end int) (out []Sentence) {
	ws := split(text, start, end)
	from := 0
	for i := range ws {
		next := end
		if i+1 < len(ws) {
			next = ws[i+1].Start
		}
		stop := l.stops(text[ws[i].End:next], ws, i)
		if stop == 0 && i+1 < len(ws) {
			continue
		}
		out = append(out, Sentence{Words: ws[from : i+1], Question: stop == '?'})
		from = i + 1
	}
	return out
}

// stops returns the mark that ends a sentence after ws[i], or 0; between is
// what stands between that word and the next.
func (l *Lexicon) stops(between []byte, ws []Word, i int) rune {
	at := bytes.IndexAny(between, ".!?…。")
	if at < 0 {
		return 0
	}
	mark, n := utf8.DecodeRune(between[at:])
	if i+1 == len(ws) {
		return mark
	}
	after := bytes.TrimLeft(between[at+n:], ".!?…\"'”’»)*_")
	if r, _ := utf8.DecodeRune(after); !unicode.IsSpace(r) || mark == '.' && l.goesOn(ws[i], ws[i+1]) {
		return 0
	}
	return mark
}

// goesOn says whether the full stop after a word ends no sentence.
func (l *Lexicon) goesOn(w, next Word) bool {
	_, short := l.lists["abbreviation"][w.Text[1+strings.LastIndexByte(w.Text, '\''):]]
	if short || utf8.RuneCountInString(w.Text) == 1 && w.Text != "i" && w.Text[0] > '9' {
		return true
	}
	_, ordinal := l.texts["ordinal"]
	return ordinal && len(w.Text) <= 2 && w.Text[0] <= '9'
}

// Binding returns the first words of a sentence that bind whoever says it.
// Questions bind nobody, nor do the words that skip stands for: quotations, code.
func (l *Lexicon) Binding(s Sentence, skip func(Word) bool) (Hit, bool) {
	if s.Question {
		return Hit{}, false
	}
	free := l.Find("free", s.Words)
	if orders := l.Find("command", s.Words); len(orders) > 0 && orders[0].First == 0 {
		free = append(orders[:1:1], free...)
	}
	for _, h := range l.Find("binding", s.Words) {
		for len(free) > 0 && free[0].Last < h.First {
			free = free[1:]
		}
		first := s.Words[h.First]
		covered := len(free) > 0 && free[0].First <= h.First
		name := first.Capital && h.First > 0 && l.Has("name", s.Words[h.First:h.First+1])
		if !covered && !name && !skip(first) {
			return h, true
		}
	}
	return Hit{}, false
}

// Acceptance finds the use of a site taken for consent, if nothing denies it.
func (l *Lexicon) Acceptance(s Sentence, skip func(Word) bool) (Hit, bool) {
	for _, h := range l.Find("acceptance", s.Words) {
		if !s.Question && !skip(s.Words[h.First]) && !l.Has("negation", s.Words[h.First:h.Last+1]) {
			return h, true
		}
	}
	return Hit{}, false
}

// Claims finds what a sentence claims against the rules: that something is not
// done at all (denial), or that something is done which some never do (practice).
func (l *Lexicon) Claims(s Sentence, skip func(Word) bool) (denials, practices []Hit) {
	return l.unless("except", "denial", s, skip), l.unless("negation", "practice", s, skip)
}

// unless finds the phrases of a list in a sentence that has none of another.
func (l *Lexicon) unless(other, list string, s Sentence, skip func(Word) bool) []Hit {
	hits := l.Find(list, s.Words)
	if len(hits) == 0 || s.Question || l.Has(other, s.Words) {
		return nil
	}
	return slices.DeleteFunc(hits, func(h Hit) bool { return skip(s.Words[h.First]) })
}
