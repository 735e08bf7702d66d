package values

import (
	"bytes"
	entity "html"
	"unicode/utf8"
)

// Decode appends v, the value of an attribute, without its character references (13.2.5.72).
func Decode(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		k := bytes.IndexByte(v[i:], '&')
		if k < 0 {
			k = len(v) - i
		}
		dst = appendText(dst, v[i:i+k])
		if i += k; i < len(v) {
			var n int
			dst, n = decodeOne(dst, v[i:])
			i += n
		}
	}
	return dst
}

// appendText appends text as the tokenizer takes it: NUL is no character.
func appendText(dst, v []byte) []byte {
	for {
		k := bytes.IndexByte(v, 0)
		if k < 0 {
			return append(dst, v...)
		}
		dst = append(append(dst, v[:k]...), "\uFFFD"...)
		v = v[k+1:]
	}
}

// decodeOne appends what the reference at the start of v stands for, and returns its length.
func decodeOne(dst, v []byte) ([]byte, int) {
	if len(v) > 1 && v[1] == '#' {
		return decodeNumber(dst, v)
	}
	n := 1
	for n < len(v) && n < 40 && (Letter(v[n]) || '0' <= v[n] && v[n] <= '9') {
		n++
	}
	switch {
	case n == 1:
	case n < len(v) && v[n] == ';':
		n++
		if string(v[:n]) == "&amp;" {
			return append(dst, '&'), n
		}
		s := entity.UnescapeString(string(v[:n]))
		if s[len(s)-1] != ';' || n == len("&semi;") && string(v[:n]) == "&semi;" {
			return append(dst, s...), n
		}
		n--
		fallthrough
	default:
		// Without a semicolon only some stand for something, and never before a letter, a digit or =.
		s := entity.UnescapeString(string(v[:n]))
		if utf8.RuneCountInString(s) == 1 && (n == len(v) || v[n] != '=' && v[n] != ';') {
			return append(dst, s...), n
		}
	}
	return append(dst, '&'), 1
}

func decodeNumber(dst, v []byte) ([]byte, int) {
	n, base := 2, rune(10)
	if n < len(v) && v[n]|0x20 == 'x' {
		n, base = 3, 16
	}
	first, c := n, rune(0)
	for n < len(v) && hex(v[n]) < byte(base) {
		c = min(c*base+rune(hex(v[n])), utf8.MaxRune+1)
		n++
	}
	if n == first {
		return append(dst, '&'), 1
	}
	if n < len(v) && v[n] == ';' {
		n++
	}
	switch {
	case 0x80 <= c && c < 0xa0: // these mean windows-1252
		return append(dst, entity.UnescapeString("&#"+string([]byte{'0' + byte(c/100), '0' + byte(c/10%10), '0' + byte(c%10)})+";")...), n
	case c == 0:
		c = utf8.RuneError
	}
	return utf8.AppendRune(dst, c), n
}

// Quote appends value so that it may stand between quotes of either
// kind. With raw set the value has references already.
func Quote(dst, value []byte, raw bool) []byte {
	for _, c := range value {
		switch {
		case c == '"':
			dst = append(dst, "&#34;"...)
		case c == '\'' && !raw:
			dst = append(dst, "&#39;"...)
		case c == '&' && !raw:
			dst = append(dst, "&amp;"...)
		case c == '<':
			dst = append(dst, "&lt;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// Escape appends plain text as HTML, for text and for quotes of either kind.
func Escape(dst []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '"':
			dst = append(dst, "&#34;"...)
		case '\'':
			dst = append(dst, "&#39;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
