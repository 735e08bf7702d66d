package recipients_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// TestCompare: a stop that nobody told the section of is found all the same, and
// told once.
func TestCompare(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		for i := range 3 {
			h.put("letter", map[avow.Field]string{"name": "N", "email": fmt.Sprintf("p%d@example.com", i)})
		}
		h.put("survey", map[avow.Field]string{"email": "p0@example.com", "rating": "Good"})
		h.give("printer", "csv")
		h.give("counter", "csv")
		compare := func(want int) {
			t.Helper()
			h.hook.posts = nil
			if err := h.Compare(t.Context()); err != nil {
				t.Fatal(err)
			}
			if h.tell(); len(h.hook.posts) != want {
				t.Errorf("%d are told, want %d", len(h.hook.posts), want)
			}
		}
		compare(0)
		h.stops.stopped[digest("p0@example.com")] = map[avow.Purpose]bool{"*": true}
		compare(2) // the printer and the counter
		compare(0)
		h.stop("p1@example.com", "*")
		compare(1) // by the stop itself, and not again
		compare(0)
		h.pass(time.Hour)
		delete(h.stops.stopped, digest("p0@example.com")) // asked for anew
		h.give("printer", "csv")
		h.stops.stopped[digest("p0@example.com")] = map[avow.Purpose]bool{"news": true}
		compare(1)
		h.correct("p2@example.com", "new@example.com")
		compare(0)
		h.stop("new@example.com", "*")
		compare(1)
		h.correct("new@example.com", "newer@example.com")
		h.stop("newer@example.com", "*")
		compare(0)                   // they were told of that person
		h.pass(500 * 24 * time.Hour) // what was done is not done again because it was forgotten
		compare(0)
		compare(0)
	})
}

// TestRegisterIsNoOracle: who stops letters to an address does not see, by what the
// register and the evidence say then, whether that was on a list.
func TestRegisterIsNoOracle(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	h.put("letter", map[avow.Field]string{"name": "Ada", "email": "ada@example.com"})
	h.give("printer", "csv")
	shows := func() (all string) {
		for _, path := range []string{"/privacy/recipients", "/privacy/recipients.json"} {
			w := httptest.NewRecorder()
			h.pages.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			all += w.Body.String()
		}
		found, err := h.Evidence(t.Context(), h.InForce())
		for i := range found {
			found[i].At = time.Time{}
		}
		text, _ := json.Marshal(found)
		return fmt.Sprint(all, string(text), err)
	}
	before := shows()
	h.stop("nobody@example.com", "*")
	if got := shows(); got != before {
		t.Fatal("it changes by itself")
	}
	h.stop("ada@example.com", "*")
	if got := shows(); got != before {
		t.Errorf("it says %s, and said %s", got, before)
	}
	if h.tell(); shows() != before {
		t.Error("it says when the printer was told")
	}
}

// TestAtOnce: whoever stops or is erased at the moment of a giving is told of or
// was not given.
func TestAtOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg)
		for round := range 6 {
			address := fmt.Sprintf("p%d@example.com", round)
			who := h.put("letter", map[avow.Field]string{"name": "N" + address, "email": address})
			var wait sync.WaitGroup
			var given bool
			wait.Go(func() {
				r := httptest.NewRequest("POST", "/v1/egress/printer", strings.NewReader(`{"actor": "mia", "format": "jsonl"}`))
				r.Header.Set("Authorization", "Bearer staff")
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				if w.Code == 200 {
					plain, err := age.Decrypt(w.Body, h.key)
					if err != nil {
						t.Error(err)
						return
					}
					text, err := io.ReadAll(plain)
					given = strings.Contains(string(text), address)
					if err != nil {
						t.Error(err)
					}
				}
			})
			wait.Go(func() {
				err := h.db.Commit(t.Context(), func(tx *store.Tx) error {
					if round%2 == 0 {
						return h.vault.Erase(t.Context(), tx, who)
					}
					return h.Stopped(t.Context(), tx, digest(address), "news")
				})
				if err != nil {
					t.Error(err)
				}
			})
			wait.Wait()
			h.hook.posts = nil
			if h.tell(); given && len(h.hook.posts) == 0 && round%2 == 0 {
				t.Errorf("round %d: given, erased and told nobody", round)
			}
		}
	})
}

func TestHow(t *testing.T) {
	for address, want := range map[string]string{
		"https://courier.example/hook": "https", "mailto:lists@courier.example": "mailto",
		"": "", "http://courier.example": "", "https://u:p@courier.example": "", "https://": "", "mailto:": "", "mailto:x": "", "mailto:a@b.example?cc=c@d.example": "",
		"javascript:alert(1)": "", "by telephone": "", "https://" + strings.Repeat("a", 500): "",
	} {
		if got := tell.How(address); got != want {
			t.Errorf("%q is told by %q, want %q", address, got, want)
		}
	}
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for key, ok := range map[string]bool{hybrid.Recipient().String(): true, hybrid.String(): false, "": false, "ssh-ed25519 AAAA": false} {
		if _, err := tell.ParseKey(key); (err == nil) != ok {
			t.Errorf("a key is taken: %v", err)
		}
	}
}

var size = flag.Int("rows", 5500, "how many rows the long list has")

// TestLongList: a long list is whole, and what it takes does not grow with it but
// for what the log has to hold.
func TestLongList(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()})
	n := *size
	for first := 0; first < n; first += 1000 {
		h.commit(func(ctx context.Context, tx *store.Tx) error {
			return h.many(ctx, tx, first, min(first+1000, n), 8760*time.Hour)
		})
	}
	h.commit(func(ctx context.Context, tx *store.Tx) error { return h.many(ctx, tx, n, n+3, time.Minute) })
	h.pass(time.Hour)
	h.put("order", map[avow.Field]string{"name": "N", "email": "last@example.com", "address": "A"})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, entries := time.Now(), h.ledger.Status().Size
	r := httptest.NewRequest("POST", "/v1/egress/courier", strings.NewReader(`{"actor": "mia"}`))
	r.Header.Set("Authorization", "Bearer staff")
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	closed := w.Body.Len()
	table := h.decrypt(w)
	if rows, invented := h.real(table); len(rows) != n+1 || invented != 3 {
		t.Errorf("%d rows and %d invented people", len(rows), invented)
	}
	var kept, all int64
	err := h.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Get(t.Context(), "SELECT n, kept_back FROM egress_run", store.Into(&all, &kept))
	})
	if err != nil || all != int64(n+1) || kept != 3 || w.Header().Get("Avow-Kept") != "3" {
		t.Errorf("%d rows and %d kept back are written down, and %s are told (%v)", all, kept, w.Header().Get("Avow-Kept"), err)
	}
	var j struct{ Recipients []struct{ Rows int64 } }
	if err := json.Unmarshal([]byte(h.open("/privacy/recipients.json")), &j); err != nil || j.Recipients[0].Rows == 0 || j.Recipients[0].Rows > int64(n) {
		t.Errorf("the register says %+v (%v)", j, err)
	}
	if body := h.open("/privacy/recipients"); !strings.Contains(body, "<rect x=\"111\" y=\"0.0\" width=\"8\" height=\"100.0\"><title>November 2026: 5,000 or more</title>") {
		t.Error("the page does not draw the month")
	}
	if got := h.ledger.Status().Size - entries; got != int64(n+5000)/5000 {
		t.Errorf("the log has %d entries more", got)
	}
	t.Logf("%d rows, %d bytes closed, in %v (%v a row); %d KB allocated a row, heap grew to %d MB", n, closed, took, took/time.Duration(n), (after.TotalAlloc-before.TotalAlloc)/uint64(n)/1024, after.HeapSys>>20)
}

// many keeps orders of many people.
func (h *house) many(ctx context.Context, tx *store.Tx, first, end int, keep time.Duration) error {
	for i := first; i < end; i++ {
		who, err := h.vault.NewSubject(ctx, tx)
		if err != nil {
			return err
		}
		values := map[avow.Field]vault.Sealed{}
		for _, f := range []avow.Field{"name", "email", "address"} {
			values[f] = vault.Conceal([]byte(fmt.Sprintf("%s%d@example.com", f, i)))
		}
		if _, err := h.vault.Put(ctx, tx, who, vault.Record{Collection: "order", Version: 1, Values: values, Expires: tx.Now.Add(keep)}); err != nil {
			return err
		}
	}
	return nil
}

// correct gives somebody another address.
func (h *house) correct(from, to string) {
	h.t.Helper()
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		by := vault.By{Field: "email", Category: "user.contact.email", Value: []byte(from)}
		who, err := h.vault.Lookup(ctx, tx, by)
		if err != nil {
			return err
		}
		list, err := h.vault.Of(ctx, tx, who.ID())
		if err != nil {
			return err
		}
		held, err := h.vault.Get(ctx, tx, list[0].ID)
		if err != nil {
			return err
		}
		by.Value = []byte(to)
		return h.vault.Update(ctx, tx, held, map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(to))}, held.Version, by)
	})
}
