package pattern

import "bytes"

// inWord are the bytes of words: those of base64url.
var inWord = func() (w [256]bool) {
	for b := range w {
		w[b] = base64url(byte(b))
	}
	return w
}()

// word looks at the word around b[i], which has a digit, as each secret has,
// and says where it ends and whether it is one.
func (f *Finder) word(b []byte, i int) (end int, found bool) {
	from, to := i, i
	for from > 0 && i-from < mostWord && inWord[b[from-1]] {
		from--
	}
	for to < len(b) && inWord[b[to]] {
		to++
	}
	if to-from >= shortest && secret(b[from:to]) && !named(b, to) {
		return f.add(Span{From: from, To: to, Kind: Secret}), true
	}
	return max(to, i+1), false
}

const (
	shortest = 20   // the shortest secret
	mostWord = 4096 // how far back the beginning of a word is looked for
)

// confided looks for a name of something secret before the = at i.
func (f *Finder) confided(b []byte, i int) int {
	from := i
	for from > 0 && i-from < 32 && inWord[b[from-1]] {
		from--
	}
	if i-from >= 3 && confides(b[from:i]) {
		return f.value(b, i+1, Secret, 1)
	}
	return i + 1
}

// bearer looks for a scheme of RFC 9110, 11.6.2 before the space at i.
func (f *Finder) bearer(b []byte, i int) int {
	if i < 5 || b[i-1]|0x20 != 'r' && b[i-1]|0x20 != 'c' {
		return i + 1
	}
	if (fold(b[i-5:i], "basic") && (i < 6 || !inWord[b[i-6]]) || i > 5 && fold(b[i-6:i], "bearer") && (i < 7 || !inWord[b[i-7]])) && tokenish(b[i+1:]) {
		return f.value(b, i+1, Token, 8)
	}
	return i + 1
}

// key looks for a JSON Web Token or a key of AWS around the capital at i.
func (f *Finder) key(b []byte, i int) int {
	switch {
	case b[i] == 'J' && i >= 2 && b[i-1] == 'y' && b[i-2] == 'e':
		end := i
		for end < len(b) && inWord[b[end]] {
			end++
		}
		if end = jwt(b, end); end > 0 {
			return f.add(Span{From: i - 2, To: end, Kind: JWT})
		}
	case b[i] != 'J' && i >= 1 && b[i-1] == 'A' && len(b) >= i+19 && b[i+1] == 'I' && b[i+2] == 'A':
		for _, c := range b[i+3 : i+19] {
			if c-'A' >= 26 && !Decimal(c) {
				return i + 1
			}
		}
		return f.add(Span{From: i - 1, To: i + 19, Kind: Secret})
	}
	return i + 1
}

// value notes what stands at b[i:] up to its end, if it has at least so many
// bytes, and is not masked already.
func (f *Finder) value(b []byte, i int, k Kind, least int) int {
	end := i
	for end < len(b) && !closes(b[end]) {
		end++
	}
	if end-i < least || b[i] == '[' {
		return i
	}
	return f.add(Span{From: i, To: end, Kind: k})
}

// closes says whether b ends a value.
func closes(b byte) bool {
	switch b {
	case ' ', '\t', '\n', '\r', '"', '\'', '&', ';', ',', '<', '>', ')', '}', ']', '\\', 0:
		return true
	}
	return false
}

// fold says whether w is s, which is in lower case, in whatever case.
func fold(w []byte, s string) bool {
	if len(w) != len(s) {
		return false
	}
	for i := range w {
		c := w[i]
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// confiding are how the names of what is secret end.
var confiding = []string{"token", "password", "passwd", "pwd", "secret", "apikey", "api_key", "api-key", "access_key", "signature",
	"sessionid", "session_id", "sessid", "authorization"}

// confides says whether w is the name of something secret.
func confides(w []byte) bool {
	switch w[len(w)-1] | 0x20 {
	case 'n', 'd', 't', 'y', 'e':
	default:
		return false
	}
	for _, c := range confiding {
		if len(w) >= len(c) && fold(w[len(w)-len(c):], c) {
			return true
		}
	}
	return false
}

// tokenish says whether b begins with something that is no word of a language.
func tokenish(b []byte) bool {
	n, odd := 0, false
	for ; n < len(b) && !closes(b[n]); n++ {
		c := b[n]
		odd = odd || Decimal(c) || c == '=' || c == '_' || c == '+' || c == '/' || n > 0 && c-'A' < 26
	}
	return n >= 8 && odd && b[0] != '[' && !bytes.HasPrefix(b, []byte("HTTP/"))
}

func base64url(b byte) bool { return alnum(b) || b == '-' || b == '_' }

// jwt says where the token whose first part ends at the dot b[i] ends, or 0
// (RFC 7519; RFC 7516 has five parts).
func jwt(b []byte, i int) int {
	end := 0
	for parts := 1; parts < 5 && i < len(b) && b[i] == '.'; parts++ {
		from := i + 1
		for i = from; i < len(b) && base64url(b[i]); i++ {
		}
		if parts == 1 && i-from < 4 {
			return 0
		}
		end = i
	}
	return end
}

// named says whether what ends at b[i] is the name of a file, as in the names
// that bundlers make of hashes.
func named(b []byte, i int) bool {
	if i >= len(b) || b[i] != '.' {
		return false
	}
	end := i + 1
	for end < len(b) && alnum(b[end]) {
		end++
	}
	return ofFile(b[i+1 : end])
}

// prefixes are how keys of known makers begin.
var prefixes = []string{"ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "sk_live_", "sk_test_", "rk_live_", "sk-", "xoxb-", "xoxp-", "AIza"}

// secret says whether a word of 20 bytes and more looks drawn by lot.
func secret(w []byte) bool {
	for _, p := range prefixes {
		if w[0] == p[0] && len(w) > len(p) && string(w[:len(p)]) == p {
			return true
		}
	}
	digits, changes, hexes, joints := 0, 0, 0, 0
	upper, lower := false, false
	var last byte
	for _, c := range w {
		is := last // - and _ are of no kind
		switch {
		case Decimal(c):
			digits++
			is = 1
		case c-'a' < 26:
			lower = true
			is = 2
		case c-'A' < 26:
			upper = true
			is = 3
		default:
			joints++
		}
		if hex(c) >= 0 {
			hexes++
		}
		if is != last {
			changes++
		}
		last = is
	}
	if hexes == len(w) {
		return len(w) >= 32 && digits > 0 && digits < len(w)
	}
	if len(w) < 24 || !upper || !lower || changes*100 < len(w)*40 || joints*6 > len(w) { // the title of a page has more joints
		return false
	}
	return digits >= 3 && digits*12 >= len(w) || digits >= 2 && len(w) >= 40 // of many there may be drawn few digits
}
