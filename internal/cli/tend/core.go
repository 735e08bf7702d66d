package tend

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// place is where a house that does not run keeps its rows and keys.
type place struct {
	Data string `xor:"rows" help:"The data folder." placeholder:"DIR"`
	DB   string `name:"db" xor:"rows" help:"The database: postgres://…" placeholder:"URL"`
	Keys string `help:"Where the keys are." default:"file:avow-keys" placeholder:"SPEC"`
}

// A core is a house without its doors. If its log cannot be opened, which is
// what some commands are for, ledger is nil and ledgerErr says why.
type core struct {
	keys      *seal.Keys
	db        *store.DB
	vault     *vault.Vault
	config    ledger.Config
	ledger    *ledger.Ledger
	ledgerErr error
}

func (p *place) rows(w *world.World) (store.Config, error) {
	if p.DB != "" {
		return store.Config{URL: p.DB, Clock: w.Clock}, nil
	}
	data := p.Data
	if data == "" {
		data = "avow-data"
	}
	if !store.Exists(data) {
		return store.Config{}, fmt.Errorf("there is no data in %s: name the folder with --data, or the database with --db", data)
	}
	return store.Config{Path: data, Clock: w.Clock}, nil
}

// with opens the core, calls fn, and closes it.
func (p *place) with(w *world.World, fn func(ctx context.Context, h *core) error) (err error) {
	ctx := context.Background()
	h, err := p.open(ctx, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	if h.ledger, err = ledger.Open(ctx, h.db, h.config); err != nil {
		h.ledger, h.ledgerErr = nil, err
	}
	return fn(ctx, h)
}

// settle is how long houses over the same database may take to learn of a new
// epoch of keys: each asks once a second.
const settle = 5 * time.Second

// open opens all but the log.
func (p *place) open(ctx context.Context, w *world.World) (_ *core, err error) {
	h := &core{}
	defer func() {
		if err != nil {
			err = errors.Join(err, h.close())
		}
	}()
	if h.keys, err = w.OpenKeys(p.Keys); err != nil {
		return nil, err
	}
	rows, err := p.rows(w)
	if err != nil {
		return nil, err
	}
	if h.db, err = store.Open(ctx, rows); err != nil {
		return nil, err
	}
	options := vault.Options{Forget: h.forget}
	if p.DB != "" {
		options.Settle = settle
	}
	if h.vault, err = vault.Open(ctx, h.db, h.keys, options); err != nil {
		return nil, err
	}
	origin, err := ledger.Name(ctx, h.db)
	if err != nil {
		return nil, err
	}
	if origin == "" {
		return nil, errors.New("no log was begun here yet")
	}
	h.config = ledger.Config{Origin: origin, Key: h.keys.LogKey(), Keys: h.keys, HighWater: filepath.Join(h.keys.Beside(), "high-water")}
	return h, nil
}

func (h *core) close() error {
	var all []error
	if h.ledger != nil {
		all = append(all, h.ledger.Close())
	}
	if h.db != nil {
		all = append(all, h.db.Close())
	}
	if h.keys != nil {
		h.keys.Close()
	}
	return errors.Join(all...)
}
