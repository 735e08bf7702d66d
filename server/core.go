package server

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// openCore opens database, keys, vault and ledger. A statement that does not
// compile makes nothing: no folder, no tables, no keys.
func (s *Server) openCore(ctx context.Context) (err error) {
	c := &s.config
	beside, err := seal.Beside(c.Keys)
	if err != nil {
		return err
	}
	if c.DB == "" && within(beside, c.Data) {
		return fmt.Errorf("the keys (%s) lie inside the data folder (%s): who copies the data must not get the keys with it; use --keys file:DIR with a folder beside it", c.Keys, c.Data)
	}
	if c.DB == "" && !store.Exists(c.Data) {
		if err := c.ready(); err != nil {
			return err
		}
	}
	if c.DB == "" && store.Exists(c.Data) {
		// Who has data and other keys is told so before the data is touched.
		// None at all may be a first start that was cut off before it made them.
		if s.keys, err = seal.Open(c.Keys, c.keyOptions(time.Time{})); err != nil && !errors.Is(err, seal.ErrNone) {
			return err
		}
	}
	if s.store, err = store.Open(ctx, store.Config{Path: c.Data, URL: c.DB, Clock: c.Clock}); err != nil {
		return err
	}
	done, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer done()
	return s.openOnRows(ctx)
}

// alone waits until no other house is being opened over the same database: the
// first makes the keys, the log and the first version, the others find them.
func (s *Server) alone(ctx context.Context) (done func(), err error) {
	for range 300 {
		if done, ok := s.store.Lead(ctx, "open"); ok {
			return done, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, errors.New("another avow has been opening this database for half a minute: look whether it hangs")
}

// openOnRows opens what stands on the rows.
func (s *Server) openOnRows(ctx context.Context) (err error) {
	c := &s.config
	origin, err := ledger.Name(ctx, s.store)
	if err != nil {
		return err
	}
	if origin == "" {
		if err := c.ready(); err != nil {
			return err
		}
		origin = c.origin()
		if s.keys == nil {
			s.keys, err = s.firstKeys()
		}
	} else if s.keys == nil {
		s.keys, err = seal.Open(c.Keys, c.keyOptions(time.Time{}))
	}
	if err != nil {
		return err
	}
	if s.vault, err = vault.Open(ctx, s.store, s.keys, vault.Options{Forget: s.forget, Settle: c.settle()}); err != nil {
		return err
	}
	witnesses, err := c.witnesses()
	if err != nil {
		return err
	}
	s.ledger, err = ledger.Open(ctx, s.store, ledger.Config{Origin: origin, Key: s.keys.LogKey(), Keys: s.keys,
		HighWater: filepath.Join(s.keys.Beside(), "high-water"), Subject: s.subject, Witnesses: witnesses})
	return err
}

// firstKeys opens the keys that were made for this house beforehand, or makes
// them.
func (s *Server) firstKeys() (*seal.Keys, error) {
	keys, err := seal.Open(s.config.Keys, s.config.keyOptions(time.Time{}))
	if errors.Is(err, seal.ErrNone) {
		return seal.Create(s.config.Keys, s.config.keyOptions(s.store.Now()))
	}
	return keys, err
}

func (c *Config) keyOptions(now time.Time) seal.Options {
	return seal.Options{Passphrase: c.Passphrase, Credentials: c.Credentials, Now: now}
}

// settle is how long another house over the same database may take to learn of
// a new epoch of keys: each asks once a second.
func (c *Config) settle() time.Duration {
	if c.DB == "" {
		return 0
	}
	return 5 * time.Second
}

// ready says whether c can start a new house.
func (c *Config) ready() error {
	if c.Statement == nil {
		where := c.Data
		if c.DB != "" {
			where = "the database"
		}
		return fmt.Errorf("%s holds no data yet: name the statement to start with (--statement FILE)", where)
	}
	if _, found := statement.Compile(c.StatementName, c.Statement, Keeps()); found.Failed() {
		return &changes.Uncompiled{Name: c.StatementName, Source: c.Statement, Diagnostics: found}
	}
	return nil
}

// origin names a new log after the site that the statement is about.
func (c *Config) origin() string {
	compiled, _ := statement.Compile(c.StatementName, c.Statement, Keeps())
	if compiled == nil || len(compiled.Organisation.Site) == 0 {
		return ""
	}
	site, err := url.Parse(compiled.Organisation.Site[0])
	if err != nil || site.Host == "" {
		return ""
	}
	return site.Host + "/log"
}

// witnesses reads URL=VKEY.
func (c *Config) witnesses() (all []ledger.Witness, err error) {
	for _, text := range c.Witnesses {
		address, key, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("witness %q: give its address and its key, such as https://witness.example=witness.example+1a2b3c4d+BA…", text)
		}
		w, err := client.NewWitness(address)
		if err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
		all = append(all, ledger.Witness{Key: key, Ask: asking(w)})
	}
	return all, nil
}

func asking(w *client.Witness) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, request []byte) ([]byte, error) {
		lines, err := w.AddCheckpoint(ctx, request)
		var conflict *client.Conflict
		if errors.As(err, &conflict) {
			err = &ledger.ConflictError{Size: conflict.Size}
		}
		return lines, err
	}
}

// subject finds for the ledger whose event a receipt's link leads to.
func (s *Server) subject(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
	return s.vault.Find(ctx, tx, id)
}

// forget has the ledger let go of whom the vault is about to erase, and recipients
// told that they have to as well.
func (s *Server) forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	if s.recipients != nil {
		if err := s.recipients.Erased(ctx, tx, id); err != nil {
			return err
		}
	}
	return s.ledger.Forget(ctx, tx, id)
}

// apart says whether the keys lie outside the folder of the data.
func (c *Config) apart(keys *seal.Keys) bool { return c.DB != "" || !within(keys.Beside(), c.Data) }

// within says whether a folder is another or lies in it.
func within(folder, of string) bool {
	one, err := filepath.Abs(folder)
	other, err2 := filepath.Abs(of)
	return err != nil || err2 != nil || one == other || strings.HasPrefix(one, other+string(filepath.Separator))
}
