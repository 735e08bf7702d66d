package source

import (
	"cmp"
	"fmt"
	"io"
	"slices"
)

// A Position is a place in a file. Lines and columns count from 1; a column
// counts characters, not bytes.
type Position struct {
	Line, Column int
}

// Severity says how much a Diagnostic matters.
type Severity string

// A statement with an error is not published. A warning is worth a look, and a
// note says what could not be looked at.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Listed is how many diagnostics of one statement are worth listing: who has
// more mends these first.
const Listed = 200

// A Diagnostic is something found wrong with a statement, and what to do.
type Diagnostic struct {
	File     string
	Code     string // stable, such as unbound-promise
	Severity Severity
	At       Position
	Width    int    // characters from At on, all in one line; at least 1
	Message  string // what is wrong
	Fix      string // what to do about it
}

// String is the diagnostic in one line, file:line:column first.
func (d Diagnostic) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s [%s]", Printable(d.File), d.At.Line, d.At.Column, d.Severity, Printable(d.Message), d.Code)
}

// Diagnostics are all that was found in one statement, in source order.
type Diagnostics []Diagnostic

// Count returns how many diagnostics have a severity.
func (ds Diagnostics) Count(s Severity) (n int) {
	for _, d := range ds {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Failed says whether there is an error among them.
func (ds Diagnostics) Failed() bool { return ds.Count(Error) > 0 }

// Head returns the first that are worth listing, errors rather than others, and
// how many are left out.
func (ds Diagnostics) Head() (Diagnostics, int) {
	if len(ds) <= Listed {
		return ds, 0
	}
	head := slices.Clone(ds)
	slices.SortStableFunc(head, func(a, b Diagnostic) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
	head = head[:Listed]
	head.Sort()
	return head, len(ds) - Listed
}

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// Sort puts them in source order.
func (ds Diagnostics) Sort() {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.At.Line, b.At.Line), cmp.Compare(a.At.Column, b.At.Column))
	})
}

// A Style surrounds the parts of what is printed, to colour them. Bold is for
// places.
type Style struct {
	Severity    map[Severity]string
	Bold, Reset string
}

// WriteText prints the diagnostics with the lines they are about, under the
// name the file goes by.
func (ds Diagnostics) WriteText(w io.Writer, name string, text []byte) {
	ds.WriteStyled(w, name, text, Style{})
}

// WriteStyled is WriteText in colours.
func (ds Diagnostics) WriteStyled(w io.Writer, name string, text []byte, y Style) {
	f, _ := Read(text)
	head, more := ds.Head()
	for _, d := range head {
		colour := y.Severity[d.Severity]
		fmt.Fprintf(w, "%s%s:%d:%d:%s %s%s[%s]%s: %s\n", y.Bold, Printable(name), d.At.Line, d.At.Column, y.Reset,
			colour, d.Severity, d.Code, y.Reset, Printable(d.Message))
		if f != nil && len(f.Line(d.At.Line)) > 0 {
			line, carets := f.Excerpt(d.At, d.Width)
			fmt.Fprintf(w, "    %s\n    %s%s%s\n", line, colour, carets, y.Reset)
		}
		fmt.Fprintf(w, "    fix: %s\n", Printable(d.Fix))
	}
	if more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
}
