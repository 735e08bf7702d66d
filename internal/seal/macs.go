package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/avow-privacy/avow"
)

// macs are HMAC-SHA256 under one key, ready to be used again: to set one up
// costs more than to use it.
type macs struct{ pool sync.Pool }

type oneMac struct {
	hash.Hash
	text []byte // what is hashed; in one piece, so that the caller's parts stay on its stack
	sum  [32]byte
}

func newMacs(key []byte) *macs {
	key = append([]byte(nil), key...)
	return &macs{sync.Pool{New: func() any { return &oneMac{Hash: hmac.New(sha256.New, key), text: make([]byte, 0, 1024)} }}}
}

func (m *macs) get() *oneMac {
	one := m.pool.Get().(*oneMac)
	one.Reset()
	one.text = one.text[:0]
	return one
}

// put gives the sum of the text, and one back.
func (m *macs) put(one *oneMac) [32]byte {
	one.Write(one.text)
	one.Sum(one.sum[:0])
	clear(one.text)
	sum := one.sum
	m.pool.Put(one)
	return sum
}

// Row is the keyed hash of a row's columns, for the state of the store: without
// the keys nobody can tell what a row would add to it.
func (k *Keys) Row(columns ...[]byte) [32]byte {
	one := k.rows.get()
	for _, c := range columns {
		one.text = binary.BigEndian.AppendUint32(one.text, uint32(len(c)))
		one.text = append(one.text, c...)
	}
	return k.rows.put(one)
}

// manyFields is how many fields have their look-up key kept ready. A statement
// has a few; whoever asks for others than those must not fill the memory.
const manyFields = 1000

// Index is what a field's value is looked up by: the same value gives the same
// sixteen bytes, and without the index key nobody can try values out.
func (k *Keys) Index(field avow.Field, value []byte) [16]byte {
	ready, ok := k.indexes.Load(field)
	if !ok {
		perField := mac(k.index(), []byte("avow/v1/index/"), []byte(field))
		ready = newMacs(perField)
		clear(perField)
		if k.fields.Add(1) <= manyFields {
			k.indexes.Store(field, ready)
		}
	}
	m := ready.(*macs)
	one := m.get()
	one.Write(value) // no copy of it is made
	sum := m.put(one)
	return [16]byte(sum[:16])
}
