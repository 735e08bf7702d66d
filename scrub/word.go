package scrub

// shortest is the length of the shortest word that matters by itself.
const shortest = 3

// word looks at the word b[from:to], which ends before b[to]. It returns the
// last byte that belongs to what was found, or to.
func (f *finder) word(b []byte, from, to int) int {
	n := to - from
	w := b[from:to]
	switch {
	case to < len(b) && b[to] == '=' && n <= 32 && confides(w):
		return f.value(b, to+1, Secret, 1, to)
	case n == 5 && fold(w, "basic"), n == 6 && fold(w, "bearer"):
		if to+8 < len(b) && (b[to] == ' ' || b[to] == '+' || b[to] == ':') && tokenish(b[to+1:]) {
			return f.value(b, to+1, Token, 8, to)
		}
	case n >= 17 && string(w[:3]) == "eyJ" && to < len(b) && b[to] == '.':
		if end := jwt(b, to); end > 0 {
			return f.add(span{from: from, to: end, kind: JWT}) - 1
		}
		fallthrough
	case n >= 20:
		if secret(w) && !named(b, to) {
			return f.add(span{from: from, to: to, kind: Secret})
		}
	}
	return to
}

// value notes what stands at b[i:] up to its end, if it has at least so many
// bytes, and is not masked already.
func (f *finder) value(b []byte, i int, k Kind, least, to int) int {
	end := i
	for end < len(b) && !closes(b[end]) {
		end++
	}
	if end-i < least || b[i] == '[' {
		return to
	}
	return f.add(span{from: i, to: end, kind: k}) - 1
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
		odd = odd || !letter(b[n]) || b[n] < 'a'
	}
	return n >= 8 && odd && b[0] != '['
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
var prefixes = []string{"AKIA", "ASIA", "ghp_", "gho_", "ghs_", "ghu_", "github_pat_", "glpat-", "sk_live_", "sk_test_", "rk_live_", "sk-", "xoxb-", "xoxp-", "AIza"}

// secret says whether a word of 20 bytes and more looks drawn by lot.
func secret(w []byte) bool {
	for _, p := range prefixes {
		if w[0] == p[0] && len(w) > len(p) && string(w[:len(p)]) == p {
			return true
		}
	}
	digits, changes, hexes := 0, 0, 0
	upper, lower := false, false
	var last byte
	for _, c := range w {
		var is byte
		switch {
		case decimal(c):
			digits++
			is = 1
		case c-'a' < 26:
			lower = true
			is = 2
		case c-'A' < 26:
			upper = true
			is = 3
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
	return len(w) >= 24 && upper && lower && digits >= 2 && changes*100 >= len(w)*45
}
