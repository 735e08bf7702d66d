// Package servertest starts a whole house for a test.
//
// The promise tests of the sections go through it: what they try is what a
// visitor or a member of staff could do, and nothing is pretended.
package servertest

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server"
)

// House is a running house and the world around it.
type House struct {
	*server.Server
	T       testing.TB
	Dir     string // holds data and keys
	DB      string // the address of a PostgreSQL database, if the data is there
	URL     string // of the public address
	Private string // of the private address
	Log     *bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

// New starts a house on the example statement.
func New(t testing.TB) *House { return On(t, string(harbour.Statement)) }

// On starts a house on a statement.
func On(t testing.TB, text string) *House { return begin(t, text, "") }

// Over starts a house on the example statement, over a PostgreSQL database.
func Over(t testing.TB, db string) *House { return begin(t, string(harbour.Statement), db) }

func begin(t testing.TB, text, db string) *House {
	h := &House{T: t, DB: db, Dir: t.TempDir(), Log: new(bytes.Buffer), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	h.Start(text)
	t.Cleanup(h.Stop)
	return h
}

// Config is how the house is started, on what is in force if text is empty.
func (h *House) Config(text string) server.Config {
	c := server.Config{Data: filepath.Join(h.Dir, "data"), DB: h.DB, Keys: h.Keys(), StatementName: "statement.md",
		Clock: h.Now, Mail: server.Mail{Outbox: true}, Log: slog.New(slog.NewTextHandler(h.Log, nil))}
	if text != "" {
		c.Statement = []byte(text)
	}
	return c
}

// Keys is the spec of the house's keys.
func (h *House) Keys() string { return "file:" + filepath.Join(h.Dir, "keys") }

// Start starts the house, again if it was stopped.
func (h *House) Start(text string) {
	h.T.Helper()
	s, err := server.New(h.T.Context(), h.Config(text))
	if err != nil {
		h.T.Fatal(err)
	}
	h.Server = s
	public, private := httptest.NewServer(s.Public()), httptest.NewServer(s.Private())
	h.URL, h.Private = public.URL, private.URL
	h.T.Cleanup(func() { public.Close(); private.Close() })
}

// Stop ends the house; what it kept stays.
func (h *House) Stop() {
	if h.Server == nil {
		return
	}
	if err := h.Server.Close(); err != nil {
		h.T.Error(err)
	}
	h.Server = nil
}

// Now is the time in the house.
func (h *House) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

// Pass lets time pass.
func (h *House) Pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// Answer is what a request got.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Get asks for a public page.
func (h *House) Get(path string) Answer {
	h.T.Helper()
	return h.do(h.request("GET", h.URL+path, "", nil))
}

// Post sends a form as a browser does: name, value, name, value …
func (h *House) Post(form string, pairs ...string) Answer {
	h.T.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return h.do(h.request("POST", h.URL+"/f/"+form, "application/x-www-form-urlencoded", strings.NewReader(values.Encode())))
}

// Send posts any body to a public path.
func (h *House) Send(path, kind string, body io.Reader) Answer {
	h.T.Helper()
	return h.do(h.request("POST", h.URL+path, kind, body))
}

// Taken posts a form that has to be taken, and returns the receipt.
func (h *House) Taken(form string, pairs ...string) (receipt, link string) {
	h.T.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := h.request("POST", h.URL+"/f/"+form, "application/x-www-form-urlencoded", strings.NewReader(values.Encode()))
	r.Header.Set("Accept", "application/json")
	a := h.do(r)
	var out struct{ Receipt, Link string }
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || a.Status != http.StatusCreated {
		h.T.Fatalf("form %s: %d %s", form, a.Status, a.Body)
	}
	return out.Receipt, out.Link
}

// Staff posts JSON to the private address with the staff token.
func (h *House) Staff(path, body string) Answer {
	h.T.Helper()
	keys, err := seal.Open(h.Keys(), seal.Options{})
	if err != nil {
		h.T.Fatal(err)
	}
	defer keys.Close()
	r := h.request("POST", h.Private+path, "application/json", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+keys.Token())
	r.Header.Set("Accept", "application/json")
	return h.do(r)
}

// Client returns a program of the house and the staff token. It checks the
// receipts that it gets.
func (h *House) Client() (c *client.Client, token string) {
	h.T.Helper()
	keys, err := seal.Open(h.Keys(), seal.Options{})
	if err != nil {
		h.T.Fatal(err)
	}
	defer keys.Close()
	if c, err = client.New(h.Private); err != nil {
		h.T.Fatal(err)
	}
	c.Check = func(text string) error {
		_, err := receipt.Verify([]byte(text), receipt.Options{})
		return err
	}
	return c, keys.Token()
}

// Inside asks for something on the private address, without a token.
func (h *House) Inside(path string) Answer {
	h.T.Helper()
	return h.do(h.request("GET", h.Private+path, "", nil))
}

// Standing is how a promise stands, as the public page has it.
func (h *House) Standing(clause string) string {
	h.T.Helper()
	var out struct {
		Promises []struct{ ID, Standing string }
	}
	h.Pass(time.Minute) // the account is made anew
	if err := json.Unmarshal([]byte(h.Get("/privacy/promises.json").Body), &out); err != nil {
		h.T.Fatal(err)
	}
	for _, p := range out.Promises {
		if p.ID == clause {
			return p.Standing
		}
	}
	return "not there"
}

func (h *House) request(method, url, kind string, body io.Reader) *http.Request {
	h.T.Helper()
	r, err := http.NewRequestWithContext(h.T.Context(), method, url, body)
	if err != nil {
		h.T.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return r
}

func (h *House) do(r *http.Request) Answer {
	h.T.Helper()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		h.T.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.T.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, string(body)}
}
