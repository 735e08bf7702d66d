package egress

import (
	"bytes"
	"context"
	"slices"
	"sync"
)

// inOutbox is how many letters an Outbox remembers.
const inOutbox = 100

// An Outbox stands in for a relay where nothing is to leave the house: it keeps
// the newest letters in memory, for a page to show.
type Outbox struct {
	mu      sync.Mutex
	letters []Posted // oldest first
}

// A Posted is a letter as a relay would have got it.
type Posted struct {
	From, To string
	Letter   []byte
}

// Send takes a letter.
func (o *Outbox) Send(_ context.Context, from, to string, letter []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, Posted{from, to, bytes.Clone(letter)})
	if len(o.letters) > inOutbox {
		o.letters = slices.Delete(o.letters, 0, 1)
	}
	return nil
}

// Letters are the newest letters, the newest first.
func (o *Outbox) Letters() []Posted {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Clone(o.letters)
	slices.Reverse(all)
	return all
}
