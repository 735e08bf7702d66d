package markup

import "bytes"

// longestHost is how far the name of a host is looked for.
const longestHost = 255

// searched looks for hosts in the part of a raw text before end, if it is to be
// reported on, and returns how much of it may be passed on.
func (w *Writer) searched(end int) int {
	if !w.report {
		return end
	}
	all := w.last || w.state == inData
	w.seen = w.hosts(w.b[:end], max(0, w.seen), all, atOther)
	return max(w.done, min(end, w.seen-lookBack))
}

// lookBack is how many bytes before the slashes of an address are looked at.
const lookBack = 16

// hosts tells of the hosts of absolute addresses in css, or JSON, from i on, and
// returns where to go on when there is more. All says that there will not be.
func (w *Writer) hosts(v []byte, i int, all bool, id attr) int {
	for {
		k := bytes.IndexByte(v[min(i, len(v)):], '/')
		if k < 0 {
			return len(v)
		}
		i += k
		if i+1 == len(v) {
			return i
		}
		if v[i+1] != '/' {
			i++
			continue
		}
		n := end(v[i+2:min(len(v), i+2+longestHost)], "/\\?#\"') \t\n\r\f;,")
		if i+2+n == len(v) && n < longestHost && !all {
			return i
		}
		w.hostAt(v, i, i+2+n, id)
		i += 2 + n
	}
}

// hostAt tells of the host between the slashes at i and end, if they are part of an address.
func (w *Writer) hostAt(v []byte, i, end int, id attr) {
	from := i
	if from > 0 && v[from-1] == ':' {
		for from--; from > 0 && i-from < 7 && letter(v[from-1]); {
			from--
		}
	}
	at := from
	for at > 0 && from-at < 4 && space(v[at-1]) {
		at--
	}
	if at == 0 || v[at-1] != '(' && v[at-1] != '"' && v[at-1] != '\'' {
		return
	}
	if s := w.locate(v[from:end]); !s.none {
		w.tell(w.found(id, s))
	}
}
