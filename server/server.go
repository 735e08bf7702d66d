// Package server is the whole house, to run or to mount in another Go program.
//
// New opens a data folder, puts the sections together by hand, and checks that
// the statement in force promises nothing that this program does not keep.
// Public and Private are plain http.Handlers. Run does what is done by the
// clock. Close ends it.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/promises"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/acceptance"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/sections/collection/forms"
	"github.com/avow-privacy/avow/internal/sections/security"
	"github.com/avow-privacy/avow/internal/sections/use"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Config says on what machine the house stands. What may be done in it is said
// by the statement alone.
type Config struct {
	// Data is the folder of the database. It is made if it does not exist.
	Data string
	// DB is the address of a PostgreSQL database, postgres://…, to be used in
	// place of one in Data. Any number of houses may run over it.
	DB string
	// Witnesses are the logs' witnesses to ask, each as URL=VKEY.
	Witnesses []string
	// Keys says where the keys are, such as file:DIR. They are made together
	// with the data folder, and must lie outside it.
	Keys string
	// Statement is the text to run on. It is published if no version was yet;
	// afterwards it has to be the text in force. Nil runs on what is in force.
	Statement []byte
	// StatementName is what diagnostics call Statement, such as statement.md.
	StatementName string
	// Publish puts Statement into force if it is not yet.
	Publish bool
	// Site answers what is not avow's, such as the pages the statement is about.
	// Nil answers 404.
	Site http.Handler
	// Clock tells the time; nil is the machine's.
	Clock func() time.Time
	// Log takes what went wrong, without a value of any person; nil discards it.
	Log *slog.Logger
}

// Server is a running house.
type Server struct {
	config  Config
	store   *store.DB
	keys    *seal.Keys
	vault   *vault.Vault
	ledger  *ledger.Ledger
	pages   *page.Pages
	public  http.Handler
	private http.Handler

	collection *collection.Section
	forms      *forms.Section
	use        *use.Section
	security   *security.Section
	changes    *changes.Section
	acceptance *acceptance.Section
	promises   *promises.Promises

	// Published is what New did with Config.Statement: nil when nothing.
	Published *changes.Publication
}

// Keeps are the kinds of rules that some part of this house keeps.
func Keeps() []statement.Kind {
	return slices.Concat(collection.Keeps, forms.Keeps, use.Keeps, security.Keeps, changes.Keeps, acceptance.Keeps)
}

// ErrUnpublished says that the statement given is not the one in force.
var ErrUnpublished = errors.New("the statement differs from the version in force")

// New opens the house. On any error nothing was changed that was there before.
func New(ctx context.Context, c Config) (_ *Server, err error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.openCore(ctx); err != nil {
		return nil, err
	}
	if err := s.openSections(ctx); err != nil {
		return nil, err
	}
	if err := s.publishGiven(ctx); err != nil {
		return nil, err
	}
	s.mount()
	return s, nil
}

// openCore opens keys, database, ledger and vault, in the order in which they
// need each other. A statement that does not compile makes no folder.
func (s *Server) openCore(ctx context.Context) (err error) {
	c := &s.config
	if !c.apart() {
		return fmt.Errorf("the keys (%s) lie inside the data folder (%s): who copies the data must not get the keys with it; use --keys file:DIR with a folder beside it", c.Keys, c.Data)
	}
	fresh := !store.Exists(c.Data)
	if fresh {
		if err := c.ready(); err != nil {
			return err
		}
	}
	if s.keys, err = openKeys(c.Keys, fresh); err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, store.Config{Path: c.Data, Clock: c.Clock}); err != nil {
		return err
	}
	if s.vault, err = vault.Open(ctx, s.store, s.keys, vault.Options{Forget: s.forget}); err != nil {
		return err
	}
	origin, err := ledger.Name(ctx, s.store)
	if err != nil {
		return err
	}
	if origin == "" {
		origin = c.origin()
	}
	s.ledger, err = ledger.Open(ctx, s.store, ledger.Config{Origin: origin, Key: s.keys.LogKey(), Keys: s.keys, HighWater: c.highWater(), Subject: s.subject})
	return err
}

// ready says whether c can start a new house.
func (c *Config) ready() error {
	if c.Statement == nil {
		return fmt.Errorf("%s holds no data yet: name the statement to start with (--statement FILE)", c.Data)
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

func openKeys(spec string, fresh bool) (*seal.Keys, error) {
	keys, err := seal.Open(spec, seal.Options{})
	if fresh && errors.Is(err, seal.ErrNone) {
		return seal.Create(spec, seal.Options{})
	}
	return keys, err
}

// openSections puts the house together. What a section needs from a neighbour
// is handed to it here, and nowhere else.
func (s *Server) openSections(ctx context.Context) (err error) {
	s.pages = page.New(s.frame, s.config.Log)
	s.acceptance = acceptance.New(s.store)
	s.changes, err = changes.Open(ctx, changes.Deps{Store: s.store, Ledger: s.ledger, Pages: s.pages, Keeps: Keeps(),
		Pins: pins{s.store, s.vault}, Notices: s.acceptance, Standings: standings{s}})
	if err != nil {
		return err
	}
	s.collection = &collection.Section{Store: s.store, Vault: s.vault, Ledger: s.ledger, Editions: s.changes}
	s.forms = forms.New(forms.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Editions: s.changes, Notices: s.acceptance})
	s.use = &use.Section{Store: s.store, Vault: s.vault, Ledger: s.ledger, Editions: s.changes}
	s.security = security.New(security.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Apart: s.config.apart()})
	s.promises = promises.New(promises.Deps{Pages: s.pages, Editions: s.changes, Clock: s.store.Now, Log: s.config.Log,
		Sections: []promises.Evidence{s.collection, s.forms, s.use, s.security, s.changes, s.acceptance}})
	return nil
}

// forget lets the events of a subject go who is about to be forgotten.
func (s *Server) forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	return s.ledger.Forget(ctx, tx, id)
}

// subject finds for the ledger whose event a receipt's link leads to.
func (s *Server) subject(ctx context.Context, tx *store.Tx, id avow.SubjectID) (ledger.Subject, error) {
	return s.vault.Find(ctx, tx, id)
}

// highWater is a file beside the keys, since whoever puts back the data from a
// backup must not put it back as well.
func (c *Config) highWater() string {
	return filepath.Join(strings.TrimPrefix(c.Keys, "file:"), "high-water")
}

// pins counts for the history how many records stay under each version.
type pins struct {
	db    *store.DB
	vault *vault.Vault
}

func (p pins) ByVersion(ctx context.Context) (map[avow.Version]int, error) {
	by := map[avow.Version]int{}
	return by, p.db.View(ctx, func(tx *store.Tx) error {
		counts, err := p.vault.Counts(ctx, tx)
		for _, c := range counts.Records {
			by[c.Version] += int(c.Records)
		}
		return err
	})
}

// standings asks the promises, which are put together after the history.
type standings struct{ house *Server }

func (s standings) Standings(ctx context.Context) (func(avow.ClauseID) avow.Standing, time.Time) {
	return s.house.promises.Standings(ctx)
}

func (s *Server) frame() page.Frame {
	f := page.Frame{Home: "/", Language: "en"}
	if e := s.changes.InForce(); e != nil {
		f.Organisation, f.Language = e.Organisation.Name, e.Language
	}
	return f
}

// apart says whether the keys lie outside the folder of the data.
func (c *Config) apart() bool {
	data, err := filepath.Abs(c.Data)
	keys, err2 := filepath.Abs(strings.TrimPrefix(c.Keys, "file:"))
	return err == nil && err2 == nil && keys != data && !strings.HasPrefix(keys, data+string(filepath.Separator))
}

// publishGiven publishes the first statement. A changed one is not published
// by starting: that is avow publish, which shows what the change means first.
func (s *Server) publishGiven(ctx context.Context) (err error) {
	now := s.changes.InForce()
	switch {
	case now == nil && s.config.Statement == nil:
		return changes.ErrUnpublished
	case now == nil || s.config.Publish:
		s.Published, err = s.changes.Publish(ctx, s.config.StatementName, s.config.Statement)
		return err
	case s.config.Statement == nil || string(now.Source) == string(s.config.Statement):
		return nil
	}
	return fmt.Errorf("%s: %w, %d of %s; see avow diff, then avow publish %[1]s", s.config.StatementName, ErrUnpublished, now.Version, now.Updated)
}

// Publish puts a text into force, in the running house.
func (s *Server) Publish(ctx context.Context, name string, source []byte) (*changes.Publication, error) {
	return s.changes.Publish(ctx, name, source)
}

// Close flushes what is only counted and ends the house.
func (s *Server) Close() error {
	var all []error
	if s.acceptance != nil {
		all = append(all, s.acceptance.Flush(context.Background()))
	}
	if s.ledger != nil {
		all = append(all, s.ledger.Close())
	}
	if s.store != nil {
		all = append(all, s.store.Close())
	}
	return errors.Join(all...)
}
