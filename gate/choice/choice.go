// Package choice decides what a visitor chose, in whatever order yes, no and signal came.
//
// It is pure. What a browser remembers is a Choice, what it says now is the
// signal (Global Privacy Control, Sec-GPC: 1), and Decide says what holds of the
// two. A signal that comes after a yes withdraws it for good; a yes holds
// against the signal only if it was given while the signal was on and the
// conflict was shown (11 CCR 7025(c)). What somebody said, they are not asked
// again for 12 months.
package choice

import (
	"time"
)

// Months is how long an answer holds: after that a yes is none any more, and
// after a no somebody may be asked again.
const Months = 12

// A Set is a set of offers, by place.
type Set uint64

// Has says whether the i-th offer is in s.
func (s Set) Has(i int) bool { return s>>i&1 == 1 }

// A Choice is what one browser was told to remember. It holds nothing about
// who sits in front of it. The zero Choice is none.
type Choice struct {
	ID     [16]byte  // random; by it the consent record is found, and nobody
	At     time.Time // to the second: the oldest answer in it
	Signal bool      // its yes was given while the signal was on, and the conflict was shown

	n      int
	hashes [MaxOffers]uint32 // of the offers that were answered
	yes    Set               // by place in hashes
}

// None says whether c is no choice at all.
func (c *Choice) None() bool { return c.n == 0 }

// An Answer is what a choice says to one offer.
type Answer uint8

// Nobody was asked, or the offer was another then; or they said no, or yes.
const (
	Unasked Answer = iota
	No
	Yes
)

// To says what c answers to an offer.
func (c *Choice) To(o *Offer) Answer { return c.said(o.Hash) }

func (c *Choice) said(hash uint32) Answer {
	for i := range c.n {
		if c.hashes[i] == hash {
			if c.yes.Has(i) {
				return Yes
			}
			return No
		}
	}
	return Unasked
}

func (c *Choice) answer(hash uint32, yes bool) {
	if c.n == MaxOffers {
		return
	}
	c.hashes[c.n] = hash
	if yes {
		c.yes |= 1 << c.n
	}
	c.n++
}

// holds says whether c is young enough to count. One that seems to come from
// the future was made by a clock that is not to be trusted.
func (c *Choice) holds(now time.Time) bool {
	return c.n > 0 && now.Before(c.At.AddDate(0, Months, 0)) && c.At.Before(now.Add(time.Hour))
}

// A Decision is what holds for one request.
type Decision struct {
	Allowed  Set
	Ask      bool // something is not decided, and may be asked about
	Honoured bool // the signal is on and nothing overrides it
	Conflict bool // the signal is on: a yes goes against it, and whoever asks has to say so
	Withdraw bool // the signal came after a yes: the choice must be written anew
}

// Decide says what holds for a choice, with or without the signal. A yes grows
// old, a no does not: it is only that somebody may be asked again.
func (o Offers) Decide(c Choice, signal bool, now time.Time) (d Decision) {
	held, elsewhere := c.holds(now), c.refuses(o)
	d.Conflict = signal && len(o) > 0
	d.Withdraw = signal && held && !c.Signal && c.yes != 0
	for i := range o {
		said := c.To(&o[i])
		if said == Yes && !held {
			said = Unasked
		}
		if said == Yes && (!signal || c.Signal) || said == Unasked && o[i].OptOut && !signal && !elsewhere {
			d.Allowed |= 1 << i
		}
		d.Ask = d.Ask || !signal && (said == Unasked || !held)
	}
	d.Honoured = signal && d.Allowed == 0
	return d
}

// refuses says whether c has a no to something that is not offered any more. It
// stands against whatever goes on until somebody says no: one of those may be
// what was refused, in other words.
func (c *Choice) refuses(o Offers) bool {
	for i := range c.n {
		if !c.yes.Has(i) && !o.has(c.hashes[i]) {
			return true
		}
	}
	return false
}

func (o Offers) has(hash uint32) bool {
	for i := range o {
		if o[i].Hash == hash {
			return true
		}
	}
	return false
}

// A Press is what somebody pressed.
type Press struct {
	Of     Set  // which offers it is about; none is all of them
	Yes    Set  // yes to these, no to the others it is about
	Signal bool // the browser sent the signal with the press
	Shown  bool // that a yes goes against the signal was shown beside the button
}

// Press returns the choice after p. To what p is not about, what was answered
// before stays answered, and is no younger than it was.
func (o Offers) Press(was Choice, p Press, id [16]byte, now time.Time) Choice {
	if p.Of == 0 {
		p.Of = o.All()
	}
	if p.Signal && !p.Shown {
		p.Yes = 0
	}
	c := Choice{ID: id, At: now.Truncate(time.Second).UTC()}
	held := was.holds(now)
	for i := range o {
		if p.Of.Has(i) {
			c.answer(o[i].Hash, p.Yes.Has(i))
			continue
		}
		said := was.To(&o[i])
		switch {
		case held && said != Unasked:
			c.answer(o[i].Hash, said == Yes && (!p.Signal || was.Signal))
			c.At = was.At
		case said == No:
			c.answer(o[i].Hash, false)
		}
	}
	if p.Of&o.All() != o.All() {
		c.keepRefusals(&was, o)
	}
	// Where a yes of before and one of now stand together, the signal withdraws
	// both rather than neither.
	c.Signal = p.Signal && c.yes != 0
	return c
}

// keepRefusals keeps each no of before to what is not offered any more.
func (c *Choice) keepRefusals(was *Choice, o Offers) {
	for i := range was.n {
		if !was.yes.Has(i) && !o.has(was.hashes[i]) {
			c.answer(was.hashes[i], false)
		}
	}
}

// Withdraw returns the choice after a signal that came later than a yes: no to
// everything.
func (o Offers) Withdraw(was Choice, now time.Time) Choice {
	return o.Press(Choice{}, Press{}, was.ID, now)
}
