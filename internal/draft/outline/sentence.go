package outline

import (
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/paper"
	"github.com/avow-privacy/avow/internal/draft/wording"
)

// A Sentence of the policy, with what it tells.
type Sentence struct {
	Runs    []paper.Run
	Text    string
	Words   []string
	Line    int
	Kind    string // of the section or heading it stands under
	Listed  bool   // it stands in a list or table
	Caption bool   // a few words that name what the next sentences speak of

	told map[string]int // concepts
}

// Has says whether the sentence tells one of the concepts a|b.
func (s *Sentence) Has(concepts string) bool {
	for one := range strings.SplitSeq(concepts, "|") {
		if s.told[one] > 0 {
			return true
		}
	}
	return false
}

// Tells says how surely the sentence tells a concept, 0 if it does not.
func (s *Sentence) Tells(concept string) int { return s.told[concept] }

// Named returns the concepts told of one family: for "field.", the fields.
func (s *Sentence) Named(family string) []string {
	var out []string
	for concept := range s.told {
		if name, ok := strings.CutPrefix(concept, family); ok && name != "any" && name != "log" && name != "given" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// tell finds out what the sentence tells. What comes before it, as the
// beginning of a list, completes it.
func (s *Sentence) tell(l *wording.Lexicon, lead []string) {
	s.Words = wording.Words(s.Text)
	// Words beyond these are a page of text without a full stop.
	const most = 2000
	if len(s.Words) > most {
		s.Words = s.Words[:most]
	}
	s.told = l.Match(append(slices.Clone(lead), s.Words...), len(lead))
	for concept := range l.Match(lead, 0) {
		switch family, _, _ := strings.Cut(concept, "."); family {
		case "collect", "use", "disclose", "negate", "child", "retain", "rights":
			if concept == family {
				s.told[concept] = max(s.told[concept], 1)
			}
		}
	}
	for _, field := range s.Named("field.") {
		if slices.Contains(Known().Log, field) {
			s.told["field.log"] = 1
		} else {
			s.told["field.given"] = 1
		}
	}
	if period, _ := l.Period(s.Words); period != "" {
		s.told["period"] = 1
	}
	if strings.HasSuffix(s.Text, ":") {
		s.told["lists"] = 1
	}
	for _, family := range []string{"purpose.", "recipient.", "tracker.", "collect."} {
		if s.Named(family) != nil {
			s.told[family+"any"] = 1
		}
	}
	if s.told["tracker"] > 0 {
		s.told["tracker.any"] = 1
	}
}

// Slug makes an id of the telling words of a sentence.
func (s *Sentence) Slug(l *wording.Lexicon, name string, most int) string {
	var parts []string
	own := wording.Words(name)
	for _, w := range s.Words {
		w = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, w)
		if len(w) > 2 && len(w) < 20 && !l.Stops(w) && !slices.Contains(parts, w) && !slices.Contains(own, w) {
			parts = append(parts, w)
		}
		if len(parts) == most {
			break
		}
	}
	id := strings.Join(parts, "-")
	if id == "" || id[0] >= '0' && id[0] <= '9' {
		id = strings.TrimSuffix("promise-"+id, "-")
	}
	return id
}
