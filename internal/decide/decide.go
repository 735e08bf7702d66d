// Package decide says whether a use of some fields is allowed, and by which clause.
//
// It is pure: no I/O and no clock. Everything that a decision rests on is in
// the request, so that the same request is always answered the same way, and a
// test can ask all of them. Nothing else in avow decides.
package decide

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// Undeclared is the clause cited when a use is refused because no promise of
// the statement speaks of it at all.
const Undeclared avow.ClauseID = "undeclared"

// A Use is a request to use fields of one record.
type Use struct {
	Current    *statement.Statement // in force now
	Pinned     *statement.Statement // in force when the record was collected
	Collection avow.Collection      // where the record came in
	Actor      avow.Actor           // who asks
	Purpose    avow.Purpose         // what for
	Fields     []avow.Field         // which fields
	Agreed     bool                 // the subject agreed to Purpose under Current
}

// Allow returns nil when u is allowed. A use is allowed only if the pinned
// statement and the current one both allow it, or the current one does and the
// subject agreed to it: narrower applies at once, wider never reaches back.
func Allow(u Use) *avow.Refusal {
	if u.Actor == "" {
		return &avow.Refusal{Clause: keeper(u.Current, "security.staff"), Reason: "a use without a name is nobody's to answer for"}
	}
	if no := under(u.Current, u, u.Agreed); no != nil {
		return no
	}
	if u.Agreed || u.Pinned == u.Current {
		return nil
	}
	if no := under(u.Pinned, u, u.Agreed); no != nil {
		no.Reason += ", and this record was collected under that promise"
		return no
	}
	return nil
}

// under decides u by one statement alone.
func under(s *statement.Statement, u Use, agreed bool) *avow.Refusal {
	for i := range s.Never {
		if s.Never[i].Name == string(u.Purpose) {
			return &avow.Refusal{Clause: keeper(s, "never."+s.Never[i].Name), Reason: fmt.Sprintf("%q is never done here", u.Purpose)}
		}
	}
	c := s.Collection(u.Collection)
	if c == nil {
		return &avow.Refusal{Clause: Undeclared, Reason: fmt.Sprintf("%q is not a declared collection", u.Collection)}
	}
	p := s.Purpose(u.Purpose)
	if p == nil {
		return &avow.Refusal{Clause: keeper(s, "collect."+string(c.Name)), Reason: fmt.Sprintf("%q is not a declared purpose", u.Purpose)}
	}
	if !slices.Contains(c.For, u.Purpose) {
		return &avow.Refusal{Clause: keeper(s, "collect."+string(c.Name)),
			Reason: fmt.Sprintf("what came in by %q is used for %s, not for %q", c.Name, list(c.For), u.Purpose)}
	}
	// Who sends a form that has one purpose only asked for it by sending it. A
	// purpose that rides along with others needs its own yes.
	if p.Basis == "opt-in" && !agreed && len(c.For) > 1 {
		return &avow.Refusal{Clause: keeper(s, "purposes."+string(p.Name)), Reason: fmt.Sprintf("%q needs the person's own yes", p.Name)}
	}
	return declared(s, c, u.Fields)
}

// Collect returns nil when c may take fields in: only what the statement
// declares for it, whoever sends more.
func Collect(s *statement.Statement, name avow.Collection, fields []avow.Field) *avow.Refusal {
	c := s.Collection(name)
	if c == nil {
		return &avow.Refusal{Clause: Undeclared, Reason: fmt.Sprintf("%q is not a declared collection", name)}
	}
	return declared(s, c, fields)
}

func declared(s *statement.Statement, c *statement.Collection, fields []avow.Field) *avow.Refusal {
	for _, f := range fields {
		if !takes(c, f) {
			return &avow.Refusal{Clause: keeper(s, "collect."+string(c.Name)), Reason: fmt.Sprintf("%q does not ask for %q", c.Name, f)}
		}
	}
	return nil
}

func takes(c *statement.Collection, f avow.Field) bool {
	for i := range c.Fields {
		if c.Fields[i].Name == f {
			return true
		}
	}
	return false
}

// list writes purposes as a person would.
func list(purposes []avow.Purpose) string {
	quoted := make([]string, len(purposes))
	for i, p := range purposes {
		quoted[i] = strconv.Quote(string(p))
	}
	return strings.Join(quoted, " and ")
}

// keeper returns the promise that keeps a rule.
func keeper(s *statement.Statement, path string) avow.ClauseID {
	if id := s.Keeper(path); id != "" {
		return id
	}
	return Undeclared
}
