package popular

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

const text = `---
statement: 1
organisation: {name: Harbour, site: [https://harbour.example], contact: privacy@harbour.example}
updated: 2026-11-24
popular: {hide-under: 10, keep: 24 months}
---
# Privacy statement
## Use of information collected
[We count which pages are popular, and show no number under 10.]{#popular keeps=popular}
`

// A world is the section over a database, before a site of pages.
type world struct {
	t *testing.T
	*Section
	db    *store.DB
	cfg   store.Config
	site  http.Handler
	force *statement.Edition

	mu  sync.Mutex
	now time.Time
}

func (w *world) InForce() *statement.Edition { return w.force }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func newWorld(t *testing.T, cfg store.Config, text string) *world {
	compiled, found := statement.Compile("statement.md", []byte(text), Keeps)
	if found.Failed() {
		t.Fatal(found)
	}
	w := &world{t: t, cfg: cfg, now: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), force: &statement.Edition{Statement: compiled, Version: 1}}
	w.cfg.Clock = w.clock
	w.start()
	t.Cleanup(func() { w.db.Close() })
	return w
}

// start opens the section, again after a stop.
func (w *world) start() {
	var err error
	if w.db, err = store.Open(w.t.Context(), w.cfg); err != nil {
		w.t.Fatal(err)
	}
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/"} }, slog.New(slog.DiscardHandler))
	w.Section = New(Deps{Store: w.db, Pages: pages, Editions: w, Own: func(path string) bool { return strings.HasPrefix(path, page.Base) }})
	mux := http.NewServeMux()
	pages.Mount(mux, w.Routes()...)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<p>hello")
	})
	w.site = w.Count(mux)
}

// stop ends the section as the server does.
func (w *world) stop() {
	w.do(w.Flush)
	if err := w.db.Close(); err != nil {
		w.t.Error(err)
	}
}

func (w *world) do(job func(context.Context) error) {
	w.t.Helper()
	if err := job(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets days pass, with the jobs of each.
func (w *world) pass(days int) {
	for range days {
		w.do(w.Flush)
		w.mu.Lock()
		w.now = w.now.AddDate(0, 0, 1)
		w.mu.Unlock()
		w.do(w.Settle)
	}
}

// visit has somebody read a page.
func (w *world) visit(who int, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.RemoteAddr = fmt.Sprintf("192.0.2.%d:%d", who, 1024+who)
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	r.Header.Set("Accept", "text/html")
	a := httptest.NewRecorder()
	w.site.ServeHTTP(a, r)
	return a
}

func (w *world) visits(people int, path string) {
	for who := range people {
		w.visit(who, path)
	}
}

// reads are the numbers of one page: in 30 days, and in 12 months.
func (w *world) reads(path string) (days, months int64) {
	w.t.Helper()
	w.shown = nil
	var out numbersJSON
	if err := json.Unmarshal(w.get("/privacy/popular.json").Body.Bytes(), &out); err != nil {
		w.t.Fatal(err)
	}
	for _, p := range out.Pages {
		if p.Path == path {
			return p.Days, p.Months
		}
	}
	return 0, 0
}

func (w *world) get(path string) *httptest.ResponseRecorder {
	a := httptest.NewRecorder()
	w.site.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
	return a
}

func (w *world) standing() avow.Evidence {
	w.t.Helper()
	w.shown = nil
	all, err := w.Evidence(w.t.Context(), w.force)
	if err != nil || len(all) != 1 || all[0].Clause != "popular" {
		w.t.Fatal(all, err)
	}
	return all[0]
}

func TestPromises(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		t.Run("popular", func(t *testing.T) { popular(t, newWorld(t, cfg, text)) })
	})
}

func popular(t *testing.T, w *world) {
	if got := w.standing(); got.Standing != avow.Untested {
		t.Errorf("before anybody came it is %+v", got)
	}
	if p := w.get("/privacy/popular").Body.String(); strings.Contains(p, "<svg") || !strings.Contains(p, "No number reaches the limit yet.") {
		t.Errorf("nothing is drawn as %s", p)
	}
	w.visits(12, "/products")
	w.visits(12, "/products") // the same day
	w.visits(9, "/workshop")
	if a := w.visit(1, "/products"); a.Header().Get("Set-Cookie") != "" || a.Body.String() != "<p>hello" {
		t.Errorf("a page that is counted is another: %v %s", a.Header(), a.Body)
	}
	w.do(w.Flush)
	if days, _ := w.reads("/products"); days != 0 {
		t.Errorf("today, which is not over, is shown as %d", days)
	}
	w.pass(1)
	products, _ := w.reads("/products")
	workshop, _ := w.reads("/workshop")
	if products != 12 || workshop != 0 {
		t.Errorf("12 readers are shown as %d, 9 as %d", products, workshop)
	}
	w.visits(4, "/workshop")
	w.visits(10, "/products")
	w.stop()
	w.start() // counts survive
	w.visits(0, "/products")
	w.pass(1)
	products, _ = w.reads("/products")
	workshop, year := w.reads("/workshop")
	if products != 22 || workshop != 13 || year != 13 {
		t.Errorf("after the next day it is %d and %d, %d; want 22 and 13, 13", products, workshop, year)
	}
	if got := w.standing(); got.Standing != avow.Kept || got.Figures[0].Value != "35" || got.Figures[2].Value != "12" {
		t.Errorf("it is %+v", got)
	}
	for _, path := range []string{"/privacy/popular", "/privacy/popular.json"} {
		if a := w.get(path); a.Code != 200 || !strings.Contains(a.Body.String(), "/workshop") || strings.Contains(a.Body.String(), `"reads": 9`) {
			t.Errorf("%s is answered %d %s", path, a.Code, a.Body)
		}
	}
	w.pass(32)
	if days, year := w.reads("/products"); days != 0 || year != 22 {
		t.Errorf("a month later it is %d and %d, want 0 and 22", days, year)
	}
	var kept int64
	w.mu.Lock()
	w.now = w.now.AddDate(0, 23, 0)
	w.mu.Unlock()
	w.do(w.Settle)
	err := w.db.View(t.Context(), func(tx *store.Tx) error { return tx.Get(t.Context(), "SELECT COUNT(*) FROM page_view", &kept) })
	if kept != 0 || err != nil {
		t.Errorf("after 24 months %d rows are kept (%v)", kept, err)
	}
}

// TestBroken: a number under the limit that stands in the table, however it came
// there, is not shown; and were it shown, the promise would be broken.
func TestBroken(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	err := w.db.Commit(t.Context(), func(tx *store.Tx) error { return tx.Do(t.Context(), q.Add, "2026-11-01", "/small", 3) })
	if err != nil {
		t.Fatal(err)
	}
	if days, months := w.reads("/small"); days != 0 || months != 0 {
		t.Errorf("it is shown as %d, %d", days, months)
	}
	if n, err := w.numbers(t.Context()); err != nil || sum(n.days)+sum(n.month) != 0 {
		t.Errorf("it is in the sums: %d, %d (%v)", sum(n.days), sum(n.month), err)
	}
	n := empty(w.now, 10)
	n.days[3].n = 9
	w.shown = n
	if all, err := w.Evidence(t.Context(), w.force); err != nil || all[0].Standing != avow.Broken {
		t.Errorf("it is %+v (%v)", all, err)
	}
}

// TestUndeclared: while the statement says nothing of it, nothing is counted and
// nothing is shown.
func TestUndeclared(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, strings.NewReplacer("popular: {hide-under: 10, keep: 24 months}\n", "never: [sale]\n",
		"We count which pages are popular, and show no number under 10.", "We do not sell.", "keeps=popular", ".aspiration keeps=never").Replace(text))
	w.visits(20, "/products")
	w.pass(1)
	if len(w.pending) != 0 || w.get("/privacy/popular").Code != 404 || w.get("/privacy/popular.json").Code != 404 {
		t.Errorf("it is counted: %v", w.pending)
	}
}

// TestNobodyIsKept: no file has who it was, nor the hash of who it was.
func TestNobodyIsKept(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	for range 3 {
		w.visits(20, "/order/1234567/ada@example.com?email=ada@example.com")
		w.pass(1)
	}
	var rows []string
	err := w.db.View(t.Context(), func(tx *store.Tx) error {
		return tx.Each(t.Context(), "SELECT day, path, n FROM page_view", func(scan func(...any) error) error {
			var day, path string
			var n int64
			err := scan(&day, &path, &n)
			rows = append(rows, fmt.Sprint(day, path, n))
			return err
		})
	})
	want := "[2026-11-02/order/…/…20 2026-11-03/order/…/…20 2026-11-04/order/…/…20]"
	if fmt.Sprint(rows) != want || err != nil {
		t.Errorf("kept is %v (%v), want %s", rows, err, want)
	}
}

// TestTwoHouses count over one database, and one of them settles.
func TestTwoHouses(t *testing.T) {
	cfg := store.Config{URL: storetest.Postgres(t)}
	one, two := newWorld(t, cfg, text), newWorld(t, cfg, text)
	var all sync.WaitGroup
	for i, w := range []*world{one, two} {
		all.Go(func() {
			for who := range 40 {
				w.visit(100*i+who%100, fmt.Sprintf("/%d", who%4))
				if who%8 == 7 {
					if err := w.Flush(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	one.pass(1)
	if days, _ := one.reads("/3"); days != 20 {
		t.Errorf("two houses of 10 readers count %d", days)
	}
}

// TestFlushAgain: what could not be written is not lost.
func TestFlushAgain(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	w.visits(12, "/products")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Flush(gone); err == nil {
		t.Fatal("it is written without time")
	}
	w.pass(1)
	if days, _ := w.reads("/products"); days != 12 {
		t.Errorf("of 12 readers %d are counted", days)
	}
}

// TestManyPaths: whoever asks for one page after the other fills neither the
// memory nor the table.
func TestManyPaths(t *testing.T) {
	w := newWorld(t, store.Config{Path: t.TempDir()}, text)
	for i := range maxPaths + 50 {
		w.visit(1, "/a/"+string([]byte{'a' + byte(i/676), 'a' + byte(i/26%26), 'a' + byte(i%26)}))
	}
	if len(w.pending) != maxPaths+1 {
		t.Errorf("%d paths are in memory", len(w.pending))
	}
	w.stop()
	w.start()
	for i := range 50 {
		w.visit(1, "/b/"+strings.Repeat("y", i+1))
	}
	w.do(w.Flush)
	var rows int64
	err := w.db.View(t.Context(), func(tx *store.Tx) error { return tx.Get(t.Context(), "SELECT COUNT(*) FROM page_view", &rows) })
	if rows > maxPaths+1 || err != nil {
		t.Errorf("%d paths are in the table (%v)", rows, err)
	}
}
