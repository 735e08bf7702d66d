package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"sync"
)

// hops are the ways out: addresses on our own origin that say, signed, where a
// link of this site leads.
type hops struct {
	before string // the address up to the signature's link
	macs   sync.Pool

	mu   sync.RWMutex
	made map[string]string // hops of links that were on a page lately
}

const (
	mostHops   = 4096
	longestHop = 2048 // bytes of an address that can be led to
	macBytes   = 16
)

// A signer is a MAC and room for its sum.
type signer struct {
	hash.Hash
	sum [sha256.Size]byte
}

func (h *hops) start(key []byte, base string) {
	sub := hmac.New(sha256.New, key)
	sub.Write([]byte("avow gate: links that leave"))
	own := sub.Sum(nil)
	h.before = base + "/out?to="
	h.macs.New = func() any { return &signer{Hash: hmac.New(sha256.New, own)} }
	h.made = map[string]string{}
}

// append appends the hop to url.
func (h *hops) append(dst, url []byte) []byte {
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

func (h *hops) sign(url []byte) [sha256.Size]byte {
	s := h.macs.Get().(*signer)
	defer h.macs.Put(s)
	s.Reset()
	s.Write(url)
	s.Sum(s.sum[:0])
	return s.sum
}

// signed says whether mac was made here for url.
func (h *hops) signed(url, mac string) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	sum := h.sign([]byte(url))
	return err == nil && hmac.Equal(given, sum[:macBytes])
}

// escaped appends s as the value of a query, which stands in an attribute.
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
