package values

import "bytes"

const longestHost = 255 // bytes for which the end of a host is looked for

// Host returns the first absolute address in css, or JSON, from i on, up to the
// end of its host, and where to go on. Without all there may be more to come:
// then it returns the place from which it must be asked again, and more.
// What comes LookBack bytes before that place is not needed any longer.
func Host(v []byte, i int, all bool) (u []byte, next int, more bool) {
	for {
		k := bytes.IndexByte(v[min(i, len(v)):], '/')
		if k < 0 {
			return nil, len(v), true
		}
		i += k
		if i+1 == len(v) {
			return nil, i, true
		}
		if v[i+1] != '/' {
			i++
			continue
		}
		n := end(v[i+2:min(len(v), i+2+longestHost)], "/\\?#\"') \t\n\r\f;,")
		if i+2+n == len(v) && n < longestHost && !all {
			return nil, i, true
		}
		to := i + 2 + n
		if from := begin(v, i); from >= 0 {
			return v[from:to], to, false
		}
		i = to
	}
}

// LookBack is how many bytes before a place Host looks at.
const LookBack = 16

// begin returns where the address begins whose slashes are at i, or -1 if it is none.
func begin(v []byte, i int) int {
	from := i
	if from > 0 && v[from-1] == ':' {
		for from--; from > 0 && i-from < 7 && Letter(v[from-1]); {
			from--
		}
	}
	at := from
	for at > 0 && from-at < 4 && Space(v[at-1]) {
		at--
	}
	if at == 0 || v[at-1] != '(' && v[at-1] != '"' && v[at-1] != '\'' {
		return -1
	}
	return from
}
