package tree

import "encoding/binary"

// AppendEntry adds an entry to a bundle, headed by its length in two bytes.
func AppendEntry(bundle, entry []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(entry))), entry...)
}

// CutEntry takes the first entry off a bundle, where each is headed by its
// length in two bytes.
func CutEntry(data []byte) (entry, rest []byte, ok bool) {
	if len(data) < 2 {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(data))
	if len(data) < n {
		return nil, nil, false
	}
	return data[2:n], data[n:], true
}
