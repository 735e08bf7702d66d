package values

// Same says whether b is s, which is in lower case, but for the case of letters.
func Same(b []byte, s string) bool { return len(b) == len(s) && Begins(b, s) }

// Begins says whether b begins with s in the sense of Same.
func Begins(b []byte, s string) bool {
	if len(b) < len(s) {
		return false
	}
	for i := range len(s) {
		if Lower(b[i]) != s[i] {
			return false
		}
	}
	return true
}

// Lower returns the lower case of an ASCII letter, and any other byte as it is.
func Lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// Letter says whether c is an ASCII letter.
func Letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// Space says whether c is what HTML takes for white space.
func Space(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }
