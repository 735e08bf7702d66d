package revision

import (
	"slices"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// A pledge is a clause with the rules it keeps.
type pledge struct {
	*statement.Clause
	rules []string // paths; none unless the clause is a promise
}

// pledges returns the clauses of s that can be told apart, in their order.
func pledges(s *statement.Statement) (out []pledge) {
	for i := range s.Clauses {
		c := &s.Clauses[i]
		if c.ID == "" {
			continue
		}
		p := pledge{Clause: c}
		if c.Force == statement.Promise {
			for _, ref := range c.Keeps {
				p.rules = append(p.rules, covered(s, ref)...)
			}
		}
		out = append(out, p)
	}
	return out
}

// covered returns the paths that a word of keeps= names: a path, a kind, or how
// paths begin, in this order.
func covered(s *statement.Statement, ref string) (out []string) {
	for _, names := range []func(r statement.Rule) bool{
		func(r statement.Rule) bool { return r.Path == ref },
		func(r statement.Rule) bool { return string(r.Kind) == ref },
		func(r statement.Rule) bool { return strings.HasPrefix(r.Path, ref+".") },
	} {
		for _, r := range s.Rules {
			if names(r) {
				out = append(out, r.Path)
			}
		}
		if out != nil {
			break
		}
	}
	return out
}

// comparePromises lists the promises that differ in more than their words.
func comparePromises(a, b *statement.Statement) []PromiseChange {
	rulesA, rulesB := byPath(a), byPath(b)
	old := renamed(pledges(a), pledges(b))
	var out []PromiseChange
	for _, is := range pledges(b) {
		was, ok := old[is.ID]
		delete(old, is.ID)
		if !ok {
			was = pledge{Clause: &statement.Clause{ID: is.ID}}
		}
		c := weigh(was, is, rulesA, rulesB)
		if c == nil {
			continue
		}
		if c.Status, c.After = Changed, shown(is); ok {
			c.Before = shown(was)
		} else {
			c.Status = Added
		}
		out = append(out, *c)
	}
	for _, was := range pledges(a) {
		if _, left := old[was.ID]; !left {
			continue
		}
		if c := weigh(was, pledge{Clause: &statement.Clause{ID: was.ID}}, rulesA, rulesB); c != nil {
			c.Status, c.Before = Removed, shown(was)
			out = append(out, *c)
		}
	}
	return out
}

// renamed returns the old clauses by the id they go by now: one that has the
// same words under a new id is the same.
func renamed(old, now []pledge) map[avow.ClauseID]pledge {
	ids, words := map[avow.ClauseID]bool{}, map[string]avow.ClauseID{}
	m := map[avow.ClauseID]pledge{}
	for _, p := range old {
		m[p.ID] = p
	}
	for _, p := range now {
		ids[p.ID] = true
		if _, kept := m[p.ID]; !kept {
			words[p.Text] = p.ID
		}
	}
	for _, p := range old {
		if id, same := words[p.Text]; same && !ids[p.ID] {
			delete(m, p.ID)
			delete(words, p.Text)
			m[id] = p
		}
	}
	return m
}

// weigh compares a promise with what it was. A clause that is not there has no
// force. Rules that came or went are weighed by themselves: taking away a form
// with its promise must not look like breaking a promise.
func weigh(was, is pledge, rulesA, rulesB map[string]statement.Rule) *PromiseChange {
	c := &PromiseChange{ID: is.ID}
	bound, binds := was.Force == statement.Promise, is.Force == statement.Promise
	lasts := func(path string) bool {
		a, inA := rulesA[path]
		b, inB := rulesB[path]
		return inA && inB && a.Kind == b.Kind
	}
	lost, gained := only(without(was.rules, is.rules), lasts), only(without(is.rules, was.rules), lasts)
	switch {
	case !bound && !binds:
		return nil
	case !binds && len(was.rules) > 0 && len(lost) == 0:
		c.Reason = "what it kept is gone too"
	case !bound && len(is.rules) > 0 && len(gained) == 0:
		c.Reason = "what it keeps is new too"
	case !binds:
		c.Class, c.Reason = Wider, unbound(is)
	case !bound:
		c.Class, c.Reason = Narrower, "a new promise"
		if was.Force != "" {
			c.Reason = "now binding"
		}
	case len(lost) > 0:
		c.Class, c.Reason = Wider, "no longer keeps "+strings.Join(lost, ", ")
	case len(gained) > 0:
		c.Class, c.Reason = Narrower, "now keeps "+strings.Join(gained, ", ")
	default:
		return nil
	}
	return c
}

func only(list []string, keep func(string) bool) []string {
	return slices.DeleteFunc(list, func(item string) bool { return !keep(item) })
}

func unbound(is pledge) string {
	switch is.Force {
	case statement.Aspiration:
		return "now only an aim"
	case statement.Information:
		return "now only information"
	}
	return "a promise gone"
}

func shown(p pledge) *Clause { return &Clause{p.Force, p.Keeps, p.Text} }
