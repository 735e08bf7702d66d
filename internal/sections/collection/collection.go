// Package collection says what may be collected at all, and lets it go in time.
//
// How information comes in is the business of the packages beneath: forms takes
// what people type. What they have in common is here: every collection has a
// time after which what it took is gone.
//
// It keeps these promises:
//
//	contact: When you write to us with the contact form, we keep your name, e-mail address and message for 24 months, to answer you.
//	order: When you order, we keep your name, addresses and the instrument for 6 years, as the law asks of a seller, to deliver it and stand by it.
//	newsletter: When you ask for our newsletter, we keep your e-mail address for 24 months.
//	panel: When you let us ask you what you think, we keep your e-mail address for 24 months.
//	survey: When you answer our survey, we keep your answers for 12 months, apart from your name, which we do not ask.
//	careers: When you apply for work, we keep your application for 6 months.
package collection

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"collect.form"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Held string }](queries)

// Editions finds the statement that a record is pinned to.
type Editions interface {
	InForce() *statement.Edition
}

// Section lets what was collected go when its time has come.
type Section struct {
	Store    *store.DB
	Vault    *vault.Vault
	Ledger   *ledger.Ledger
	Editions Editions
}

// By are the values by which a person can be found again, in the order of the
// statement's data: those that come first say whose a record is.
func By(s *statement.Statement, values map[avow.Field]vault.Sealed) (by []vault.By) {
	for i := range s.Data {
		d := &s.Data[i]
		if value, ok := values[d.Name]; ok && d.Index != "" {
			by = append(by, vault.By{Field: d.Name, Category: d.Category, Value: value.Reveal()})
		}
	}
	return by
}

// AtOnce bounds how many records one transaction lets go.
const AtOnce = 200

// Expire deletes what is past its time, each deletion with its entry in the
// log. It returns how many records went. One whose key does not open is left
// for an erasure and does not keep the others; the error then says which. Where several processes
// share a database one of them does it.
func (s *Section) Expire(ctx context.Context) (int, error) {
	now := s.Editions.InForce()
	if now == nil {
		return 0, nil
	}
	release, ok := s.Store.Lead(ctx, "expire")
	if !ok {
		return 0, nil
	}
	defer release()
	var gone int
	var stuck []error
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		gone, stuck = 0, nil
		due, err := s.Vault.Expired(ctx, tx, AtOnce)
		if err != nil {
			return err
		}
		for _, r := range due {
			subject, err := s.Vault.Find(ctx, tx, r.Subject)
			if err != nil {
				stuck = append(stuck, fmt.Errorf("%s: %w", r.ID, err))
				continue
			}
			if err := s.expire(ctx, tx, now, subject, r); err != nil {
				return fmt.Errorf("%s: %w", r.ID, err)
			}
			gone++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("expire records: %w", err)
	}
	if len(stuck) > 0 {
		return gone, fmt.Errorf("expire records: %w", errors.Join(stuck...))
	}
	return gone, nil
}

func (s *Section) expire(ctx context.Context, tx *store.Tx, now *statement.Edition, subject *vault.Subject, r vault.Header) error {
	_, err := s.Ledger.Record(ctx, tx, subject, ledger.Event{About: r.ID, Type: "expired", Clause: now.Keeper("collect." + string(r.Collection)),
		Statement: r.Version, X: map[string]any{"collection": string(r.Collection), "record": r.ID.String()}})
	if err != nil {
		return err
	}
	return s.Vault.Delete(ctx, tx, r.ID)
}

// held is what is kept of one collection.
type held struct {
	count  int64
	oldest time.Time
	due    time.Time // when the first of it has to go
}

// grace is how long past its time a record may stay before the promise counts
// as broken: the job that lets go runs every minute.
const grace = time.Hour

// Evidence shows, for each form, what is held, how old it is, and that nothing
// is past its time.
func (s *Section) Evidence(ctx context.Context, now *statement.Edition) (all []avow.Evidence, err error) {
	return all, s.Store.View(ctx, func(tx *store.Tx) error {
		kept, err := s.held(ctx, tx)
		if err != nil {
			return err
		}
		for i := range now.Collect {
			if c := &now.Collect[i]; c.By == "form" {
				all = append(all, evidence(c, now.Keeper("collect."+string(c.Name)), kept[c.Name], tx.Now))
			}
		}
		return nil
	})
}

func (s *Section) held(ctx context.Context, tx *store.Tx) (map[avow.Collection]held, error) {
	all := map[avow.Collection]held{}
	return all, tx.Each(ctx, q.Held, func(scan func(...any) error) error {
		var name string
		var count, oldest, due int64
		if err := scan(&name, &count, &oldest, &due); err != nil {
			return err
		}
		all[avow.Collection(name)] = held{count, time.UnixMicro(oldest).UTC(), time.UnixMicro(due).UTC()}
		return nil
	})
}

func evidence(c *statement.Collection, clause avow.ClauseID, h held, now time.Time) avow.Evidence {
	e := avow.Evidence{Clause: clause, Standing: avow.Kept, At: now,
		Figures: []avow.Figure{{Name: "kept for", Value: c.Keep.String()}, {Name: "records held", Value: strconv.FormatInt(h.count, 10)}}}
	switch {
	case h.count == 0:
		e.Standing, e.Says = avow.Untested, "Nothing that came in by this form is held."
	case now.After(h.due.Add(grace)):
		e.Standing, e.Says = avow.Broken, "Something is held past its time."
	default:
		e.Says = "Nothing is held past its time; what is past it goes within the hour, by itself."
		e.Figures = append(e.Figures,
			avow.Figure{Name: "oldest record", Value: h.oldest.Format("2 January 2006")},
			avow.Figure{Name: "next to go", Value: h.due.Format("2 January 2006")})
	}
	return e
}
