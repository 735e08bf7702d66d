package api

import (
	"cmp"
	"embed"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow/internal/page"
)

//go:embed docs.html
var templates embed.FS

var problemOf = reflect.TypeFor[Problem]()

// Document is the OpenAPI 3.1 document of all that was added.
func (a *API) Document() ([]byte, error) {
	for _, own := range []string{"ErrorModel", "ErrorDetail"} {
		delete(a.huma.OpenAPI().Components.Schemas.Map(), own) // huma's errors, that are never sent
	}
	raw, err := a.huma.OpenAPI().MarshalJSON()
	if err != nil {
		return nil, err
	}
	doc := jsontext.Value(raw)
	if err := doc.Format(jsontext.ReorderRawObjects(true), jsontext.WithIndent("  ")); err != nil {
		return nil, err
	}
	return append(doc, '\n'), nil
}

// AddDocs adds the document and the page that is made of it. They come last.
func (a *API) AddDocs() {
	a.Route(Operation{ID: "openapi", Method: "GET", Path: "/v1/openapi.json", Group: "About", Title: "This documentation, for programs", Open: true,
		Says: "OpenAPI 3.1."}, "", "application/openapi+json",
		func(w http.ResponseWriter, _ *http.Request) error {
			doc, err := a.Document()
			if err != nil {
				return err
			}
			w.Header().Set("Content-Type", "application/openapi+json")
			_, err = w.Write(doc)
			return err
		})
	a.Route(Operation{ID: "docs", Method: "GET", Path: "/v1/docs", Group: "About", Title: "This documentation", Open: true,
		Says: "A page, without scripts."}, "", "text/html",
		func(w http.ResponseWriter, r *http.Request) error {
			return a.docs.Write(w, r, "docs.html", page.View{Title: "The API", Inside: true, Robots: "noindex", Data: a.groups()})
		})
}

// A Group is operations that belong together, as the page shows them.
type Group struct {
	Name       string
	Anchor     string
	Operations []Shown
}

// Shown is an operation as the page shows it.
type Shown struct {
	Operation
	Anchor  string
	Needs   string
	Takes   []Member // parameters and members of the body
	Answers []Member
	Curl    string
}

// A Member is one parameter or one member of a body.
type Member struct {
	Name     string
	In       string // path, query, header or body
	Kind     string
	Required bool
	Says     string
}

func (a *API) groups() (groups []Group) {
	for _, o := range a.list {
		i := slices.IndexFunc(groups, func(g Group) bool { return g.Name == o.Group })
		if i < 0 {
			groups, i = append(groups, Group{Name: o.Group, Anchor: strings.ReplaceAll(strings.ToLower(o.Group), " ", "-")}), len(groups)
		}
		groups[i].Operations = append(groups[i].Operations, a.shown(o))
	}
	return groups
}

func (a *API) shown(o Operation) Shown {
	doc := a.huma.OpenAPI()
	s := Shown{Operation: o, Anchor: "op-" + o.ID, Needs: needs(o), Curl: curl(o)}
	op := method(doc.Paths[o.Path], o.Method)
	for _, p := range op.Parameters {
		if p.In == "header" {
			continue // said once, on top of the page
		}
		s.Takes = append(s.Takes, Member{p.Name, p.In, kind(doc, p.Schema), p.Required, cmp.Or(p.Description, p.Schema.Description)})
	}
	if op.RequestBody != nil {
		for of, media := range op.RequestBody.Content {
			s.Takes = append(s.Takes, members(doc, media.Schema)...)
			if media.Schema == nil {
				s.Takes = append(s.Takes, Member{of, "body", "text", true, ""})
			}
		}
	}
	for of, media := range op.Responses[fmt.Sprint(o.Status)].Content {
		s.Answers = append(s.Answers, members(doc, media.Schema)...)
		if media.Schema == nil {
			s.Answers = append(s.Answers, Member{of, "body", "text", true, ""})
		}
	}
	return s
}

func needs(o Operation) string {
	switch {
	case o.Open:
		return "no token"
	case o.May == Staff:
		return "the staff token"
	case o.May == Anyone:
		return "any token"
	}
	return "a token that may " + string(o.May)
}

func method(p *huma.PathItem, name string) *huma.Operation {
	return map[string]*huma.Operation{"GET": p.Get, "POST": p.Post, "PUT": p.Put, "PATCH": p.Patch, "DELETE": p.Delete}[name]
}

// members lists what an object of that schema has.
func members(doc *huma.OpenAPI, s *huma.Schema) (all []Member) {
	s = behind(doc, s)
	if s == nil {
		return nil
	}
	for name, m := range s.Properties {
		all = append(all, Member{name, "body", kind(doc, m), slices.Contains(s.Required, name), cmp.Or(m.Description, said(doc, m))})
	}
	slices.SortFunc(all, func(a, b Member) int {
		if a.Required != b.Required {
			return map[bool]int{true: -1, false: 1}[a.Required]
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

func said(doc *huma.OpenAPI, s *huma.Schema) string {
	if s = behind(doc, s); s == nil {
		return ""
	}
	return s.Description
}

// behind follows a reference.
func behind(doc *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return doc.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

// kind says in a word what a schema takes.
func kind(doc *huma.OpenAPI, s *huma.Schema) string {
	name := ""
	if s != nil && s.Ref != "" {
		name = s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
	}
	s = behind(doc, s)
	switch {
	case s == nil || s.Type == "":
		return "any"
	case s.Format == "date-time":
		return "time"
	case s.Type == huma.TypeString:
		return "text"
	case s.Type == huma.TypeArray:
		inner := kind(doc, s.Items)
		if members := members(doc, s.Items); members != nil && inner != "text" {
			names := make([]string, len(members))
			for i, m := range members {
				names[i] = m.Name
			}
			return "list of {" + strings.Join(names, ", ") + "}"
		}
		return "list of " + inner
	case s.Type == huma.TypeObject && name == "":
		return "object"
	case s.Type == huma.TypeObject:
		return "object"
	case s.Type == huma.TypeInteger:
		return "number"
	}
	return s.Type
}

// curl is how the operation is asked from a shell.
func curl(o Operation) string {
	var b strings.Builder
	b.WriteString("curl")
	if o.Method != "GET" && (o.Method != "POST" || o.Example == "") {
		b.WriteString(" -X " + o.Method)
	}
	if !o.Open {
		b.WriteString(` -H "Authorization: Bearer $TOKEN"`)
	}
	path := strings.NewReplacer("{collection}", "contact", "{id}", "$ID", "{link}", "$LINK").Replace(o.Path)
	if o.Method == "DELETE" && o.Once {
		path += "?actor=mia"
	}
	if o.Example != "" {
		b.WriteString(" \\\n  -H 'Content-Type: " + cmp.Or(o.kind, "application/json") + "' \\\n  ")
		if o.kind != "" {
			b.WriteString("--data-binary " + o.Example)
		} else {
			b.WriteString("-d '" + o.Example + "'")
		}
	}
	b.WriteString(" \\\n  \"$AVOW" + path + `"`)
	return b.String()
}
