// Package outward leads visitors out over signed addresses of our own, and sees what would go along.
package outward

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
)

// Hops are the ways out: addresses on our own origin that say, signed, where a
// link of this site leads. Any number of goroutines may use them.
type Hops struct {
	before string // a hop up to where it leads
	macs   sync.Pool

	mu   sync.RWMutex
	made map[string]string // hops of links that were on a page lately
}

const (
	mostHops   = 4096
	longestHop = 2048 // bytes of an address that can be led to: no browser's limit is lower
	macBytes   = 16
)

// A signer is a MAC and room for its sum.
type signer struct {
	hash.Hash
	sum [sha256.Size]byte
}

// New returns hops below base that are signed under a key made of key.
func New(key []byte, base string) *Hops {
	h := &Hops{before: base + "/out?to=", made: map[string]string{}}
	sub := hmac.New(sha256.New, key)
	sub.Write([]byte("avow gate: links that leave"))
	own := sub.Sum(nil)
	h.macs.New = func() any { return &signer{Hash: hmac.New(sha256.New, own)} }
	return h
}

// Append appends the hop to url, or nothing if url is too long to be one.
func (h *Hops) Append(dst, url []byte) []byte {
	if len(url) > longestHop {
		return dst
	}
	h.mu.RLock()
	hop, ok := h.made[string(url)]
	h.mu.RUnlock()
	if ok {
		return append(dst, hop...)
	}
	from := len(dst)
	dst = append(dst, h.before...)
	dst = escaped(dst, url)
	dst = append(dst, "&s="...)
	sum := h.sign(url)
	dst = base64.RawURLEncoding.AppendEncode(dst, sum[:macBytes])
	h.mu.Lock()
	if len(h.made) >= mostHops {
		clear(h.made)
	}
	h.made[string(url)] = string(dst[from:])
	h.mu.Unlock()
	return dst
}

func (h *Hops) sign(url []byte) [sha256.Size]byte {
	s := h.macs.Get().(*signer)
	defer h.macs.Put(s)
	s.Reset()
	s.Write(url)
	s.Sum(s.sum[:0])
	return s.sum
}

// signed says whether mac was made here for url.
func (h *Hops) signed(url, mac string) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	sum := h.sign([]byte(url))
	return err == nil && hmac.Equal(given, sum[:macBytes])
}

// escaped appends s as the value of a query.
func escaped(dst, s []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', c == '/', c == ':':
			dst = append(dst, c)
		default:
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}
