package pattern

import "strconv"

// An IP is an IP address.
type IP struct {
	b     [16]byte
	v4    bool // in the first four bytes
	zoned bool
}

// Network says whether a is a network as we write it: nothing behind /24 or /48.
func (a *IP) Network() bool {
	if a.v4 {
		return a.b[3] == 0
	}
	return !a.zoned && [10]byte(a.b[6:]) == [10]byte{}
}

// four reads an IPv4 address at b[i:] and says where it ends, or 0.
func four(b []byte, i int) (a IP, end int) {
	if i > 0 && (Decimal(b[i-1]) || b[i-1] == '.' && i > 1 && Decimal(b[i-2])) {
		return a, 0
	}
	if i > 0 && b[i-1]|0x20 == 'v' && (i == 1 || !alnum(b[i-2])) {
		return a, 0 // v1.2.3.4 is a version
	}
	return quad(b, i)
}

func quad(b []byte, i int) (a IP, end int) {
	for part := range 4 {
		if part > 0 {
			if i >= len(b) || b[i] != '.' {
				return a, 0
			}
			i++
		}
		v, from := 0, i
		for ; i < len(b) && i-from < 4 && Decimal(b[i]); i++ {
			v = v*10 + int(b[i]-'0')
		}
		if i == from || i-from > 3 || v > 255 {
			return a, 0
		}
		a.b[part] = byte(v)
	}
	if i+1 < len(b) && b[i] == '.' && Decimal(b[i+1]) {
		return a, 0
	}
	a.v4 = true
	return a, i
}

func hex(b byte) int {
	switch {
	case Decimal(b):
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// six looks for an IPv6 address around the colon at i, its first.
func (f *Finder) six(b []byte, i int) int {
	from := i
	for from > 0 && i-from < 5 && hex(b[from-1]) >= 0 {
		from--
	}
	if i-from > 4 || from == i && (i+1 >= len(b) || b[i+1] != ':') || from > 0 && (alnum(b[from-1]) || b[from-1] >= 0x80) {
		return i + 1
	}
	a, end := parse6(b, from)
	if end == 0 || end < len(b) && (alnum(b[end]) || b[end] == '_') {
		return i + 1
	}
	return f.ip(b, from, end, a)
}

// parse6 reads an IPv6 address (RFC 4291, 2.2; with a zone, RFC 4007, 11) at
// b[i:] and says where it ends, or 0. An IPv4 address in it (::ffff:192.0.2.1)
// is an IPv4 address.
func parse6(b []byte, i int) (a IP, end int) {
	var groups [8]uint16
	n, gapAt := 0, -1
	if i+1 < len(b) && b[i] == ':' && b[i+1] == ':' {
		gapAt, i = 0, i+2
	}
	for n < 8 {
		if v4, to := quad(b, i); to > 0 && n <= 6 && (n == 6 || gapAt >= 0) {
			return v4, to
		}
		v, from := 0, i
		for ; i < len(b) && i-from < 4 && hex(b[i]) >= 0; i++ {
			v = v<<4 | hex(b[i])
		}
		if i == from {
			break
		}
		groups[n] = uint16(v)
		n++
		if i+1 < len(b) && b[i] == ':' && b[i+1] == ':' && gapAt < 0 {
			gapAt, i = n, i+2
		} else if n < 8 && i+1 < len(b) && b[i] == ':' && hex(b[i+1]) >= 0 {
			i++
		} else {
			break
		}
	}
	if gapAt < 0 && n < 8 || gapAt >= 0 && n > 7 {
		return a, 0
	}
	if gapAt < 0 {
		gapAt = n
	}
	for g := range n {
		at := g
		if g >= gapAt {
			at = 8 - n + g
		}
		a.b[2*at], a.b[2*at+1] = byte(groups[g]>>8), byte(groups[g])
	}
	end = i
	if i+1 < len(b) && b[i] == '%' && alnum(b[i+1]) {
		for a.zoned, i = true, i+1; i < len(b) && i-end < 32 && (alnum(b[i]) || b[i] == '-' || b[i] == '_'); i++ {
		}
		end = i
	}
	return a, end
}

// ParseIP reads an address that is all of b but a port and brackets; whole
// says that it has neither.
func ParseIP(b []byte) (a IP, whole, ok bool) {
	a, end := quad(b, 0)
	if end == 0 && b[0] == '[' {
		if a, end = parse6(b, 1); end == 0 || end >= len(b) || b[end] != ']' {
			return a, false, false
		}
		end++
	} else if end == 0 {
		a, end = parse6(b, 0)
	}
	if end == 0 {
		return a, false, false
	}
	if end == len(b) {
		return a, b[0] != '[', true
	}
	if b[end] != ':' {
		return a, false, false
	}
	for _, c := range b[end+1:] {
		if !Decimal(c) {
			return a, false, false
		}
	}
	return a, false, true
}

// V4 says whether a is an IPv4 address.
func (a *IP) V4() bool { return a.v4 }

// Append appends the bytes of a, 4 or 16.
func (a *IP) Append(dst []byte) []byte {
	if a.v4 {
		return append(dst, a.b[:4]...)
	}
	return append(dst, a.b[:]...)
}

// AppendNetwork appends the network of a, as 203.0.113.0 or 2001:db8:1::.
func (a *IP) AppendNetwork(dst []byte) []byte {
	if a.v4 {
		for _, part := range a.b[:3] {
			dst = strconv.AppendUint(dst, uint64(part), 10)
			dst = append(dst, '.')
		}
		return append(dst, '0')
	}
	last := 6
	for last > 0 && a.b[last-1] == 0 && a.b[last-2] == 0 {
		last -= 2
	}
	for i := 0; i < last; i += 2 {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = strconv.AppendUint(dst, uint64(a.b[i])<<8|uint64(a.b[i+1]), 16)
	}
	return append(dst, "::"...)
}
