package outward

import (
	"bytes"
	"strings"

	"github.com/avow-privacy/avow/internal/statement"
)

// Leaks know what an address must not take along when it leaves: what people
// are called by, and the fields that the statement speaks of.
type Leaks struct {
	fields map[string]bool
}

// LeaksOf are those of a statement.
func LeaksOf(s *statement.Statement) Leaks {
	l := Leaks{map[string]bool{}}
	for _, d := range s.Data {
		if strings.HasPrefix(d.Category, "user.") {
			l.fields[strings.ToLower(string(d.Name))] = true
		}
	}
	return l
}

// fewestDigits make a number that names somebody: a telephone, an account.
const fewestDigits = 10

// In says what kind of personal information is in the query of url, or "". It
// does not say which: whoever reads that need not know.
func (l Leaks) In(url []byte) string {
	_, query, any := bytes.Cut(url, []byte("?"))
	if !any {
		return ""
	}
	query, _, _ = bytes.Cut(query, []byte("#"))
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		key, value, _ := bytes.Cut(pair, []byte("="))
		key, value = unescaped(key), unescaped(value)
		switch {
		case hasAddress(key) || hasAddress(value):
			return "e-mail address"
		case hasNumber(value):
			return "long number"
		case len(value) > 0 && l.fields[strings.ToLower(string(key))]:
			return "declared field"
		}
	}
	return ""
}

// hasAddress says whether there is something like an e-mail address in b.
func hasAddress(b []byte) bool {
	for i := 1; i < len(b)-3; i++ {
		if b[i] == '@' && isWord(b[i-1]) {
			host := b[i+1:]
			end := 0
			for end < len(host) && (isWord(host[end]) || host[end] == '.' || host[end] == '-') {
				end++
			}
			if dot := bytes.IndexByte(host[:end], '.'); dot > 0 && dot < end-1 {
				return true
			}
		}
	}
	return false
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDigit(c) || c == '_' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// hasNumber says whether there is a telephone number or another long one in b,
// divided or not. Moments are none: seconds and milliseconds since 1970.
func hasNumber(b []byte) bool {
	for i := 0; i < len(b); {
		if !isDigit(b[i]) || i > 0 && (isWord(b[i-1]) || b[i-1] == '.') {
			i++
			continue
		}
		start, digits, divided := i, 0, false
		for i < len(b) && (isDigit(b[i]) || digits > 0 && strings.IndexByte(" -()/", b[i]) >= 0) {
			if isDigit(b[i]) {
				digits++
			} else {
				divided = true
			}
			i++
		}
		moment := !divided && b[start] == '1' && (digits == 10 || digits == 13)
		international := start > 0 && b[start-1] == '+' && digits >= 8
		letters := i < len(b) && isWord(b[i])
		if (digits >= fewestDigits || international) && !moment && !letters {
			return true
		}
	}
	return false
}

// unescaped returns b without percent signs, in b's own memory only if there are none.
func unescaped(b []byte) []byte {
	if bytes.IndexByte(b, '%') < 0 {
		return b
	}
	plain := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) && isHex(b[i+1]) && isHex(b[i+2]) {
			plain = append(plain, unhex(b[i+1])<<4|unhex(b[i+2]))
			i += 2
			continue
		}
		plain = append(plain, b[i])
	}
	return plain
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
