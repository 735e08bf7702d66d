package seal

import (
	"crypto"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"github.com/avow-privacy/avow"
)

// Keys are the keys of one avow: those under which subjects' keys are wrapped,
// the one behind the blind indexes, the one that signs the log, and the token
// by which staff are known. They are all there or none is.
type Keys struct {
	epoch  int64
	epochs map[int64]*epochKey
	index  secret
	log    secret // the seed
	token  secret
}

// An epochKey wraps the subjects' keys for some time.
type epochKey struct {
	secret secret
	box    cipher.AEAD
}

func newEpochKey(s secret) *epochKey {
	own := derive(s(), "avow/v1/wrap")
	defer clear(own)
	return &epochKey{s, newBox(own)}
}

// Epoch numbers the epoch key that new keys are wrapped under.
func (k *Keys) Epoch() int64 { return k.epoch }

// EpochCheck is a value that only the key of an epoch gives. Kept beside the
// wrapped keys it tells early whether these are their keys.
func (k *Keys) EpochCheck(epoch int64) ([]byte, error) {
	e, ok := k.epochs[epoch]
	if !ok {
		return nil, fmt.Errorf("no key for epoch %d", epoch)
	}
	return derive(e.secret(), "avow/v1/check")[:16], nil
}

// Wrap closes a subject's key under the current epoch key.
func (k *Keys) Wrap(key Key, subject avow.SubjectID) (epoch int64, wrapped []byte) {
	e := k.epochs[k.epoch]
	return k.epoch, e.box.Seal(nil, nil, key.secret(), wrapPlace(k.epoch, subject))
}

// Unwrap opens what Wrap closed for the same subject.
func (k *Keys) Unwrap(epoch int64, wrapped []byte, subject avow.SubjectID) (Key, error) {
	e, ok := k.epochs[epoch]
	if !ok {
		return Key{}, fmt.Errorf("unwrap key of %s: no key for epoch %d", subject, epoch)
	}
	plain, err := e.box.Open(nil, nil, wrapped, wrapPlace(epoch, subject))
	if err != nil || len(plain) != 32 {
		return Key{}, fmt.Errorf("unwrap key of %s: %w", subject, ErrClosed)
	}
	return Key{hide(plain)}, nil
}

func wrapPlace(epoch int64, subject avow.SubjectID) []byte {
	return Place{Table: "vault_subject", Subject: subject, Version: avow.Version(epoch)}.bytes()
}

// Index is what a field's value is looked up by: the same value gives the same
// sixteen bytes, and without the index key nobody can try values out.
func (k *Keys) Index(field avow.Field, value []byte) [16]byte {
	perField := mac(k.index(), []byte("avow/v1/index/"), []byte(field))
	defer clear(perField)
	return [16]byte(mac(perField, value))
}

// LogKey signs the checkpoints of the log.
func (k *Keys) LogKey() crypto.Signer { return ed25519.NewKeyFromSeed(k.log()) }

// Token is the secret by which staff are known on the private address.
func (k *Keys) Token() string { return base64.RawURLEncoding.EncodeToString(k.token()) }

// IsToken says whether text is the staff token, in the same time whatever it is.
func (k *Keys) IsToken(text string) bool {
	return subtle.ConstantTimeCompare([]byte(text), []byte(k.Token())) == 1
}

// Close forgets the keys in memory, as far as Go lets us.
func (k *Keys) Close() {
	for _, e := range k.epochs {
		clear(e.secret())
	}
	clear(k.epochs)
	for _, s := range []secret{k.index, k.log, k.token} {
		if s != nil {
			clear(s())
		}
	}
}

func newKeys() *Keys {
	return &Keys{
		epoch: 1, epochs: map[int64]*epochKey{1: newEpochKey(newSecret())},
		index: newSecret(), log: newSecret(), token: newSecret(),
	}
}
