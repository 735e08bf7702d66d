package front

import (
	"bytes"
	"errors"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// maxDepth bounds how deep mappings and lists may stand inside each other.
const maxDepth = 12

// Split parts a file into the YAML between its first line, ---, and the next
// such line, and the body, which starts at base.
func Split(src []byte) (yml []byte, base int, ok bool) {
	for at := 0; at < len(src); {
		line, _, _ := bytes.Cut(src[at:], []byte("\n"))
		rule := string(bytes.TrimRight(line, " \t\r")) == "---"
		next := min(at+len(line)+1, len(src))
		switch {
		case at == 0 && !rule:
			return nil, 0, false
		case at == 0:
			base = next
		case rule:
			return src[base:at], next, true
		}
		at = next
	}
	return nil, 0, false
}

// Load reads the YAML of a file's front matter, which begins in its second
// line, and returns its top mapping with the lines of the file, or nil when it
// said what is wrong.
func Load(yml []byte, say Report) *yaml.Node {
	var doc yaml.Node
	err := yaml.Load(yml, &doc, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasValue(0))))
	top := &yaml.Node{Line: 1, Column: 1, Value: "---"}
	var bad *yaml.LoadError
	switch {
	case errors.As(err, &bad) && bad.Mark.Line > 0:
		at := &yaml.Node{Line: 1 + bad.Mark.Line, Column: max(bad.Mark.Column, 1)}
		say(at, "front-matter", "the rules between the two lines --- are YAML: keys, a colon, values", "the front matter cannot be read: %s", bad.Message)
	case err != nil || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode:
		say(top, "front-matter", "begin with statement: 1, and go on with the rules", "the front matter holds no keys")
	case plain(&doc, say):
		return doc.Content[0]
	}
	return nil
}

// plain refuses anchors and aliases: a few lines of them stand for gigabytes,
// and nobody who reads the rules should have to follow them. On the way it
// makes the lines those of the file.
func plain(n *yaml.Node, say Report) bool {
	n.Line++
	if n.Kind == yaml.AliasNode || n.Anchor != "" || n.Tag == "!!merge" {
		say(n, "front-matter", "write the value out where it is meant", "anchors, aliases and merges are not read here")
		return false
	}
	for _, child := range n.Content {
		if !plain(child, say) {
			return false
		}
	}
	return true
}
