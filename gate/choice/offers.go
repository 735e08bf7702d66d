package choice

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/avow-privacy/avow/internal/statement"
)

// MaxOffers is how many offers are told apart. What a statement has more goes
// into the last.
const MaxOffers = 64

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

// Offers are all offers of a statement, in its order.
type Offers []Offer

// Offered reads the offers of a statement: its trackers and cookies that ask
// for consent, those with the same purpose and the same way to ask together.
func Offered(s *statement.Statement) (all Offers) {
	add := func(purpose, consent string) *Offer {
		optOut := consent == "opt-out"
		at := slices.IndexFunc(all, func(o Offer) bool { return o.For == purpose && o.OptOut == optOut })
		if at < 0 && len(all) < MaxOffers {
			all = append(all, Offer{For: purpose, OptOut: optOut})
			at = len(all) - 1
		} else if at < 0 {
			at = len(all) - 1
			all[at].OptOut = all[at].OptOut && optOut // asked first, if one of them is
		}
		return &all[at]
	}
	for _, t := range s.Trackers {
		if t.Consent != "none" {
			o := add(t.For, t.Consent)
			o.Hosts = append(o.Hosts, t.Host)
		}
	}
	for _, c := range s.Cookies {
		if c.Consent != "none" {
			o := add(c.For, c.Consent)
			o.Cookies = append(o.Cookies, c.Name)
		}
	}
	for i := range all {
		all[i].Name = slices.Concat(all[i].Hosts, all[i].Cookies)[0]
		all[i].Hash = all[i].hash()
	}
	return all
}

// hash tells one offer from another, and from what it was before it changed.
func (o *Offer) hash() uint32 {
	h := sha256.New()
	for _, list := range [][]string{{o.For}, o.Hosts, o.Cookies} {
		binary.Write(h, binary.BigEndian, uint32(len(list)))
		for _, text := range list {
			binary.Write(h, binary.BigEndian, uint32(len(text)))
			h.Write([]byte(text))
		}
	}
	binary.Write(h, binary.BigEndian, o.OptOut)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// All are all offers.
func (o Offers) All() Set { return 1<<len(o) - 1 }

// Named returns the offer of a name, by place, or -1.
func (o Offers) Named(name string) int {
	return slices.IndexFunc(o, func(o Offer) bool { return o.Name == name })
}
