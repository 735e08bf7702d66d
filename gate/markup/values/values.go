// Package values reads the values of attributes as browsers read them: character references, addresses, lists of addresses.
package values

import "bytes"

// Candidate returns the address of the first candidate of a srcset, and what follows the candidate.
func Candidate(v []byte) (u, rest []byte) {
	i := 0
	for i < len(v) && (Space(v[i]) || v[i] == ',') {
		i++
	}
	from := i
	for i < len(v) && !Space(v[i]) {
		i++
	}
	u = v[from:i]
	if len(u) == 0 || u[len(u)-1] == ',' {
		return bytes.TrimRight(u, ","), v[i:]
	}
	for deep := false; i < len(v) && (v[i] != ',' || deep); i++ {
		switch v[i] {
		case '(':
			deep = true
		case ')':
			deep = false
		}
	}
	return u, v[i:]
}

// Fields are the marks that divide a list of addresses.
type Fields uint8

// A list is divided by white space, or by semicolons.
const (
	BySpace Fields = iota
	BySemicolon
)

// Next returns the first of a list of addresses, and the others.
func (f Fields) Next(v []byte) (u, rest []byte) {
	i := 0
	for i < len(v) && !(f == BySemicolon && v[i] == ';' || f == BySpace && Space(v[i])) {
		i++
	}
	return v[:i], v[min(len(v), i+1):]
}

// Refresh returns the address in the content of a refresh (4.2.5.3 of the standard).
func Refresh(v []byte) []byte {
	v = skip(v, Space)
	digits := skip(v, func(c byte) bool { return '0' <= c && c <= '9' || c == '.' })
	if len(digits) == len(v) || len(digits) == 0 {
		return nil
	}
	v = skip(digits, Space)
	if len(v) > 0 && (v[0] == ';' || v[0] == ',') {
		v = v[1:]
	}
	v = skip(v, Space)
	if Begins(v, "url") {
		if u := skip(v[3:], Space); len(u) > 0 && u[0] == '=' {
			v = skip(u[1:], Space)
		}
	}
	if len(v) > 0 && (v[0] == '"' || v[0] == '\'') {
		q := v[0]
		v = v[1:]
		if i := bytes.IndexByte(v, q); i >= 0 {
			v = v[:i]
		}
	}
	return v
}

func skip(v []byte, what func(byte) bool) []byte {
	for len(v) > 0 && what(v[0]) {
		v = v[1:]
	}
	return v
}
