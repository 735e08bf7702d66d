package changes_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

// edited returns the example with one thing changed, and maybe its date.
func edited(date, from, to string) string {
	text := strings.Replace(string(harbour.Statement), from, to, 1)
	return strings.Replace(text, "updated: 2026-11-24", "updated: "+date, 1)
}

const month = 30 * 24 * time.Hour

func TestPromises(t *testing.T) {
	t.Run("dated", func(t *testing.T) {
		h := servertest.New(t)
		h.Pass(month)
		_, err := h.Publish(t.Context(), "statement.md", []byte(edited("2026-11-24", "by the sea", "by the water")))
		var no *avow.Refusal
		if !errors.As(err, &no) || no.Clause != "dated" {
			t.Fatalf("a changed text with an old date: %v", err)
		}
		if _, err := h.Publish(t.Context(), "statement.md", []byte(edited("2031-01-01", "by the sea", "by the water"))); !errors.As(err, &no) {
			t.Errorf("a date in the future: %v", err)
		}
		p, err := h.Publish(t.Context(), "statement.md", []byte(edited("2026-12-24", "by the sea", "by the water")))
		if err != nil || p.Version != 2 || p.Class != "wording" {
			t.Fatalf("a dated change: %+v, %v", p, err)
		}
		if !strings.Contains(h.Get("/privacy").Body, "24 December 2026") {
			t.Error("the new date is not on top of the statement")
		}
		if got := h.Standing("dated"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
	t.Run("history", func(t *testing.T) {
		h := servertest.New(t)
		first := h.Get("/privacy/v/1").Body
		h.Pass(month)
		if _, err := h.Publish(t.Context(), "statement.md", []byte(edited("2026-12-24", "by the sea", "by the water"))); err != nil {
			t.Fatal(err)
		}
		second := h.Get("/privacy/v/1").Body
		if !strings.Contains(second, "by the sea") || !strings.Contains(first, "by the sea") || !strings.Contains(second, "earlier version") {
			t.Error("the first version cannot be read any more, or does not say that it is one")
		}
		diff := h.Get("/privacy/diff/1..2")
		if diff.Status != http.StatusOK || !strings.Contains(diff.Body, "<ins>") {
			t.Errorf("the difference is answered %d without what is new", diff.Status)
		}
		for _, path := range []string{"/privacy/v/0", "/privacy/v/3", "/privacy/v/01", "/privacy/v/x", "/privacy/diff/1..9", "/privacy/diff/1", "/privacy/diff/2..02"} {
			if a := h.Get(path); a.Status != http.StatusNotFound {
				t.Errorf("%s is answered %d", path, a.Status)
			}
		}
		if feed := h.Get("/privacy/changes.atom").Body; strings.Count(feed, "<entry>") != 2 {
			t.Errorf("the feed has not two entries:\n%s", feed)
		}
		if got := h.Standing("history"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
	t.Run("pinned", func(t *testing.T) {
		h := servertest.New(t)
		h.Taken("contact", "email", "ada@example.com", "message", "under the first version")
		h.Pass(month)
		wider := edited("2026-12-24", "message!], for: [reply]", "message!], for: [reply, recruit]")
		p, err := h.Publish(t.Context(), "statement.md", []byte(wider))
		if err != nil || p.Class != "wider" || p.Pinned[1] != 1 {
			t.Fatalf("a wider version: %+v, %v", p, err)
		}
		h.Taken("contact", "email", "bob@example.com", "message", "under the second version")
		a := h.Staff("/v1/reads", `{"collection": "contact", "purpose": "recruit", "actor": "mia"}`)
		if strings.Contains(a.Body, "first version") || !strings.Contains(a.Body, "second version") {
			t.Errorf("a use that only the second version allows: %d %s", a.Status, a.Body)
		}
		if got := h.Standing("pinned"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
}

// TestCountsAgree: the statement counts its promises as their own page does.
func TestCountsAgree(t *testing.T) {
	h := servertest.New(t)
	legend := func(path string) string {
		_, rest, _ := strings.Cut(h.Get(path).Body, `<ul class="legend">`)
		list, _, found := strings.Cut(rest, "</ul>")
		if !found {
			t.Fatalf("%s has no legend", path)
		}
		return list
	}
	if a, b := legend("/privacy"), legend("/privacy/promises"); a != b {
		t.Errorf("the statement has %s\nand the promises have %s", a, b)
	}
}

// noPins stands in for the vault, which publishing asks how much stays where.
type noPins struct{}

func (noPins) ByVersion(context.Context) (map[avow.Version]int, error) { return nil, nil }

// publishUnkept publishes, as an avow that keeps it, a promise that h does not.
func publishUnkept(t *testing.T, h *servertest.House) {
	t.Helper()
	keys, err := seal.Open(h.Keys(), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	db, err := store.Open(t.Context(), store.Config{URL: h.DB, Clock: h.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	l, err := ledger.Open(t.Context(), db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: filepath.Join(keys.Beside(), "high-water")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	pages := page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler))
	newer, err := changes.Open(t.Context(), changes.Deps{Store: db, Ledger: l, Pages: pages, Keeps: append(server.Keeps(), "children"), Pins: noPins{}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newer.Publish(t.Context(), "newer.md", []byte(edited("2026-11-24", "{#child-erased .aspiration keeps=children}", "{#child-erased keeps=children}"))); err != nil {
		t.Fatal(err)
	}
}

// TestUnkeptVersion: when a newer avow over the same database publishes what this
// one does not keep, this one stops taking and reading, and says why.
func TestUnkeptVersion(t *testing.T) {
	address := storetest.Postgres(t)
	old := servertest.Over(t, address)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan struct{})
	go func() { old.Run(ctx); close(done) }()
	old.Taken("contact", "email", "ada@example.com", "message", "before")
	publishUnkept(t, old)
	for range 100 {
		if old.Inside("/healthz").Status == http.StatusServiceUnavailable {
			break
		}
		old.Pass(time.Second)
		time.Sleep(50 * time.Millisecond)
	}
	if a := old.Inside("/healthz"); a.Status != http.StatusServiceUnavailable {
		t.Errorf("it says it is well: %d %s", a.Status, a.Body)
	}
	if a := old.Post("contact", "email", "bob@example.com", "message", "after"); a.Status/100 == 2 {
		t.Errorf("it goes on taking forms: %d", a.Status)
	}
	stop()
	<-done
}

// TestStartIsNotPublishing: a server started on another text does not put it
// into force by itself.
func TestStartIsNotPublishing(t *testing.T) {
	h := servertest.New(t)
	h.Stop()
	other := h.Config(edited("2026-11-24", "by the sea", "by the water"))
	if _, err := server.New(t.Context(), other); !errors.Is(err, server.ErrUnpublished) {
		t.Errorf("started on a changed text: %v", err)
	}
	h.Start("")
	if h.Get("/privacy/v/2").Status != http.StatusNotFound {
		t.Error("the changed text was published")
	}
}
