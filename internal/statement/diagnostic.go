package statement

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/avow-privacy/avow/internal/statement/source"
)

// What is found in a statement is said as of any text file.
type (
	// A Position is a place in the statement's file, counted from 1.
	Position = source.Position
	// A Diagnostic is something found wrong with a statement, and what to do.
	Diagnostic = source.Diagnostic
	// Diagnostics are all that was found in one statement, in source order.
	Diagnostics = source.Diagnostics
	// Severity says how much a Diagnostic matters.
	Severity = source.Severity
)

// A statement with an error is not published. A warning is worth a look, and a
// note says what could not be looked at.
const (
	Error   = source.Error
	Warning = source.Warning
	Note    = source.Note
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
