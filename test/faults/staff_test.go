//go:build linux

package faults_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
	orders  map[string]string // name as it was last given, by record; empty when erased
	entries int64             // how many entries about persons that makes
	again   int64             // how often something was sent again
	faults  []error
}

// beginStaff lets n programs work on the house.
func beginStaff(t testing.TB, n int, token string, target func(writer int) string) *staff {
	s := &staff{target: target, token: token, orders: map[string]string{}}
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

// end waits until all that was begun has been answered; the house must run.
func (s *staff) end() {
	s.ended.Store(true)
	s.all.Wait()
}

// order hands over one order, and may correct it or have it forgotten.
func (s *staff) order(w int, name string) error {
	var record, subject string
	err := s.once(w, name, func(ctx context.Context, c *client.Client) (string, error) {
		got, err := c.Collect(ctx, s.token, "order", client.Values{"name": name, "email": name + "@staff.example", "address": "A", "instrument": "Tide clock"})
		if err != nil {
			return "", err
		}
		record, subject = got.Record, got.Subject
		return got.Receipt, nil
	})
	if err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	s.note(record, name, 1)
	if rand.IntN(3) == 0 {
		err := s.once(w, name+" corrected", func(ctx context.Context, c *client.Client) (string, error) {
			got, err := c.Correct(ctx, s.token, record, "fault suite", client.Values{"name": name + "-corrected"})
			if err != nil {
				return "", err
			}
			return got.Receipt, nil
		})
		if err != nil {
			return fmt.Errorf("correct: %w", err)
		}
		s.note(record, name+"-corrected", 1)
	}
	if rand.IntN(3) == 0 {
		err := s.once(w, name+" erased", func(ctx context.Context, c *client.Client) (string, error) {
			got, err := c.Erase(ctx, s.token, subject, "fault suite")
			if err != nil {
				return "", err
			}
			return got.Receipt, nil
		})
		if err != nil {
			return fmt.Errorf("erase: %w", err)
		}
		s.note(record, "", 2) // the erasure and the tombstone
	}
	return nil
}

func (s *staff) note(record, name string, entries int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders[record] = name
	s.entries += entries
}

// once does one change until it is answered. What the house says no to is an
// error; what it cannot do now is tried again.
func (s *staff) once(w int, key string, do func(ctx context.Context, c *client.Client) (string, error)) error {
	for try := range 5000 {
		address := s.target(w)
		if address == "" {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		c, err := client.New(address)
		if err != nil {
			return err
		}
		text, err := do(client.WithKey(ctx, key), c)
		var no *client.Problem
		switch {
		case err == nil && text != "":
			_, err := receipt.Verify([]byte(text), receipt.Options{})
			return err
		case err == nil:
			return nil // answered again, without a receipt
		case errors.As(err, &no) && no.Status < 500 && no.Status != 409 && no.Status != 429:
			return err
		}
		if try > 0 {
			time.Sleep(5 * time.Millisecond)
		}
		s.mu.Lock()
		s.again++
		s.mu.Unlock()
	}
	return fmt.Errorf("%s was never answered", key)
}

// hold holds a running house to what was done: each order is there once, as it
// was last given, and who was to be forgotten is.
func (s *staff) hold(t testing.TB, p *process) {
	t.Helper()
	for _, fault := range s.faults {
		t.Error(fault)
	}
	c, err := client.New(p.private)
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]string{}
	query := client.Query{Collection: "order", Purpose: "deliver", Actor: "fault suite", Limit: 100}
	for more := true; more; more = query.After != "" {
		page, err := c.Read(ctx, s.token, query)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			there[r.ID] = r.Values["name"]
		}
		query.After = page.Next
	}
	for record, name := range s.orders {
		if there[record] != name {
			t.Errorf("order %s is %q, and it was last given as %q", record, there[record], name)
		}
		delete(there, record)
	}
	for record, name := range there {
		t.Errorf("order %s of %q is there, and nobody was told of it", record, name)
	}
}
