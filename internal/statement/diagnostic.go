package statement

import "github.com/avow-privacy/avow/internal/statement/source"

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
	// A Code explains one kind of Diagnostic.
	Code = source.Code
)

// Codes explains every kind of Diagnostic there is.
func Codes() []Code { return source.Codes() }

// A statement with an error is not published. A warning is worth a look, and a
// note says what could not be looked at.
const (
	Error   = source.Error
	Warning = source.Warning
	Note    = source.Note
)
