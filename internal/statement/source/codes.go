package source

import (
	_ "embed"
	"strings"
	"sync"
)

//go:embed codes.md
var codesText string

// A Code explains one kind of Diagnostic.
type Code struct {
	Name  string // what Diagnostic.Code holds
	Short string // what it means, in one line
	Help  string // what to do about it, in Markdown; may be empty
}

// Codes explains every kind of Diagnostic there is.
var Codes = sync.OnceValue(func() (codes []Code) {
	for _, part := range strings.Split(codesText, "\n## ")[1:] {
		head, help, _ := strings.Cut(part, "\n")
		name, short, _ := strings.Cut(head, ": ")
		codes = append(codes, Code{name, short, strings.TrimSpace(help)})
	}
	return codes
})
