// Package choice decides what a visitor chose, in whatever order yes, no and signal came.
package choice

import (
	"time"

	"github.com/avow-privacy/avow/internal/statement"
)

// An Offer is what a visitor can say yes or no to: all that is there for one
// purpose.
type Offer struct {
	Name    string   // the first of its hosts and cookies; what a form calls it
	For     string   // what it is there for, in the words of the statement
	Hosts   []string // third parties
	Cookies []string
	OptOut  bool   // goes on until somebody says no
	Hash    uint32 // of all of the above: an offer that changed is another offer
}

// Offers are all offers of a statement, in its order. There are at most 64.
type Offers []Offer

// Offered reads the offers of a statement: its trackers and cookies that ask
// for consent, those with the same For together.
func Offered(s *statement.Statement) Offers { return nil }

// A Set is a set of offers, by place.
type Set uint64

// Has says whether the i-th offer is in s.
func (s Set) Has(i int) bool { return s>>i&1 == 1 }

// All are all offers.
func (o Offers) All() Set { return 1<<len(o) - 1 }

// A Choice is what one browser was told to remember. It holds nothing about
// who sits in front of it. The zero Choice is none.
type Choice struct {
	ID      [16]byte  // random; by it the consent record is found, and nobody
	At      time.Time // to the second
	Yes, No []uint32  // hashes of offers
	Signal  bool      // made while the signal was on, and the conflict was shown
}

// A Decision is what holds for one request.
type Decision struct {
	Allowed  Set
	Ask      bool // something is not decided, and may be asked about
	Honoured bool // the signal is on and nothing overrides it
	Conflict bool // a yes stands against the signal, so whoever asks has to show both
	Withdraw bool // the signal came after a yes: the choice must be written anew
}

// Decide says what holds for a choice, with or without the signal.
func (o Offers) Decide(c Choice, signal bool, now time.Time) Decision {
	return Decision{Ask: len(o) > 0}
}

// A Press is what somebody pressed.
type Press struct {
	Yes    Set  // no to all others
	Signal bool // the browser sent the signal with the press
	Shown  bool // that a yes goes against the signal was shown beside the button
}

// Press returns the choice after p.
func (o Offers) Press(was Choice, p Press, id [16]byte, now time.Time) Choice { return Choice{} }

// Withdraw returns the choice after a signal that came later than a yes.
func (o Offers) Withdraw(was Choice, now time.Time) Choice { return Choice{} }

// Cookie is the name of the cookie that remembers a choice.
const Cookie = "avow-choice"

// Seal writes c so that only the holder of key can have written it.
func (c Choice) Seal(key []byte) string { return "" }

// Open reads what Seal wrote. Whatever else it is given is no choice.
func Open(key []byte, text string) (Choice, bool) { return Choice{}, false }
