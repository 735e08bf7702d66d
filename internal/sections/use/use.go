// Package use lets a field be used only for the purpose it was asked for.
//
// Who wants to read names a purpose and themselves. The statement decides, the
// reading is entered in the log of each person whose information it is, and
// only when that entry is durable are the fields opened.
//
// It keeps these promises:
//
//	purpose: What you give us is used only for the purpose you gave it for, and each time somebody reads it, the purpose is entered in the log first.
//	never-sold: We do not sell, rent or lease what we know about you, to anyone, now or later.
package use

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"purposes", "never"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Tally, Tallies string }](queries)

// Editions finds the statements that a use is decided by.
type Editions interface {
	InForce() *statement.Edition
	Edition(avow.Version) *statement.Edition
}

// Section decides and serves reads.
type Section struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Editions Editions
}

// MaxAtOnce bounds how many records one reading returns.
const MaxAtOnce = 100

// A Reading is a request to read what came in by one collection. Its JSON form
// is the body of POST /v1/reads.
type Reading struct {
	Collection avow.Collection `json:"collection"`
	Purpose    avow.Purpose    `json:"purpose"`
	Actor      avow.Actor      `json:"actor"`
	Fields     []avow.Field    `json:"fields"` // nil for all that the collection declares
	After      string          `json:"after"`  // next of the page before, or ""
	Limit      int             `json:"limit"`  // at most MaxAtOnce, which 0 stands for
}

// A Record is what a reading returns of one record.
type Record struct {
	ID        avow.RecordID
	Collected time.Time
	Version   avow.Version
	Values    map[avow.Field]vault.Sealed
}

// Read returns the records that r may see, and where the next page begins. A record whose own promise forbids
// the use is left out and counted; a use that the statement in force forbids is
// refused whole.
func (s *Section) Read(ctx context.Context, r Reading) (records []Record, next string, err error) {
	now := s.Editions.InForce()
	if now == nil {
		return nil, "", &avow.Refusal{Clause: decide.Undeclared, Reason: "no statement was published yet"}
	}
	if r.Fields == nil {
		r.Fields = allFields(now.Collection(r.Collection))
	}
	if no := decide.Allow(use(r, now, now)); no != nil {
		return nil, "", s.refuse(ctx, r, no)
	}
	var sealed []*vault.Closed
	err = s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		sealed, next, err = s.enter(ctx, tx, now, r)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", r.Collection, err)
	}
	// The entries are durable: only now is anything opened.
	records = make([]Record, 0, len(sealed))
	for _, h := range sealed {
		values, err := h.Open(r.Fields...)
		if err != nil {
			return nil, "", fmt.Errorf("read %s: %w", h.ID, err)
		}
		records = append(records, Record{h.ID, h.Collected, h.Version, values})
	}
	return records, next, nil
}

func use(r Reading, now, pinned *statement.Edition) decide.Use {
	return decide.Use{Current: now.Statement, Pinned: pinned.Statement, Collection: r.Collection, Actor: r.Actor, Purpose: r.Purpose, Fields: r.Fields}
}

func allFields(c *statement.Collection) (fields []avow.Field) {
	if c == nil {
		return nil
	}
	for _, f := range c.Fields {
		fields = append(fields, f.Name)
	}
	return fields
}

// enter finds the records and enters the reading of each in the log. It says
// where the next page begins, if there is one.
func (s *Section) enter(ctx context.Context, tx *store.Tx, now *statement.Edition, r Reading) (allowed []*vault.Closed, next string, err error) {
	limit := r.Limit
	if limit < 1 || limit > MaxAtOnce {
		limit = MaxAtOnce
	}
	list, err := s.Vault.List(ctx, tx, r.Collection, r.After, limit)
	if err != nil {
		return nil, "", err
	}
	if len(list) == limit {
		next = list[limit-1].Mark()
	}
	for _, h := range list {
		pinned := s.Editions.Edition(h.Version)
		if pinned == nil || decide.Allow(use(r, now, pinned)) != nil {
			continue
		}
		held, err := s.Vault.Get(ctx, tx, h.ID)
		if err != nil {
			return nil, "", err
		}
		if err := s.log(ctx, tx, now, r, held); err != nil {
			return nil, "", err
		}
		allowed = append(allowed, held)
	}
	_, err = tx.Exec(ctx, q.Tally, string(r.Purpose), "read", len(allowed))
	return allowed, next, err
}

func (s *Section) log(ctx context.Context, tx *store.Tx, now *statement.Edition, r Reading, h *vault.Closed) error {
	fields := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		fields[i] = string(f)
	}
	_, err := s.Ledger.Record(ctx, tx, h.Owner(), ledger.Event{About: h.ID, Type: "read", Clause: now.Keeper("purposes." + string(r.Purpose)), Statement: h.Version,
		X: map[string]any{"actor": string(r.Actor), "fields": fields, "purpose": string(r.Purpose), "record": h.ID.String()}})
	return err
}

// refuse counts a refusal and returns it.
func (s *Section) refuse(ctx context.Context, r Reading, no *avow.Refusal) error {
	purpose := "unknown" // a purpose nobody declared is not worth a row of its own
	if now := s.Editions.InForce(); now.Purpose(r.Purpose) != nil {
		purpose = string(r.Purpose)
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, q.Tally, purpose, "refused", 1)
		return err
	})
	if err != nil {
		return fmt.Errorf("count a refusal: %w", err)
	}
	return no
}

// offPurpose returns a purpose that c is not for, among those s declares.
func offPurpose(s *statement.Statement, c *statement.Collection) (avow.Purpose, bool) {
	for i := range s.Purposes {
		if !slices.Contains(c.For, s.Purposes[i].Name) {
			return s.Purposes[i].Name, true
		}
	}
	return "", false
}
