// Package security keeps what was taken safe, and lets anyone check the log.
//
// It keeps these promises:
//
//	own-key: Your information is encrypted under a key of your own, and the keys are stored apart from it.
//	public-log: Whatever is done with your information is written to a public log that cannot be changed afterwards without anyone being able to notice.
//	restore: A backup that is restored forgets everyone who was erased since it was made.
package security

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"security.keys", "security.log", "security.restore"}

// Deps are what the section works with.
type Deps struct {
	Store  *store.DB
	Vault  *vault.Vault
	Ledger *ledger.Ledger
	Pages  *page.Pages
	Words  Words // nil for none
	Apart  bool  // whether the keys lie outside the folder of the data
}

// Words are what people said about letters, which the state sums up too.
type Words interface {
	Scan(ctx context.Context, tx *store.Tx) (store.State, error)
}

// Section shows the log and checks it.
type Section struct {
	Deps
	set *page.Set

	mu      sync.Mutex
	checked check
	scanned atomic.Pointer[scan] // nil before the first
}

// check is the last full check of the log. The whole log is read for it, so it
// is not done for every visitor.
type check struct {
	size   int64
	at     time.Time
	fault  error
	stones error // why the journal of tombstones could not be read, if so
}

// New returns the section over d.
func New(d Deps) *Section {
	return &Section{Deps: d, set: d.Pages.Parse(templates, "verify.html", "receipt.html", "_event.html")}
}

// How long a check holds: of a log that grew since, and of one that did not.
// The latter could still have been altered on the disk.
const (
	whileGrowing = time.Minute
	whileStill   = time.Hour
)

func (s *Section) check(ctx context.Context, now time.Time) check {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := s.Ledger.Status().Size
	holds := whileGrowing
	if s.checked.size == size {
		holds = whileStill
	}
	if !s.checked.at.IsZero() && now.Sub(s.checked.at) < holds {
		return s.checked
	}
	s.checked = check{size: size, at: now, fault: s.Ledger.Verify(ctx)}
	_, s.checked.stones = s.Ledger.Erased()
	return s.checked
}

// ownKey closes a value under each of two new keys, and tries to open each with
// the other's.
func ownKey() bool {
	one, two, at := seal.NewKey(), seal.NewKey(), seal.Place{Table: "self-test"}
	defer one.Clear()
	defer two.Clear()
	sealed := one.Seal([]byte("one"), at)
	_, crossed := two.Open(sealed, at)
	opened, err := one.Open(sealed, at)
	return crossed != nil && err == nil && string(opened) == "one"
}
