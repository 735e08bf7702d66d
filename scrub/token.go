package scrub

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
	"time"

	"github.com/avow-privacy/avow/scrub/pattern"
)

// A dayKey makes tokens of addresses. Its key is random, is never written
// anywhere, and is gone when the day ends in UTC: after that nobody can tell
// whose a token was, nor that two tokens of two days are one visitor's.
type dayKey struct {
	clock func() time.Time

	mu  sync.Mutex
	day int64
	mac hash.Hash
	sum [sha256.Size]byte
	in  [32]byte
}

const (
	tokenOpens = "[visitor-"
	tokenBytes = 6
)

// token appends the token of an address in a line of this day; lines of
// different days have different tokens, even if they are read on one.
func (k *dayKey) token(dst []byte, a *pattern.IP, day []byte) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	var today int64
	if k.clock != nil {
		today = k.clock().Unix() / (24 * 60 * 60)
	}
	if k.mac == nil || today != k.day {
		var key [32]byte
		_, _ = rand.Read(key[:]) // never fails (crypto/rand)
		k.day, k.mac = today, hmac.New(sha256.New, key[:])
		clear(key[:])
	}
	k.mac.Reset()
	k.mac.Write(append(a.Append(k.in[:0]), day...))
	sum := k.mac.Sum(k.sum[:0])
	dst = append(dst, tokenOpens...)
	const digits = "abcdefghijklmnop" // no digits: nothing takes it for a number
	for _, b := range sum[:tokenBytes] {
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return append(dst, ']')
}

// isToken says whether b is a token.
func isToken(b []byte) bool {
	if len(b) != len(tokenOpens)+2*tokenBytes+1 || string(b[:len(tokenOpens)]) != tokenOpens || b[len(b)-1] != ']' {
		return false
	}
	for _, c := range b[len(tokenOpens) : len(b)-1] {
		if c < 'a' || c > 'p' {
			return false
		}
	}
	return true
}
