package meaning

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A word as it is matched. A phrase does not reach from one sentence into the
// next; one that takes words back does not reach over a comma either.
type word struct {
	shapes           []int32 // of the lexicon that it has
	sentence, clause int32
}

// A reading is a text in words.
type reading struct {
	words []word
	asks  []bool  // by sentence, whether it ends in a question mark
	small []int32 // by language, how many of its small words there are
	hits  []hit

	shapes []int32 // of all words, one after the other
}

func (r *reading) empty() bool { return len(r.words) == 0 }

// folded are the letters of Latin scripts without case and accents.
var folded = func() (table [0x250]string) {
	special := map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ı': "i", 'þ': "th", 'ð': "d"}
	for r := range rune(len(table)) {
		l := unicode.ToLower(r)
		if s, ok := special[l]; ok {
			table[r] = s
		} else if base := []rune(norm.NFD.String(string(l))); unicode.IsLetter(base[0]) || unicode.IsDigit(base[0]) {
			table[r] = strings.ToLower(string(base[0]))
		}
	}
	return table
}()

// invisible characters stand within words and do not change them: accents apart
// from their letters, soft hyphens, joiners.
func invisible(r rune) bool {
	return r >= 0xad && (r == 0xad || r >= 0x200b && r <= 0x200f || r == 0x2060 || r == 0xfeff || r >= 0x300 && unicode.Is(unicode.Mn, r))
}

func apostrophe(r rune) bool {
	return r == '\'' || r == '’' || r == '‘' || r == '`' || r == '´' || r == 'ʼ'
}

// appendFold appends a letter or digit as it is compared, and nothing for
// anything else.
func appendFold(to []byte, r rune) []byte {
	switch {
	case int(r) < len(folded):
		return append(to, folded[r]...)
	case r >= 0x1e00 && r < 0x1f00 || r >= 0xfb00 && r < 0xfb07 || r >= 0xff00 && r < 0xffef || r >= 0x1d400 && r < 0x1d800:
		// Letters with two accents, ligatures, wide ones and those of formulae.
		if s := norm.NFKD.String(string(unicode.ToLower(r))); len(s) < 16 {
			if first, _ := utf8.DecodeRuneInString(s); int(first) < len(folded) {
				return append(to, folded[first]...)
			}
		}
	case unicode.IsLetter(r) || unicode.IsDigit(r):
		return utf8.AppendRune(to, unicode.ToLower(r))
	}
	return to
}

// foldText folds a short text, and makes one space of what is between words.
func foldText(s string) string {
	var out []byte
	for _, r := range s {
		if n := len(out); !invisible(r) {
			if out = appendFold(out, r); n == len(out) && n > 0 && out[n-1] != ' ' {
				out = append(out, ' ')
			}
		}
	}
	return strings.TrimRight(string(out), " ")
}

// elided are the short words that French and Italian tie to the next one.
var elided = map[string]bool{"c": true, "d": true, "j": true, "l": true, "m": true, "n": true, "qu": true, "s": true, "t": true,
	"all": true, "dall": true, "dell": true, "nell": true, "sull": true, "un": true}

// A splitter cuts a text into words as it is fed runes.
type splitter struct {
	now   []byte
	digit bool // the word is a number
	emit  func(word []byte)
}

// longest is more than any word of the lexicons has.
const longest = 48

func (s *splitter) end() {
	if len(s.now) > 0 {
		s.emit(s.now)
	}
	s.now = s.now[:0]
}

// letter adds to the word. Where digits meet letters a word ends: 12jährig.
func (s *splitter) letter(r rune) {
	digit := r >= '0' && r <= '9'
	if len(s.now) > 0 && digit != s.digit {
		s.end()
	}
	s.digit = digit
	if len(s.now) < longest {
		s.now = appendFold(s.now, r)
	}
}

// split feeds the words of text to emit, and says where sentences (or, comma,
// parts of them) end. Addresses are one word each: links as "http", those of
// people as nothing.
func split(text string, emit func(word []byte), boundary func(end rune)) {
	s := splitter{emit: emit}
	fresh := true // at the start of a word
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		rest := text[i+size:]
		switch {
		case fresh && (r|0x20 == 'h' || r|0x20 == 'w') && isLink(text[i:]):
			n := strings.IndexFunc(text[i:], func(r rune) bool { return unicode.IsSpace(r) || r == '>' || r == ')' || r == '"' })
			if n < 0 {
				n = len(text) - i
			}
			emit([]byte("http"))
			size = n
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			s.letter(r)
			fresh = false
		case invisible(r):
		case apostrophe(r) && len(s.now) > 0 && !elided[string(s.now)] && startsWord(rest):
			// don't is one word
		default:
			number := len(s.now) > 0 && s.digit
			s.end()
			fresh = true
			if end := ends(r, rest, number); end != 0 {
				boundary(end)
			}
		}
		i += size
	}
	s.end()
}

func isLink(s string) bool {
	return len(s) > 8 && (strings.EqualFold(s[:7], "http://") || strings.EqualFold(s[:8], "https://") || strings.EqualFold(s[:4], "www."))
}

func startsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r)
}

// ends says what ends with r, before rest: '?' a question, '.' a sentence, ','
// a part of one, 0 nothing. Art. 15, 12. Semester and harbour.example are no
// ends, nor is the end of a line, unless an empty one follows.
func ends(r rune, rest string, number bool) rune {
	switch r {
	case '?', ';', ':', '!', '¿', '¡', '…':
		if r == '?' {
			return '?'
		}
		return '.'
	case '.':
		next, size := utf8.DecodeRuneInString(rest)
		if rest == "" || next == '\n' || next == '"' || next == ')' {
			return '.'
		}
		if !unicode.IsSpace(next) || number {
			return 0
		}
		if after, _ := utf8.DecodeRuneInString(rest[size:]); !unicode.IsDigit(after) {
			return '.'
		}
	case '\n':
		if strings.HasPrefix(strings.TrimLeft(rest[:min(len(rest), 8)], " \t\r"), "\n") {
			return '.'
		}
	case ',', '(', ')', '–', '—':
		return ','
	}
	return 0
}
