package seal

import (
	"crypto"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
)

// Keys are the keys of one avow: those under which subjects' keys are wrapped,
// the one behind the blind indexes, the one that signs the log, and the token
// by which staff are known. They are all there or none is. Any number of
// goroutines may use them.
type Keys struct {
	epochs atomic.Pointer[epochs]

	index secret
	log   secret // the seed
	token secret

	rows    *macs
	indexes sync.Map // avow.Field → *macs
	fields  atomic.Int64

	place  place      // where they are kept
	change sync.Mutex // one change of what is kept there at a time
	missed map[int64]bool
}

// epochs are the keys of the epochs by number, and which of them new keys are
// wrapped under. They are replaced, never changed.
type epochs struct {
	current int64
	keys    map[int64]*epochKey
}

// An epochKey wraps the subjects' keys for some time.
type epochKey struct {
	dated
	box cipher.AEAD
}

// A dated key knows since when there is one, if anybody said so.
type dated struct {
	secret secret
	since  time.Time
}

func newEpochKey(d dated) *epochKey {
	own := derive(d.secret(), "avow/v1/wrap")
	defer clear(own)
	return &epochKey{d, newBox(own)}
}

func newKeys(r *ring, at place) *Keys {
	k := &Keys{index: r.index, log: r.log, token: r.token, place: at, missed: map[int64]bool{}}
	k.epochs.Store(&epochs{})
	k.replace(r.epochs) // the oldest is in use until Use says what the data knows
	rows := derive(k.index(), "avow/v1/row")
	defer clear(rows)
	k.rows = newMacs(rows)
	return k
}

// ring is the keys as they are kept.
func (k *Keys) ring() *ring {
	r := &ring{epochs: map[int64]dated{}, index: k.index, log: k.log, token: k.token}
	for n, e := range k.epochs.Load().keys {
		r.epochs[n] = e.dated
	}
	return r
}

// Epoch numbers the epoch key that new keys are wrapped under.
func (k *Keys) Epoch() int64 { return k.epochs.Load().current }

// Newest numbers the newest epoch that there is a key of.
func (k *Keys) Newest() (n int64) {
	for e := range k.epochs.Load().keys {
		n = max(n, e)
	}
	return n
}

// Epochs numbers the epochs that there are keys of, oldest first.
func (k *Keys) Epochs() []int64 { return slices.Sorted(maps.Keys(k.epochs.Load().keys)) }

// Use makes an epoch the one that new keys are wrapped under, unless a later
// one is, or there is no key of it.
func (k *Keys) Use(epoch int64) {
	k.change.Lock()
	defer k.change.Unlock()
	if now := k.epochs.Load(); epoch > now.current && now.keys[epoch] != nil {
		k.epochs.Store(&epochs{epoch, now.keys})
	}
}

// epoch returns the key of an epoch. If there is none, another process that
// shares the place of the keys may have made it.
func (k *Keys) epoch(n int64) (*epochKey, error) {
	if e := k.epochs.Load().keys[n]; e != nil {
		return e, nil
	}
	k.change.Lock()
	defer k.change.Unlock()
	if e := k.epochs.Load().keys[n]; e != nil {
		return e, nil
	}
	if k.missed[n] || n < k.Newest() {
		return nil, fmt.Errorf("no key for epoch %d", n)
	}
	if err := k.reload(); err != nil {
		return nil, fmt.Errorf("no key for epoch %d: %w", n, err)
	}
	if e := k.epochs.Load().keys[n]; e != nil {
		return e, nil
	}
	k.missed[n] = true // until Reload: a damaged row must not cost a look each time
	return nil, fmt.Errorf("no key for epoch %d. If another process over this database began it, the two have to share one place of keys, not copies of it", n)
}

// Reload looks for epochs that another process began or ended.
func (k *Keys) Reload() error {
	k.change.Lock()
	defer k.change.Unlock()
	clear(k.missed)
	return k.reload()
}

func (k *Keys) reload() error {
	kept, err := k.place.read()
	if err != nil {
		return fmt.Errorf("read keys again: %w", err)
	}
	if subtle.ConstantTimeCompare(kept.index(), k.index()) != 1 {
		return fmt.Errorf("read keys again: these are other keys; stop avow and start it again")
	}
	k.replace(kept.epochs)
	return nil
}

// replace makes these the epochs, and forgets the keys of others. If the
// current epoch was ended by another process, the one after it is in use.
func (k *Keys) replace(by map[int64]dated) {
	old := k.epochs.Load()
	all := &epochs{old.current, map[int64]*epochKey{}}
	for n, d := range by {
		if all.keys[n] = old.keys[n]; all.keys[n] == nil {
			all.keys[n] = newEpochKey(d)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(by)) {
		if all.keys[all.current] == nil && n > all.current {
			all.current = n
		}
	}
	k.epochs.Store(all)
	for n, e := range old.keys {
		if all.keys[n] == nil {
			clear(e.secret())
		}
	}
}

// NextEpoch makes the key of the next epoch and returns its number once the key
// is durable where the keys are kept. It is not used before Use.
func (k *Keys) NextEpoch(now time.Time) (int64, error) {
	k.change.Lock()
	defer k.change.Unlock()
	if err := k.reload(); err != nil {
		return 0, err
	}
	r, n := k.ring(), k.Newest()+1
	r.epochs[n] = dated{newSecret(), now}
	if err := k.place.write(r); err != nil {
		return 0, fmt.Errorf("keep the key of epoch %d: %w", n, err)
	}
	k.replace(r.epochs)
	return n, nil
}

// DropEpoch destroys the key of an epoch: where the keys are kept, durably, and
// in memory. What is wrapped under it opens nowhere any more but with a backup
// of the keys. To destroy what is not there is no error.
func (k *Keys) DropEpoch(n int64) error {
	k.change.Lock()
	defer k.change.Unlock()
	if n == k.Epoch() {
		return fmt.Errorf("destroy the key of epoch %d: it is the one in use", n)
	}
	if err := k.reload(); err != nil {
		return err
	}
	r := k.ring()
	if _, ok := r.epochs[n]; !ok {
		return nil
	}
	delete(r.epochs, n)
	if err := k.place.write(r); err != nil {
		return fmt.Errorf("destroy the key of epoch %d: %w", n, err)
	}
	k.replace(r.epochs)
	return nil
}

// EpochCheck is a value that only the key of an epoch gives. Kept beside the
// wrapped keys it tells early whether these are their keys.
func (k *Keys) EpochCheck(epoch int64) ([]byte, error) {
	e, err := k.epoch(epoch)
	if err != nil {
		return nil, err
	}
	return derive(e.secret(), "avow/v1/check")[:16], nil
}

// Wrap closes a subject's key under the current epoch key.
func (k *Keys) Wrap(key Key, subject avow.SubjectID) (epoch int64, wrapped []byte) {
	now := k.epochs.Load()
	return now.current, now.keys[now.current].wrap(now.current, key.secret(), subject)
}

func (e *epochKey) wrap(n int64, key []byte, subject avow.SubjectID) []byte {
	return e.box.Seal(make([]byte, 0, wrappedSize), nil, key, wrapPlace(n, subject))
}

// wrappedSize is that of a nonce, a key and a tag.
const wrappedSize = 12 + 32 + 16

// Unwrap opens what Wrap closed for the same subject.
func (k *Keys) Unwrap(epoch int64, wrapped []byte, subject avow.SubjectID) (Key, error) {
	plain, err := k.unwrap(epoch, wrapped, subject)
	if err != nil {
		return Key{}, err
	}
	return Key{hide(plain)}, nil
}

func (k *Keys) unwrap(epoch int64, wrapped []byte, subject avow.SubjectID) ([]byte, error) {
	e, err := k.epoch(epoch)
	if err != nil {
		return nil, fmt.Errorf("unwrap key of %s: %w", subject, err)
	}
	plain, err := e.box.Open(nil, nil, wrapped, wrapPlace(epoch, subject))
	if err != nil || len(plain) != 32 {
		return nil, fmt.Errorf("unwrap key of %s: %w", subject, ErrClosed)
	}
	return plain, nil
}

// Rewrap closes under the key of epoch to what was wrapped under another.
func (k *Keys) Rewrap(epoch int64, wrapped []byte, subject avow.SubjectID, to int64) ([]byte, error) {
	plain, err := k.unwrap(epoch, wrapped, subject)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	e, err := k.epoch(to)
	if err != nil {
		return nil, fmt.Errorf("wrap key of %s: %w", subject, err)
	}
	return e.wrap(to, plain, subject), nil
}

func wrapPlace(epoch int64, subject avow.SubjectID) []byte {
	return Place{Table: "vault_subject", Subject: subject, Version: avow.Version(epoch)}.bytes()
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
	k.change.Lock()
	defer k.change.Unlock()
	k.replace(nil)
	for _, s := range []secret{k.index, k.log, k.token} {
		clear(s())
	}
}
