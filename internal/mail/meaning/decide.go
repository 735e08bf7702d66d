package meaning

import (
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/mail"
)

// rights are what people may ask for by law.
var rights = []string{"know", "copy", "correct", "erase", "restrict", "object", "opt-out", "withdraw"}

// wishes are the concepts of wanting no more letters.
var wishes = []string{"stop", "maybe", "bare", "hint"}

// found is what the words of a text say, once what takes back is heard.
type found struct {
	hits      []hit
	takenBack bool // something that looked like words of ours was none
}

// heard leaves out the hits that another takes back, and those that stand in the
// footer of some letter. A wish asked about ("how do I …") is a doubtful
// one only.
func (r *reading) heard() (f found) {
	not, maybe, foot := make([]bool, len(r.words)), make([]bool, len(r.words)), map[int32]bool{}
	for _, h := range r.hits {
		for at := h.from; at < h.to; at++ {
			not[at] = not[at] || h.concept == "not"
			maybe[at] = maybe[at] || h.concept == "maybe"
			if h.concept == "foot" {
				foot[r.words[at].clause] = true
			}
		}
	}
	for _, h := range r.hits {
		switch {
		case h.concept == "not":
			f.takenBack = true
		case h.concept == "polite", slices.Contains(not[h.from:h.to], true):
		case foot[r.words[h.from].clause] && slices.Contains(wishes, h.concept), h.concept == "stop" && slices.Contains(maybe[h.from:h.to], true):
		default:
			f.hits = append(f.hits, h)
		}
	}
	return f
}

func (f found) has(concept string) bool {
	return slices.ContainsFunc(f.hits, func(h hit) bool { return h.concept == concept })
}

// only says whether every word belongs to a wish for no more letters, or to what
// is said around one, and nothing takes it back. So a bare "stop" counts. A text that is nothing but polite
// adds nothing to its subject.
func (r *reading) only() (wish, polite bool) {
	covered := make([]bool, len(r.words))
	for _, h := range r.hits {
		if h.concept == "not" {
			return false, false
		}
		if h.concept == "bare" || h.concept == "stop" || h.concept == "polite" {
			wish = wish || h.concept != "polite"
			for i := h.from; i < h.to; i++ {
				covered[i] = true
			}
		}
	}
	all := len(r.words) <= 12 && !slices.Contains(covered, false)
	return wish && all, !wish && all
}

func (v *view) stopSubject() bool {
	only, _ := v.subject.only()
	return only || v.subject.heard().has("stop")
}

// much is how many words beside a wish are more than its reasons.
const much = 60

// otherMatter says whether sentences beside the wish want something else.
func (r *reading) otherMatter(f found) bool {
	of := func(concepts ...string) map[int32]bool {
		in := map[int32]bool{}
		for _, h := range f.hits {
			if slices.Contains(concepts, h.concept) {
				in[r.words[h.from].sentence] = true
			}
		}
		return in
	}
	wish, matter, beside := of(wishes...), of("matter"), 0
	for _, w := range r.words {
		if s := w.sentence; !wish[s] {
			if beside++; matter[s] || r.asks[s] {
				return true
			}
		}
	}
	return beside > much
}

// enclosed says whether something is attached that somebody may have to read: who
// ends a contract encloses a letter, and writes "cancellation" above it.
func (v *view) enclosed() bool {
	return slices.ContainsFunc(v.m.Attachments, func(a mail.Attachment) bool {
		return strings.HasPrefix(a.Type, "application/") && !strings.Contains(a.Type, "-signature") && !strings.Contains(a.Type, "-keys") || strings.HasPrefix(a.Type, "message/")
	})
}

// right returns the right that is asked for most clearly, and how clearly. Each
// wording counts once, and in one language: neighbours share words.
func right(hits []hit) (best string, weight int) {
	seen, sum := map[*phrase]bool{}, map[string]*[16]int{}
	for _, h := range hits {
		if slices.Contains(rights, h.concept) && !seen[h.phrase] {
			seen[h.phrase] = true
			if sum[h.concept] == nil {
				sum[h.concept] = &[16]int{}
			}
			sum[h.concept][h.language+1] += h.weight
		}
	}
	for _, name := range rights {
		if s := sum[name]; s != nil && s[0]+slices.Max(s[1:]) > weight {
			best, weight = name, s[0]+slices.Max(s[1:])
		}
	}
	return best, weight
}

// child says whether somebody below the age wrote, of themselves, or another wrote
// that one left something with us.
func (v *view) child(f found) (is, self bool) {
	var kid, did, aged bool
	for _, h := range f.hits {
		young := func() bool { n := v.text.age(h); return n > 0 && n < v.own.Age }
		switch h.concept {
		case "child":
			if n := v.text.age(h); n == 0 || n >= 5 && young() {
				is, self = true, self || n > 0
			}
		case "kid":
			kid = true
		case "did":
			did = true
		case "aged":
			aged = aged || young()
		}
	}
	return is || kid && did && aged, self && !kid
}

// decide tells the mail by its words.
func (v *view) decide() Meaning {
	text, subject := v.text.heard(), found{}
	if !v.answers {
		subject = v.subject.heard()
	}
	bare, polite := v.text.only()
	bareSubject, _ := v.subject.only()
	clear := text.has("stop") || bare
	doubt := text.has("maybe") || text.has("hint")
	if !v.answers && !text.takenBack {
		clear = clear || subject.has("stop") || bareSubject && (polite || doubt)
		doubt = doubt || subject.has("maybe") || subject.has("hint") || bareSubject
	} else if v.text.empty() && bareSubject {
		doubt = true
	}
	m := Meaning{Language: v.language()}
	name, weight := right(append(slices.Clone(text.hits), subject.hits...))
	other := v.text.otherMatter(text) || text.has("contract") || v.subject.heard().has("contract") || v.enclosed()
	also := func(is bool, k Kind) {
		if is {
			m.Also = append(m.Also, k)
		}
	}
	young, self := v.child(text)
	switch {
	case young:
		m.Kind, m.Self, m.Sure, m.Why = Child, self, true, "words about a child"
		also(weight > 1, Request)
		also(clear || doubt, Unsubscribe)
		if weight > 1 {
			m.Right = name
		}
	case weight > 1:
		// Who objects, or takes a consent back, is not written to while somebody
		// looks what exactly it is about.
		m.Kind, m.Right, m.Sure, m.Why = Request, name, weight > 2, "words for a right"
		also(clear || doubt || name == "object" || name == "withdraw", Unsubscribe)
	case clear || doubt:
		m.Kind, m.Sure, m.Why = Unsubscribe, clear && !other && !v.bulk(), "words for no more letters"
		also(other || !clear && slices.Contains(v.text.asks, true), Question)
	default:
		v.otherwise(&m, text)
	}
	return m
}

// otherwise tells the mail in which nothing of ours is said.
func (v *view) otherwise(m *Meaning, text found) {
	nothing := v.text.empty() && len(v.m.Attachments) == 0
	asks := slices.Contains(v.text.asks, true)
	switch {
	case nothing && v.toOptOut() && (v.subject.empty() || v.answers):
		m.Kind, m.Sure, m.Why = Unsubscribe, v.subject.empty(), "empty"
	case v.answers && text.has("away") && !asks && len(v.text.words) <= much:
		m.Kind, m.Why = AutoReply, "words of somebody who is away"
	case v.armed():
		m.Kind, m.Sure, m.Why = Junk, true, "a program is attached, and nothing said"
	case v.bulk() && !text.takenBack:
		m.Kind, m.Sure, m.Why = Junk, true, "a letter to many"
	default:
		m.Kind, m.Why = Question, "nothing else"
	}
}

func (v *view) language() string {
	if l := v.text.language(); l != "" || v.answers {
		return l
	}
	return v.subject.language()
}
