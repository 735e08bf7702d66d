// Package recipients gives others only what was declared, and tells them when it stops.
//
// A list leaves for a recipient of the statement, for their purposes, with their
// fields, and closed to their key; decide says row by row whether it may. The
// log has the giving, person by person, before a value leaves. To know whether
// somebody stopped letters, their address is looked at inside the house first.
// Each list carries a few people who do not exist: what comes to one of them
// says which list it was taken from.
//
// It keeps these promises:
//
//	recipients: We share information only with the recipients in this table, each bound by contract.
//	canaries: Each time a list leaves us it carries invented people of our own, so that a leak names its source.
//	passed-on: When you stop our letters or are erased, we tell the recipients who have you on a list within 7 days.
package recipients

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"log/slog"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"recipients", "sharing.canaries", "sharing.tell"}

//go:embed queries.sql
var queries string

var q = store.Load[struct {
	Runs, AddRun, Placed, Give, AddCanary, Canary, Touch, Touched string
}](queries)

// Editions finds the statements that a giving is decided by.
type Editions interface {
	InForce() *statement.Edition
	Edition(avow.Version) *statement.Edition
}

// Stops knows what people said about letters and about sharing.
type Stops interface {
	tell.Words
	// Digest is what an address is known by where its letters were stopped.
	Digest(mail.Address) [32]byte
	// Opted says whether a person opted out by a signal.
	Opted(ctx context.Context, tx *store.Tx, who avow.SubjectID) (bool, error)
}

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Pages    *page.Pages
	Editions Editions
	Keys     tell.Keys
	Door     tell.Door
	Stops    Stops
	Letters  tell.Letters // nil if the house sends none: then only webhooks are told
	Origin   string       // where the house's pages are; that of the statement if empty
	Log      *slog.Logger
}

// Section gives lists out. Its desk tells who got them what became of the people
// on them: Erased, Stopped and Tell.
type Section struct {
	*tell.Desk
	Deps
	set               *page.Set
	refKey, canaryKey []byte
}

// New returns the section over d.
func New(d Deps) *Section {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	s := &Section{Deps: d, set: d.Pages.Parse(templates, "recipients.html"), refKey: d.Keys.Derive("recipient-ref"), canaryKey: d.Keys.Derive("canary")}
	s.Desk = tell.New(tell.Deps{Store: d.Store, Ledger: d.Ledger, Pages: d.Pages, Editions: d.Editions, Keys: d.Keys, Door: d.Door, Words: d.Stops, Addresses: s,
		Letters: d.Letters, Origin: d.Origin, Log: d.Log})
	return s
}

func (s *Section) ref(to string, who avow.SubjectID) (r list.Ref) {
	m := hmac.New(sha256.New, s.refKey)
	m.Write(append([]byte(to), 0))
	m.Write(who[:])
	copy(r[:], m.Sum(nil))
	return r
}
