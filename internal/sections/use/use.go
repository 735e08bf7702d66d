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

	"github.com/avow-privacy/avow"
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

// Section decides and serves reads, and lets go of what it is told to.
type Section struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Editions Editions
}

// refuse counts a refusal and returns it.
func (s *Section) refuse(ctx context.Context, r Reading, no *avow.Refusal) error {
	purpose := "unknown" // a purpose nobody declared is not worth a row of its own
	if now := s.Editions.InForce(); now != nil && now.Purpose(r.Purpose) != nil {
		purpose = string(r.Purpose)
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		tx.Count(q.Tally, purpose, "refused", 1)
		return nil
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
