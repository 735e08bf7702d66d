package popular

import (
	"hash/maphash"
	"strings"
	"time"
)

// visits knows which visitor has read which page today, in 4 MiB, whatever
// comes: a Bloom filter of 65,536 blocks of 512 bits, four of which stand for
// one reading. It takes a reading that is new for one that was, and so does not
// count it, one time in 3,000 after a million readings and one in 40 after four
// million. A reading that was it never takes for new.
type visits struct {
	day  int64 // days since 1970, UTC
	salt maphash.Seed
	bits [][8]uint64
}

const blocks = 1 << 16

// turn begins another day, if now is in one, with another salt. It says whether
// it did.
func (v *visits) turn(now time.Time) bool {
	day := now.Unix() / (24 * 60 * 60)
	if v.bits != nil && v.day == day {
		return false
	}
	if v.bits == nil {
		v.bits = make([][8]uint64, blocks)
	}
	clear(v.bits)
	v.day, v.salt = day, maphash.MakeSeed()
	return true
}

// first says whether this is the first time today, and remembers it.
func (v *visits) first(address, browser, path string) bool {
	var h maphash.Hash
	h.SetSeed(v.salt)
	for _, part := range [...]string{address, browser, path} {
		h.WriteString(part)
		h.WriteByte(0)
	}
	return v.mark(h.Sum64())
}

// mark sets the bits of a hash, and says whether one of them was not set.
func (v *visits) mark(sum uint64) (fresh bool) {
	block := &v.bits[sum>>48]
	for range 4 {
		word, bit := &block[sum>>6&7], uint64(1)<<(sum&63)
		fresh = fresh || *word&bit == 0
		*word |= bit
		sum >>= 9
	}
	return fresh
}

// host is an address without its port.
func host(remote string) string {
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		return remote[:i]
	}
	return remote
}
