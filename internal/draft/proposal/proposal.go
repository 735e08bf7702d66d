// Package proposal holds the rules that a policy suggests, and writes them.
//
// What may be proposed, with which category, basis and retention, is data in
// rules.yaml. A proposal is complete before it is written: each collection has
// its fields and purposes, and each field a collection that takes it.
package proposal

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/draft/wording"
)

//go:embed rules.yaml
var rulesFile []byte

// Known is rules.yaml: what may be proposed, whatever the language.
type Known struct {
	Fields []struct {
		Name, Category, Type, Index, Store string
		Max                                int
		By                                 string // visit or purchase, if not by a form
	}
	Purposes    []struct{ Name, Basis, Channel string }
	Collections []Collection
	Recipients  []struct {
		Name        string
		Fields, For []string
	}
	Trackers []struct{ Host, For string }
	Cookies  []struct {
		Name, For, Keep string
		Necessary       bool
	}
}

// A Collection is a place where information may come in. It takes the fields
// Always, marked ! where required, and Maybe those the policy names; it serves
// For, and Also those purposes the policy names.
type Collection struct {
	Name, By, Keep, Noun string
	Always, Maybe        []string
	For, Also            []string
}

// Rules returns what may be proposed.
var Rules = sync.OnceValue(func() *Known {
	k := &Known{}
	if err := yaml.Unmarshal(rulesFile, k); err != nil {
		panic(fmt.Sprintf("rules.yaml: %v", err)) // the file is part of the program
	}
	return k
})

// A Set is the rules proposed for one policy.
type Set struct {
	Lines   map[string]int    // by path of a rule: the line that suggests it
	Periods map[string]string // by path: how long, where the policy says so
	Grounds []string          // of disclosure
	Under   int               // the age of a child

	Language              string
	Name, Site, Contact   string
	OptOut                string
	Updated               avow.Date
	Within, Notice, Reply string // how soon letters stop, changes are told, people are answered
	Open                  []Question
}

// A Question is something only the company can answer. Its line is one of the
// policy.
type Question struct {
	Line int    `json:"line"`
	Ask  string `json:"ask"`
}

// Has says whether a rule is proposed.
func (s *Set) Has(path string) bool { return s.Lines[path] > 0 }

// Add proposes a rule because of a line of the policy.
func (s *Set) Add(path string, line int) {
	if !s.Has(path) {
		s.Lines[path] = max(line, 1)
	}
}

// nevers is the order in which a statement says what is never done.
var nevers = []string{"sale", "rent", "lease", "trade", "loan", "automated-decision"}

// Names returns the names under one key for which a rule is proposed.
func (s *Set) Names(key string) []string {
	var out []string
	if key == "never" {
		for _, name := range nevers {
			if s.Has("never." + name) {
				out = append(out, name)
			}
		}
		return out
	}
	for path := range s.Lines {
		if name, ok := strings.CutPrefix(path, key+"."); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Complete makes the proposals fit together: a collection has fields and
// purposes, a field is collected somewhere. It says in order which rules it
// added because of which.
func (s *Set) Complete() (because [][2]string) {
	add := func(path, by string) {
		if !s.Has(path) {
			s.Add(path, s.Lines[by])
			because = append(because, [2]string{path, by})
		}
	}
	for range 4 { // a collection that was added has fields and purposes too
		for _, c := range Rules().Collections {
			if path := "collect." + c.Name; s.Has(path) {
				for _, f := range c.Always {
					add("data."+strings.TrimSuffix(f, "!"), path)
				}
				for _, p := range c.For {
					add("purposes."+p, path)
				}
			}
		}
		for _, f := range Rules().Fields {
			if path := "data." + f.Name; s.Has(path) && s.home(f.By) == "" {
				add("collect."+map[string]string{"": "contact", "visit": "access-log", "purchase": "payment"}[f.By], path)
			}
		}
	}
	return because
}

// home is the collection that takes what no other takes: the first that is
// proposed of those that collect in the same way.
func (s *Set) home(by string) string {
	for _, c := range Rules().Collections {
		if s.Has("collect."+c.Name) && c.By == by {
			return c.Name
		}
	}
	return ""
}

// fields returns the fields of a collection in the order of the data.
func (s *Set) fields(c Collection) []string {
	var out []string
	for _, f := range Rules().Fields {
		if !s.Has("data." + f.Name) {
			continue
		}
		switch {
		case slices.Contains(c.Always, f.Name+"!"):
			out = append(out, f.Name+"!")
		case slices.Contains(c.Always, f.Name), slices.Contains(c.Maybe, f.Name), s.home(f.By) == c.Name && !s.taken(f.Name):
			out = append(out, f.Name)
		}
	}
	return out
}

// taken says whether a proposed collection asks for the field by itself.
func (s *Set) taken(field string) bool {
	return slices.ContainsFunc(Rules().Collections, func(c Collection) bool {
		return s.Has("collect."+c.Name) && (slices.Contains(c.Always, field) || slices.Contains(c.Always, field+"!") || slices.Contains(c.Maybe, field))
	})
}

// purposes returns the purposes of a collection.
func (s *Set) purposes(c Collection) []string {
	var out []string
	for _, p := range Rules().Purposes {
		served := slices.Contains(c.For, p.Name) || slices.Contains(c.Also, p.Name) || s.home("") == c.Name && !s.served(p.Name)
		if s.Has("purposes."+p.Name) && served {
			out = append(out, p.Name)
		}
	}
	return out
}

func (s *Set) served(purpose string) bool {
	return slices.ContainsFunc(Rules().Collections, func(c Collection) bool {
		return s.Has("collect."+c.Name) && (slices.Contains(c.For, purpose) || slices.Contains(c.Also, purpose))
	})
}

// KindOf says of which kind a rule is, as statement.Rule has it.
func KindOf(path string) string {
	key, name, _ := strings.Cut(path, ".")
	switch key {
	case "data":
		for _, f := range Rules().Fields {
			if f.Name == name && f.Store == "token" {
				return "data.token"
			}
		}
	case "collect":
		for _, c := range Rules().Collections {
			if c.Name == name && c.By != "" {
				return "collect." + c.By
			}
		}
		return "collect.form"
	case "optout":
		if name == "" {
			return "optout.within" // which stands for all that a draft has of it
		}
		return path
	case "security", "changes", "acceptance", "receipts", "links":
		return path
	}
	return key
}

// Covers says whether keeps=ref tells the rule path.
func Covers(ref, path string) bool { return ref == path || ref == KindOf(path) }

// lexicon returns the language that the rules are worded in.
func (s *Set) lexicon() *wording.Lexicon {
	if l := wording.In(s.Language); l != nil {
		return l
	}
	return wording.In("en")
}
