package outline

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed marks.yaml
var marksFile []byte

// A Table is marks.yaml: how sentences are marked, whatever the language.
type Table struct {
	Marks     []Mark
	Asks      []Asking
	Log       []string // fields that come with a visit, not by a form
	Foreign   []string // hosts that policies name and that are not the company's
	Companies []string // what stands at the end of a company's name
	Leads     []string // words before a name that are no part of it
	Generic   []string // words that are no name
	Acts      []string // what a sentence says of a company that it names first
}

// An Asking is a question that a rule raises: always, or if the policy does not
// say how long.
type Asking struct {
	Rule   string
	Unsaid bool
	Ask    string
}

// Known returns the table.
var Known = sync.OnceValue(func() *Table {
	t := &Table{}
	if err := yaml.Unmarshal(marksFile, t); err != nil {
		panic(fmt.Sprintf("marks.yaml: %v", err)) // the file is part of the program
	}
	return t
})

// A Mark is a row of the table of marks.
type Mark struct {
	ID    string
	Need  []string
	In    []string
	Keeps string
	Force string
	Votes string
	Of    string // a family of concepts: the one that the sentence tells completes the id
}

// Fits says whether the row is meant for what the sentence tells.
func (m *Mark) Fits(s *Sentence) bool {
	for _, need := range m.Need {
		if concepts, negated := strings.CutPrefix(need, "!"); s.Has(concepts) == negated {
			return false
		}
	}
	return true
}
