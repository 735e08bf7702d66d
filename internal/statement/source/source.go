// Package source knows the lines of a text file, and says what is wrong where.
package source

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Limits on what Read accepts. They are far above any text written for people,
// and low enough that nothing within them takes long to parse.
const (
	maxBytes = 1 << 20
	maxLines = 20_000
	maxLine  = 16 << 10
	maxNest  = 40 // lists and quotations inside each other
	maxCells = 20 // in a row of a table
)

// A File is the text of a file and its lines.
type File struct {
	Text  []byte
	lines []int // where each line starts
	last  cursor
}

// A cursor remembers the last place asked for: most are asked for in order.
type cursor struct {
	offset int
	at     Position
}

func problem(at Position, code, message, fix string) *Diagnostic {
	return &Diagnostic{Code: code, Severity: Error, At: at, Width: 1, Message: message, Fix: fix}
}

// Read finds the lines of a file, and refuses what is no text a person wrote
// before any parser sees it.
func Read(text []byte) (*File, *Diagnostic) {
	top := Position{1, 1}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(text) > maxBytes {
		return nil, problem(top, "too-large", fmt.Sprintf("the file is larger than %d MiB", maxBytes>>20), rightFile)
	}
	if len(text) == 0 {
		return nil, problem(top, "front-matter", "the file is empty", "write the rules between two lines ---, and the statement under them")
	}
	f := &File{Text: text}
	for at := 0; at < len(text); {
		f.lines = append(f.lines, at)
		line, _, _ := bytes.Cut(text[at:], []byte("\n"))
		if p := f.refuse(at, line); p != nil {
			return f, p
		}
		at += len(line) + 1
	}
	if len(f.lines) > maxLines {
		return f, problem(top, "too-large", fmt.Sprintf("the file has more than %d lines", maxLines), rightFile)
	}
	return f, nil
}

const rightFile = "a statement is a page of text: check that this is the right file"

// refuse says why a line that starts at a byte cannot be read, or nil.
func (f *File) refuse(at int, line []byte) *Diagnostic {
	start := Position{len(f.lines), 1}
	if bad := firstBad(line); bad >= 0 {
		return problem(f.Spot(at+bad), "not-text", fmt.Sprintf("byte %d of the file is no text in UTF-8", at+bad+1), "save the file as UTF-8 text")
	}
	if len(line) > maxLine {
		return problem(start, "too-large", fmt.Sprintf("the line is longer than %d KiB", maxLine>>10), "break the line")
	}
	if nesting(line) > maxNest {
		return problem(start, "too-deep", fmt.Sprintf("lists and quotations stand more than %d deep inside each other", maxNest), "take out some of the levels")
	}
	if bytes.Count(line, []byte("|")) > maxCells+1 && len(bytes.Trim(line, "|-: \t\r>*+.)0123456789")) == 0 {
		return problem(start, "too-large", fmt.Sprintf("the table has more than %d columns", maxCells), "make two tables of it")
	}
	return nil
}

// firstBad returns the first byte of a line that is not text, or -1.
func firstBad(line []byte) int {
	for i := 0; i < len(line); {
		r, n := utf8.DecodeRune(line[i:])
		if r < ' ' && r != '\t' && r != '\r' || r == 0x7f || r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// nesting guesses, never too low, how many blocks are open in a line: the
// Markdown parser takes time by the square of it.
func nesting(line []byte) (n int) {
	if len(bytes.Trim(line, "- \t\r")) == 0 {
		return 0 // a rule across the page, or a blank line
	}
	for i, b := range line {
		switch {
		case b == '>' || b == '\t':
			n++
		case b == ' ':
			if i%2 == 1 && line[i-1] == ' ' {
				n++
			}
		case bytes.IndexByte([]byte("-+*.)"), b) >= 0:
			if i+1 < len(line) && (line[i+1] == ' ' || line[i+1] == '\t') {
				n++
			}
		case b < '0' || b > '9':
			return n
		}
	}
	return n
}

// Lines is how many lines there are.
func (f *File) Lines() int { return len(f.lines) }

// Line returns a line, from 1, without white space at its end.
func (f *File) Line(n int) []byte {
	if n < 1 || n > len(f.lines) {
		return nil
	}
	end := len(f.Text)
	if n < len(f.lines) {
		end = f.lines[n]
	}
	return bytes.TrimRight(f.Text[f.lines[n-1]:end], " \t\r\n")
}

// Spot is the position of a byte.
func (f *File) Spot(offset int) Position {
	offset = min(offset, len(f.Text)-1)
	line, exact := slices.BinarySearch(f.lines, offset)
	if exact {
		line++
	}
	from, column := f.lines[line-1], 1
	if f.last.at.Line == line && f.last.offset <= offset {
		from, column = f.last.offset, f.last.at.Column
	}
	f.last = cursor{offset, Position{line, column + utf8.RuneCount(f.Text[from:offset])}}
	return f.last.at
}

// Width is how many characters stand from one byte to another, at least 1 and
// none beyond the end of the line.
func (f *File) Width(from, to int) int {
	line := f.Spot(from).Line
	end := f.lines[line-1] + len(f.Line(line))
	to = min(to, end)
	return max(1, utf8.RuneCount(f.Text[min(from, to):to]))
}

// Room is how many characters a line has from a position on, at least 1.
func (f *File) Room(at Position) int { return max(1, utf8.RuneCount(f.Line(at.Line))-at.Column+1) }
