//go:build linux

package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// An account is what visitors sent and what they were told became of it.
type account struct {
	mu      sync.Mutex
	sent    map[string]bool      // by message: what was sent
	taken   map[string]*answered // by message: what was acknowledged
	denied  map[string]bool      // by message: what was surely not kept, as the house said
	refused map[int]int          // how many got which other status
}

// answered is what whoever sent a form holds in hand.
type answered struct{ receipt, link string }

func newAccount() *account {
	return &account{sent: map[string]bool{}, taken: map[string]*answered{}, denied: map[string]bool{}, refused: map[int]int{}}
}

// size is how many were acknowledged.
func (a *account) size() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.taken)
}

// A refusal is an answer that says no.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.status, r.body) }

// send sends one form to the house at address and enters in the account what
// comes of it. A form whose answer never came is sent and not taken: whether it
// is kept nobody knows.
func (a *account) send(c *http.Client, address, email, message string) error {
	a.mu.Lock()
	a.sent[message] = true
	a.mu.Unlock()
	got, err := post(c, address, email, message)
	a.mu.Lock()
	defer a.mu.Unlock()
	var no *refusal
	switch {
	case err == nil && a.taken[message] != nil:
		return fmt.Errorf("message %s was sent twice", message)
	case err == nil:
		a.taken[message] = got
	case errors.As(err, &no):
		a.refused[no.status]++
		a.denied[message] = strings.Contains(no.body, "othing you sent was kept")
	}
	return err
}

func post(c *http.Client, address, email, message string) (*answered, error) {
	form := url.Values{"email": {email}, "message": {message}}
	r, err := http.NewRequestWithContext(ctx, "POST", address+"/f/contact", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err // cut off: not acknowledged
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, &refusal{resp.StatusCode, string(body)}
	}
	var out struct{ Receipt, Link string }
	if err := json.Unmarshal(body, &out); err != nil || out.Receipt == "" {
		return nil, fmt.Errorf("acknowledged without a receipt: %s", body)
	}
	return &answered{out.Receipt, out.Link}, nil
}

// A load is visitors who send forms for as long as they are let.
type load struct {
	*account
	target func(writer int) string // the address that a writer sends to now; empty to wait
	ended  atomic.Bool
	all    sync.WaitGroup
}

// begin lets n visitors send forms to target. Each begins a new person with
// every third form, so that known and unknown people are among them.
func (a *account) begin(t testing.TB, n int, target func(writer int) string) *load {
	l := &load{account: a, target: target}
	begun := time.Now().UnixNano()
	for w := range n {
		l.all.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer c.CloseIdleConnections()
			for i := 0; !l.ended.Load(); i++ {
				address := target(w)
				if address == "" {
					time.Sleep(time.Millisecond)
					continue
				}
				name := fmt.Sprintf("%x-%d", begun, w)
				err := a.send(c, address, fmt.Sprintf("%s-%d@load.example", name, i/3), fmt.Sprintf("%s-%d", name, i))
				if err != nil {
					time.Sleep(2 * time.Millisecond) // it is down: do not hammer
				}
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// end waits for the answers that are still to come, and lets nobody send more.
func (l *load) end() {
	l.ended.Store(true)
	l.all.Wait()
}

// until waits until n more were acknowledged.
func (l *load) until(t testing.TB, n int) {
	t.Helper()
	aim := l.size() + n
	for range 60_000 {
		if l.size() >= aim {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("within a minute only %d of %d forms were acknowledged; refused: %v", n-(aim-l.size()), n, l.refused)
}
