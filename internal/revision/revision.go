// Package revision says what changed between two versions of a statement, and
// for whom it matters.
//
// A change is wider when more may be done with what people gave, or less is
// promised to them; narrower when it is the other way about; and wording when
// rules and promises are the same. What cannot be told is wider: people are
// then told of a change they could have done without, and not the reverse.
//
// The JSON form of a Change is stable:
//
//	class     wording, narrower or wider
//	from, to  updated (a date), rules and text (SHA-256, hexadecimal)
//	rules     path, status (added, removed or changed), class, reason, and fields:
//	          field ("" for a rule that is one word), before, after, class, reason
//	promises  id, status, class ("" when the change of a rule says it already),
//	          reason, before and after, each with force, keeps and text
//	sections  title, status, and blocks, each with runs: op (equal, insert or
//	          delete) and text
package revision

import (
	"encoding/hex"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// Class says for whom a change matters.
type Class string

// A wording change alters nothing that is done. A narrower one is welcome to
// those whose information is kept; a wider one might not be.
const (
	Wording  Class = "wording"
	Narrower Class = "narrower"
	Wider    Class = "wider"
)

// Status says what became of a rule, a promise or a section.
type Status string

// What is in both versions, but differs, is changed.
const (
	Added   Status = "added"
	Removed Status = "removed"
	Changed Status = "changed"
)

// A Change is all that differs between two statements.
type Change struct {
	Class    Class           `json:"class"`
	From     Mark            `json:"from"`
	To       Mark            `json:"to"`
	Rules    []RuleChange    `json:"rules"`
	Promises []PromiseChange `json:"promises"`
	Sections []SectionChange `json:"sections"`
}

// A Mark tells one statement from all others.
type Mark struct {
	Updated string `json:"updated"`
	Rules   string `json:"rules"` // its RuleHash
	Text    string `json:"text"`  // its TextHash
}

// A RuleChange is a rule that differs.
type RuleChange struct {
	Path   string        `json:"path"`
	Status Status        `json:"status"`
	Class  Class         `json:"class"`
	Reason string        `json:"reason"`
	Fields []FieldChange `json:"fields"` // of a changed rule
}

// A FieldChange is a part of a rule that differs.
type FieldChange struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
	Class  Class  `json:"class"`
	Reason string `json:"reason"`
}

// A PromiseChange is a promise that was made, taken back, or now keeps
// something else. One that only reads differently is left to the sections.
type PromiseChange struct {
	ID     avow.ClauseID `json:"id"`
	Status Status        `json:"status"`
	Class  Class         `json:"class"`
	Reason string        `json:"reason"`
	Before *Clause       `json:"before,omitzero"`
	After  *Clause       `json:"after,omitzero"`
}

// A Clause is what a PromiseChange shows of a clause.
type Clause struct {
	Force statement.Force `json:"force"`
	Keeps []string        `json:"keeps"`
	Text  string          `json:"text"`
}

// Compare says what changed from a to b.
func Compare(a, b *statement.Statement) *Change {
	c := &Change{From: mark(a), To: mark(b)}
	c.Rules = compareRules(a, b)
	c.Promises = comparePromises(a, b)
	c.Sections = compareProse(a, b)
	var classes []Class
	for _, r := range c.Rules {
		classes = append(classes, r.Class)
	}
	for _, p := range c.Promises {
		classes = append(classes, p.Class)
	}
	c.Class = sum(classes)
	return c
}

func mark(s *statement.Statement) Mark {
	return Mark{s.Updated.String(), hex.EncodeToString(s.RuleHash[:]), hex.EncodeToString(s.TextHash[:])}
}

// sum is the class of several changes together. One that is wider makes the
// whole wider: nothing good elsewhere makes up for it.
func sum(classes []Class) Class {
	whole := Wording
	for _, c := range classes {
		switch {
		case c == Wider:
			return Wider
		case c == Narrower:
			whole = Narrower
		}
	}
	return whole
}

// JSON returns c in the form that the package documentation lays down.
func (c *Change) JSON() ([]byte, error) { return json.Marshal(c, jsontext.WithIndent("  ")) }
