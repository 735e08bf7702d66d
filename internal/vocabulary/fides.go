package vocabulary

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// The part of a fideslang file that is written and read.
type manifest struct {
	DataUse []dataUse `yaml:"data_use,omitempty"`
	Dataset []dataset `yaml:"dataset,omitempty"`
	System  []system  `yaml:"system,omitempty"`
}

type dataUse struct {
	Key         string `yaml:"fides_key"`
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Parent      string `yaml:"parent_key,omitempty"`
}

type dataset struct {
	Key         string              `yaml:"fides_key"`
	Name        string              `yaml:"name"`
	Description string              `yaml:"description,omitempty"`
	Collections []datasetCollection `yaml:"collections"`
}

type datasetCollection struct {
	Name        string         `yaml:"name"`
	Description string         `yaml:"description,omitempty"`
	Fields      []datasetField `yaml:"fields"`
}

type datasetField struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description,omitempty"`
	Categories  []string `yaml:"data_categories"`
}

type system struct {
	Key          string        `yaml:"fides_key"`
	Name         string        `yaml:"name"`
	Description  string        `yaml:"description,omitempty"`
	Type         string        `yaml:"system_type"`
	Policy       string        `yaml:"privacy_policy,omitempty"`
	Contact      string        `yaml:"dpo,omitempty"`
	Datasets     []string      `yaml:"dataset_references,omitempty"`
	Declarations []declaration `yaml:"privacy_declarations"`
	UsesCookies  bool          `yaml:"uses_cookies"`
	Cookies      []fidesCookie `yaml:"cookies,omitempty"`
}

type declaration struct {
	Name       string   `yaml:"name,omitempty"`
	Categories []string `yaml:"data_categories"`
	Use        string   `yaml:"data_use"`
	Subjects   []string `yaml:"data_subjects,omitempty"`
	Basis      string   `yaml:"legal_basis_for_processing,omitempty"`
	Retention  string   `yaml:"retention_period,omitempty"`
	Shared     bool     `yaml:"data_shared_with_third_parties,omitempty"`
	Third      string   `yaml:"third_parties,omitempty"`
	Given      []string `yaml:"shared_categories,omitempty"`
}

type fidesCookie struct {
	Name string `yaml:"name"`
}

// fidesBases are fideslang's words for what a purpose rests on; it has none for
// a request.
var fidesBases = map[string]string{
	"contract": "Contract", "opt-in": "Consent", "legal-obligation": "Legal obligations",
	"legitimate-interest": "Legitimate interests", "vital-interest": "Vital interests", "public-task": "Public interest",
}

// Fides returns a statement as a fideslang file. Each purpose is a data use of
// its own, below the one of fideslang that comes nearest.
func Fides(s *statement.Statement) ([]byte, error) {
	key := slug(s.Organisation.Name)
	m := manifest{
		Dataset: []dataset{{Key: key + "_data", Name: s.Organisation.Name, Description: "What is collected: " + s.Title}},
		System: []system{{Key: key, Name: s.Organisation.Name, Description: s.Title, Type: "Application",
			Policy: home(s), Contact: s.Organisation.Contact, Datasets: []string{key + "_data"}, UsesCookies: len(s.Cookies) > 0}},
	}
	for _, p := range s.Purposes {
		m.DataUse = append(m.DataUse, dataUse{Key: useKey(p), Name: string(p.Name), Description: p.Say, Parent: useParent(p)})
	}
	for i := range s.Collect {
		c := &s.Collect[i]
		m.Dataset[0].Collections = append(m.Dataset[0].Collections, collectionOf(s, c))
		for _, p := range s.Purposes {
			if slices.Contains(c.For, p.Name) {
				m.System[0].Declarations = append(m.System[0].Declarations, declare(s, c, p))
			}
		}
	}
	for _, k := range s.Cookies {
		m.System[0].Cookies = append(m.System[0].Cookies, fidesCookie{k.Name})
	}
	out, err := yaml.Dump(m, yaml.WithIndent(2))
	if err != nil {
		return nil, fmt.Errorf("write fideslang: %w", err)
	}
	return out, nil
}

func collectionOf(s *statement.Statement, c *statement.Collection) datasetCollection {
	d := datasetCollection{Name: string(c.Name), Description: fmt.Sprintf("%s (%s, kept %s)", c.Say, c.By, c.Keep)}
	for _, f := range c.Fields {
		if datum := s.Datum(f.Name); datum != nil {
			d.Fields = append(d.Fields, datasetField{string(f.Name), datum.Say, []string{datum.Category}})
		}
	}
	return d
}

func declare(s *statement.Statement, c *statement.Collection, p statement.Purpose) declaration {
	d := declaration{Name: fmt.Sprintf("%s: %s", c.Name, p.Name), Use: useKey(p), Subjects: []string{"customer"},
		Basis: fidesBases[p.Basis], Retention: c.Keep.String()}
	if c.By == "visit" {
		d.Subjects = []string{"anonymous_user"}
	}
	var fields []avow.Field
	for _, f := range c.Fields {
		fields = append(fields, f.Name)
	}
	d.Categories = categories(s, fields)
	var names []string
	for _, r := range receivers(s, c, p.Name) {
		names = append(names, r.Name)
		given := slices.DeleteFunc(slices.Clone(r.Fields), func(f avow.Field) bool { return !slices.Contains(fields, f) })
		d.Given = append(d.Given, categories(s, given)...)
	}
	slices.Sort(d.Given)
	d.Given = slices.Compact(d.Given)
	d.Shared, d.Third = len(names) > 0, strings.Join(names, ", ")
	return d
}

// categories are those of fields, each once, sorted.
func categories(s *statement.Statement, fields []avow.Field) (out []string) {
	for _, f := range fields {
		if d := s.Datum(f); d != nil {
			out = append(out, d.Category)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func useKey(p statement.Purpose) string { return useParent(p) + "." + string(p.Name) }

// useParent is the data use of fideslang's taxonomy that comes nearest.
func useParent(p statement.Purpose) string {
	switch {
	case p.Basis == "opt-in" && p.Channel == "email":
		return "marketing.communications.email"
	case p.Basis == "opt-in" && p.Channel != "":
		return "marketing.communications"
	case p.Basis == "opt-in":
		return "marketing"
	case p.Basis == "contract":
		return "essential.service"
	case p.Basis == "legal-obligation":
		return "essential.legal_obligation"
	case p.Basis == "request":
		return "functional.service"
	case p.Basis == "legitimate-interest":
		return "operations"
	}
	return "essential"
}

// slug makes a fides_key of a name.
func slug(name string) string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if len(words) == 0 {
		return "site"
	}
	return strings.Join(words, "_")
}
