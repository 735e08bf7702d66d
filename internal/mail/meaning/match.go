package meaning

import "slices"

// A hit is a phrase that was found, from one word up to another.
type hit struct {
	*phrase
	from, to int
}

// read splits a text into words and finds the phrases in it. Each word is
// looked up once, and each phrase that may begin there is tried along its
// length, so that the work is linear in the text whatever it says.
func (r *reading) read(text string) {
	l := known()
	r.small = make([]int32, len(Languages))
	sentence, clause := int32(0), int32(0)
	r.asks = append(r.asks, false)
	type span struct{ from, to int }
	var spans []span // r.shapes grows, so that words get theirs only at the end
	split(text, func(w []byte) {
		from := len(r.shapes)
		r.shapes = l.appendShapes(r.shapes, w)
		if n := l.numberOf(r.shapes[from:]); n >= 0 && n < 100 {
			r.shapes = append(r.shapes, l.shapes["#"])
		}
		spans = append(spans, span{from, len(r.shapes)})
		r.words = append(r.words, word{sentence: sentence, clause: clause})
	}, func(end rune) {
		clause++
		if n := len(r.words); end != ',' && n > 0 && r.words[n-1].sentence == sentence {
			r.asks[sentence] = end == '?'
			r.asks = append(r.asks, false)
			sentence++
		}
	})
	for i, s := range spans {
		r.words[i].shapes = r.shapes[s.from:s.to:s.to]
	}
	r.match(l)
}

func (l *lexicon) numberOf(shapes []int32) int {
	if n := len(shapes); n > 0 {
		return l.number[shapes[n-1]]
	}
	return -1
}

func (r *reading) match(l *lexicon) {
	for at := range r.words {
		for _, shape := range r.words[at].shapes {
			for lang := range Languages {
				r.small[lang] += int32(l.small[shape] >> lang & 1)
			}
			for _, n := range l.starts[shape] {
				if p := &l.phrases[n]; len(r.hits) < maxHits {
					if to := r.end(p, at); to > 0 {
						r.hits = append(r.hits, hit{p, at, to})
					}
				}
			}
		}
	}
}

// maxHits bounds what a text made of nothing but phrases costs.
const maxHits = 4096

// takesBack names the concepts that undo others: a comma ends what they say.
func takesBack(concept string) bool { return concept == "not" }

// end returns where p ends that starts at the word at, or 0. Where words may
// stand between it takes the first that fits, and never goes back.
func (r *reading) end(p *phrase, at int) int {
	first := r.words[at]
	for i, place := range p.places {
		if i == 0 {
			at++
			continue
		}
		stop := min(at+place.gap, len(r.words)-1)
		for at <= stop && r.words[at].sentence == first.sentence && !has(r.words[at].shapes, place.shapes) {
			at++
		}
		if at > stop || r.words[at].sentence != first.sentence || takesBack(p.concept) && r.words[at].clause != first.clause {
			return 0
		}
		at++
	}
	return at
}

func has(shapes, wanted []int32) bool {
	for _, s := range shapes {
		if slices.Contains(wanted, s) {
			return true
		}
	}
	return false
}

// language returns the one with the most small words and phrases, or "".
func (r *reading) language() string {
	count := slices.Clone(r.small)
	for _, h := range r.hits {
		if h.language >= 0 && h.concept != "kid" {
			count[h.language] += int32(h.weight)
		}
	}
	best, most := "", int32(0)
	for i, n := range count {
		if n > most {
			best, most = Languages[i], n
		}
	}
	return best
}

// age returns the number that a hit has in it, or 0.
func (r *reading) age(h hit) int {
	l := known()
	for _, w := range r.words[h.from:h.to] {
		if slices.Contains(w.shapes, l.shapes["#"]) {
			return l.numberOf(w.shapes[:len(w.shapes)-1])
		}
	}
	return 0
}

// begins says whether the text begins with a phrase of the concept. One of a
// single word has to be all of the sentence's first part.
func (r *reading) begins(concept string) bool {
	return slices.ContainsFunc(r.hits, func(h hit) bool {
		whole := h.to == len(r.words) || r.words[h.to].clause != r.words[0].clause
		return h.concept == concept && h.from == 0 && (whole || h.weight > 1)
	})
}
