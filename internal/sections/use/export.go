package use

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

type exportIn struct {
	ID   string `path:"id" doc:"Names the person."`
	Body struct {
		Actor avow.Actor `json:"actor" doc:"Who exports." example:"mia"`
	}
}

// Package is everything that is kept about one person.
type Package struct {
	Subject string         `json:"subject" doc:"Names the person."`
	At      time.Time      `json:"at" doc:"When it was packed."`
	Records []PackedRecord `json:"records" nullable:"false" doc:"What is kept, oldest first."`
	Events  []PackedEvent  `json:"events" nullable:"false" doc:"What was done with it, in the order of the log."`
	Receipt string         `json:"receipt" doc:"Proves that the export itself is in the log."`
}

// PackedRecord is a record and where it comes from.
type PackedRecord struct {
	ID         string                `json:"id" doc:"Names the record."`
	Collection avow.Collection       `json:"collection" doc:"Where it came in."`
	Statement  avow.Version          `json:"statement" doc:"The version of the statement that it is pinned to."`
	Clause     avow.ClauseID         `json:"clause" doc:"The promise it was collected under."`
	Collected  time.Time             `json:"collected" doc:"When it came in."`
	Expires    time.Time             `json:"expires" doc:"When it goes."`
	Values     map[avow.Field]string `json:"values" doc:"What was given, by field."`
}

// PackedEvent is something that was done with the person's information.
type PackedEvent struct {
	Leaf  int64 `json:"leaf" doc:"Its place in the log."`
	Pos   int64 `json:"pos" doc:"Its place among those that share that entry; -1 if it has it alone."`
	Event any   `json:"event" doc:"What the receipt says: at, clause, n, nonce, prev, statement, type, x."`
}

// pack is what is found before anything is opened.
type pack struct {
	who     *vault.Subject
	at      time.Time
	held    []*vault.Closed
	events  []ledger.Kept
	entered *ledger.Pending
}

func (s *Section) export(ctx context.Context, in *exportIn) (*Package, error) {
	if err := api.Everywhere(ctx); err != nil {
		return nil, err
	}
	actor, err := api.Actor(ctx, in.Body.Actor)
	if err != nil {
		return nil, err
	}
	id, err := avow.ParseSubjectID(in.ID)
	now := s.Editions.InForce()
	if err != nil || now == nil {
		return nil, api.NotHere("person")
	}
	var p *pack
	err = s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		p, err = s.pack(ctx, tx, now, id, actor)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, api.NotHere("person")
	case err != nil:
		return nil, fmt.Errorf("export %s: %w", id, err)
	}
	out, err := s.unpack(ctx, p)
	if err != nil {
		return nil, fmt.Errorf("export %s: %w", id, err)
	}
	return out, nil
}

// pack finds everything about a person, and enters that it is exported.
func (s *Section) pack(ctx context.Context, tx *store.Tx, now *statement.Edition, id avow.SubjectID, actor avow.Actor) (*pack, error) {
	who, err := s.Vault.Find(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	p := &pack{who: who, at: tx.Now}
	list, err := s.Vault.Of(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	for _, h := range list {
		held, err := s.Vault.Get(ctx, tx, h.ID)
		if err != nil {
			return nil, err
		}
		p.held = append(p.held, held)
	}
	if p.events, err = s.Ledger.Events(ctx, tx, who); err != nil {
		return nil, err
	}
	p.entered, err = s.Ledger.Record(ctx, tx, who, ledger.Event{Type: "exported", Clause: cmp.Or(now.Keeper("questions.answer"), now.Keeper("security.log")), Statement: now.Version,
		X: map[string]any{"actor": string(actor), "records": len(p.held), "subject": id.String()}})
	return p, err
}

// unpack opens it. The entry is durable by now.
func (s *Section) unpack(ctx context.Context, p *pack) (*Package, error) {
	out := &Package{Subject: p.who.ID().String(), At: p.at, Records: []PackedRecord{}, Events: []PackedEvent{}}
	for _, h := range p.held {
		pinned := s.Editions.Edition(h.Version)
		values, err := h.OpenAll()
		if err != nil {
			return nil, err
		}
		r := PackedRecord{ID: h.ID.String(), Collection: h.Collection, Statement: h.Version, Collected: h.Collected, Expires: h.Expires,
			Values: make(map[avow.Field]string, len(values))}
		if pinned != nil {
			r.Clause = pinned.Keeper("collect." + string(h.Collection))
		}
		for f, v := range values {
			r.Values[f] = string(v.Reveal())
			v.Clear()
		}
		out.Records = append(out.Records, r)
	}
	for _, e := range p.events {
		out.Events = append(out.Events, PackedEvent{e.Leaf, e.Pos, jsontext.Value(e.Payload)})
	}
	text, err := s.Ledger.Receipt(ctx, p.entered)
	out.Receipt = string(text)
	return out, err
}
