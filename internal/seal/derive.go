package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// derive is HKDF-SHA256 (RFC 5869) without salt: 32 bytes for one use of a
// secret, which tell nothing about the secret or about other uses. It is done by
// hand for the lengths that occur, since nothing is done more often: half the time
// of crypto/hkdf, and nothing left for the garbage collector.
func derive(secret []byte, info string) []byte {
	if len(secret) != 32 || len(info) >= shortInfo {
		out, err := hkdf.Key(sha256.New, secret, nil, info, 32)
		if err != nil {
			panic(err) // only more bytes than HKDF can give
		}
		return out
	}
	var zero [32]byte
	extracted := hmacShort(&zero, secret)
	var text [shortInfo]byte
	n := copy(text[:], info)
	text[n] = 1
	out := hmacShort(&extracted, text[:n+1])
	clear(extracted[:])
	return out[:]
}

const shortInfo = 96

// hmacShort is HMAC-SHA256 (RFC 2104) of at most shortInfo bytes.
func hmacShort(key *[32]byte, text []byte) [32]byte {
	var inner [sha256.BlockSize + shortInfo]byte
	var outer [sha256.BlockSize + sha256.Size]byte
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
	sum = sha256.Sum256(outer[:])
	clear(inner[:])
	clear(outer[:])
	return sum
}
