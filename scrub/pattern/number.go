package pattern

// A run is a row of groups of digits, joined as people join them.
type run struct {
	n        int
	from, to [maxGroups]int
	join     [maxGroups]byte // what stands before each group; ')' for what closes a bracket
}

const (
	maxGroups = 10
	maxDigits = 19
)

func joins(b byte) bool {
	switch b {
	case ' ', '-', '.', '/', '+', '(', ')':
		return true
	}
	return false
}

// number looks for what begins with the digit at i, which no digit precedes. It
// returns where to go on.
func (f *Finder) number(b []byte, i int) int {
	j := i + 1
	for j < len(b) && Decimal(b[j]) {
		j++
	}
	joined := j+1 < len(b) && joins(b[j]) && (Decimal(b[j+1]) || joins(b[j+1]))
	if !joined && j-i < 8 {
		return j
	}
	if joined && j-i <= 3 && b[j] == '.' {
		if ip, end := four(b, i); end > 0 {
			return f.ip(b, i, end, ip)
		}
	}
	if i > 1 && b[i-1] == '.' && Decimal(b[i-2]) {
		return j // a fraction
	}
	var r run
	r.read(b, i, j)
	if end := r.card(b); end > 0 {
		return f.add(Span{From: i, To: end, Kind: Card})
	}
	if from, end := r.phone(b); end > 0 {
		return f.add(Span{From: from, To: end, Kind: Phone})
	}
	return j
}

// ip notes an address, unless it is a network already.
func (f *Finder) ip(b []byte, from, to int, ip IP) int {
	if ip.Network() {
		return to
	}
	return f.add(Span{From: from, To: to, Kind: Address, IP: ip})
}

// read reads the groups that begin with b[i:j].
func (r *run) read(b []byte, i, j int) {
	r.n, r.from[0], r.to[0] = 1, i, j
	for total := j - i; r.n < maxGroups && total <= maxDigits; r.n++ {
		k := j
		if k >= len(b) || !joins(b[k]) {
			return
		}
		join := b[k]
		k++
		if k < len(b) && (join == ')' || join == ' ' && b[k] == '(') && joins(b[k]) {
			join = ')'
			k++
		}
		for j = k; j < len(b) && Decimal(b[j]); j++ {
		}
		if j == k {
			return
		}
		r.from[r.n], r.to[r.n], r.join[r.n] = k, j, join
		total += j - k
	}
}

// card says where a card number that begins the run ends, or 0.
func (r *run) card(b []byte) int {
	var digits [maxDigits]byte
	n := 0
	for g := range r.n {
		size := r.to[g] - r.from[g]
		if n+size > maxDigits {
			return 0
		}
		if g > 0 && (r.join[g] != ' ' && r.join[g] != '-' && r.join[g] != '+' || r.join[g] != r.join[1] || size < 2 || r.to[0]-r.from[0] < 4) {
			return 0
		}
		n += copy(digits[n:], b[r.from[g]:r.to[g]])
		if n >= 13 && issued(digits[:n]) && luhn(digits[:n]) {
			return r.to[g]
		}
	}
	return 0
}

// issued says whether card numbers begin like d and are as long (ISO/IEC 7812;
// the ranges are those that the networks publish).
func issued(d []byte) bool {
	four := int(d[0]-'0')*1000 + int(d[1]-'0')*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	n := len(d)
	switch two := four / 100; {
	case d[0] == '4':
		return n == 13 || n == 16 || n == 19
	case two == 34, two == 37:
		return n == 15
	case two >= 51 && two <= 55, four >= 2221 && four <= 2720:
		return n == 16
	case two == 30, two == 36, two == 38, two == 39:
		return n >= 14
	case two == 35, two == 62, two == 64, two == 65, two == 60, two == 81, two == 82, four == 9792, four >= 2200 && four <= 2205:
		return n >= 16
	case two == 50, two >= 56 && two <= 69:
		return n >= 13
	}
	return false
}

// luhn says whether the check digit fits (ISO/IEC 7812-1, annex B).
func luhn(d []byte) bool {
	sum := 0
	for i := range d {
		v := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// phone says where a telephone number that begins with the run begins and ends,
// or 0, 0.
func (r *run) phone(b []byte) (from, to int) {
	i := r.from[0]
	first, second := b[i], byte(0)
	if r.to[0]-i > 1 {
		second = b[i+1]
	}
	before, beyond := byte(' '), byte(' ')
	if i > 0 {
		before = b[i-1]
	}
	if i > 1 {
		beyond = b[i-2]
	}
	switch {
	case before == '+' && first != '0' && !alnum(beyond):
		if r.to[0]-i == 4 && beyond == ' ' && i > 2 && Decimal(b[i-3]) {
			return 0, 0 // a time zone
		}
		return i - 1, r.longest(b, 8, 15)
	case alnum(before) || before == '_' || before == '.' || before == ':' || before == ',' || before >= 0x80,
		(before == '-' || before == '/') && Decimal(beyond):
		return 0, 0 // amid something else
	case first == '0' && second == '0' && r.to[0]-i > 2 && b[i+2] != '0':
		if end := r.longest(b, 12, 15); end > 0 {
			return i, end
		}
	case first == '0' && second >= '1':
		return i, r.national(b)
	case first >= '1' && before != '-':
		from = i
		if before == '(' && r.n > 1 && r.join[1] == ')' {
			from--
		}
		return from, r.american(b)
	}
	return 0, 0
}

// ends says whether the number that ends at to is not the beginning of
// something else, such as a time or a fraction.
func ends(b []byte, to int) bool {
	if to >= len(b) {
		return true
	}
	c := b[to]
	return !alnum(c) && c != '_' && c != ':' && c < 0x80 && (c != '.' && c != ',' && c != '/' && c != '-' || to+1 >= len(b) || !Decimal(b[to+1]))
}

// longest is the end of the longest row of groups with least to most digits.
func (r *run) longest(b []byte, least, most int) (end int) {
	total := 0
	for g := range r.n {
		if end > 0 && r.join[g] == ')' {
			break // another begins
		}
		if total += r.to[g] - r.from[g]; total > most {
			break
		}
		if total >= least {
			end = r.to[g]
		}
	}
	return end
}

// national finds numbers with a leading 0: 020 7946 0958, 07700 900123,
// 030/123456, 06.12.34.56.78.
func (r *run) national(b []byte) (end int) {
	total, pairs := 0, true
	for g := range r.n {
		size := r.to[g] - r.from[g]
		total += size
		pairs = pairs && size == 2
		if g > 0 {
			switch join := r.join[g]; {
			case join == '.' && !pairs, join == '+', size < 2:
				return end
			case join == '/' && (g > 1 || r.to[0]-r.from[0] < 3):
				return end
			case g > 1 && join != r.join[g-1] && g > 2:
				return end
			}
		}
		if total > 12 {
			return end
		}
		bare := g == 0 && (total == 10 || total == 11)
		if (bare || g > 0 && total >= 9 && (g == 4 || !pairs)) && ends(b, r.to[g]) {
			end = r.to[g]
		}
	}
	return end
}

// american finds numbers of the North American plan with their separators:
// (212) 555-0123, 212-555-0123, 1 212 555 0123.
func (r *run) american(b []byte) int {
	g := 0
	if r.to[0]-r.from[0] == 1 && b[r.from[0]] == '1' {
		g = 1
	}
	if r.n < g+3 || r.to[g]-r.from[g] != 3 || r.to[g+1]-r.from[g+1] != 3 || r.to[g+2]-r.from[g+2] != 4 ||
		b[r.from[g]] < '2' || b[r.from[g+1]] < '2' || !ends(b, r.to[g+2]) {
		return 0
	}
	one, two := r.join[g+1], r.join[g+2]
	switch {
	case one == '/' || two == '/' || one == '+' || one != two && one != ')':
		return 0
	case one == ' ' && g == 0 && status(b[r.from[0]:r.to[0]]):
		return 0 // 200 512 1024 are rather figures of a log
	}
	return r.to[g+2]
}

// status says whether b is a status code of HTTP that servers answer with.
func status(b []byte) bool {
	switch string(b) {
	case "200", "201", "202", "203", "204", "206", "207", "300", "301", "302", "303", "304", "307", "308", "400", "401", "402", "403",
		"404", "405", "406", "408", "409", "410", "411", "412", "413", "414", "415", "416", "417", "418", "421", "422", "425", "426",
		"428", "429", "431", "444", "451", "499", "500", "501", "502", "503", "504", "505", "507", "511":
		return true
	}
	return false
}
