// Package words knows the words that promises are made of, in four languages.
//
// What it knows of a language is one file of phrases in lexicon; who adds a
// language adds a file.
package words

import (
	"bytes"
	"embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

//go:embed lexicon/*.txt
var files embed.FS

// A Lexicon holds the words of one language that a statement is read by.
type Lexicon struct {
	// Known is false if there is no lexicon of the language. Headings and texts
	// are then those of English, and nothing else is found.
	Known bool
	lists map[string]phrases
	texts map[string]string
}

// phrases are the phrases of one list by their first word.
type phrases map[string][]phrase

type phrase struct {
	words []string
	means string
}

var lexicons sync.Map // of *Lexicon by language

// In returns the lexicon of a language tag such as "de-CH".
func In(tag string) *Lexicon {
	base, _, _ := strings.Cut(tag, "-")
	if l, ok := lexicons.Load(base); ok {
		return l.(*Lexicon)
	}
	data, err := files.ReadFile("lexicon/" + base + ".txt")
	if err != nil {
		en := In("en")
		return &Lexicon{lists: map[string]phrases{"section": en.lists["section"]}, texts: en.texts}
	}
	l, _ := lexicons.LoadOrStore(base, read(string(data)))
	return l.(*Lexicon)
}

// Languages returns the languages there are lexicons of.
func Languages() (tags []string) {
	entries, _ := files.ReadDir("lexicon") // what is embedded can be read
	for _, e := range entries {
		tags = append(tags, strings.TrimSuffix(e.Name(), ".txt"))
	}
	return tags
}

// read reads the lines of a lexicon: [list] or [list.meaning] begins a list,
// "phrase" or "phrase = meaning" adds to it, # begins a comment. In a phrase …
// stands for up to eight words, …2 for up to two, and a word ending in * for all
// that begin so.
func read(data string) *Lexicon {
	l := &Lexicon{Known: true, lists: map[string]phrases{}, texts: map[string]string{}}
	list, means := "", ""
	for line := range strings.Lines(data) {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		head, isHead := strings.CutPrefix(line, "[")
		key, value, named := strings.Cut(line, " = ")
		switch {
		case line == "":
		case isHead:
			list, means, _ = strings.Cut(strings.TrimSuffix(head, "]"), ".")
		case list == "texts":
			l.texts[key] = value
		case named:
			l.add(list, key, value)
		default:
			l.add(list, key, means)
		}
	}
	return l
}

func (l *Lexicon) add(list, text, means string) {
	p := phrase{strings.Fields(text), means}
	first := p.words[0]
	if strings.HasSuffix(first, "*") {
		first = "*"
	}
	if l.lists[list] == nil {
		l.lists[list] = phrases{}
	}
	l.lists[list][first] = append(l.lists[list][first], p)
}

// Text returns a text of the language, such as a heading of a table.
func (l *Lexicon) Text(key string) string { return l.texts[key] }

// A Word is a word of a text, in lower case, and where it stands.
type Word struct {
	Text       string
	Start, End int
	Capital    bool // it begins with a capital
}

// split returns the words of text from start to end.
func split(text []byte, start, end int) []Word {
	ws := make([]Word, 0, (end-start)/5)
	for i := start; i < end; {
		r, n := utf8.DecodeRune(text[i:end])
		if !letter(r) {
			i += n
			continue
		}
		w := Word{Start: i, End: wordEnd(text[:end], i), Capital: unicode.IsUpper(r)}
		if w.Text = strings.ToLower(string(text[i:w.End])); w.End-w.Start > utf8.RuneCountInString(w.Text) {
			w.Text = plain.Replace(w.Text)
		}
		ws = append(ws, w)
		i = w.End
	}
	return ws
}

var plain = strings.NewReplacer("’", "'", "\u2011", "-", "\u00ad", "")

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// wordEnd finds the end of a word, an address, a number or a URL: marks inside
// belong to it, marks at its end do not.
func wordEnd(text []byte, i int) int {
	end := i
	for i < len(text) {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case letter(r):
			end = i + n
		case r == ':' && strings.HasPrefix(string(text[i:min(i+3, len(text))]), "://"):
			url, _, _ := bytes.Cut(text[i:], []byte(" "))
			return i + len(bytes.TrimRight(url, ".,;:!?)”\"'"))
		case !strings.ContainsRune("'’-‑\u00ad.@_+", r) || end != i:
			return end
		}
		i += n
	}
	return end
}

// A Hit is a phrase found: the words from First to Last.
type Hit struct {
	First, Last int
	Means       string
}

// Find returns the phrases of a list in ws, from left to right, the longest
// where several begin at one word, none overlapping.
func (l *Lexicon) Find(list string, ws []Word) (hits []Hit) {
	all := l.lists[list]
	for i := 0; i < len(ws); i++ {
		best := Hit{First: i, Last: i - 1}
		for _, first := range [2]string{ws[i].Text, "*"} {
			for _, p := range all[first] {
				if last := reach(p.words, ws, i); last > best.Last {
					best.Last, best.Means = last, p.means
				}
			}
		}
		if best.Last >= i {
			hits = append(hits, best)
			i = best.Last
		}
	}
	return hits
}

// Has says whether a phrase of a list stands in ws.
func (l *Lexicon) Has(list string, ws []Word) bool { return len(l.Find(list, ws)) > 0 }

// gaps are how many words each sign in a phrase may stand for.
var gaps = map[string]int{"…": 8, "…2": 2}

// reach returns the last word of a phrase that begins at ws[i], or -1.
func reach(phrase []string, ws []Word, i int) int {
	skip := 0
	for _, want := range phrase {
		if n := gaps[want]; n > 0 {
			skip = n
			continue
		}
		// The first word that fits ends a gap: trying all would take time by the
		// power of the gaps.
		for skip > 0 && i < len(ws) && !matches(ws[i].Text, want) {
			i, skip = i+1, skip-1
		}
		if i == len(ws) || !matches(ws[i].Text, want) {
			return -1
		}
		i, skip = i+1, 0
	}
	return i - 1
}

func matches(word, want string) bool {
	stem, open := strings.CutSuffix(want, "*")
	return word == want || open && strings.HasPrefix(word, stem)
}

// Section says what kind a heading is: collection, use, children, optout,
// links, security, changes, acceptance, questions or other. Of several phrases
// in it the longest decides, then the first.
func (l *Lexicon) Section(title string) string {
	kind, longest := "other", 0
	ws := split([]byte(title), 0, len(title))
	for _, h := range l.Find("section", ws) {
		if n := h.Last - h.First + 1; n > longest {
			kind, longest = h.Means, n
		}
	}
	return kind
}
