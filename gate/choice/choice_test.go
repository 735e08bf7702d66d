package choice

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var (
	key   = bytes.Repeat([]byte{7}, 32)
	start = time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	one   = Offer{Name: "maps.example", For: "show the way", Hosts: []string{"maps.example"}, Hash: 1}
	ads   = Offer{Name: "ads.example", For: "pay for this site", Hosts: []string{"ads.example"}, OptOut: true, Hash: 2}
	both  = Offers{one, ads}
)

// A world is one browser in the plainest words: what was said last to each
// offer, and when. It stands against the code under test.
type world struct {
	offers Offers
	now    time.Time
	signal bool

	said map[uint32]string // yes, no, or yes against the signal
	at   time.Time
}

func (w *world) old() bool { return !w.now.Before(w.at.AddDate(0, 12, 0)) }

func (w *world) allowed(o Offer) bool {
	said := w.said[o.Hash]
	if w.old() && said != "no" {
		said = ""
	}
	if w.signal {
		return said == "yes against the signal"
	}
	for hash, said := range w.said {
		offered := slices.ContainsFunc(w.offers, func(o Offer) bool { return o.Hash == hash })
		if !offered && said == "no" && o.OptOut && !strings.HasPrefix(w.said[o.Hash], "yes") {
			return false // it may be this one that was refused
		}
	}
	return strings.HasPrefix(said, "yes") || said == "" && o.OptOut
}

func (w *world) asks() bool {
	for _, o := range w.offers {
		if !w.signal && (w.said[o.Hash] == "" || w.old()) {
			return true
		}
	}
	return false
}

// visit is what the gate does with each page: a signal after a yes undoes it,
// also a yes to what is not offered any more.
func (w *world) visit() {
	if !w.signal || w.old() {
		return
	}
	for _, said := range w.said {
		if said == "yes" {
			w.press(0, false)
			return
		}
	}
}

func (w *world) press(yes Set, shown bool) {
	w.said, w.at = map[uint32]string{}, w.now
	for i, o := range w.offers {
		switch {
		case yes.Has(i) && !w.signal:
			w.said[o.Hash] = "yes"
		case yes.Has(i) && shown:
			w.said[o.Hash] = "yes against the signal"
		default:
			w.said[o.Hash] = "no"
		}
	}
}

// TestEveryOrder walks through every order of up to five things that can happen
// to one browser: the signal comes and goes, yes, no, some, and time.
func TestEveryOrder(t *testing.T) {
	var walk func(path string, w world, c Choice, left int)
	seen := 0
	walk = func(path string, w world, c Choice, left int) {
		seen++
		d := w.offers.Decide(c, w.signal, w.now)
		if d.Withdraw {
			c = w.offers.Withdraw(c, w.now)
			d = w.offers.Decide(c, w.signal, w.now)
		}
		w.visit()
		for i, o := range w.offers {
			if d.Allowed.Has(i) != w.allowed(o) {
				t.Fatalf("%s: %s allowed is %v", path, o.Name, d.Allowed.Has(i))
			}
		}
		if d.Ask != w.asks() || d.Withdraw {
			t.Fatalf("%s: %+v", path, d)
		}
		if d.Honoured != (w.signal && d.Allowed == 0) || d.Conflict != w.signal {
			t.Fatalf("%s: %+v with signal %v", path, d, w.signal)
		}
		if left == 0 {
			return
		}
		for name, do := range map[string]func(*world, *Choice){
			"signal": func(w *world, _ *Choice) { w.signal = true },
			"silent": func(w *world, _ *Choice) { w.signal = false },
			"wait":   func(w *world, _ *Choice) { w.now = w.now.AddDate(0, 13, 0) },
			"day":    func(w *world, _ *Choice) { w.now = w.now.AddDate(0, 0, 1) },
			"yes":    pressing(3, false), "yes!": pressing(3, true), "no": pressing(0, false), "some": pressing(1, false), "some!": pressing(1, true),
			"change":  func(w *world, _ *Choice) { w.offers = changed(w.offers, 0) },
			"change2": func(w *world, _ *Choice) { w.offers = changed(w.offers, 1) },
			"back":    func(w *world, _ *Choice) { w.offers = both },
		} {
			next, c := w, c
			do(&next, &c)
			walk(path+" "+name, next, c, left-1)
		}
	}
	walk("", world{offers: both, now: start}, Choice{}, 4)
	t.Logf("%d states", seen)
}

func changed(o Offers, i int) Offers {
	o = slices.Clone(o)
	o[i].Hash += 100
	return o
}

func pressing(yes Set, shown bool) func(*world, *Choice) {
	return func(w *world, c *Choice) {
		*c = w.offers.Press(*c, Press{Yes: yes, Signal: w.signal, Shown: shown}, [16]byte{1}, w.now)
		w.press(yes, shown)
	}
}

// A yes to one part of a page says nothing about the others.
func TestPressOfOne(t *testing.T) {
	c := both.Press(Choice{}, Press{Of: 1, Yes: 1}, [16]byte{1}, start)
	if d := both.Decide(c, false, start); d.Allowed != 3 || !d.Ask {
		t.Errorf("after a yes to one: %+v", d)
	}
	c = both.Press(c, Press{Of: 2}, [16]byte{2}, start.AddDate(0, 6, 0))
	if d := both.Decide(c, false, start.AddDate(0, 6, 0)); d.Allowed != 1 || d.Ask || !c.At.Equal(start) {
		t.Errorf("then no to the other: %+v at %s", d, c.At)
	}
	// The signal does not spare a yes because another was given against it.
	c = both.Press(Choice{}, Press{Of: 1, Yes: 1}, [16]byte{1}, start)
	c = both.Press(c, Press{Of: 2, Yes: 2, Signal: true, Shown: true}, [16]byte{2}, start)
	if d := both.Decide(c, true, start); d.Allowed != 2 {
		t.Errorf("a yes of before the signal, and one against it: %+v", d)
	}
}

// TestRandomOrders holds long histories to what must never be, whatever came
// before.
func TestRandomOrders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, c := world{offers: both, now: start}, Choice{}
		yes := map[uint32]bool{} // said since the last no, and not taken back by the signal
		shown, complete := false, time.Time{}
		t.Repeat(map[string]func(*rapid.T){
			"signal": func(*rapid.T) { w.signal = !w.signal },
			"wait":   func(t *rapid.T) { w.now = w.now.AddDate(0, 0, rapid.IntRange(1, 400).Draw(t, "days")) },
			"change": func(t *rapid.T) { w.offers = changed(w.offers, rapid.IntRange(0, 1).Draw(t, "which")) },
			"press": func(t *rapid.T) {
				p := Press{Yes: Set(rapid.IntRange(0, 3).Draw(t, "yes")), Signal: w.signal, Shown: rapid.Bool().Draw(t, "shown")}
				c = w.offers.Press(c, p, [16]byte{1}, w.now)
				clear(yes)
				for i, o := range w.offers {
					yes[o.Hash] = p.Yes.Has(i) && (!p.Signal || p.Shown)
				}
				shown, complete = p.Signal && p.Shown, w.now
			},
			"": func(t *rapid.T) {
				if _, ok := Open(key, c.Seal(key)); !ok && c != (Choice{}) {
					t.Fatal("a choice that was made cannot be read")
				}
				d := w.offers.Decide(c, w.signal, w.now)
				if d.Withdraw {
					c = w.offers.Withdraw(c, w.now)
				}
				if w.signal && !shown {
					clear(yes)
				}
				for i, o := range w.offers {
					if d.Allowed.Has(i) && !yes[o.Hash] && (w.signal || !o.OptOut) {
						t.Fatalf("%s is allowed, and nobody said yes", o.Name)
					}
					_, answered := yes[o.Hash]
					if no := answered && !yes[o.Hash]; no && d.Allowed.Has(i) {
						t.Fatalf("%s is allowed after a no", o.Name)
					}
				}
				if d.Ask && (w.signal || answeredAll(c, w.offers) && w.now.Before(complete.AddDate(1, 0, 0))) {
					t.Fatal("somebody is asked again")
				}
			},
		})
	})
}

func answeredAll(c Choice, o Offers) bool {
	for i := range o {
		if c.To(&o[i]) == Unasked {
			return false
		}
	}
	return true
}

// A no to one part does not undo a no to another, nor do years.
func TestNoStays(t *testing.T) {
	c := both.Press(Choice{}, Press{}, [16]byte{1}, start)
	later := start.AddDate(3, 0, 0)
	if d := both.Decide(c, false, later); d.Allowed != 0 || !d.Ask {
		t.Errorf("after three years: %+v", d)
	}
	c = both.Press(c, Press{Of: 1, Yes: 1}, [16]byte{2}, later)
	if d := both.Decide(c, false, later); d.Allowed != 1 {
		t.Errorf("after a yes to the other: %+v", d)
	}
	reworded := changed(both, 1)
	c = reworded.Press(both.Press(Choice{}, Press{}, [16]byte{1}, start), Press{Of: 1, Yes: 1}, [16]byte{2}, start)
	if d := reworded.Decide(c, false, start); d.Allowed != 1 || !d.Ask {
		t.Errorf("what was refused goes on under another name: %+v", d)
	}
}

func TestSeal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Offers
		for i := range rapid.IntRange(0, MaxOffers).Draw(t, "offers") {
			o = append(o, Offer{Hash: uint32(i * 7919)})
		}
		c := o.Press(Choice{}, Press{Yes: Set(rapid.Uint64().Draw(t, "yes")), Signal: rapid.Bool().Draw(t, "signal"), Shown: true}, [16]byte{9}, start)
		text := c.Seal(key)
		if len(text) > 500 || strings.ContainsAny(text, ";, \"\\=") {
			t.Fatalf("%d bytes: %s", len(text), text)
		}
		if got, ok := Open(key, text); !ok || got != c {
			t.Fatalf("%+v is read as %+v", c, got)
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		forged := []byte(text)
		forged[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		if got, ok := Open(key, string(forged)); ok || got != (Choice{}) {
			t.Fatalf("a forged choice is read as %+v", got)
		}
		if _, ok := Open(key, text[:at]); ok {
			t.Fatal("half a choice is read")
		}
		if _, ok := Open(nil, text); ok || c.Seal(nil) != "" {
			t.Fatal("no key is a key")
		}
		if _, ok := Open(bytes.Repeat([]byte{8}, 32), text); ok {
			t.Fatal("another key reads it")
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(both.Press(Choice{}, Press{Yes: 1}, [16]byte{1}, start).Seal(key))
	f.Add("AQ")
	f.Fuzz(func(t *testing.T, text string) {
		if c, ok := Open(key, text); ok && c.Seal(key) != text {
			t.Errorf("%q is another spelling of %q", text, c.Seal(key))
		}
	})
}

// A clock that was set back does not make an answer hold longer.
func TestFromTheFuture(t *testing.T) {
	c := both.Press(Choice{}, Press{Yes: 3}, [16]byte{1}, start.AddDate(1, 0, 0))
	if d := both.Decide(c, false, start); d.Allowed.Has(0) || !d.Ask {
		t.Errorf("%+v", d)
	}
}

func TestOffersChange(t *testing.T) {
	same := one
	for name, change := range map[string]func(*Offer){
		"purpose": func(o *Offer) { o.For = "sell" }, "host": func(o *Offer) { o.Hosts = []string{"maps.example", "b.example"} },
		"cookie": func(o *Offer) { o.Cookies = []string{"a"} }, "way": func(o *Offer) { o.OptOut = true },
		"border": func(o *Offer) { o.Hosts, o.Cookies = nil, o.Hosts },
	} {
		other := same
		change(&other)
		if other.hash() == same.hash() {
			t.Errorf("an offer with another %s is taken for the same", name)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	text := both.Press(Choice{}, Press{Yes: 1}, [16]byte{1}, start).Seal(key)
	b.ReportAllocs()
	for b.Loop() {
		c, _ := Open(key, text)
		both.Decide(c, false, start)
	}
}

func ExampleOffers_Decide() {
	c := both.Press(Choice{}, Press{Yes: both.All()}, [16]byte{}, start)
	for _, signal := range []bool{false, true} {
		d := both.Decide(c, signal, start)
		fmt.Println(d.Allowed == both.All(), d.Withdraw)
	}
	// Output:
	// true false
	// false true
}
