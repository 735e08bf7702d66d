package optout_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

// A house is as much of one as letters and the signal need.
type house struct {
	*optout.Section
	t       testing.TB
	db      *store.DB
	keys    *seal.Keys
	vault   *vault.Vault
	ledger  *ledger.Ledger
	edition *statement.Edition
	now     time.Time
	public  http.Handler
	letters []letter
	waits   int64
	deaf    bool // no mail comes in
	oldest  time.Time
}

// A letter is one that the house would send.
type letter struct{ to, subject, text string }

func (h *house) Notice(_ context.Context, _ *store.Tx, to mail.Address, subject, text string) error {
	h.letters = append(h.letters, letter{to.Text(), subject, text})
	return nil
}

func (h *house) Waiting(context.Context) (int64, time.Time, error) { return h.waits, h.oldest, nil }

func (h *house) InForce() *statement.Edition { return h.edition }

func begin(t testing.TB, cfg store.Config, text string) *house {
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
	var err error
	h.keys, err = seal.Create("file:"+dir, seal.Options{})
	must(err)
	cfg.Clock = func() time.Time { return h.now }
	h.db, err = store.Open(t.Context(), cfg)
	must(err)
	forget := func(ctx context.Context, tx *store.Tx, id avow.SubjectID) error { return h.ledger.Forget(ctx, tx, id) }
	h.vault, err = vault.Open(t.Context(), h.db, h.keys, vault.Options{Forget: forget, Settle: time.Nanosecond})
	must(err)
	h.ledger, err = ledger.Open(t.Context(), h.db, ledger.Config{Origin: "harbour.example/log", Key: h.keys.LogKey(), Keys: h.keys, HighWater: dir + "/high-water",
		Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return h.vault.Find(ctx, tx, id)
		}})
	must(err)
	h.open(true)
	t.Cleanup(func() { h.Close(); h.ledger.Close(); h.db.Close() })
	return h
}

// open opens the section, with or without a gate before the site.
func (h *house) open(enforced bool) {
	h.t.Helper()
	pages := page.New(func() page.Frame { return page.Frame{Organisation: "Harbour", Home: "/"} }, slog.New(slog.NewTextHandler(h.t.Output(), nil)))
	var err error
	h.Section, err = optout.Open(h.t.Context(), optout.Deps{Store: h.db, Vault: h.vault, Ledger: h.ledger, Keys: h.keys, Pages: pages, Editions: h,
		Letters: h, Waiting: h, Taking: func() bool { return !h.deaf }, Enforced: enforced})
	if err != nil {
		h.t.Fatal(err)
	}
	mux := http.NewServeMux()
	pages.Mount(mux, h.Routes()...)
	h.public = page.Secure(pages.OrProblem(mux))
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
	return h.shown("signal")
}

// shown is the evidence for a promise.
func (h *house) shown(clause avow.ClauseID) (found avow.Evidence) {
	h.t.Helper()
	all, err := h.Evidence(h.t.Context(), h.edition)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range all {
		if e.Clause == clause {
			found = e
		}
	}
	return found
}

func (h *house) wellKnown() *httptest.ResponseRecorder {
	return h.ask("GET", "/.well-known/gpc.json", "", "")
}

// ask asks for a page, or sends it something.
func (h *house) ask(method, path, kind, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w := httptest.NewRecorder()
	h.public.ServeHTTP(w, r)
	return w
}

const formKind = "application/x-www-form-urlencoded"

// send sends a form.
func (h *house) send(path string, pairs ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return h.ask("POST", path, formKind, values.Encode())
}

var text = string(harbour.Statement)

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
	for clause, try := range map[avow.ClauseID]func(*house){"unsubscribe": (*house).unsubscribe, "stays-stopped": (*house).staysStopped,
		"choices": (*house).choices, "confirm": (*house).confirm} {
		t.Run(string(clause), func(t *testing.T) {
			storetest.Engines(t, func(t *testing.T, cfg store.Config) {
				h := begin(t, cfg, text)
				if e := h.shown(clause); e.Standing != avow.Kept {
					t.Errorf("at first: %+v", e)
				}
				try(h)
				if e := h.shown(clause); e.Standing != avow.Kept {
					t.Errorf("at last: %+v", e)
				}
			})
		})
	}
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
	if e := h.evidence(); e.Clause != "" {
		t.Error(e)
	}
}

// Where nothing stops what the signal forbids, nobody says that it is honoured.
func TestNotEnforced(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.Close()
	h.open(false)
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
