package scrub

import (
	"strings"
	"unicode/utf8"
)

// longestPath is the longest path that is told apart, in bytes.
const longestPath = 120

// folded stands for a part of a path that is one person's, or one thing's.
const folded = "…"

// Path is what may be kept of the path of a page to count by: without a / at its
// end, without what is no text, and with … for each part in which there is a
// number, an address or a token of somebody: /order/12345 is /order/…. A path
// that needs none of it is returned as it is. Names that are spelled out nobody
// can tell from a page's.
func Path(path string) string {
	if plainPath(path) {
		return path
	}
	var b strings.Builder
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			continue
		case b.Len()+1+len(part) > longestPath:
			b.WriteString("/" + folded)
			return b.String()
		case personal(part):
			part = folded
		}
		b.WriteString("/" + part)
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

// plainPath says whether Path would leave a path as it is.
func plainPath(path string) bool {
	if path == "/" {
		return true
	}
	if len(path) > longestPath || path == "" || path[0] != '/' || path[len(path)-1] == '/' {
		return false
	}
	start := 1
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		if i == start || personal(path[start:i]) {
			return false
		}
		start = i + 1
	}
	return true
}

// personal says whether a part of a path may be about one person: it has an @,
// five digits in a row, a number that is no year, a telephone number, a long word
// of hexadecimal digits such as those of a UUID, a word of 16 and more letters
// among which are two digits, or any of what Find finds behind escapes. A name that is spelled out nobody can tell from a page's.
func personal(part string) bool {
	digits, run, hex, word := 0, 0, true, 0 // of the word so far
	all := 0                                // digits
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case c == '@' || c < ' ' || c == 0x7f:
			return true
		case c >= '0' && c <= '9':
			digits++
			all++
			if run++; run >= 5 {
				return true
			}
			word++
			continue
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			hex = hex && c|0x20 <= 'f'
			word++
		case c == '_' || c == '=' || c == '~':
			hex = false
			word++
		case c >= utf8.RuneSelf && !utf8.ValidString(part):
			return true
		default:
			if token(word, digits, hex) {
				return true
			}
			digits, hex, word = 0, true, 0
		}
		run = 0
	}
	return token(word, digits, hex) || digits == len(part) && number(part) ||
		(all >= fewest || strings.Contains(part, "%")) && len(Find([]byte(part))) > 0
}

// fewest is how many digits a telephone number has at least.
const fewest = 7

// token says whether a word of n bytes is made by a machine.
func token(n, digits int, hex bool) bool {
	return n >= 8 && hex && digits > 0 || n >= 16 && digits >= 2
}

// number says whether digits are neither a page's number nor a year.
func number(digits string) bool {
	return len(digits) == 4 && digits[:2] != "19" && digits[:2] != "20"
}
