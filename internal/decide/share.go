package decide

import (
	"fmt"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// A Giving is a request to give fields of one record to somebody else.
type Giving struct {
	Use                 // by whom, of what, for what
	Recipient string    // who is given them
	On        avow.Date // the day on which that is done
}

// Share returns nil when g is allowed: the use is one that Allow allows, and who
// is given the fields is a recipient for them and for that purpose, bound by a
// contract that has not ended, in the pinned statement as well as in the current
// one. To somebody who became a recipient since, nothing older goes, unless the
// subject agreed to it.
func Share(g Giving) *avow.Refusal {
	if no := Allow(g.Use); no != nil {
		return no
	}
	if no := given(g.Current, &g); no != nil {
		return no
	}
	if g.Agreed || g.Pinned == g.Current {
		return nil
	}
	if no := given(g.Pinned, &g); no != nil {
		no.Reason += ", and this record was collected under that promise"
		return no
	}
	return nil
}

// given decides by one statement alone whether the recipient is one for g.
func given(s *statement.Statement, g *Giving) *avow.Refusal {
	r := recipient(s, g.Recipient)
	if r == nil {
		return &avow.Refusal{Clause: sharing(s), Reason: fmt.Sprintf("%q is not a declared recipient", g.Recipient)}
	}
	refuse := func(reason string, args ...any) *avow.Refusal {
		return &avow.Refusal{Clause: keeper(s, "recipients."+r.Name), Reason: fmt.Sprintf(reason, args...)}
	}
	switch {
	case r.Contract == "":
		return refuse("%q is not bound by a contract", r.Name)
	case !r.Until.IsZero() && r.Until.Before(g.On):
		return refuse("the contract with %q ended on %s", r.Name, r.Until)
	case !slices.Contains(r.For, g.Purpose):
		return refuse("%q is given information for %s, not for %q", r.Name, list(r.For), g.Purpose)
	}
	for _, f := range g.Fields {
		if !slices.Contains(r.Fields, f) {
			return refuse("%q is not given %q", r.Name, f)
		}
	}
	return nil
}

func recipient(s *statement.Statement, name string) *statement.Recipient {
	for i := range s.Recipients {
		if s.Recipients[i].Name == name {
			return &s.Recipients[i]
		}
	}
	return nil
}

// sharing returns the promise that says who is given anything.
func sharing(s *statement.Statement) avow.ClauseID {
	for i := range s.Recipients {
		if id := s.Keeper("recipients." + s.Recipients[i].Name); id != "" {
			return id
		}
	}
	return Undeclared
}

// Promised is a purpose as it counts for what was collected under a statement:
// what could be stopped then does not become a part of what somebody asked for.
func Promised(current, pinned *statement.Statement, name avow.Purpose) *statement.Purpose {
	p := current.Purpose(name)
	if was := pinned.Purpose(name); was != nil && p.Transactional() {
		return was
	}
	return p
}
