// Package seal closes bytes under keys that can be destroyed.
//
// Everything a person hands over is closed under a key of that person alone,
// and that key is kept only wrapped under an epoch key. The epoch keys lie
// outside the database and its backups. So to forget somebody it is enough to
// destroy one small wrapped key, and copies of it die with their epoch.
//
// A closed value is bound to its place: table, row, subject and version are
// part of what is authenticated. Moved to another place it does not open.
//
// Nothing here prints a key, and no error holds one.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"github.com/avow-privacy/avow"
)

// ErrClosed says that a value does not open: it was changed, it was moved, or
// it was closed under another key.
var ErrClosed = errors.New("does not open: changed, moved from its place, or closed under another key")

// A Place is where a closed value is kept. A value opens only where it was put.
type Place struct {
	Table   string
	Row     []byte
	Subject avow.SubjectID
	Version avow.Version
}

// bytes writes the place so that no two places read alike.
func (p Place) bytes() []byte {
	b := make([]byte, 0, 2+len(p.Table)+2+len(p.Row)+len(p.Subject)+8)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Table)))
	b = append(b, p.Table...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Row)))
	b = append(b, p.Row...)
	b = append(b, p.Subject[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(p.Version))
}

// A secret holds bytes out of reach of fmt, which prints the unexported fields
// of a struct without asking their methods, and follows a pointer if the verb
// does not fit. Of a func it knows only the address.
type secret func() []byte

func hide(b []byte) secret { return func() []byte { return b } }

func newSecret() secret {
	b := make([]byte, 32)
	rand.Read(b)
	return hide(b)
}

// A Key is one subject's key.
type Key struct{ secret secret }

// NewKey makes a key.
func NewKey() Key { return Key{newSecret()} }

// Clear forgets the key in memory. Copies of k are cleared with it.
func (k Key) Clear() { clear(k.secret()) }

// Seal closes plain for one place.
func (k Key) Seal(plain []byte, at Place) []byte {
	return k.box().Seal(nil, nil, plain, at.bytes())
}

// Open opens what Seal closed for the same place.
func (k Key) Open(sealed []byte, at Place) ([]byte, error) {
	plain, err := k.box().Open(nil, nil, sealed, at.bytes())
	if err != nil {
		return nil, ErrClosed
	}
	return plain, nil
}

// Entry is the key under which one log entry about the subject commits to its
// payload. It tells nothing about the subject's key or about other entries.
func (k Key) Entry(nonce string) [32]byte {
	return [32]byte(derive(k.secret(), "avow/v1/entry/"+nonce))
}

// Tombstone is what is left of the key when it is destroyed: a value that only
// the key gives, and that looks like any commitment.
func (k Key) Tombstone() [32]byte { return k.tombstone([]byte("erased")) }

// RecordTombstone is what is left of one record of a subject who stays.
func (k Key) RecordTombstone(id avow.RecordID) [32]byte {
	return k.tombstone([]byte("deleted"), id[:])
}

func (k Key) tombstone(of ...[]byte) [32]byte {
	own := derive(k.secret(), "avow/v1/tombstone")
	defer clear(own)
	return [32]byte(mac(own, of...))
}

func (k Key) box() cipher.AEAD {
	own := derive(k.secret(), "avow/v1/seal")
	defer clear(own)
	return newBox(own)
}

// newBox returns AES-256-GCM that puts a random nonce before what it closes.
func newBox(secret []byte) cipher.AEAD {
	block, err := aes.NewCipher(secret)
	if err != nil {
		panic(err) // only a key of a wrong length
	}
	box, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only a block of a wrong length
	}
	return box
}

func mac(secret []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, secret)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

const hidden = "[key]"

// Format prints [key] whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { f.Write([]byte(hidden)) }

// LogValue logs [key].
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes [key].
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Format prints [key] whatever the verb.
func (k *Keys) Format(f fmt.State, _ rune) { f.Write([]byte(hidden)) }

// LogValue logs [key].
func (k *Keys) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes [key].
func (k *Keys) MarshalText() ([]byte, error) { return []byte(hidden), nil }
