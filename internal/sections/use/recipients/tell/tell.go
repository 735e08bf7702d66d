// Package tell tells recipients when somebody stopped letters or was erased, until they say that it was done.
//
// A notice names nobody: it has the reference by which the recipient knows the
// person. It goes by webhook, signed, or by letter, and comes again until the
// recipient says that they did it.
package tell

import (
	"context"
	"crypto/ed25519"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queries string

var q = store.Load[struct {
	Contact, SetContact, GivenTo, GivenAt, Digests, People, Knows, Readdress string
	Known, AddNotice, Due, Told, Later, Done, DoneUpTo, Soon, Open, Forget   string
}](queries)

// Editions finds the statement in force.
type Editions interface{ InForce() *statement.Edition }

// Keys make what only this house can make.
type Keys interface {
	Derive(use string) []byte
	Veil(use string, plain []byte) string
	Unveil(use, text string) ([]byte, error)
}

// Door takes what a recipient is told to them.
type Door interface {
	Post(ctx context.Context, address string, header http.Header, body []byte) (*egress.Answer, error)
}

// Words say why a letter for a purpose may not go to an address; "" if it may.
type Words interface {
	May(ctx context.Context, tx *store.Tx, e, pinned *statement.Edition, digest [32]byte, p *statement.Purpose) (reason string, err error)
}

// Addresses are what a person is known by where letters are stopped.
type Addresses interface {
	Addresses(ctx context.Context, tx *store.Tx, who avow.SubjectID) ([][32]byte, error)
}

// Letters sends a letter of the house, in the transaction that says that it was.
type Letters interface {
	Notice(ctx context.Context, tx *store.Tx, to mail.Address, subject, text string) error
}

// Deps are what a desk works with.
type Deps struct {
	Store     *store.DB
	Ledger    *ledger.Ledger
	Pages     *page.Pages
	Editions  Editions
	Keys      Keys
	Door      Door
	Words     Words
	Addresses Addresses
	Letters   Letters // nil if the house sends none: then only webhooks are told
	Origin    string  // where the house's pages are; that of the statement if empty
	Log       *slog.Logger
}

// A Desk knows how recipients are reached, and what they are still to be told.
type Desk struct {
	Deps
	set   *page.Set
	signs ed25519.PrivateKey
}

//go:embed done.html
var templates embed.FS

// New returns the desk over d.
func New(d Deps) *Desk {
	return &Desk{Deps: d, set: d.Pages.Parse(templates, "done.html"), signs: ed25519.NewKeyFromSeed(d.Keys.Derive("webhook"))}
}

// Declared is the recipient of that name in a statement; nil if there is none.
func Declared(e *statement.Edition, name string) *statement.Recipient {
	for i := range e.Recipients {
		if e.Recipients[i].Name == name {
			return &e.Recipients[i]
		}
	}
	return nil
}

// Routes are where recipients say that they did what they were told.
func (k *Desk) Routes() []page.Route {
	return []page.Route{
		{Pattern: "GET " + page.Base + "/recipients/done/{token}", Keeps: "sharing.tell", Handle: k.done},
		{Pattern: "POST " + page.Base + "/recipients/done/{token}", Keeps: "sharing.tell", Handle: k.done},
	}
}

// done shows what a link of a notice is for, and takes the word that it was
// done. Programs that look at every link of a letter do nothing by it.
func (k *Desk) done(w http.ResponseWriter, r *http.Request) error {
	act := r.Method == http.MethodPost
	if err := k.acknowledge(r.Context(), r.PathValue("token"), act); err != nil {
		return err
	}
	return k.set.Write(w, r, "done.html", page.View{Title: "Is it done?", Robots: "noindex", Data: act})
}

// An Account is what one recipient is still to be told or to do.
type Account struct {
	Contact
	Open, Untold int64
	Oldest       time.Time // since when somebody waits to be told; zero if nobody does
}

// Accounts reads what all recipients are still to be told; account gives the place
// for that of one.
func (k *Desk) Accounts(ctx context.Context, tx *store.Tx, account func(name string) *Account) error {
	return tx.Each(ctx, q.Open, func(scan func(...any) error) error {
		var name string
		var told int64
		var at time.Time
		err := scan(&name, &told, &at)
		a := account(name)
		a.Open++
		if told == 0 {
			if a.Untold++; a.Oldest.IsZero() || at.Before(a.Oldest) {
				a.Oldest = at
			}
		}
		return err
	}, int64(never))
}
