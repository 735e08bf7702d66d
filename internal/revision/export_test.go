package revision

import "strings"

// Blocks are the blocks of a piece of Markdown.
func Blocks(src string) []string { return blocks(strings.Split(src, "\n")) }

// DiffBlocks compares blocks.
var DiffBlocks = diffBlocks

// Known says whether every part of a rule has a direction of its own.
func Known(path, canonical string) bool {
	_, ok := presences[first(path)]
	for part := range read(canonical) {
		key := path
		if part != "" {
			key = first(path) + "." + part
		}
		// A rule that says only "true" cannot differ.
		if _, known := directions[key]; !known && canonical != "true" {
			ok = false
		}
	}
	return ok
}
