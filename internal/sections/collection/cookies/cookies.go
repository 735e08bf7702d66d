// Package cookies lets a page use only the cookies and third parties that were declared and chosen.
//
// The gate in front of the site does that in each answer. What is here is what
// people have of it: the page of their choices, the record of each choice, and
// the evidence. A yes takes a press of a person's own: a form that was sent by
// navigation from this site, as the browser says itself. A no is taken from
// anybody, and holds even if it cannot be written down.
//
// The record of a choice names nobody. It stands alone under a key of its own,
// is found by the cookie that remembers the choice and by nothing else, and is
// gone after 24 months.
//
// It keeps these promises:
//
//	cookies: Our cookies are the ones in this table, and no others.
//	trackers: Parts of our pages that come from elsewhere load only after you said yes; saying no is as easy as saying yes.
package cookies

import (
	_ "embed"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/avow-privacy/avow/gate/bar"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/gate/wall"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"cookies", "trackers"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Chose, Choices, Violated, Again, Cells, Violations, Forget string }](queries)

// Editions finds the statement in force.
type Editions interface {
	InForce() *statement.Edition
}

// Stance says what stands between the site and its visitors.
type Stance int

// No gate, one that only reports, or one that holds the site to its statement.
const (
	Absent Stance = iota
	Observing
	Enforcing
)

// Deps are what the section works with.
type Deps struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Pages    *page.Pages
	Editions Editions
	Key      []byte            // signs choices: the gate's
	Stance   Stance            // of the gate
	Standins map[string]string // as the gate has them
	Letters  Letters           // what the page of choices shows of them
	Log      *slog.Logger      // of the house; nil for none
}

// Letters is the part of the page of choices that is about letters. It is empty
// if the statement has none to choose from.
type Letters interface {
	Block() (page.HTML, error)
}

// Section takes choices and reports.
type Section struct {
	Deps
	set      *page.Set
	made     atomic.Pointer[made]
	confirms confirms
	bucket   bucket

	mu      sync.Mutex
	pending map[cell]tally
}

// New returns the section over d.
func New(d Deps) *Section {
	return &Section{Deps: d, set: d.Pages.Parse(templates, "choices.html"), pending: map[cell]tally{},
		confirms: confirms{used: map[[16]byte]int64{}}}
}

// made is what is made from one edition.
type made struct {
	*statement.Edition
	offers choice.Offers
	bar    *bar.Bar
	wall   *wall.Wall
}

// now returns what is made from the edition in force, or nil if there is none.
func (s *Section) now() *made {
	e := s.Editions.InForce()
	if e == nil {
		return nil
	}
	if m := s.made.Load(); m != nil && m.Edition == e {
		return m
	}
	return s.make(e)
}

func (s *Section) make(e *statement.Edition) *made {
	m := &made{Edition: e, offers: choice.Offered(e.Statement)}
	m.bar = bar.New(e.Statement, m.offers, page.Base)
	m.wall = wall.New(e.Statement, wall.Options{Base: page.Base, Observe: s.Stance == Observing, Standins: s.Standins})
	s.made.Store(m)
	return m
}
