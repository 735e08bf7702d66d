package front

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// maxText bounds one text, in bytes, and maxList one list: both are printed on
// pages and in messages.
const (
	maxText = 2000
	maxList = 200
)

// Text returns the words under a key, or missing if there are none.
func (m *Mapping) Text(key, missing string) string {
	m.Canon[key] = missing
	n := m.Get(key)
	if n == nil {
		return missing
	}
	s := fold(n)
	switch {
	case s == "":
		m.Bad(n, key, "write some words", "is %s where words are expected", Name(n))
		return missing
	case len(s) > maxText:
		m.Bad(n, key, "say it shorter", "is longer than %d bytes", maxText)
		return missing
	}
	m.Canon[key] = s
	return s
}

// fold is the text of a scalar on one line, and "" of anything else.
func fold(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return strings.Join(strings.Fields(n.Value), " ")
}

// Word returns the text under a key if it has the form of pattern.
func (m *Mapping) Word(key, missing string, pattern *regexp.Regexp, like string) string {
	s := m.Text(key, missing)
	if s == missing || pattern.MatchString(s) {
		return s
	}
	m.Bad(m.Get(key), key, "write it like "+like, "is %q", Clip(s))
	m.Canon[key] = missing
	return missing
}

// Choice returns the text under a key if it is one of those allowed.
func (m *Mapping) Choice(key, missing string, allowed ...string) string {
	s := m.Text(key, missing)
	if s == missing || slices.Contains(allowed, s) {
		return s
	}
	m.Bad(m.Get(key), key, Suggest(s, allowed, "write "+strings.Join(allowed, " or ")), "is %q", Clip(s))
	m.Canon[key] = missing
	return missing
}

// Yes returns the true or false under a key.
func (m *Mapping) Yes(key string) bool { return m.Choice(key, "false", "true", "false") == "true" }

// List returns the words of a list; a single one is a list of one. Its
// canonical form is sorted: no list in the rules has an order that matters.
func (m *Mapping) List(key string) []string {
	var out []string
	seen := map[string]bool{}
	for i, item := range m.Items(key) {
		if i == maxList {
			m.Bad(item, key, "list fewer", "holds more than %d words", maxList)
			break
		}
		s := fold(item)
		switch {
		case s == "" || len(s) > maxText:
			m.Bad(item, key, "list words, as in [one, two]", "holds %s where a word is expected", Name(item))
		case seen[s]:
			m.Bad(item, key, "name it once", "names %q twice", Clip(s))
		default:
			seen[s] = true
			out = append(out, s)
		}
	}
	m.Canon[key] = append([]string{}, slices.Sorted(slices.Values(out))...)
	return out
}

// Items returns the nodes of the list under a key.
func (m *Mapping) Items(key string) []*yaml.Node {
	n := m.Get(key)
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		return n.Content
	}
	return []*yaml.Node{n}
}

// Item returns the node of a word that List returned.
func (m *Mapping) Item(key, word string) *yaml.Node {
	for _, n := range m.Items(key) {
		if fold(n) == word {
			return n
		}
	}
	return m.Key
}

// Choices is a List of which every word is one of those allowed.
func (m *Mapping) Choices(key string, allowed ...string) []string {
	out := m.List(key)
	for _, s := range out {
		if !slices.Contains(allowed, s) {
			m.Bad(m.Item(key, s), key, Suggest(s, allowed, "choose from "+strings.Join(allowed, ", ")), "does not know %q", Clip(s))
		}
	}
	return out
}

// Number returns the number under a key if it is from low to high.
func (m *Mapping) Number(key string, missing, low, high int) int {
	s := m.Text(key, "")
	m.Canon[key] = missing
	if s == "" {
		return missing
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		m.Bad(m.Get(key), key, "write a whole number", "is %q, not a number from %d to %d", Clip(s), low, high)
		return missing
	}
	m.Canon[key] = n
	return n
}

// Value returns what parse makes of the text under a key. Its canonical form is
// what the value prints, so that two spellings of one value are one.
func Value[T fmt.Stringer](m *Mapping, key, fix string, parse func(string) (T, error)) (v T) {
	s := m.Text(key, "")
	if s == "" {
		return v
	}
	v, err := parse(s)
	if err != nil {
		m.Bad(m.Get(key), key, fix, "is wrong: %v", err)
	}
	m.Canon[key] = v.String()
	return v
}
