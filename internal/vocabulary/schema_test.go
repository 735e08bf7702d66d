package vocabulary_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/vocabulary"
)

type tree = map[string]any

func schema(t *testing.T) tree {
	t.Helper()
	var s tree
	if err := json.Unmarshal(vocabulary.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// front returns the front matter of a statement.
func front(t *testing.T, path string) (rules tree) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(src), "---\n", 3)
	if err := yaml.Load([]byte(parts[1]), &rules); err != nil {
		t.Fatal(err)
	}
	return dates(rules).(tree)
}

// dates makes texts of dates again: to an editor, which reads YAML 1.2, a date
// is a text.
func dates(v any) any {
	switch v := v.(type) {
	case time.Time:
		return v.Format(time.DateOnly)
	case tree:
		for key := range v {
			v[key] = dates(v[key])
		}
	}
	return v
}

func TestExamplesAreValid(t *testing.T) {
	for _, path := range []string{harbour, clocks} {
		rules := front(t, path)
		for _, wrong := range validate(schema(t), schema(t), rules, "") {
			t.Errorf("%s: %s", path, wrong)
		}
	}
}

// What the compiler refuses in a front matter, the schema does too.
func TestSchemaRefuses(t *testing.T) {
	for wrong, change := range map[string]func(tree){
		"/purposse":              func(r tree) { r["purposse"] = tree{} },
		"/data/name/categroy":    func(r tree) { r["data"].(tree)["name"].(tree)["categroy"] = "x" },
		"/statement":             func(r tree) { r["statement"] = 2 },
		"/updated is missing":    func(r tree) { delete(r, "updated") },
		"/collect/contact/keep":  func(r tree) { r["collect"].(tree)["contact"].(tree)["keep"] = "for ever" },
		"/purposes/reply/basis":  func(r tree) { r["purposes"].(tree)["reply"].(tree)["basis"] = "visit" },
		"/children/under":        func(r tree) { r["children"].(tree)["under"] = 26 },
		"/cookies/basket/keep":   func(r tree) { r["cookies"].(tree)["basket"].(tree)["keep"] = "sesion" },
		"/organisation/site":     func(r tree) { r["organisation"].(tree)["site"] = []any{"https://a.example/path"} },
		"/links/label":           func(r tree) { r["links"].(tree)["label"] = "perhaps" },
		"/data holds the name X": func(r tree) { r["data"].(tree)["X"] = tree{"category": "user"} },
	} {
		rules := front(t, harbour)
		change(rules)
		found := validate(schema(t), schema(t), rules, "")
		if len(found) != 1 || !strings.HasPrefix(found[0], wrong) {
			t.Errorf("%s: %q", wrong, found)
		}
	}
}

// The compiler knows the keys that the schema has, and no others.
func TestSameKeys(t *testing.T) {
	for _, m := range mappings(schema(t)) {
		known := knownKeys(t, m.path)
		if has := slices.Sorted(maps.Keys(m.properties)); !slices.Equal(has, known) {
			t.Errorf("%v: the schema has\n%v, the compiler\n%v", m.path, has, known)
		}
	}
}

// The compiler accepts the words that the schema lists, and no others.
func TestSameWords(t *testing.T) {
	count := 0
	for _, m := range mappings(schema(t)) {
		for key, property := range m.properties {
			words, how, between := wordsOf(property.(tree))
			if words == nil {
				continue
			}
			count++
			want := how + strings.Join(words, between)
			found := compileWith(t, append(slices.Clone(m.path), key), "zzzzzzzzzzzz")
			if !slices.ContainsFunc(found, func(d statement.Diagnostic) bool { return d.Fix == want }) {
				t.Errorf("%v.%s: the schema would %s; the compiler says %v", m.path, key, want, found)
			}
		}
	}
	if count < 15 {
		t.Errorf("only %d lists of words were compared", count)
	}
}

// wordsOf returns the words that a property may be, or hold, and how the
// compiler says so.
func wordsOf(property tree) (words []string, how, between string) {
	list, how, between := property["enum"], "write ", " or "
	if either, ok := property["anyOf"].([]any); ok && list == nil {
		items, _ := either[0].(tree)["items"].(tree)
		list, how, between = items["enum"], "choose from ", ", "
	}
	all, _ := list.([]any)
	for _, w := range all {
		words = append(words, w.(string))
	}
	return words, how, between
}

type mapping struct {
	path       []string
	properties tree
}

// mappings finds every object of the schema that has keys, with a path to it in
// the front matter; names are "zz".
func mappings(s tree) (out []mapping) {
	properties := s["properties"].(tree)
	out = append(out, mapping{nil, properties})
	for key, p := range properties {
		p := p.(tree)
		if inner, ok := p["properties"].(tree); ok {
			out = append(out, mapping{[]string{key}, inner})
		}
		if each, ok := p["additionalProperties"].(tree); ok {
			name := "zz"
			if key == "trackers" {
				name = "zz.example"
			}
			out = append(out, mapping{[]string{key, name}, resolve(s, each)["properties"].(tree)})
		}
	}
	return out
}

// knownKeys asks the compiler: a key that nobody would write is answered with
// those that are known.
func knownKeys(t *testing.T, path []string) (known []string) {
	t.Helper()
	for _, d := range compileWith(t, append(slices.Clone(path), "zzzzzzzzzzzz"), "x") {
		if _, list, ok := strings.Cut(d.Fix, "known here are "); ok && d.Code == "unknown-key" {
			known = strings.Split(list, ", ")
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// compileWith compiles a front matter of one value alone, and keeps what is
// said of it.
func compileWith(t *testing.T, path []string, value any) statement.Diagnostics {
	t.Helper()
	for _, key := range slices.Backward(path) {
		value = tree{key: value}
	}
	src, err := yaml.Dump(value)
	if err != nil {
		t.Fatal(err)
	}
	_, found := statement.Compile("x.md", []byte("---\n"+string(src)+"---\n# X\n"), nil)
	return found
}

func resolve(root, s tree) tree {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	var at any = root
	for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		at = at.(tree)[step]
	}
	return at.(tree)
}

// validate checks v by as much of JSON Schema 2020-12 as schema.json uses.
func validate(root, s tree, v any, path string) (wrong []string) {
	s = resolve(root, s)
	for keyword, arg := range s {
		check, ok := keywords[keyword]
		switch {
		case ok:
			wrong = append(wrong, check(root, s, arg, v, path)...)
		case !slices.Contains([]string{"$schema", "$id", "$defs", "title", "description"}, keyword):
			wrong = append(wrong, "the schema uses "+keyword+", which this test does not know")
		}
	}
	slices.Sort(wrong)
	return slices.Compact(wrong)
}

type check func(root, s tree, arg, v any, path string) []string

func say(ok bool, path, format string, args ...any) []string {
	if ok {
		return nil
	}
	return []string{path + " " + fmt.Sprintf(format, args...)}
}

var keywords map[string]check

func init() { // the table and validate name each other
	keywords = map[string]check{
		"type": func(_, _ tree, arg, v any, path string) []string {
			return say(isType(arg.(string), v), path, "is %v, not %v", v, arg)
		},
		"const": func(_, _ tree, arg, v any, path string) []string {
			return say(fmt.Sprint(arg) == fmt.Sprint(v), path, "is not %v", arg)
		},
		"enum": func(_, _ tree, arg, v any, path string) []string {
			return say(slices.Contains(arg.([]any), v), path, "is %v, not one of %v", v, arg)
		},
		"pattern": func(_, _ tree, arg, v any, path string) []string {
			s, ok := v.(string)
			return say(!ok || regexp.MustCompile(arg.(string)).MatchString(s), path, "does not match")
		},
		"minLength": func(_, _ tree, arg, v any, path string) []string {
			s, ok := v.(string)
			return say(!ok || float64(utf8.RuneCountInString(s)) >= arg.(float64), path, "is too short")
		},
		"maxLength": func(_, _ tree, arg, v any, path string) []string {
			s, ok := v.(string)
			return say(!ok || float64(utf8.RuneCountInString(s)) <= arg.(float64), path, "is too long")
		},
		"minimum": func(_, _ tree, arg, v any, path string) []string {
			n, ok := v.(int)
			return say(!ok || float64(n) >= arg.(float64), path, "is too low")
		},
		"maximum": func(_, _ tree, arg, v any, path string) []string {
			n, ok := v.(int)
			return say(!ok || float64(n) <= arg.(float64), path, "is too high")
		},
		"uniqueItems":          func(_, _ tree, _, _ any, _ string) []string { return nil },
		"items":                checkItems,
		"anyOf":                checkAnyOf,
		"required":             checkRequired,
		"properties":           checkProperties,
		"propertyNames":        checkNames,
		"additionalProperties": checkOthers,
	}
}

func isType(want string, v any) bool {
	switch v.(type) {
	case tree:
		return want == "object"
	case []any:
		return want == "array"
	case string:
		return want == "string"
	case bool:
		return want == "boolean"
	case int:
		return want == "integer"
	}
	return false
}

func checkItems(root, _ tree, arg, v any, path string) (wrong []string) {
	list, _ := v.([]any)
	for i, item := range list {
		wrong = append(wrong, validate(root, arg.(tree), item, fmt.Sprint(path, "/", i))...)
	}
	return wrong
}

func checkAnyOf(root, _ tree, arg, v any, path string) []string {
	for _, s := range arg.([]any) {
		if validate(root, s.(tree), v, path) == nil {
			return nil
		}
	}
	return say(false, path, "is none of what it may be")
}

func checkRequired(_, _ tree, arg, v any, path string) (wrong []string) {
	o, _ := v.(tree)
	for _, key := range arg.([]any) {
		_, has := o[key.(string)]
		wrong = append(wrong, say(has, path+"/"+key.(string), "is missing")...)
	}
	return wrong
}

func checkProperties(root, _ tree, arg, v any, path string) (wrong []string) {
	o, _ := v.(tree)
	for key, value := range o {
		if s, ok := arg.(tree)[key]; ok {
			wrong = append(wrong, validate(root, s.(tree), value, path+"/"+key)...)
		}
	}
	return wrong
}

func checkNames(root, _ tree, arg, v any, path string) (wrong []string) {
	o, _ := v.(tree)
	for key := range o {
		if validate(root, arg.(tree), key, path) != nil {
			wrong = append(wrong, path+" holds the name "+key)
		}
	}
	return wrong
}

func checkOthers(root, s tree, arg, v any, path string) (wrong []string) {
	o, _ := v.(tree)
	properties, _ := s["properties"].(tree)
	for key, value := range o {
		if _, named := properties[key]; named {
			continue
		}
		if arg == false {
			wrong = append(wrong, path+"/"+key+" is not known")
			continue
		}
		wrong = append(wrong, validate(root, arg.(tree), value, path+"/"+key)...)
	}
	return wrong
}

// The schema is handed out as a copy: nobody can change it for others.
func TestSchemaIsACopy(t *testing.T) {
	vocabulary.Schema()[0] = 'x'
	if !json.Valid(vocabulary.Schema()) {
		t.Error("the schema can be written to")
	}
}
