package recipients

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Why a row is kept back.
const (
	pinned  = "pin"           // the promise it was collected under forbids it
	lacking = "no such field" // it has nothing of what the recipient is given
	expired = "expired"       // its time is up, and it is about to go
	stopped = "stopped"       // letters to its address were stopped, or never asked for
	signal  = "signal"        // the person opted out by their browser's signal
)

// A lot is the records of one collection that were collected under one version:
// decide says the same of all of them.
type lot struct {
	Collection avow.Collection `json:"collection" doc:"Where they came in."`
	Statement  avow.Version    `json:"statement" doc:"The version of the statement that they are pinned to."`
	Fields     []avow.Field    `json:"fields" nullable:"false" doc:"What goes of them."`
	For        []avow.Purpose  `json:"for" nullable:"false" doc:"What for."`
	Rows       int             `json:"rows" doc:"How many go."`
	Kept       map[string]int  `json:"kept" nullable:"false" doc:"How many are kept back, by reason: pin, no such field, expired, stopped, signal."`
	Clause     avow.ClauseID   `json:"clause,omitempty" doc:"The promise that keeps all of them back."`
	Reason     string          `json:"reason,omitempty" doc:"Why it does."`

	why      string // all of them are kept back for this; "" if they may go
	under    *statement.Edition
	purposes []*statement.Purpose
	contacts []avow.Field // the fields that hold an e-mail address
}

// A giving is what would go, or goes.
type giving struct {
	now   *statement.Edition
	to    *statement.Recipient
	on    avow.Date
	actor avow.Actor
	lots  []*lot
	rows  int
	kept  int
}

// lot is the lot of the records of a collection under a version; nil if nobody
// knows what was promised by it.
func (s *Section) lot(l *giving, from avow.Collection, v avow.Version) *lot {
	for _, t := range slices.Backward(l.lots) {
		if t.Collection == from && t.Statement == v {
			return t
		}
	}
	under := s.Editions.Edition(v)
	if under == nil {
		return nil
	}
	t := l.share(from, under)
	l.lots = append(l.lots, t)
	return t
}

// errNone answers for a list with nobody on it.
func errNone(name string) error {
	return &api.Problem{Status: 409, Title: "Nobody would be on this list", Detail: "avow egress plan " + name + " says what is kept back, and why."}
}

// begin says whether anything may go to a recipient at all.
func (s *Section) begin(ctx context.Context, name string, actor avow.Actor, on avow.Date) (*giving, error) {
	now := s.Editions.InForce()
	if now == nil {
		return nil, &avow.Refusal{Clause: decide.Undeclared, Reason: "no statement was published yet"}
	}
	l := &giving{now: now, to: tell.Declared(now, name), actor: actor, on: on}
	if l.to == nil {
		return nil, l.refusal(name)
	}
	allowed := false
	for i := range now.Collect {
		c := &now.Collect[i]
		may := l.share(c.Name, now)
		if may.why != "" {
			continue
		}
		for _, p := range may.For {
			if err := api.Within(ctx, c.Name, p); err != nil {
				return nil, err
			}
		}
		allowed = true
	}
	if !allowed {
		return nil, l.refusal(name)
	}
	return l, nil
}

// refusal is what decide says of whatever comes nearest to being allowed.
func (l *giving) refusal(name string) error {
	no := &avow.Refusal{Clause: decide.Undeclared, Reason: "no collection has anything for this recipient"}
	for i := range l.now.Collect {
		c := &l.now.Collect[i]
		for _, p := range c.For {
			u := decide.Use{Current: l.now.Statement, Pinned: l.now.Statement, Collection: c.Name, Actor: l.actor, Purpose: p}
			if decide.Allow(u) != nil || l.to != nil && !slices.Contains(l.to.For, p) {
				continue
			}
			if refused := decide.Share(decide.Giving{Use: u, Recipient: name, On: l.on}); refused != nil {
				return refused
			}
		}
	}
	return no
}

// share asks decide what may go of the records of a collection under a version.
func (l *giving) share(from avow.Collection, under *statement.Edition) *lot {
	t := &lot{Collection: from, Statement: under.Version, Fields: []avow.Field{}, For: []avow.Purpose{}, Kept: map[string]int{}, under: under}
	g := decide.Giving{Use: decide.Use{Current: l.now.Statement, Pinned: under.Statement, Collection: from, Actor: l.actor}, Recipient: l.to.Name, On: l.on}
	for _, p := range l.to.For {
		g.Purpose = p
		if no := decide.Share(g); no == nil {
			t.For, t.purposes = append(t.For, p), append(t.purposes, decide.Promised(l.now.Statement, under.Statement, p))
		} else if t.why == "" {
			t.why, t.Clause, t.Reason = pinned, no.Clause, no.Reason
		}
	}
	if len(t.For) == 0 {
		return t
	}
	t.why, t.Clause, t.Reason = "", "", ""
	g.Purpose = t.For[0] // which fields may go does not depend on what for
	for _, f := range l.to.Fields {
		if g.Fields = []avow.Field{f}; decide.Share(g) == nil {
			t.Fields = append(t.Fields, f)
		}
	}
	if len(t.Fields) == 0 {
		t.why = lacking
	}
	t.contacts = contacts(l.now.Statement, under.Collection(from))
	return t
}

// contacts are the fields of a collection that hold an e-mail address.
func contacts(s *statement.Statement, c *statement.Collection) (all []avow.Field) {
	for _, f := range c.Fields {
		if d := s.Datum(f.Name); d != nil && mail.In(d.Category) {
			all = append(all, f.Name)
		}
	}
	return all
}

// pageSize is how many records are looked at, or opened, at once.
const pageSize = 500

// A place is how far a walk has come.
type place struct {
	collect int    // which collection of the statement
	after   string // which of its records
}

// A taker takes the records that go, with the digests of their addresses.
type taker func(*vault.Closed, vault.Header, *lot, []avow.Purpose, [][32]byte) error

// walk goes on through the records that could go, decides for each, and has take
// take those that do, until there are enough or no more. open says that every
// address is looked at, and not only those that letters go to.
func (s *Section) walk(ctx context.Context, tx *store.Tx, l *giving, at *place, enough int, open bool, take taker) (end bool, err error) {
	for enough += l.rows; at.collect < len(l.now.Collect); *at = (place{at.collect + 1, ""}) {
		c := &l.now.Collect[at.collect]
		if !slices.ContainsFunc(c.For, func(p avow.Purpose) bool { return slices.Contains(l.to.For, p) }) {
			continue
		}
		for more := true; more; {
			if l.rows >= enough {
				return false, nil
			}
			page, err := s.Vault.List(ctx, tx, c.Name, at.after, pageSize)
			if err != nil {
				return false, err
			}
			for _, h := range page {
				if err := s.look(ctx, tx, l, h, open, take); err != nil {
					return false, err
				}
				at.after = h.Mark()
			}
			more = len(page) == pageSize
		}
	}
	return true, nil
}

// look decides for one record.
func (s *Section) look(ctx context.Context, tx *store.Tx, l *giving, h vault.Header, open bool, take taker) error {
	t := s.lot(l, h.Collection, h.Version)
	if t == nil {
		l.kept++
		return nil
	}
	keep := func(why string) error { t.Kept[why]++; l.kept++; return nil }
	if t.why != "" {
		return keep(t.why)
	}
	if !h.Expires.After(tx.Now) {
		return keep(expired)
	}
	opted, err := false, error(nil)
	if slices.ContainsFunc(t.purposes, sharing) {
		if opted, err = s.Stops.Opted(ctx, tx, h.Subject); err != nil {
			return err
		}
	}
	var held *vault.Closed
	var digests [][32]byte
	if open || slices.ContainsFunc(t.purposes, func(p *statement.Purpose) bool { return !p.Transactional() }) {
		if held, err = s.Vault.Get(ctx, tx, h.ID); err != nil {
			return err
		}
		if digests, err = s.digests(held, t.contacts); err != nil {
			return err
		}
	}
	may, why, err := s.may(ctx, tx, l, t, opted, digests)
	if err != nil {
		return err
	}
	if len(may) == 0 {
		return keep(why)
	}
	t.Rows++
	l.rows++
	if take == nil {
		return nil
	}
	return take(held, h, t, may, digests)
}

// sharing says whether to give somebody to others for p is what the signal is
// against, rather than part of what they asked for.
func sharing(p *statement.Purpose) bool {
	return p.Basis == "opt-in" || p.Basis == "legitimate-interest"
}

// may leaves of a lot's purposes those that the person did not stop.
func (s *Section) may(ctx context.Context, tx *store.Tx, l *giving, t *lot, opted bool, digests [][32]byte) (may []avow.Purpose, why string, err error) {
	for _, p := range t.purposes {
		if opted && sharing(p) {
			why = signal
			continue
		}
		no := ""
		for i := 0; i < len(digests) && no == "" && !p.Transactional(); i++ {
			if no, err = s.Stops.May(ctx, tx, l.now, t.under, digests[i], p); err != nil {
				return nil, "", err
			}
		}
		if no != "" {
			why = stopped
			continue
		}
		may = append(may, p.Name)
	}
	return may, why, nil
}

// digests are what the addresses in a record are known by where letters were
// stopped. Nothing else of the record is looked at, and nothing of an address
// goes anywhere.
func (s *Section) digests(held *vault.Closed, contacts []avow.Field) (all [][32]byte, err error) {
	if len(contacts) == 0 {
		return nil, nil
	}
	values, err := held.Open(contacts...)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if a, err := mail.ParseAddress(string(v.Reveal())); err == nil {
			all = append(all, s.Stops.Digest(a))
		}
		v.Clear()
	}
	return all, nil
}

// Addresses are the digests of all addresses that are kept of a person.
func (s *Section) Addresses(ctx context.Context, tx *store.Tx, who avow.SubjectID) (all [][32]byte, err error) {
	list, err := s.Vault.Of(ctx, tx, who)
	for _, h := range list {
		e := s.Editions.Edition(h.Version)
		if e == nil || e.Collection(h.Collection) == nil {
			continue
		}
		held, err := s.Vault.Get(ctx, tx, h.ID)
		if err != nil {
			return nil, err
		}
		digests, err := s.digests(held, contacts(e.Statement, e.Collection(h.Collection)))
		if err != nil {
			return nil, err
		}
		all = append(all, digests...)
	}
	return all, err
}

// Plan is what would go to a recipient.
type Plan struct {
	Recipient string         `json:"recipient" doc:"Who would be given it."`
	Fields    []avow.Field   `json:"fields" nullable:"false" doc:"What the statement lets them be given."`
	For       []avow.Purpose `json:"for" nullable:"false" doc:"And what for."`
	Contract  string         `json:"contract" doc:"The hash of the contract that binds them."`
	Until     string         `json:"until,omitempty" doc:"The last day of the contract."`
	Key       string         `json:"key,omitempty" doc:"The hash of the key that a list would be closed to; without one none can be."`
	Tell      string         `json:"tell,omitempty" doc:"How they are told of opt-outs and erasures: https or mailto."`
	Rows      int            `json:"rows" doc:"How many rows would go."`
	Kept      int            `json:"kept" doc:"How many would be kept back."`
	Canaries  int            `json:"canaries" doc:"How many invented people would go along."`
	Lots      []*lot         `json:"lots" nullable:"false" doc:"The rows by collection and version."`
}

func (s *Section) plan(ctx context.Context, name string, by avow.Actor) (*Plan, error) {
	actor, err := api.Actor(ctx, by)
	if err != nil {
		return nil, err
	}
	var p *Plan
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		l, err := s.begin(ctx, name, actor, avow.DateOf(tx.Now.UTC()))
		if err != nil {
			return err
		}
		c, err := s.Contact(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := s.walk(ctx, tx, l, &place{}, math.MaxInt32, false, nil); err != nil {
			return err
		}
		p = &Plan{Recipient: name, Fields: l.to.Fields, For: l.to.For, Contract: l.to.Contract, Key: c.Fingerprint(), Tell: tell.How(c.Tell),
			Rows: l.rows, Kept: l.kept, Canaries: canaries(l.now), Lots: l.lots}
		if !l.to.Until.IsZero() {
			p.Until = l.to.Until.String()
		}
		if p.Lots == nil {
			p.Lots = []*lot{}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("plan a list: %w", err)
	}
	return p, nil
}

// canaries is how many invented people go along with a list.
func canaries(now *statement.Edition) int {
	if now.Sharing == nil {
		return 0
	}
	return now.Sharing.Canaries
}
