package scrub

import (
	"github.com/avow-privacy/avow/scrub/pattern"
)

// network writes what stands for an address: its network, or its token.
func (s *Scrubber) network(dst []byte, a *pattern.IP) []byte {
	if s.key != nil {
		return s.key.token(dst, a, s.day)
	}
	return a.AppendNetwork(dst)
}

// host writes what stands for a visitor's address in a field of its own, with
// or without port and brackets, or a list of them. What is no address may be a
// name that leads to one person's line.
func (s *Scrubber) host(dst, field []byte) []byte {
	for len(field) > 0 {
		end, skip := len(field), 0
		for i, c := range field {
			if c == ',' || c == ' ' {
				end, skip = i, 1
				break
			}
		}
		dst = s.visitor(dst, field[:end])
		dst = append(dst, field[end:end+skip]...)
		field = field[end+skip:]
	}
	return dst
}

func (s *Scrubber) visitor(dst, one []byte) []byte {
	if len(one) == 0 || len(one) == 1 && one[0] == '-' || isToken(one) || string(one) == unknownHost {
		return append(dst, one...)
	}
	if dot, network, ok := dotted(one); ok && (network || s.key == nil) {
		if network {
			return append(dst, one...)
		}
		s.counts[Address]++
		return append(append(dst, one[:dot+1]...), '0')
	}
	a, whole, ok := pattern.ParseIP(one)
	if !ok {
		return s.put(dst, one, Address, unknownHost)
	}
	if whole && a.Network() {
		return append(dst, one...)
	}
	s.counts[Address]++
	return s.network(dst, &a)
}

// dotted says whether b is an IPv4 address and nothing else, where its last dot
// is, and whether it is a network already. It is ParseIP for what most lines
// begin with.
func dotted(b []byte) (dot int, network, ok bool) {
	v, n, dots := 0, 0, 0
	for i, c := range b {
		switch d := c - '0'; {
		case d <= 9 && n < 3:
			v, n = v*10+int(d), n+1
		case c == '.' && n > 0 && v <= 255 && dots < 3:
			dot, dots, v, n = i, dots+1, 0, 0
		default:
			return 0, false, false
		}
	}
	return dot, v == 0, dots == 3 && n > 0 && v <= 255
}

// unknownHost stands for a visitor whose address was written as a name.
const unknownHost = "[host]"
