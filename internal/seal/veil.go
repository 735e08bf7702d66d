package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"errors"
)

// ErrVeil says that a text was not made by Veil under these keys for this use.
var ErrVeil = errors.New("not made by these keys for this use")

// Veil closes a few bytes into a text fit for an address: who holds it learns
// nothing from it and can make no other. The same bytes for the same use give
// the same text, so that it need not be kept anywhere. It is a synthetic IV
// (as in RFC 5297, with HMAC-SHA256 in place of CMAC) before AES-256-CTR.
func (k *Keys) Veil(use string, plain []byte) string {
	iv := mac(derive(k.index(), "avow/v1/veil/mac/"+use), plain)[:aes.BlockSize]
	return base64.RawURLEncoding.EncodeToString(k.veil(use, iv, plain))
}

// Unveil reads what Veil wrote for the same use.
func (k *Keys) Unveil(use, text string) ([]byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < aes.BlockSize {
		return nil, ErrVeil
	}
	plain := k.veil(use, raw[:aes.BlockSize], raw[aes.BlockSize:])[aes.BlockSize:]
	want := mac(derive(k.index(), "avow/v1/veil/mac/"+use), plain)[:aes.BlockSize]
	if subtle.ConstantTimeCompare(want, raw[:aes.BlockSize]) != 1 {
		return nil, ErrVeil
	}
	return plain, nil
}

// veil returns iv and what the key stream makes of text.
func (k *Keys) veil(use string, iv, text []byte) []byte {
	block, err := aes.NewCipher(derive(k.index(), "avow/v1/veil/key/"+use))
	if err != nil {
		panic(err) // only a key of a wrong length
	}
	out := append(make([]byte, 0, len(iv)+len(text)), iv...)
	out = append(out, text...)
	cipher.NewCTR(block, iv).XORKeyStream(out[len(iv):], out[len(iv):])
	return out
}

// Derive returns 32 bytes for one use outside this package: the same for every
// process over the same keys, and nothing to anybody else.
func (k *Keys) Derive(use string) []byte {
	return derive(k.index(), "avow/v1/use/"+use)
}
