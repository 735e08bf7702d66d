// Package mailing sends a letter only to those who may get it.
//
// It keeps this promise:
//
//	asked-for: News and surveys reach you only if you asked for them, and surveys no more than twice a year.
//
// A program hands in a letter, its purpose and whom it is for. For each of them is
// decided apart: whether they gave us this address for this purpose, under the
// statement of then and under that of now; whether they stopped such letters; and
// whether they had too many. What may go waits in a queue, with its entry in the
// log. Before it leaves the house it is decided once more: a word said meanwhile
// holds. Addresses are opened only then.
//
// The queue holds no address, only where one is kept, and a letter's text is kept
// once, sealed. Who is erased is gone from it too.
package mailing

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/base32"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"purposes"}

//go:embed queries.sql
var queries string

var q = store.Load[struct {
	Lock, AddMessage, AddQueue, Had        string
	Due, Lease, Later, Leased, Done, Sent  string
	Returned, ReturnedEarly, Over, Waiting string
	Empty, DropMessage, Forget             string
	Tally, Tallies                         string
	Key, AddKey                            string
}](queries)

// Editions finds the statements that a letter is decided by.
type Editions interface {
	InForce() *statement.Edition
	Edition(avow.Version) *statement.Edition
}

// Keys close what only this house may open.
type Keys interface {
	Veil(use string, plain []byte) string
	Unveil(use, text string) ([]byte, error)
}

// Words say why a letter for a purpose may not go to an address; "" if it may.
type Words interface {
	May(ctx context.Context, tx *store.Tx, e, pinned *statement.Edition, digest [32]byte, p *statement.Purpose) (reason string, err error)
}

// Digests give what stands for an address where none may stand.
type Digests interface {
	Digest(mail.Address) [32]byte
}

// Stops give the text by which letters for a purpose are stopped, in an address
// of ours and in a letter to us.
type Stops interface {
	Token(digest [32]byte, purpose avow.Purpose) string
}

// Bounces are told of an address that there is nobody at.
type Bounces interface {
	Bounced(ctx context.Context, digest [32]byte, purpose avow.Purpose) error
}

// A Door takes letters out of the house: an egress.Relay, or an egress.Outbox.
type Door interface {
	Send(ctx context.Context, from, to string, letter []byte) error
}

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Editions Editions
	Keys     Keys
	Words    Words
	Digests  Digests
	Stops    Stops
	Bounces  Bounces   // nil for none
	Guard    api.Guard // knows the tokens of programs that submit letters by SMTP
	Door     Door      // nil for none: letters wait, as long as they may
	Origin   string    // of the pages by which letters are stopped, such as https://harbour.example; the site of the statement if empty
	Lines    int       // letters handed over at a time; 8 if 0
	Log      *slog.Logger
}

// Section sends letters.
type Section struct {
	Deps
	tidied  atomic.Int64 // when, in microseconds
	mu      sync.Mutex
	signers map[string]*letter.Signer // by domain
}

// New returns the section over d.
func New(d Deps) *Section {
	if d.Lines == 0 {
		d.Lines = 8
	}
	return &Section{Deps: d, signers: map[string]*letter.Signer{}}
}

// Letters is the name under which texts that wait to be sent are kept, and
// addresses of letters of the house. No collection of a statement can be called
// so, so that nothing that a statement allows to be read reads them.
const Letters avow.Collection = "(letters)"

// Patience is how long is tried to deliver a letter. Nothing of it is kept longer.
const Patience = 5 * 24 * time.Hour

// Letters of the house have no purpose; these stand for one.
const (
	notices avow.Purpose = "(notice)"
	replies avow.Purpose = "(reply)" // that nobody wrote, and that nothing comes back to
)

// errSilent says that there is no statement yet, and so nobody may be written to.
var errSilent = errors.New("no statement was published yet")

// sender is the house's own address, to which people write who want no more
// letters.
func sender(now *statement.Edition) (mail.Address, error) {
	text := now.Organisation.Contact
	if now.OptOut != nil && now.OptOut.Address != "" {
		text = now.OptOut.Address
	}
	return mail.ParseAddress(text)
}

// origin is where the pages are by which letters are stopped.
func (s *Section) origin(now *statement.Edition) string {
	return cmp.Or(s.Origin, now.Organisation.Home())
}

// idText writes ids in what every mail system leaves alone.
var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// returnPath is where a letter comes back to that was not delivered.
func returnPath(id [16]byte, from mail.Address) string {
	return "bounce+" + idText.EncodeToString(id[:]) + "@" + from.Domain()
}

// count counts an outcome of letters for a purpose. Letters are counted by day,
// and never by whom they are for.
func count(tx *store.Tx, purpose avow.Purpose, outcome Reason, n int) {
	tx.Count(q.Tally, tx.Now.UTC().Format(time.DateOnly)+" "+string(purpose), string(outcome), int64(n))
}
