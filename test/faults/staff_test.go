//go:build linux

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
)

// Staff are programs that hand over orders, correct some and have some people
// forgotten. Each change has a key of its own and is sent again with that key
// until it is answered, as a careful program does: so in the end it is known of
// each, and each must have been done once.
type staff struct {
	target func(writer int) string // the private address; empty to wait
	token  string
	ended  atomic.Bool
	all    sync.WaitGroup

	mu      sync.Mutex
	deeds   map[string][]deed // what was done with each order, by record
	entries int64             // how many entries about persons that makes
	again   int64             // how often something was sent again
	faults  []error
}

// A deed is a change that was acknowledged.
type deed struct {
	name    string // of the order from then on; empty when erased
	receipt string
}

// beginStaff lets n programs work on the house.
func beginStaff(t testing.TB, n int, token string, target func(writer int) string) *staff {
	s := &staff{target: target, token: token, deeds: map[string][]deed{}}
	begun := time.Now().UnixNano()
	for w := range n {
		s.all.Go(func() {
			for i := 0; !s.ended.Load(); i++ {
				if err := s.order(w, fmt.Sprintf("order-%x-%d-%d", begun, w, i)); err != nil {
					s.mu.Lock()
					s.faults = append(s.faults, err)
					s.mu.Unlock()
				}
			}
		})
	}
	t.Cleanup(s.end)
	return s
}

// nobody is staff who do nothing.
func nobody(t testing.TB, h *house) *staff {
	return beginStaff(t, 0, h.token(t), func(int) string { return "" })
}

// done counts what was acknowledged.
func (s *staff) done() (n int) {
	for _, deeds := range s.deeds {
		n += len(deeds)
	}
	return n
}

// forgotten counts the entries of which nothing is kept beside the log, because
// those they are about were erased.
func (s *staff) forgotten() (n int64) {
	for _, deeds := range s.deeds {
		if deeds[len(deeds)-1].name == "" {
			n += int64(len(deeds)) - 1 + erasureEntries
		}
	}
	return n
}

// end waits until all that was begun has been answered; the house must run.
func (s *staff) end() {
	s.ended.Store(true)
	s.all.Wait()
}

// order hands over one order, and may correct it or have it forgotten.
func (s *staff) order(w int, name string) error {
	o, err := s.collect(w, name)
	if err == nil && rand.IntN(3) == 0 {
		err = s.correct(w, o)
	}
	if err == nil && rand.IntN(3) == 0 {
		err = s.erase(w, o)
	}
	return err
}

// An order is one that was acknowledged.
type order struct{ name, record, subject string }

func (s *staff) collect(w int, name string) (o order, err error) {
	text, err := s.once(w, name, func(ctx context.Context, c *client.Client) (string, error) {
		got, err := c.Collect(ctx, s.token, "order", client.Values{"name": name, "email": name + "@staff.example", "address": "A", "instrument": "Tide clock"})
		if err != nil {
			return "", err
		}
		o = order{name, got.Record, got.Subject}
		return got.Receipt, nil
	})
	if err != nil {
		return o, fmt.Errorf("collect: %w", err)
	}
	s.note(o.record, deed{name, text}, 1)
	return o, nil
}

func (s *staff) correct(w int, o order) error {
	name := o.name + "-corrected"
	text, err := s.once(w, name, func(ctx context.Context, c *client.Client) (string, error) {
		got, err := c.Correct(ctx, s.token, o.record, "fault suite", client.Values{"name": name})
		if err != nil {
			return "", err
		}
		return got.Receipt, nil
	})
	if err != nil {
		return fmt.Errorf("correct: %w", err)
	}
	s.note(o.record, deed{name, text}, 1)
	return nil
}

func (s *staff) erase(w int, o order) error {
	text, err := s.once(w, o.name+" erased", func(ctx context.Context, c *client.Client) (string, error) {
		got, err := c.Erase(ctx, s.token, o.subject, "fault suite")
		if err != nil {
			return "", err
		}
		return got.Receipt, nil
	})
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	s.note(o.record, deed{"", text}, erasureEntries)
	return nil
}

// erasureEntries are the entries that an erasure makes: its event and the
// tombstone, which look alike.
const erasureEntries = 2

func (s *staff) note(record string, d deed, entries int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deeds[record] = append(s.deeds[record], d)
	s.entries += entries
}

// once does one change until it is answered. What the house says no to is an
// error; what it cannot do now is tried again.
func (s *staff) once(w int, key string, do func(ctx context.Context, c *client.Client) (string, error)) (text string, err error) {
	for try := range 2000 {
		address := s.target(w)
		if address == "" {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		c, err := client.New(address)
		if err != nil {
			return "", err
		}
		text, err := do(client.WithKey(ctx, key), c)
		var no *client.Problem
		switch {
		case err == nil && text != "":
			_, err := receipt.Verify([]byte(text), receipt.Options{})
			return text, err
		case err == nil:
			return "", nil // answered again, without a receipt
		case errors.As(err, &no) && no.Status < 500 && no.Status != 409 && no.Status != 429:
			return "", err
		}
		if try > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		s.mu.Lock()
		s.again++
		s.mu.Unlock()
	}
	return "", fmt.Errorf("%s was never answered", key)
}

func (s *staff) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d orders, %d entries, %d times sent again", len(s.deeds), s.entries, s.again)
}

// hold holds a running house to what was done: each order is there once, as it
// was last given, and who was to be forgotten is. If told is not nil, only what
// it knows of was acknowledged; what came next may have been done too.
func (s *staff) hold(t testing.TB, p *process, told func(deed) bool) {
	t.Helper()
	for _, fault := range s.faults {
		t.Error(fault)
	}
	there, err := s.orders(p)
	if err != nil {
		t.Fatal(err)
	}
	for record, deeds := range s.deeds {
		allowed := []string{""}
		for _, d := range deeds {
			if told == nil || told(d) {
				allowed = nil
			}
			allowed = append(allowed, d.name)
		}
		if name := there[record]; !slices.Contains(allowed, name) {
			t.Errorf("order %s is %q, and it was last given as %q", record, name, allowed)
		}
		delete(there, record)
	}
	for record, name := range there {
		if told == nil {
			t.Errorf("order %s of %q is there, and nobody was told of it", record, name)
		}
	}
}

// orders reads all orders as staff do: their names, by record.
func (s *staff) orders(p *process) (map[string]string, error) {
	c, err := client.New(p.private)
	if err != nil {
		return nil, err
	}
	there := map[string]string{}
	query := client.Query{Collection: "order", Purpose: "deliver", Actor: "fault suite", Limit: 100}
	for {
		page, err := c.Read(ctx, s.token, query)
		if err != nil {
			return nil, fmt.Errorf("read the orders: %w", err)
		}
		for _, r := range page.Records {
			there[r.ID] = r.Values["name"]
		}
		if page.Next == "" {
			return there, nil
		}
		query.After = page.Next
	}
}
