package vocabulary

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// Limits on what FromFides reads. A datamap of a large company fits.
const (
	maxFides = 1 << 20
	maxDepth = 16
	maxNamed = 500 // kinds of information, and purposes
	maxSay   = 200 // bytes of what people read
)

// Imported is what FromFides found: the start of a front matter.
type Imported struct {
	Data     []statement.Datum
	Purposes []statement.Purpose
}

// FromFides reads kinds of information and purposes from a fideslang file: from
// the fields of its datasets and the declarations of its systems. Retention and
// recipients are promises that no file can make for its owner, and are not read.
func FromFides(src []byte) (*Imported, error) {
	if len(src) > maxFides {
		return nil, fmt.Errorf("read fideslang: the file is larger than %d MiB; export the systems you need alone", maxFides>>20)
	}
	m, err := load(src)
	if err != nil {
		return nil, err
	}
	in := &importer{names: map[string]bool{}, uses: map[string]dataUse{}, seen: map[string]int{}}
	for _, u := range m.DataUse {
		in.uses[u.Key] = u
	}
	for _, d := range m.Dataset {
		for _, c := range d.Collections {
			for _, f := range c.Fields {
				in.field(f)
			}
		}
	}
	for _, s := range m.System {
		for _, d := range s.Declarations {
			in.declaration(d)
		}
	}
	if in.err != nil {
		return nil, in.err
	}
	if len(in.Data) == 0 && len(in.Purposes) == 0 {
		return nil, errors.New("read fideslang: there is no dataset with categories and no system with a privacy declaration")
	}
	return &in.Imported, nil
}

func load(src []byte) (m manifest, err error) {
	if len(bytes.TrimSpace(src)) == 0 {
		return m, nil
	}
	err = yaml.Load(src, &m, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasValue(0))))
	var bad *yaml.LoadError
	if errors.As(err, &bad) && bad.Mark.Line > 0 {
		return m, fmt.Errorf("read fideslang: line %d: %s", bad.Mark.Line, bad.Message)
	}
	if err != nil {
		return m, fmt.Errorf("read fideslang: %w", err)
	}
	return m, nil
}

type importer struct {
	Imported
	names map[string]bool
	uses  map[string]dataUse
	seen  map[string]int // index in Purposes by data use
	err   error
}

func (in *importer) fail(format string, args ...any) {
	if in.err == nil {
		in.err = fmt.Errorf("read fideslang: "+format, args...)
	}
}

var fidesCategory = regexp.MustCompile(`^(user|system)(\.[a-z][a-z0-9_]*)*$`)

// field takes a field of a dataset. One that has no category is no personal
// information.
func (in *importer) field(f datasetField) {
	for _, category := range f.Categories {
		if in.err != nil {
			return // looking on would only take time
		}
		if !strings.HasPrefix(category, "user") {
			continue
		}
		if !fidesCategory.MatchString(category) {
			in.fail("%q is no category like user.contact.email", clip(category))
			return
		}
		name := simple(f.Name)
		if name == "" {
			name = simple(last(category))
		}
		if i := slices.IndexFunc(in.Data, func(d statement.Datum) bool { return d.Category == category && string(d.Name) == name }); i < 0 {
			in.Data = append(in.Data, statement.Datum{Name: avow.Field(in.free("data", name)), Category: category, Say: clip(f.Description)})
		}
		return
	}
}

// declaration takes what a system says it does.
func (in *importer) declaration(d declaration) {
	if in.err != nil {
		return
	}
	for _, category := range d.Categories {
		known := slices.ContainsFunc(in.Data, func(x statement.Datum) bool { return x.Category == category })
		if !known {
			in.field(datasetField{Name: last(category), Categories: []string{category}})
		}
	}
	name := simple(last(d.Use))
	if name == "" {
		in.fail("the declaration %q has no data_use", clip(d.Name))
		return
	}
	if _, again := in.seen[d.Use]; again {
		return
	}
	in.seen[d.Use] = len(in.Purposes)
	in.Purposes = append(in.Purposes, statement.Purpose{Name: avow.Purpose(in.free("purposes", name)),
		Say: in.say(d), Basis: basisOf(d), Channel: channelOf(d.Use)})
}

func (in *importer) say(d declaration) string {
	u := in.uses[d.Use]
	for _, words := range []string{u.Description, d.Name, u.Name, strings.ReplaceAll(d.Use, ".", " ")} {
		if s := clip(words); s != "" {
			return s
		}
	}
	return ""
}

// basisOf reads what a use rests on. A file that does not say gets the basis
// that asks people most, unless its own words are those of a request.
func basisOf(d declaration) string {
	for _, basis := range slices.Sorted(maps.Keys(fidesBases)) {
		if d.Basis == fidesBases[basis] {
			return basis
		}
	}
	if strings.HasPrefix(d.Use, "functional.service") {
		return "request"
	}
	return "opt-in"
}

func channelOf(use string) string {
	switch {
	case strings.HasPrefix(use, "marketing.communications.email"):
		return "email"
	case strings.HasPrefix(use, "marketing.communications"):
		return "phone"
	}
	return ""
}

// free makes a name that is not taken.
func (in *importer) free(kind, name string) string {
	if max(len(in.Data), len(in.Purposes)) >= maxNamed {
		in.fail("more than %d kinds of information or purposes; export the systems you need alone", maxNamed)
	}
	out := name
	for n := 2; in.names[kind+"."+out]; n++ {
		out = fmt.Sprintf("%s-%d", name, n)
	}
	in.names[kind+"."+out] = true
	return out
}

// simple makes a name as the front matter has it, or "".
func simple(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z', b.Len() > 0 && (r >= '0' && r <= '9' || r == '-' || r == '_'):
			b.WriteRune(r)
		case b.Len() > 0:
			b.WriteByte('-')
		}
		if b.Len() == 48 {
			break
		}
	}
	return strings.TrimRight(b.String(), "-_")
}

func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }

// clip folds white space and shortens what somebody wrote.
func clip(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxSay {
		return s
	}
	return strings.ToValidUTF8(s[:maxSay], "") + "…"
}

// YAML returns the data and purposes parts of a front matter.
func (im *Imported) YAML() ([]byte, error) {
	type datum struct {
		Category string `yaml:"category"`
		Say      string `yaml:"say,omitempty"`
	}
	type purpose struct {
		Say     string `yaml:"say"`
		Basis   string `yaml:"basis"`
		Channel string `yaml:"channel,omitempty"`
	}
	front := struct {
		Data     map[avow.Field]datum     `yaml:"data,omitempty"`
		Purposes map[avow.Purpose]purpose `yaml:"purposes,omitempty"`
	}{map[avow.Field]datum{}, map[avow.Purpose]purpose{}}
	for _, d := range im.Data {
		front.Data[d.Name] = datum{d.Category, d.Say}
	}
	for _, p := range im.Purposes {
		front.Purposes[p.Name] = purpose{p.Say, p.Basis, p.Channel}
	}
	return yaml.Dump(front, yaml.WithIndent(2))
}
