// Package front reads YAML front matter key by key, and says of each value
// where it stands and what is wrong with it.
package front

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
)

// A Report takes what is wrong at a node: a stable code, what to do about it,
// and what it is.
type Report func(at *yaml.Node, code, fix, format string, args ...any)

// A Mapping reads the keys of one YAML mapping. Each getter notes the key it
// was asked for, so that Close can tell the keys nobody knows, and the value it
// returned, so that Canon holds whatever was read and nothing else.
type Mapping struct {
	Path  string         // what the mapping is called in messages
	Key   *yaml.Node     // the key that leads here, where a missing key is reported
	Keys  []*yaml.Node   // in file order, each once
	Canon map[string]any // what the getters returned; lists are sorted
	pairs map[string]*pair
	known []string
	say   Report
}

type pair struct {
	key, value *yaml.Node
	read       bool
}

// Open opens the mapping n, which stands behind key.
func Open(path string, key, n *yaml.Node, say Report) *Mapping {
	m := &Mapping{Path: path, Key: key, Canon: map[string]any{}, pairs: map[string]*pair{}, say: say}
	if n.Kind != yaml.MappingNode {
		say(n, "bad-value", fmt.Sprintf("write keys and values in braces or indented under %s", path),
			"%s is %s where keys are expected", path, Name(n))
		return m
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.Kind != yaml.ScalarNode:
			say(k, "bad-value", "use a plain word as the key", "a key in %s is %s", path, Name(k))
		case m.pairs[k.Value] != nil:
			say(k, "duplicate-key", "keep one of them", "%s is written twice in %s", Clip(k.Value), path)
		default:
			m.Keys = append(m.Keys, k)
			m.pairs[k.Value] = &pair{key: k, value: v}
		}
	}
	return m
}

// Get returns the value of a key, or nil.
func (m *Mapping) Get(key string) *yaml.Node {
	if !slices.Contains(m.known, key) {
		m.known = append(m.known, key)
	}
	if p := m.pairs[key]; p != nil {
		p.read = true
		return p.value
	}
	return nil
}

// Has says whether there is a key.
func (m *Mapping) Has(key string) bool { return m.pairs[key] != nil }

// KeyOf returns the node of a key, or the key that leads to the mapping.
func (m *Mapping) KeyOf(key string) *yaml.Node {
	if p := m.pairs[key]; p != nil {
		return p.key
	}
	return m.Key
}

// Close reports every key that no getter asked for.
func (m *Mapping) Close() {
	for _, k := range m.Keys {
		if !m.pairs[k.Value].read {
			m.say(k, "unknown-key", Suggest(k.Value, m.known, "remove it; known here are "+strings.Join(m.known, ", ")),
				"%s knows no key %q", m.Path, Clip(k.Value))
		}
	}
}

// Need reports a key that has to be there and is not.
func (m *Mapping) Need(key, fix string) {
	if !m.Has(key) {
		m.say(m.Key, "missing-key", fix, "%s has no %s", m.Path, key)
	}
}

// Bad reports a value under a key.
func (m *Mapping) Bad(n *yaml.Node, key, fix, format string, args ...any) {
	m.say(n, "bad-value", fix, "%s in %s %s", key, m.Path, fmt.Sprintf(format, args...))
}

// Name says what a node is, for a message.
func Name(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	}
	return strconv.Quote(Clip(n.Value))
}

// Clip shortens what is quoted in a message.
func Clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Suggest names the known word nearest to what was written, or else says
// otherwise.
func Suggest(wrote string, known []string, otherwise string) string {
	best, least := "", 1+min(len(wrote), 12)/3
	for _, k := range known {
		if d := distance(wrote, k, least); d <= least && d < len(k) {
			best, least = k, d-1
		}
	}
	if best == "" {
		return otherwise
	}
	return "did you mean " + best + "?"
}

// distance is the Levenshtein distance of two words, or more than limit.
func distance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// Canonical is v as JSON in the one form of RFC 8785.
func Canonical(v any) jsontext.Value {
	raw, err := json.Marshal(v)
	out := jsontext.Value(raw)
	if err == nil {
		err = out.Canonicalize()
	}
	if err != nil {
		panic(fmt.Sprintf("front: canonical form of %T: %v", v, err)) // a Canon holds nothing but words, lists and numbers
	}
	return out
}
