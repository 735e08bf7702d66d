package api_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// shop sells one thing at a time, and remembers what it sold by key.
type shop struct {
	*world
	db  *store.DB
	now time.Time
}

type sale struct {
	N int `json:"n"`
}

type saleIn struct {
	Body struct {
		What string `json:"what"`
	}
}

func newShop(t *testing.T, cfg store.Config) *shop {
	s := &shop{world: &world{t: t, guard: new(guard)}, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	cfg.Clock = func() time.Time { return s.now }
	var err error
	if s.db, err = store.Open(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.db.Close() })
	a := api.New(api.Config{Store: s.db, Staff: api.Digest("staff"), Guard: s.guard, Log: slog.New(slog.DiscardHandler)})
	api.Add(a, api.Operation{ID: "sell", Method: "POST", Path: "/v1/sell", Group: "X", Title: "Sell", May: api.Collect, Once: true}, s.sell)
	s.Handler = a.Handler()
	return s
}

const sold = "SELECT n FROM form_tally WHERE form = 'shop' AND outcome = 'sold'"

func (s *shop) sell(ctx context.Context, in *saleIn) (*sale, error) {
	once, out, seen := api.OnceOf(ctx), &sale{}, false
	err := s.db.Commit(ctx, func(tx *store.Tx) (err error) {
		if seen, err = once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO form_tally (form, outcome, n) VALUES ('shop', 'sold', 1) ON CONFLICT (form, outcome) DO UPDATE SET n = form_tally.n + 1"); err != nil {
			return err
		}
		if err := tx.Get(ctx, sold, &out.N); err != nil {
			return err
		}
		return once.Keep(ctx, tx, "", out)
	})
	if err != nil {
		return nil, err
	}
	_, _, err = once.Again(out)
	return out, err
}

func (s *shop) buy(token, key, what string) *httptest.ResponseRecorder {
	return s.ask("POST", "/v1/sell", token, `{"what": "`+what+`"}`, "Idempotency-Key", key)
}

func TestOnce(t *testing.T) { storetest.Engines(t, once) }

func once(t *testing.T, cfg store.Config) {
	s := newShop(t, cfg)
	for _, c := range []struct {
		name, token, key, what string
		pass                   time.Duration
		status                 int
		body                   string
		replayed               string
	}{
		{"first", "staff", "key-00001", "clock", 0, 200, `{"n":1}`, ""},
		{"again", "staff", "key-00001", "clock", 0, 200, `{"n":1}`, "true"},
		{"another body", "staff", "key-00001", "sextant", 0, 422, "something else", ""},
		{"another key", "staff", "key-00002", "clock", 0, 200, `{"n":2}`, ""},
		{"another caller", "crm", "key-00001", "clock", 0, 200, `{"n":3}`, ""},
		{"without", "staff", "", "clock", 0, 200, `{"n":4}`, ""},
		{"without, again", "staff", "", "clock", 0, 200, `{"n":5}`, ""},
		{"within the day", "staff", "key-00001", "clock", 23*time.Hour + 59*time.Minute, 200, `{"n":1}`, "true"},
		{"after the day", "staff", "key-00001", "clock", time.Minute, 200, `{"n":6}`, ""},
		{"again after the day", "staff", "key-00001", "clock", 0, 200, `{"n":6}`, "true"},
		{"too short a key", "staff", "key", "clock", 0, 400, "8 to 255", ""},
		{"too long a key", "staff", strings.Repeat("k", 256), "clock", 0, 400, "8 to 255", ""},
		{"no printable key", "staff", "key-ä-00001", "clock", 0, 400, "8 to 255", ""},
	} {
		s.now = s.now.Add(c.pass)
		a := s.buy(c.token, c.key, c.what)
		if a.Code != c.status || !strings.Contains(a.Body.String(), c.body) || a.Header().Get("Idempotency-Replayed") != c.replayed {
			t.Errorf("%s: answered %d %s %v, want %d %s", c.name, a.Code, a.Body, a.Header(), c.status, c.body)
		}
	}
}

// TestOnceAtOnce: of many that come at once with one key, one is done and all
// are answered alike.
func TestOnceAtOnce(t *testing.T) { storetest.Engines(t, onceAtOnce) }

func onceAtOnce(t *testing.T, cfg store.Config) {
	s := newShop(t, cfg)
	var wait sync.WaitGroup
	for range 40 {
		wait.Go(func() {
			if a := s.buy("staff", "key-00001", "clock"); a.Code != 200 || !strings.Contains(a.Body.String(), `{"n":1}`) {
				t.Errorf("answered %d %s", a.Code, a.Body)
			}
		})
	}
	wait.Wait()
	var n int
	err := s.db.View(t.Context(), func(tx *store.Tx) error { return tx.Get(t.Context(), sold, &n) })
	if err != nil || n != 1 {
		t.Errorf("%d were sold (%v)", n, err)
	}
}

func TestExpire(t *testing.T) { storetest.Engines(t, expire) }

func expire(t *testing.T, cfg store.Config) {
	s := newShop(t, cfg)
	s.buy("staff", "key-00001", "clock")
	s.now = s.now.Add(time.Hour)
	s.buy("staff", "key-00002", "clock")
	s.now = s.now.Add(23 * time.Hour)
	if err := api.Expire(t.Context(), s.db); err != nil {
		t.Fatal(err)
	}
	var n int
	err := s.db.View(t.Context(), func(tx *store.Tx) error { return tx.Get(t.Context(), "SELECT count(*) FROM api_idempotency", &n) })
	if err != nil || n != 1 {
		t.Errorf("%d are remembered, want 1 (%v)", n, err)
	}
}

// TestOnceTellsNothing: what is kept tells neither the key nor the body, nor can
// either be tried out.
func TestOnceTellsNothing(t *testing.T) { storetest.Engines(t, onceTellsNothing) }

func onceTellsNothing(t *testing.T, cfg store.Config) {
	s := newShop(t, cfg)
	s.buy("staff", "key-00001", canary)
	s.buy("crm", "key-00001", canary)
	digests := map[string]bool{}
	err := s.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Each(t.Context(), "SELECT digest, request, answer FROM api_idempotency", func(scan func(...any) error) error {
			var digest, request, answer []byte
			err := scan(&digest, &request, &answer)
			if all := string(digest) + string(request) + string(answer); strings.Contains(all, canary) || strings.Contains(all, "key-") {
				t.Errorf("it keeps %q", all)
			}
			digests[string(digest)], digests[string(request)] = true, true
			return err
		})
	})
	if err != nil || len(digests) != 4 {
		t.Errorf("two callers' equal requests gave %d digests, want 4 (%v)", len(digests), err)
	}
}
