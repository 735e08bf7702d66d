package statement

import (
	"crypto/sha256"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement/front"
)

// index holds what the lookups of a Statement need.
type index struct {
	data        map[avow.Field]*Datum
	purposes    map[avow.Purpose]*Purpose
	collections map[avow.Collection]*Collection
	clauses     map[avow.ClauseID]*Clause
	rules       map[string]int     // by path, into Rules
	kinds       map[string][]*Rule // by kind
	parts       map[string][]*Rule // by the first part of the path
	keepers     map[string]avow.ClauseID
}

func (s *Statement) buildIndex() {
	x := &s.index
	x.data = byName(s.Data, func(d *Datum) avow.Field { return d.Name })
	x.purposes = byName(s.Purposes, func(p *Purpose) avow.Purpose { return p.Name })
	x.collections = byName(s.Collect, func(c *Collection) avow.Collection { return c.Name })
	x.clauses = byName(s.Clauses, func(c *Clause) avow.ClauseID { return c.ID })
	x.kinds, x.parts = map[string][]*Rule{}, map[string][]*Rule{}
	for i := range s.Rules {
		r := &s.Rules[i]
		part, _, _ := strings.Cut(r.Path, ".")
		x.kinds[string(r.Kind)] = append(x.kinds[string(r.Kind)], r)
		x.parts[part] = append(x.parts[part], r)
	}
	s.buildKeepers()
}

// buildKeepers finds the promise that keeps each rule: one that names the rule
// itself rather than one that names all of its kind, and of two such the first
// in the text.
func (s *Statement) buildKeepers() {
	s.index.keepers = map[string]avow.ClauseID{}
	nearest := map[string]int{}
	seen := map[string]bool{}
	for _, cl := range s.Clauses {
		for _, ref := range cl.Keeps {
			if cl.Force != Promise || seen[ref] {
				continue
			}
			seen[ref] = true
			for _, r := range s.Covered(ref) {
				if n := nearness(ref, r); n > nearest[r.Path] {
					nearest[r.Path], s.index.keepers[r.Path] = n, cl.ID
				}
			}
		}
	}
}

func byName[K ~string, T any](list []T, name func(*T) K) map[K]*T {
	m := make(map[K]*T, len(list))
	for i := range list {
		if k := name(&list[i]); k != "" && m[k] == nil {
			m[k] = &list[i]
		}
	}
	return m
}

func nearness(ref string, r *Rule) int {
	switch ref {
	case r.Path:
		return 3
	case string(r.Kind):
		return 2
	}
	return 1
}

// Covered returns the rules that a word of keeps= names: the rule of that path,
// or else all rules of that kind, or else all whose path begins with it.
func (s *Statement) Covered(ref string) []*Rule {
	if r := s.Rule(ref); r != nil {
		return []*Rule{r}
	}
	if rules := s.index.kinds[ref]; rules != nil {
		return rules
	}
	return s.index.parts[ref]
}

// Datum returns the kind of information of that name, or nil.
func (s *Statement) Datum(name avow.Field) *Datum { return s.index.data[name] }

// Purpose returns the purpose of that name, or nil.
func (s *Statement) Purpose(name avow.Purpose) *Purpose { return s.index.purposes[name] }

// Collection returns the collection of that name, or nil.
func (s *Statement) Collection(name avow.Collection) *Collection { return s.index.collections[name] }

// Clause returns the clause of that id, or nil.
func (s *Statement) Clause(id avow.ClauseID) *Clause { return s.index.clauses[id] }

// Rule returns the rule of that path, or nil.
func (s *Statement) Rule(path string) *Rule {
	if i, ok := s.index.rules[path]; ok {
		return &s.Rules[i]
	}
	return nil
}

// Keeper returns the promise that keeps the rule of that path, or "".
func (s *Statement) Keeper(path string) avow.ClauseID { return s.index.keepers[path] }

// ruleHash covers all rules and who makes them, and nothing of the prose.
func (c *compiler) ruleHash() [32]byte {
	rules := make(map[string]jsontext.Value, len(c.Rules))
	for _, r := range c.Rules {
		rules[r.Path] = jsontext.Value(r.Canonical)
	}
	return sha256.Sum256(front.Canonical(map[string]any{"organisation": c.promiser, "rules": rules}))
}
