package choice

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"time"

	"github.com/avow-privacy/avow/internal/statement"
)

// Cookie is the name of the cookie that remembers a choice, and SecureCookie its
// name over https. A signature alone does not tell whose choice it is: a script
// could write one that was signed for another browser. It cannot write one whose
// name begins with __Host-Http-, where browsers know that prefix.
const (
	Cookie       = statement.ChoiceCookie
	SecureCookie = statement.SecureChoiceCookie
)

// Named says whether a cookie has a name that choices are remembered by.
func Named(name string) bool { return name == Cookie || name == SecureCookie }

// Read finds the choice among the cookies of a request. SecureCookie goes before,
// and is the only one that counts over https. Of Cookie there can be several, put
// there by a script for another path or domain: then yes is what all of them say.
func Read(cookies iter.Seq2[string, string], secure bool, open func(text string) (Choice, bool)) (c Choice) {
	for name, value := range cookies {
		if !Named(name) || name == Cookie && secure {
			continue
		}
		one, ok := open(value)
		switch {
		case !ok:
		case name == SecureCookie:
			return one
		case c.None():
			c = one
		default:
			c.narrow(&one)
		}
	}
	return c
}

// narrow leaves of c what another choice says too, and takes over what it refuses.
func (c *Choice) narrow(by *Choice) {
	for i := range c.n {
		if by.said(c.hashes[i]) != Yes {
			c.yes &^= 1 << i
		}
	}
	for i := range by.n {
		if c.said(by.hashes[i]) == Unasked {
			c.answer(by.hashes[i], false)
		}
	}
	c.Signal = c.Signal && by.Signal
}

// A sealed choice is
//
//	1 byte   the format, 1
//	16 bytes ID
//	4 bytes  At, in seconds since 1970, big-endian
//	1 byte   1 if Signal
//	1 byte   n, how many offers were answered
//	n times  4 bytes of an offer's hash; then 8 bytes of yes, by place
//	16 bytes of an HMAC-SHA256 over all of the above
//
// in unpadded base64url.
const (
	format    = 1
	headLen   = 1 + 16 + 4 + 1 + 1
	macLen    = 16
	maxSealed = headLen + 4*MaxOffers + 8 + macLen
	minKey    = 32 // whoever forgot to set a key must not let everybody sign
)

// Seal writes c so that only the holder of key, 32 bytes or more, can have
// written it. With a shorter key it writes nothing.
func (c Choice) Seal(key []byte) string {
	if len(key) < minKey {
		return ""
	}
	b := make([]byte, 0, maxSealed)
	b = append(b, format)
	b = append(b, c.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(c.At.Unix()))
	b = append(b, 0, byte(c.n))
	if c.Signal {
		b[headLen-2] = 1
	}
	for _, h := range c.hashes[:c.n] {
		b = binary.BigEndian.AppendUint32(b, h)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.yes))
	sum := mac(key, b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:macLen]...))
}

// Open reads what Seal wrote. Whatever else it is given is no choice.
func Open(key []byte, text string) (c Choice, ok bool) {
	var buf [maxSealed]byte
	if len(text) > base64.RawURLEncoding.EncodedLen(maxSealed) || len(key) < minKey {
		return c, false
	}
	var in [(maxSealed*8 + 5) / 6]byte
	n, err := base64.RawURLEncoding.Strict().Decode(buf[:], in[:copy(in[:], text)])
	b := buf[:n]
	if err != nil || n < headLen+8+macLen || b[0] != format || b[headLen-2] > 1 || int(b[headLen-1]) > MaxOffers ||
		n != headLen+4*int(b[headLen-1])+8+macLen {
		return c, false
	}
	signed, got := b[:n-macLen], b[n-macLen:]
	sum := mac(key, signed)
	if subtle.ConstantTimeCompare(sum[:macLen], got) != 1 {
		return c, false
	}
	copy(c.ID[:], b[1:])
	c.At = time.Unix(int64(binary.BigEndian.Uint32(b[17:])), 0).UTC()
	c.Signal, c.n = b[headLen-2] == 1, int(b[headLen-1])
	for i := range c.n {
		c.hashes[i] = binary.BigEndian.Uint32(b[headLen+4*i:])
	}
	c.yes = Set(binary.BigEndian.Uint64(signed[len(signed)-8:]))
	return c, true
}

// mac is HMAC-SHA256 (RFC 2104) of a sealed choice, without anything left for
// the garbage collector: it is done for every page.
func mac(key, text []byte) [32]byte {
	var inner [sha256.BlockSize + maxSealed]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	for i := range sha256.BlockSize {
		inner[i], outer[i] = 0x36, 0x5c
	}
	for i, b := range key {
		inner[i] ^= b
		outer[i] ^= b
	}
	n := copy(inner[sha256.BlockSize:], text)
	sum := sha256.Sum256(inner[:sha256.BlockSize+n])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}
