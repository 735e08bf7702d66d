// Package wording knows how policies word things, language by language.
//
// What it knows is data, in lang/: a file for each language, with the phrases
// that give a concept away. Code only matches them.
package wording

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/unicode/norm"
)

//go:embed lang/*.yaml
var files embed.FS

var languages = []string{"en", "de", "fr", "es"}

// A Lexicon is what is known of one language.
type Lexicon struct {
	Stop      []string            // words that give the language away
	Months    []string            // twelve, each with its short forms: "march mar"
	Units     map[string]string   // of time: the words for year, month, week, day, hour
	Numbers   map[string]int      // number words
	Short     []string            // abbreviations that end no sentence
	Day       string              // order of 4/5/2016: dmy or mdy
	Title     string              // for a policy without one
	Sections  map[string]string   // titles for a policy without headings
	Fields    map[string]string   // what people call each field
	Purposes  map[string]string   // completes "to …"
	Forms     map[string]string   // headings of the forms
	Recipient map[string]string   // what people call each recipient
	Phrases   map[string][]string // by concept: the wordings that give it away

	starts, stems map[string][]phrase // by first word
	stop          map[string]bool
	months, units map[string]int // months 1-12; units as an index of unitNames
}

// unitNames are the units of a period, as avow.ParsePeriod reads them.
var unitNames = []string{"hours", "days", "weeks", "months", "years"}

// A phrase is a wording of a concept. Each position holds alternatives, of
// which one that ends in * stands for any ending; an empty position stands for
// up to gap words.
type phrase struct {
	concept string
	words   [][]string
	weight  int
}

const gap = 12

// lexicons reads the files once: they are part of the program, so an error in
// them is one in the program.
var lexicons = sync.OnceValue(func() map[string]*Lexicon {
	all := map[string]*Lexicon{}
	any := map[string][]string{}
	load("any", &any)
	for _, lang := range languages {
		l := &Lexicon{starts: map[string][]phrase{}, stems: map[string][]phrase{}, stop: map[string]bool{}, months: map[string]int{}, units: map[string]int{}}
		load(lang, l)
		l.index(any)
		all[lang] = l
	}
	return all
})

func load(lang string, into any) {
	src, err := files.ReadFile("lang/" + lang + ".yaml")
	if err == nil {
		err = yaml.Unmarshal(src, into)
	}
	if err != nil {
		panic(fmt.Sprintf("lang/%s.yaml: %v", lang, err))
	}
}

// In returns what is known of a language, or nil.
func In(lang string) *Lexicon { return lexicons()[lang] }

// Detect returns the language of words: the one with the most small words in
// it, or "" when none of them is known well enough.
func Detect(words []string) string {
	best, most := "", len(words)/12
	for _, lang := range languages {
		n := 0
		for _, w := range words {
			if In(lang).stop[w] {
				n++
			}
		}
		if n > most {
			best, most = lang, n
		}
	}
	return best
}

// AboutPrivacy says whether words speak of privacy in any language that is
// known.
func AboutPrivacy(words []string) bool {
	for _, lang := range languages {
		if told := In(lang).Match(words, 0); told["policy"] > 0 || told["title"] > 0 {
			return true
		}
	}
	return false
}

func (l *Lexicon) index(any map[string][]string) {
	for _, w := range l.Stop {
		l.stop[Fold(w)] = true
	}
	for n, names := range l.Months {
		for _, w := range strings.Fields(names) {
			l.months[Fold(w)] = n + 1
		}
	}
	for n, unit := range unitNames {
		for _, w := range strings.Fields(l.Units[strings.TrimSuffix(unit, "s")]) {
			l.units[Fold(w)] = n
		}
	}
	for _, phrases := range []map[string][]string{l.Phrases, any} {
		for concept, list := range phrases {
			for _, text := range list {
				l.add(parse(concept, text))
			}
		}
	}
}

func (l *Lexicon) add(p phrase) {
	for _, w := range p.words[0] {
		if stem, ok := strings.CutSuffix(w, "*"); ok {
			l.stems[stem] = append(l.stems[stem], p)
		} else {
			l.starts[w] = append(l.starts[w], p)
		}
	}
}

// parse reads "not .. sell*/rent* @3": a slash parts alternatives, two dots
// stand for some words, @ sets the weight, else it is the number of words.
func parse(concept, text string) phrase {
	p := phrase{concept: concept}
	for _, part := range strings.Fields(reElision.ReplaceAllString(Fold(text), "$1 ")) {
		switch {
		case part == "..":
			p.words = append(p.words, nil)
		case part[0] == '@':
			p.weight, _ = strconv.Atoi(part[1:])
		default:
			p.words = append(p.words, strings.Split(part, "/"))
		}
	}
	if p.weight == 0 {
		p.weight = len(p.words)
	}
	return p
}

// Match returns the concepts found in words, with the greatest weight of a
// wording that was. A match that ends before the word from is left out: those
// words are context.
func (l *Lexicon) Match(words []string, from int) map[string]int {
	found := map[string]int{}
	try := func(list []phrase, at int) {
		for n := range list {
			if p := &list[n]; found[p.concept] < p.weight && p.end(words, at) > from {
				found[p.concept] = p.weight
			}
		}
	}
	for at, w := range words {
		try(l.starts[w], at)
		for n := 2; n <= len(w) && n < 24; n++ {
			try(l.stems[w[:n]], at)
		}
	}
	return found
}

// Tells says with which weight text tells a concept.
func (l *Lexicon) Tells(concept, text string) int { return l.Match(Words(text), 0)[concept] }

// end returns the index after the last word of p, which starts at the word at,
// or -1.
func (p *phrase) end(words []string, at int) int {
	slack := 0
	for _, alternatives := range p.words {
		if alternatives == nil {
			slack = gap
			continue
		}
		stop := min(at+slack, len(words)-1)
		for at <= stop && !OneOf(alternatives, words[at]) {
			at++
		}
		if at > stop {
			return -1
		}
		at, slack = at+1, 0
	}
	return at
}

// OneOf says whether word is one of the alternatives, of which one that ends in
// * stands for any ending.
func OneOf(alternatives []string, word string) bool {
	for _, a := range alternatives {
		if stem, ok := strings.CutSuffix(a, "*"); a == word || ok && strings.HasPrefix(word, stem) {
			return true
		}
	}
	return false
}

// Stops says whether word is one of the small words of the language.
func (l *Lexicon) Stops(word string) bool { return l.stop[word] }

// Fold makes words that differ in case or accents only the same.
func Fold(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case r == '’' || r == '‘' || r == '`':
			return '\''
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// reElision finds the short words that French ties to the next one.
var reElision = regexp.MustCompile(`\b(qu|[cdjlmnst])'`)

// Words returns the words of text, folded; e-mail is two.
func Words(text string) []string {
	list := strings.FieldsFunc(reElision.ReplaceAllString(Fold(text), "$1 "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\''
	})
	out := list[:0]
	for _, w := range list {
		if w = strings.Trim(w, "'"); w != "" {
			out = append(out, w)
		}
	}
	return out
}
