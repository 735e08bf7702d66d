package draft

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow/internal/draft/outline"
	"github.com/avow-privacy/avow/internal/draft/proposal"
	"github.com/avow-privacy/avow/internal/statement"
)

// assess gives each sentence the row of the table that fits it, and gathers
// the rules that the sentences suggest.
func (d *drafter) assess() {
	for _, s := range d.sentences {
		if s.Caption || strings.HasSuffix(s.Text, "?") {
			continue // nothing is promised yet
		}
		for n := range outline.Known().Marks {
			if m := &outline.Known().Marks[n]; (m.In == nil || slices.Contains(m.In, s.Kind)) && m.Fits(s.Sentence) {
				s.row = m
				break
			}
		}
		d.gather(s)
		if s.row != nil {
			d.adopt(s)
		}
	}
	if len(d.Names("cookies")) > 1 && d.Has("cookies.session") {
		delete(d.Lines, "cookies.session") // it stood for the ones that are named
	}
	for _, added := range d.Complete() {
		d.by[added[0]] = append(d.by[added[0]], d.by[added[1]]...)
	}
}

// suggest proposes the rule path because of s.
func (d *drafter) suggest(path string, s *sentence) {
	d.Add(path, s.Line)
	if len(d.by[path]) < 50 {
		d.by[path] = append(d.by[path], s)
	}
}

// gather finds the rules that a sentence suggests beside the one that its row
// of the table names.
func (d *drafter) gather(s *sentence) {
	about := s.Kind == "collection" || s.Kind == "use" || s.Kind == "other" || s.Kind == "children" && s.row == nil
	if s.Has("negate|rights|recipient.buyer") && !s.Has("cookie|tracker.any") || s.row != nil && s.row.Force == "information" {
		return
	}
	all := func(family, key string, meant bool) {
		for _, name := range s.Named(family) {
			if meant || name == "newsletter" && s.Kind == "optout" {
				d.suggest(key+name, s)
			}
		}
	}
	taking := s.Has("collect") || s.Kind == "collection" && (s.Listed || len(s.Named("field.")) > 2)
	using := s.Has("use|collect|purpose.recruit") || s.Listed
	giving := s.row != nil && s.row.Keeps == "recipients" || about && s.Has("disclose") && !s.Has("never.sale|never.rent|no.share")
	all("collect.", "collect.", about && !s.Has("negate"))
	all("field.", "data.", about && taking && !s.Has("negate|cookie.control"))
	all("purpose.", "purposes.", about && using || s.Kind == "optout" && s.Has("optout"))
	all("recipient.", "recipients.", giving)
	all("tracker.", "trackers.", !s.Has("negate"))
	if s.Has("cookie") || s.Listed && s.Kind == "collection" {
		for _, c := range proposal.Rules().Cookies {
			if strings.Contains(s.Text, c.Name) && containsWord(s.Text, c.Name) {
				d.suggest("cookies."+c.Name, s)
			}
		}
	}
}

func containsWord(text, name string) bool {
	return regexp.MustCompile(`(?:^|[^\w-])` + regexp.QuoteMeta(name) + `(?:$|[^\w-]|_)`).MatchString(text[:min(len(text), 2000)])
}

// adopt proposes what the row of a sentence keeps, and has the sentence tell
// it.
func (d *drafter) adopt(s *sentence) {
	families := map[string]string{"never": "never.", "trackers": "tracker.", "recipients": "recipient.", "purposes": "purpose."}
	switch keeps := s.row.Keeps; keeps {
	case "never":
		for _, name := range s.Named("never.") {
			d.suggest("never."+name, s)
		}
		s.keeps = []string{"never"}
		if s.Has("unless") {
			d.ask(s.Line, "The sentence says never, and then names an exception. A rule under never has none: is it without exception?")
		}
	case "retention":
		d.retention(s)
	case "cookies":
		if d.Names("cookies") == nil {
			d.suggest("cookies.session", s)
		}
		s.keeps = []string{"cookies"}
	case "trackers", "recipients", "purposes":
		for _, name := range s.Named(families[keeps]) {
			s.keeps = append(s.keeps, keeps+"."+name)
		}
		if keeps == "purposes" && s.row.Of == "" {
			s.keeps = []string{keeps}
		}
	case "popular":
		d.suggest("popular", s)
		d.suggest("purposes.popularity", s)
		s.keeps = []string{"popular", "purposes.popularity"}
	case "", "data":
		s.keeps = strings.Fields(keeps)
	default:
		d.suggest(keeps, s)
		s.keeps = []string{keeps}
	}
}

// retention has a sentence about how long something is kept keep the
// collections that it speaks of.
func (d *drafter) retention(s *sentence) {
	period, several := d.lexicon.Period(s.Words)
	if period == "" || several {
		return
	}
	names := s.Named("collect.")
	if names == nil && s.Has("field.log") {
		names = []string{"access-log"}
	}
	if names == nil && s.Has("field.card") {
		names = []string{"payment"}
	}
	for _, name := range names {
		path := "collect." + name
		d.suggest(path, s)
		if d.Periods[path] == "" || d.Periods[path] == period {
			d.Periods[path] = period
			s.keeps = append(s.keeps, path)
		}
	}
	if names == nil && d.generalBy == nil && !s.Has("child|cookie") {
		d.general, d.generalBy = period, s
	}
}

// bind marks the sentences: what keeps a rule is a promise, what binds without
// one is an aspiration, and what binds nobody is information.
func (d *drafter) bind() {
	told := map[string]bool{}
	for _, s := range d.sentences {
		binds := s.Has("bind")
		ours := s.Has("ours") || strings.Contains(s.Text, d.shortName())
		s.keeps = slices.DeleteFunc(s.keeps, func(ref string) bool { return !d.proposed(ref) })
		switch {
		case len(s.keeps) > 0 && s.Listed && !binds && slices.Contains([]string{"data", "purposes", "collect.access-log"}, s.row.Keeps) && !slices.ContainsFunc(s.keeps, func(ref string) bool { return ref != "data" && !told[ref] }):
			s.keeps = nil // a mark on each word of a list would hide the one that counts
		case len(s.keeps) > 0:
			s.force = statement.Promise
			for _, ref := range s.keeps {
				told[ref] = true
			}
		case s.row != nil && s.row.Force == "information":
			if binds {
				s.force = statement.Information
			}
		case s.row != nil && (binds || s.row.Force == "plain"):
			s.force = statement.Aspiration
		case binds && (s.Has("bind.you") || !ours):
			s.force = statement.Information
		case binds:
			s.force = statement.Aspiration
		}
	}
}

// proposed says whether a rule is proposed that keeps=ref tells.
func (d *drafter) proposed(ref string) bool {
	for path := range d.Lines {
		if proposal.Covers(ref, path) {
			return true
		}
	}
	return false
}

// tellRules has every rule told by a sentence that suggests it, and drops those
// that none is left to tell. Data is told by what collects it.
func (d *drafter) tellRules() {
	told := map[string]bool{}
	for _, s := range d.sentences {
		for _, ref := range s.keeps {
			for path := range d.Lines {
				told[path] = told[path] || proposal.Covers(ref, path)
			}
		}
	}
	for _, path := range d.paths() {
		if told[path] || strings.HasPrefix(path, "data.") {
			continue
		}
		var best *sentence
		for _, s := range d.by[path] {
			// A promise that is kept is not made an aspiration by a rule that
			// this build does not keep, if another sentence can tell it.
			if fit := d.kept(path) == (s.force == statement.Promise && d.keptAll(s.keeps)); !s.barred && (best == nil || fit) {
				if best = s; fit {
					break
				}
			}
		}
		if best == nil {
			delete(d.Lines, path)
			continue
		}
		best.keeps, best.force = append(best.keeps, path), statement.Promise
	}
}

// settle gives every mark its id, and makes an aspiration of a promise that
// this build does not keep.
func (d *drafter) settle() {
	taken := map[string]bool{}
	for _, s := range d.sentences {
		if s.id = ""; s.force == "" {
			continue
		}
		s.keeps = shorten(s.keeps)
		if s.force == statement.Promise && !d.keptAll(s.keeps) {
			s.force = statement.Aspiration
		}
		if s.force == statement.Information {
			s.keeps = nil
			continue
		}
		s.id = d.name(s)
		for n := 2; taken[s.id]; n++ {
			more := s.Slug(d.lexicon, d.Name+" "+d.name(s), 2)
			if s.id = d.name(s) + "-" + more; taken[s.id] || len(s.id) > 60 {
				s.id = d.name(s) + "-" + strconv.Itoa(n)
			}
		}
		taken[s.id] = true
	}
}

// name is what the id of a mark is made from.
func (d *drafter) name(s *sentence) string {
	switch {
	case s.row != nil && s.row.ID != "":
		if of := s.Named(s.row.Of + "."); len(of) > 0 && s.row.Of != "" {
			return s.row.ID + "-" + strings.Map(inID, of[0])
		}
		return s.row.ID
	case len(s.keeps) > 0:
		return strings.Map(inID, strings.TrimPrefix(s.keeps[0], "collect."))
	}
	return s.Slug(d.lexicon, d.Name, 3)
}

func inID(r rune) rune {
	if r == '.' || r == '_' {
		return '-'
	}
	return r
}

// shorten names the kind where a sentence would name more than two rules of it.
func shorten(keeps []string) []string {
	count := map[string]int{}
	for _, ref := range keeps {
		count[proposal.KindOf(ref)]++
	}
	var out []string
	for _, ref := range keeps {
		if kind := proposal.KindOf(ref); count[kind] > 2 && !strings.HasPrefix(kind, "collect.") {
			ref = kind
		}
		if !slices.Contains(out, ref) && (ref == proposal.KindOf(ref) || !slices.Contains(keeps, proposal.KindOf(ref))) {
			out = append(out, ref)
		}
	}
	return out
}

func (d *drafter) kept(path string) bool {
	return slices.Contains(d.opts.Keeps, statement.Kind(proposal.KindOf(path)))
}

func (d *drafter) keptAll(keeps []string) bool {
	return !slices.ContainsFunc(keeps, func(ref string) bool { return !d.kept(ref) })
}
