package pattern

// A Span is a place where something personal was found.
type Span struct {
	From, To int
	Kind     Kind
	IP       IP // of an Address
}

// A Finder finds patterns. It keeps its buffers from one text to the next.
type Finder struct {
	Spans []Span  // what Look found, in order, none over another
	flat  []byte  // the text with its escapes undone
	from  []int32 // where in the text each byte of flat began
}

// What a byte can mean to a pattern. Most mean nothing: a text is gone through
// for the few that do, and what stands around them is looked at.
const (
	nothing = iota
	digit   // may begin a number, or stand in a secret
	at      // may stand in an e-mail address
	colon   // may stand in an IPv6 address
	escaped // may hide something
	equals  // may stand before a secret
	space   // may stand before a token
	capital // may stand in the beginning of a key
)

var class = func() (c [256]uint8) {
	for b := byte('0'); b <= '9'; b++ {
		c[b] = digit
	}
	c['@'], c[':'], c['%'], c['\\'], c['='], c[' '], c['+'] = at, colon, escaped, escaped, equals, space, space
	c['J'], c['K'], c['S'] = capital, capital, capital // eyJ, AKIA, ASIA
	return c
}()

// Letter says whether b is an ASCII letter.
func Letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

// Decimal says whether b is an ASCII digit.
func Decimal(b byte) bool { return b-'0' <= 9 }

func alnum(b byte) bool { return Letter(b) || Decimal(b) }

// Look finds what stands in b, behind escapes first: there it is whole.
func (f *Finder) Look(b []byte) {
	if f.plain(b) {
		if f.unfolded(b); len(f.Spans) == 0 {
			f.plain(b)
		}
	}
}

// plain finds what stands in b as it is written, and says whether b holds
// escapes.
func (f *Finder) plain(b []byte) (escapes bool) {
	f.Spans = f.Spans[:0]
	return f.scan(b)
}

// unfolded finds what stands in b once its escapes are undone.
func (f *Finder) unfolded(b []byte) {
	f.Spans = f.Spans[:0]
	f.unfold(b)
	f.scan(f.flat)
	for i := range f.Spans {
		s := &f.Spans[i]
		s.From, s.To = int(f.from[s.From]), int(f.from[s.To])
	}
}

func (f *Finder) scan(b []byte) (escapes bool) {
	word := 0 // words that end before are looked at
	for i := 0; i < len(b); {
		for ; i+4 <= len(b) && class[b[i]]|class[b[i+1]]|class[b[i+2]]|class[b[i+3]] == nothing; i += 4 {
		}
		for i < len(b) && class[b[i]] == nothing {
			i++
		}
		if i == len(b) {
			break
		}
		switch class[b[i]] {
		case digit:
			from := i
			if i = f.number(b, i); i > word && (i < len(b) && inWord[b[i]] || from > 0 && inWord[b[from-1]]) {
				var found bool
				if word, found = f.word(b, i-1); found {
					i = max(i, word)
				}
			}
		case at:
			i = f.mail(b, i)
		case colon:
			i = f.six(b, i)
		case escaped:
			escapes = true
			i++
		case equals:
			i = f.confided(b, i)
		case space:
			i = f.bearer(b, i)
		case capital:
			i = f.key(b, i)
		}
	}
	return escapes
}

// add notes a span that ends behind all others. Those that it overlaps are
// part of it.
func (f *Finder) add(s Span) int {
	for n := len(f.Spans); n > 0 && f.Spans[n-1].To > s.From; n-- {
		if last := f.Spans[n-1]; last.From < s.From {
			s.From = last.From
		}
		if last := f.Spans[n-1]; last.To > s.To {
			s.To = last.To
		}
		f.Spans = f.Spans[:n-1]
	}
	f.Spans = append(f.Spans, s)
	return s.To
}

// The parts of an e-mail address are no longer than this (RFC 5321, 4.5.3.1,
// with room for what does not keep to it).
const (
	mostLocal  = 128
	mostDomain = 255
)

var local, domain = func() (l, d [256]bool) {
	for b := range l {
		l[b] = alnum(byte(b)) || b >= 0x80
		d[b] = l[b] || b == '-' || b == '.'
	}
	for _, b := range []byte("._+-'~!#$*^") {
		l[b] = true
	}
	return l, d
}()

// mail looks for an e-mail address around the @ at i.
func (f *Finder) mail(b []byte, i int) int {
	from := i
	for from > 0 && i-from < mostLocal && local[b[from-1]] {
		from--
	}
	if from == i {
		return i + 1
	}
	to := i + 1
	for to < len(b) && to-i <= mostDomain && domain[b[to]] {
		to++
	}
	end := to
	for {
		for to > i+1 && (b[to-1] == '.' || b[to-1] == '-') {
			to--
		}
		dot := to - 1
		for dot > i && b[dot] != '.' {
			dot--
		}
		if dot <= i+1 {
			return i + 1
		}
		if last := b[dot+1 : to]; len(last) < 2 || Decimal(last[0]) {
			return i + 1
		} else if !ofFile(last) {
			return f.add(Span{From: from, To: end, Kind: Mail})
		}
		to = dot // logo@2x.png has none, ada@example.com.png has
	}
}

// ofFile says whether b is how the name of a file of a site ends.
func ofFile(b []byte) bool {
	if len(b) > 7 {
		return false
	}
	switch string(b) {
	case "js", "mjs", "css", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif", "ico", "woff", "woff2", "ttf", "json",
		"xml", "html", "htm", "php", "txt", "pdf", "min", "mp4", "webm", "wasm", "gz", "zst", "prod", "esm", "umd":
		return true
	case "timer", "scope", "slice", "mount", "socket", "service": // getty@tty1.service is a unit of systemd
		return true
	}
	return false
}
