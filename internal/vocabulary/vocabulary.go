// Package vocabulary says a statement in the terms other tools understand.
//
// JSON is avow's own form, served as /privacy/statement.json. It stays as it is;
// keys may be added:
//
//	format        "avow-statement/1"
//	version       number of the edition, published (RFC 3339), class (first,
//	              wording, narrower or wider) and entry (index in the public
//	              log); none of the four in a statement that is not published
//	title, language, updated (a date)
//	organisation  name, site (origins), contact
//	hashes        rules and text, SHA-256 in hexadecimal; statements with equal
//	              rules differ in wording only
//	sections      id (the anchor), kind, title
//	clauses       id (the anchor), force (promise, aspiration or information),
//	              text, keeps (paths of rules), section (a kind)
//	rules         path, kind, and rule: the canonical form, which is what the
//	              hash covers
//
// LD is the same in terms of the W3C community group's Data Privacy Vocabulary,
// Fides in those of fideslang. Both leave out what they have no words for.
package vocabulary

import (
	_ "embed"
	"encoding/hex"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema (2020-12) of the front matter, for editors.
func Schema() []byte { return slices.Clone(schema) }

type document struct {
	Format       string         `json:"format"`
	Version      avow.Version   `json:"version,omitzero"`
	Published    string         `json:"published,omitzero"`
	Class        string         `json:"class,omitzero"`
	Entry        *int64         `json:"entry,omitzero"`
	Title        string         `json:"title"`
	Language     string         `json:"language"`
	Updated      string         `json:"updated"`
	Organisation organisation   `json:"organisation"`
	Hashes       hashes         `json:"hashes"`
	Sections     []section      `json:"sections"`
	Clauses      []clause       `json:"clauses"`
	Rules        []documentRule `json:"rules"`
}

type organisation struct {
	Name    string   `json:"name"`
	Site    []string `json:"site"`
	Contact string   `json:"contact"`
}

type hashes struct {
	Rules string `json:"rules"`
	Text  string `json:"text"`
}

type section struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Title string `json:"title"`
}

type clause struct {
	ID      avow.ClauseID   `json:"id"`
	Force   statement.Force `json:"force"`
	Text    string          `json:"text"`
	Keeps   []string        `json:"keeps"`
	Section string          `json:"section"`
}

type documentRule struct {
	Path string         `json:"path"`
	Kind statement.Kind `json:"kind"`
	Rule jsontext.Value `json:"rule"`
}

// JSON returns an edition in avow's own form. An edition of version 0 is a
// statement that is not published.
func JSON(e *statement.Edition) ([]byte, error) {
	s := e.Statement
	d := document{
		Format: "avow-statement/1", Version: e.Version, Class: e.Class,
		Title: s.Title, Language: s.Language, Updated: s.Updated.String(),
		Organisation: organisation{s.Organisation.Name, s.Organisation.Site, s.Organisation.Contact},
		Hashes:       hashes{hex.EncodeToString(s.RuleHash[:]), hex.EncodeToString(s.TextHash[:])},
	}
	if e.Version != 0 {
		d.Published, d.Entry = e.Published.UTC().Format(time.RFC3339), &e.Leaf
	}
	for _, x := range s.Sections {
		d.Sections = append(d.Sections, section{x.ID, x.Kind, x.Title})
	}
	for _, c := range s.Clauses {
		d.Clauses = append(d.Clauses, clause{c.ID, c.Force, c.Text, c.Keeps, c.Section})
	}
	for _, r := range s.Rules {
		d.Rules = append(d.Rules, documentRule{r.Path, r.Kind, jsontext.Value(r.Canonical)})
	}
	return indented(d)
}

func indented(v any) ([]byte, error) {
	out, err := json.Marshal(v, jsontext.WithIndent("  "), json.Deterministic(true))
	return append(out, '\n'), err
}
