package revision

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow/internal/statement"
)

// parts are the parts of a rule by name; a rule of one word has the name "".
type parts map[string]part

type part struct {
	words []string
	list  bool
}

// compareRules lists what RuleHash covers and differs: first who makes the
// promises, then the rules of b in their order, then those that only a has.
func compareRules(a, b *statement.Statement) []RuleChange {
	var out []RuleChange
	if c, differs := changed("organisation", whose(a), whose(b)); differs {
		out = append(out, c)
	}
	before := byPath(a)
	for _, r := range b.Rules {
		was, ok := before[r.Path]
		delete(before, r.Path)
		switch {
		case !ok:
			out = append(out, came(r.Path))
		case was.Canonical != r.Canonical:
			c, _ := changed(r.Path, read(was.Canonical), read(r.Canonical))
			out = append(out, c)
		}
	}
	for _, r := range a.Rules {
		if _, left := before[r.Path]; left {
			out = append(out, went(r.Path))
		}
	}
	return out
}

func byPath(s *statement.Statement) map[string]statement.Rule {
	m := make(map[string]statement.Rule, len(s.Rules))
	for _, r := range s.Rules {
		m[r.Path] = r
	}
	return m
}

func whose(s *statement.Statement) parts {
	o := s.Organisation
	return parts{"name": words(o.Name), "contact": words(o.Contact),
		"site": {slices.Sorted(slices.Values(o.Site)), true}}
}

// read takes a rule's canonical form apart.
func read(canonical string) parts {
	var v any
	if err := json.Unmarshal([]byte(canonical), &v); err != nil {
		return parts{"": words(canonical)} // only the compiler writes it, and it writes JSON
	}
	keys, ok := v.(map[string]any)
	if !ok {
		return parts{"": words(v)}
	}
	p := parts{}
	for k, v := range keys {
		p[k] = words(v)
	}
	return p
}

func words(v any) part {
	switch v := v.(type) {
	case []any:
		p := part{list: true}
		for _, item := range v {
			p.words = append(p.words, words(item).words...)
		}
		return p
	case string:
		if v == "" {
			return part{}
		}
	}
	return part{words: []string{fmt.Sprint(v)}}
}

// first returns the first word of a rule's path.
func first(path string) string {
	word, _, _ := strings.Cut(path, ".")
	return word
}

// changed weighs a rule that is in both statements, part by part.
func changed(path string, before, after parts) (RuleChange, bool) {
	c := RuleChange{Path: path, Status: Changed}
	var classes []Class
	var reasons []string
	names := maps.Clone(before)
	maps.Copy(names, after)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name].words, after[name].words
		if slices.Equal(was, is) {
			continue
		}
		f := FieldChange{Field: name, Before: one(was), After: one(is)}
		f.Class, f.Reason = directionOf(path, name)(was, is)
		c.Fields, classes = append(c.Fields, f), append(classes, f.Class)
		if after[name].list {
			reasons = append(reasons, f.Reason) // which names what came and went
		} else {
			reasons = append(reasons, f.String())
		}
	}
	c.Class, c.Reason = sum(classes), strings.Join(reasons, "; ")
	return c, len(c.Fields) > 0
}

// String says a change in a line: keep 24 months → 36 months: kept longer.
func (f FieldChange) String() string {
	nothing := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return s
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s → %s: %s", f.Field, nothing(f.Before), nothing(f.After), f.Reason))
}

func directionOf(path, part string) direction {
	key := path
	if part != "" {
		key = first(path) + "." + part
	}
	if d, ok := directions[key]; ok {
		return d
	}
	return unclear("it is not known what this means")
}

func came(path string) RuleChange {
	p, ok := presences[first(path)]
	if !ok {
		p = presence{Wider, "it is not known what this means", ""}
	}
	return RuleChange{Path: path, Status: Added, Class: p.Class, Reason: p.came}
}

func went(path string) RuleChange {
	p, ok := presences[first(path)]
	if !ok {
		return RuleChange{Path: path, Status: Removed, Class: Wider, Reason: "it is not known what this means"}
	}
	return RuleChange{Path: path, Status: Removed, Class: opposite(p.Class), Reason: p.went}
}
