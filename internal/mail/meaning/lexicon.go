package meaning

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed lang/*.yaml
var files embed.FS

// Languages are those of the lexicons; what is the same in all is in any.yaml.
var Languages = []string{"en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "fi", "cs"}

// A source is a file of lang/.
type source struct {
	Small   []string            // small words that give the language away
	Numbers []string            // the words for five to twelve
	Words   map[string]string   // named alternatives: $name in a phrase
	Phrases map[string][]string // by concept
	Answers []string            // what stands before the subject of an answer
	On      []string            // how "On … wrote:" begins
	Wrote   []string            // and a word of its end
	Below   []string            // lines under which another letter follows
	Fields  []string            // names of From, To, Date and Subject above a quotation
}

// A lexicon is what is known of all languages.
type lexicon struct {
	nodes   []node
	shapes  map[string]int32 // words of phrases, with * if any ending will do
	small   []uint16         // by shape: the languages of which it is a small word
	number  []int            // by shape, -1 if it is none
	starts  [][]int32        // by shape: the phrases that begin with it
	phrases []phrase

	wrote, on, below, fields, answers map[string]bool
}

// A node of the tree of words: where each letter leads, and the shapes that a
// word has that ends here, or comes by.
type node struct {
	next        [36]uint16
	exact, stem int32 // 0 for none
}

// A phrase is a wording of a concept: places, each with the shapes of which the
// word there has one, and how many words may stand before it.
type phrase struct {
	concept  string
	language int8
	weight   int
	places   []place
}

type place struct {
	gap    int
	shapes []int32
}

// near and far are the gaps that one dot and two dots stand for.
const near, far = 2, 7

// known reads the files once. They are part of the program, so an error in them
// is one in the program.
var known = sync.OnceValue(load)

func load() *lexicon {
	l := &lexicon{nodes: make([]node, 1), shapes: map[string]int32{}, small: make([]uint16, 1), number: []int{-1}, starts: make([][]int32, 1),
		wrote: map[string]bool{}, on: map[string]bool{}, below: map[string]bool{}, fields: map[string]bool{}, answers: map[string]bool{}}
	for n := 0; n < 100; n++ {
		l.number[l.shape(strconv.Itoa(n))] = n
	}
	for i, lang := range append([]string{"any"}, Languages...) {
		text, err := files.ReadFile("lang/" + lang + ".yaml")
		var s source
		if err == nil {
			err = yaml.Unmarshal(text, &s)
		}
		if err == nil {
			err = l.add(i-1, s)
		}
		if err != nil {
			panic(fmt.Sprintf("lang/%s.yaml: %v", lang, err))
		}
	}
	return l
}

func (l *lexicon) add(language int, s source) error {
	for _, w := range s.Small {
		l.small[l.shape(foldText(w))] |= 1 << language
	}
	for n, w := range s.Numbers {
		l.number[l.shape(foldText(w))] = n + 5
	}
	for set, list := range map[*map[string]bool][]string{&l.wrote: s.Wrote, &l.on: s.On, &l.below: s.Below, &l.fields: s.Fields, &l.answers: s.Answers} {
		for _, w := range list {
			(*set)[foldText(w)] = true
		}
	}
	for _, concept := range slices.Sorted(maps.Keys(s.Phrases)) {
		for _, text := range s.Phrases[concept] {
			p, err := l.parse(text, s.Words)
			if err != nil {
				return err
			}
			p.concept, p.language = concept, int8(language)
			for _, shape := range p.places[0].shapes {
				l.starts[shape] = append(l.starts[shape], int32(len(l.phrases)))
			}
			l.phrases = append(l.phrases, p)
		}
	}
	return nil
}

// parse reads "not . $want .. mail*/letter* @3": a slash parts alternatives, a
// star stands for any ending, one dot for up to two words, two for up to seven,
// NN for a number, and @ sets the weight, else it is the number of places.
func (l *lexicon) parse(text string, named map[string]string) (p phrase, err error) {
	gap := 0
	for _, part := range strings.Fields(text) {
		switch {
		case part == ".":
			gap = near
		case part == "..":
			gap = far
		case part[0] == '@':
			if p.weight, err = strconv.Atoi(part[1:]); err != nil {
				return p, err
			}
		default:
			var alternatives []string
			for a := range strings.SplitSeq(part, "/") {
				if name, ok := strings.CutPrefix(a, "$"); ok {
					if a = named[name]; a == "" {
						return p, fmt.Errorf("%q: no words named %s", text, name)
					}
				}
				alternatives = append(alternatives, strings.Split(a, "/")...)
			}
			p.places = append(p.places, l.places(alternatives, gap)...)
			gap = 0
		}
	}
	if p.weight == 0 {
		p.weight = len(p.places)
	}
	if len(p.places) == 0 {
		err = fmt.Errorf("%q has no words", text)
	}
	return p, err
}

// places are those of alternatives. One that is more than one word, such as
// e-mail, may only stand alone.
func (l *lexicon) places(alternatives []string, gap int) (list []place) {
	if len(alternatives) == 1 && alternatives[0] != "NN" {
		split(strings.TrimSuffix(alternatives[0], "*"), func(w []byte) {
			list = append(list, place{gap, []int32{l.shape(string(w))}})
			gap = 0
		}, func(rune) {})
		if n := len(list); strings.HasSuffix(alternatives[0], "*") && n > 0 {
			list[n-1].shapes = nil
			words := strings.Fields(foldText(alternatives[0]))
			list[n-1].shapes = l.spellings(words[len(words)-1], "*")
		} else if n == 1 {
			list[0].shapes = l.spellings(alternatives[0], "")
		}
		return list
	}
	p := place{gap: gap}
	for _, a := range alternatives {
		stem, star := strings.CutSuffix(a, "*")
		if a == "NN" {
			p.shapes = append(p.shapes, l.shape("#"))
			continue
		}
		p.shapes = append(p.shapes, l.spellings(stem, strings.Repeat("*", len(a)-len(stem)))...)
		_ = star
	}
	return []place{p}
}

// typed is how people write what their keyboard does not have.
var typed = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "å", "aa", "ø", "oe")

// spellings are the shapes of a word, without accents and as people type it who
// have no such letters.
func (l *lexicon) spellings(w, star string) []int32 {
	fold := func(s string) string {
		return strings.ReplaceAll(foldText(strings.ReplaceAll(s, "'", "")), " ", "") + star
	}
	list := []int32{l.shape(fold(w))}
	if other := fold(typed.Replace(strings.ToLower(w))); l.shape(other) != list[0] {
		list = append(list, l.shape(other))
	}
	return list
}

// shape returns the number of a folded word, which is entered if it is new.
func (l *lexicon) shape(w string) int32 {
	if n, ok := l.shapes[w]; ok {
		return n
	}
	n := int32(len(l.starts))
	l.shapes[w] = n
	l.small, l.number, l.starts = append(l.small, 0), append(l.number, -1), append(l.starts, nil)
	stem, star := strings.CutSuffix(w, "*")
	at := uint16(0)
	for _, c := range []byte(stem) {
		i := branch(c)
		if i < 0 {
			return n // # is no word
		}
		if l.nodes[at].next[i] == 0 {
			if len(l.nodes) > 65_000 {
				panic("more words than the tree has room for")
			}
			l.nodes[at].next[i] = uint16(len(l.nodes))
			l.nodes = append(l.nodes, node{})
		}
		at = l.nodes[at].next[i]
	}
	if star {
		l.nodes[at].stem = n
	} else {
		l.nodes[at].exact = n
	}
	return n
}

func branch(c byte) int {
	switch {
	case c >= 'a' && c <= 'z':
		return int(c - 'a')
	case c >= '0' && c <= '9':
		return int(c-'0') + 26
	}
	return -1
}

// appendShapes appends the shapes that w has, the most special last.
func (l *lexicon) appendShapes(to []int32, w []byte) []int32 {
	at := uint16(0)
	for _, c := range w {
		i := branch(c)
		if i < 0 || l.nodes[at].next[i] == 0 {
			return to
		}
		at = l.nodes[at].next[i]
		if s := l.nodes[at].stem; s != 0 {
			to = append(to, s)
		}
	}
	if s := l.nodes[at].exact; s != 0 {
		to = append(to, s)
	}
	return to
}
