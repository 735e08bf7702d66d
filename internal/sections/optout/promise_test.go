package optout_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// A house is as much of one as the signal needs.
type house struct {
	*optout.Section
	t       *testing.T
	db      *store.DB
	vault   *vault.Vault
	ledger  *ledger.Ledger
	edition *statement.Edition
	now     time.Time
}

func (h *house) InForce() *statement.Edition { return h.edition }

func begin(t *testing.T, cfg store.Config, text string) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
	compiled, found := statement.Compile("statement.md", []byte(text), optout.Keeps)
	if compiled == nil {
		t.Fatal(found)
	}
	h.edition = &statement.Edition{Statement: compiled, Version: 1}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	keys, err := seal.Create("file:"+dir, seal.Options{})
	must(err)
	cfg.Clock = func() time.Time { return h.now }
	h.db, err = store.Open(t.Context(), cfg)
	must(err)
	forget := func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.ledger.Forget(ctx, tx, id) }
	h.vault, err = vault.Open(t.Context(), h.db, keys, vault.Options{Forget: forget, Settle: time.Nanosecond})
	must(err)
	h.ledger, err = ledger.Open(t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys, HighWater: dir + "/high-water",
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		}})
	must(err)
	t.Cleanup(func() { h.ledger.Close(); h.db.Close() })
	h.Section = optout.New(h.db, h, true)
	return h
}

func (h *house) commit(fn func(ctx context.Context, tx *store.Tx) error) {
	h.t.Helper()
	if err := h.db.Commit(h.t.Context(), func(tx *store.Tx) error { return fn(h.t.Context(), tx) }); err != nil {
		h.t.Fatal(err)
	}
}

// person keeps something about somebody, with or without the signal.
func (h *house) person(address string, signal bool) (id avow.SubjectID) {
	h.t.Helper()
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		who, err := h.vault.Subject(ctx, tx, vault.By{Field: "email", Value: []byte(address)})
		if err != nil {
			return err
		}
		if id = who.ID(); signal {
			return h.Honour(ctx, tx, id)
		}
		return nil
	})
	return id
}

func (h *house) opted(id avow.SubjectID) (yes bool) {
	h.t.Helper()
	err := h.db.View(h.t.Context(), func(tx *store.Tx) (err error) {
		yes, err = h.Opted(h.t.Context(), tx, id)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return yes
}

func (h *house) evidence() avow.Evidence {
	h.t.Helper()
	all, err := h.Evidence(h.t.Context(), h.edition)
	if err != nil || len(all) != 1 {
		h.t.Fatal(all, err)
	}
	return all[0]
}

func (h *house) wellKnown() *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	page.New(func() page.Frame { return page.Frame{} }, slog.New(slog.DiscardHandler)).Mount(mux, h.Routes()...)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/gpc.json", nil))
	return w
}

var text = strings.Replace(string(harbour.Statement), "{#signal .aspiration keeps=signals}", "{#signal keeps=signals}", 1)

func TestPromises(t *testing.T) {
	t.Run("signal", func(t *testing.T) {
		storetest.Engines(t, func(t *testing.T, cfg store.Config) {
			h := begin(t, cfg, text)
			known, other := h.person("ada@example.com", true), h.person("eve@example.com", false)
			h.person("ada@example.com", true) // a second form tells nothing new
			if !h.opted(known) || h.opted(other) {
				t.Errorf("who sent the signal is opted out: %v, who did not: %v", h.opted(known), h.opted(other))
			}
			h.person("ada@example.com", false)
			if !h.opted(known) {
				t.Error("a browser without the signal takes back what another said")
			}
			h.Seen(true)
			h.Seen(true)
			h.Seen(false)
			e := h.evidence()
			if e.Clause != "signal" || e.Standing != avow.Kept || len(e.Figures) != 2 || e.Figures[0].Value != "3" || e.Figures[1].Value != "1" {
				t.Errorf("%+v", e)
			}
			h.now = h.now.AddDate(0, 0, 31)
			h.Seen(true)
			if e := h.evidence(); e.Figures[0].Value != "1" || e.Figures[1].Value != "0" {
				t.Errorf("a month later: %+v", e)
			}
			w := h.wellKnown()
			if got := strings.Join(strings.Fields(w.Body.String()), ""); w.Code != 200 || got != `{"gpc":true,"lastUpdate":"2026-11-24"}` ||
				!strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
				t.Errorf("%d %s %s", w.Code, w.Header(), got)
			}
			h.forgotten(known)
		})
	})
}

// forgotten erases a person, and with them what was remembered of the signal.
func (h *house) forgotten(id avow.SubjectID) {
	h.t.Helper()
	h.commit(func(ctx context.Context, tx *store.Tx) error { return h.vault.Erase(ctx, tx, id) })
	var left int64
	err := h.db.View(h.t.Context(), func(tx *store.Tx) error {
		return tx.Get(h.t.Context(), "SELECT COUNT(*) FROM optout_signal", &left)
	})
	if err != nil || left != 0 || h.opted(id) {
		h.t.Errorf("%d rows are left of somebody who was erased (%v)", left, err)
	}
	h.commit(func(ctx context.Context, tx *store.Tx) error {
		if _, err := h.vault.Find(ctx, tx, id); !errors.Is(err, store.ErrNone) {
			h.t.Errorf("erased, yet found: %v", err)
		}
		return nil
	})
}

// A statement that does not promise it says so to whoever asks.
func TestNotPromised(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, strings.Replace(text, "signals: {gpc: honour}\n", "", 1))
	if w := h.wellKnown(); w.Code != http.StatusNotFound {
		t.Errorf("gpc.json: %d %s", w.Code, w.Body)
	}
	if all, err := h.Evidence(t.Context(), h.edition); len(all) > 0 || err != nil {
		t.Error(all, err)
	}
}

// Where nothing stops what the signal forbids, nobody says that it is honoured.
func TestNotEnforced(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.Section = optout.New(h.db, h, false)
	h.Seen(true)
	if e := h.evidence(); e.Standing != avow.Untested || e.Figures[0].Value != "1" {
		t.Errorf("%+v", e)
	}
}

// What cannot be written now is written later.
func TestCountedLater(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.Seen(false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Flush(ctx); err == nil {
		t.Fatal("it was written after the end")
	}
	if e := h.evidence(); e.Figures[0].Value != "1" || e.Figures[1].Value != "1" {
		t.Errorf("%+v", e)
	}
}
