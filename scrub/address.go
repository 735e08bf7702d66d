package scrub

import (
	"bytes"

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
	a, whole, ok := pattern.ParseIP(one)
	if !ok {
		return s.put(dst, one, Address, unknownHost)
	}
	if whole && a.Network() {
		return append(dst, one...)
	}
	s.counts[Address]++
	if whole && a.V4() && s.key == nil && pattern.Decimal(one[0]) && bytes.IndexByte(one, 0x3a) < 0 {
		last := len(one) - 1
		for one[last] != '.' {
			last--
		}
		return append(append(dst, one[:last+1]...), '0')
	}
	return s.network(dst, &a)
}

// unknownHost stands for a visitor whose address was written as a name.
const unknownHost = "[host]"
