package wall

import (
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/gate"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/ledger"
	ourpages "github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// A house is the corpus behind a gate, with the pages where people choose.
type house struct {
	*site
	edition *statement.Edition
	gate    *gate.Gate
	offers  choice.Offers
	ours    http.Handler // avow's own pages
}

// InForce returns the statement.
func (h *house) InForce() *statement.Edition { return h.edition }

// newHouse serves the corpus behind a gate that holds it to a statement, with or without
// the guard against undeclared cookies.
func newHouse(t testing.TB, third *thirdParty, text []byte, guard bool) *house {
	t.Helper()
	s, faults := statement.Compile("statement.md", text, nil)
	if s == nil {
		t.Fatalf("the statement does not compile: %v", faults)
	}
	h := &house{edition: &statement.Edition{Statement: s, Version: 1}, offers: choice.Offered(s)}
	var err error
	h.gate, err = gate.New(gate.Config{Key: key, Clock: time.Now, Guard: guard})
	if err != nil {
		t.Fatal(err)
	}
	h.gate.Use(s)
	h.ours = h.section(t)
	h.site = newSite(t, third, h.around)
	return h
}

// section is where choices are made and violations are told.
func (h *house) section(t testing.TB) http.Handler {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx, dir := context.Background(), t.TempDir()
	keys, err := seal.Create("file:"+filepath.Join(dir, "keys"), seal.Options{})
	must(err)
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "data")})
	must(err)
	v, err := vault.Open(ctx, db, keys, vault.Options{})
	must(err)
	l, err := ledger.Open(ctx, db, ledger.Config{Origin: "harbour.example/log", Key: keys.LogKey(), Keys: keys,
		HighWater: filepath.Join(dir, "high-water"), Subject: func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
			return v.Find(ctx, tx, id)
		}})
	must(err)
	t.Cleanup(func() {
		l.Close()
		db.Close()
		keys.Close()
	})
	pages := ourpages.New(func() ourpages.Frame { return ourpages.Frame{Organisation: "Harbour", Home: "/", Language: "en"} }, slog.New(slog.DiscardHandler))
	section := cookies.New(cookies.Deps{Store: db, Vault: v, Ledger: l, Pages: pages, Editions: h, Key: key, Stance: cookies.Enforcing})
	mux := http.NewServeMux()
	pages.Mount(mux, append(section.Routes(), pages.Assets()...)...)
	return ourpages.Secure(mux)
}

// around puts the gate before a site as a server does.
func (h *house) around(site http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", h.gate.Handler(site))
	mux.Handle("/privacy/", h.ours)
	mux.Handle("/privacy/out", h.gate.Out())
	return mux
}

// sealed is the cookie of somebody who has chosen, or "" for who has not.
func (h *house) sealed(state string) string {
	var yes choice.Set
	switch state {
	case "accept":
		yes = h.offers.All()
	case "refuse":
	default:
		return ""
	}
	return h.offers.Press(choice.Choice{}, choice.Press{Yes: yes}, [16]byte{1}, time.Now()).Seal(key)
}
