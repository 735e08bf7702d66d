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
	"net/netip"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/promises"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/sections/acceptance"
	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/sections/collection/forms"
	"github.com/avow-privacy/avow/internal/sections/collection/logs"
	"github.com/avow-privacy/avow/internal/sections/collection/mailbox"
	"github.com/avow-privacy/avow/internal/sections/links"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/sections/optout/elsewhere"
	"github.com/avow-privacy/avow/internal/sections/security"
	"github.com/avow-privacy/avow/internal/sections/security/tokens"
	"github.com/avow-privacy/avow/internal/sections/use"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/sections/use/mailing/outbox"
	"github.com/avow-privacy/avow/internal/sections/use/popular"
	"github.com/avow-privacy/avow/internal/sections/use/recipients"
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
	// Keys says where the keys are: file:DIR, age:FILE, systemd:DIR or
	// exec:DIR,CMD. They are made together with the data, and must lie outside
	// its folder.
	Keys string
	// Passphrase gives the one that keys in an age: file are sealed to; confirm
	// says that it is a new one, better asked for twice.
	Passphrase func(confirm bool) ([]byte, error)
	// Credentials is the folder of the service's credentials, for systemd: keys.
	Credentials string
	// Statement is the text to run on. It is published if no version was yet;
	// afterwards it has to be the text in force. Nil runs on what is in force.
	Statement []byte
	// StatementName is what diagnostics call Statement, such as statement.md.
	StatementName string
	// Publish puts Statement into force if it is not yet.
	Publish bool
	// Site answers what is not avow's: the pages the statement is about. They are
	// held to it by the gate. gate.Proxy is a site that runs somewhere else. Nil
	// answers 404.
	Site http.Handler
	// Observe lets the gate report only: it changes nothing and stops nothing.
	Observe bool
	// Guard puts a script into the site's pages that stops undeclared cookies as
	// other scripts write them. Without it they are gone with the next request.
	Guard bool
	// ConsentMode tells Google's tags in the site's pages what was chosen, GPP the
	// readers of IAB's Global Privacy Platform (sections usnat and usca).
	ConsentMode, GPP bool
	// Standins are origins where third parties of the statement really are, in a
	// demonstration or a test, by host.
	Standins map[string]string
	// Proxies are whom the house believes what they say of their clients
	// (X-Forwarded-For, X-Forwarded-Proto); none means those on this machine.
	Proxies []netip.Prefix
	// Origin is where links in letters lead; empty is the site of the statement.
	Origin string
	// Mail says how letters travel.
	Mail Mail
	// AccessLog is the folder of the server log, which is written if the
	// statement says what is in it. Empty writes none.
	AccessLog string
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
	front   *front

	collection *collection.Section
	forms      *forms.Section
	cookies    *cookies.Section
	logs       *logs.Section
	use        *use.Section
	popular    *popular.Section
	optout     *optout.Section
	elsewhere  *elsewhere.Section
	links      *links.Section
	mailing    *mailing.Section
	mailbox    *mailbox.Section
	outbox     *outbox.Section
	recipients *recipients.Section
	tokens     *tokens.Section
	security   *security.Section
	changes    *changes.Section
	acceptance *acceptance.Section
	promises   *promises.Promises

	post *post

	warned time.Time // when it was last said that the disk is full

	// Published is what New did with Config.Statement: nil when nothing.
	Published *changes.Publication
}

// Keeps are the kinds of rules that some part of this house keeps.
func Keeps() []statement.Kind {
	return slices.Concat(collection.Keeps, forms.Keeps, cookies.Keeps, logs.Keeps, use.Keeps, popular.Keeps, mailing.Keeps, mailbox.Keeps, recipients.Keeps,
		optout.Keeps, elsewhere.Keeps, links.Keeps, security.Keeps,
		changes.Keeps, acceptance.Keeps)
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
	if err := s.openLetters(ctx); err != nil {
		return err
	}
	s.forms = forms.New(forms.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Editions: s.changes, Notices: s.acceptance, Signals: s.optout, Confirmations: s.optout})
	s.use = &use.Section{Store: s.store, Vault: s.vault, Ledger: s.ledger, Editions: s.changes}
	s.security = security.New(security.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Words: s.optout, Apart: s.config.apart(s.keys)})
	if err := s.openFront(); err != nil {
		return err
	}
	s.promises = promises.New(promises.Deps{Pages: s.pages, Editions: s.changes, Clock: s.store.Now, Log: s.config.Log,
		Sections: []promises.Evidence{s.collection, s.forms, s.cookies, s.logs, s.use, s.popular, s.mailing, s.mailbox, s.recipients, s.optout, s.elsewhere, s.links, s.security, s.changes, s.acceptance}})
	return nil
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
		f.Choices, f.Links, f.Popular = e.Asks() || e.OptOut != nil && e.OptOut.Topics != "", e.Links != nil && e.Links.Register, e.Popular != nil
		f.Recipients, f.Elsewhere = len(e.Recipients) > 0, e.OptOut != nil && e.OptOut.Elsewhere != ""
	}
	return f
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
	if s.promises != nil {
		for _, flush := range s.flushes() {
			all = append(all, flush(context.Background()))
		}
		all = append(all, s.logs.Close(), s.optout.Close())
	}
	if s.post != nil {
		s.post.close()
	}
	if s.ledger != nil {
		all = append(all, s.ledger.Close())
	}
	if s.store != nil {
		all = append(all, s.store.Close())
	}
	return errors.Join(all...)
}
