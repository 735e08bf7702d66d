package forms

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

type correctIn struct {
	ID   string `path:"id" doc:"Names the record."`
	Body struct {
		Actor  avow.Actor            `json:"actor" doc:"Who corrects." example:"mia"`
		Values map[avow.Field]string `json:"values" doc:"What changes, by field. An empty text takes the field away."`
	}
}

type correctFlat struct {
	Record string                `json:"record"`
	Actor  avow.Actor            `json:"actor"`
	Values map[avow.Field]string `json:"values"`
}

// Corrected is what became of a record that was corrected.
type Corrected struct {
	Record    string       `json:"record" doc:"Names the record."`
	Statement avow.Version `json:"statement" doc:"The version of the statement that it is pinned to."`
	Receipt   string       `json:"receipt" doc:"Proves that the correction is in the log."`
}

// correct gives fields of a record other values.
func (s *Section) correct(ctx context.Context, record string, by avow.Actor, given map[avow.Field]string) (*Corrected, error) {
	actor, err := api.Actor(ctx, by)
	if err != nil {
		return nil, err
	}
	id, err := avow.ParseRecordID(record)
	if err != nil {
		return nil, api.NotHere("record")
	}
	if len(given) == 0 {
		return nil, api.Invalid("values", "Say what changes: values is empty.")
	}
	e := s.Editions.InForce()
	if e == nil {
		return nil, api.NotHere("record")
	}
	once, out := api.OnceOf(ctx), &Corrected{Record: id.String()}
	var entered *ledger.Pending
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		if seen, err := once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		if entered, err = s.amend(ctx, tx, e, amendment{id, actor, given}, out); err != nil {
			return err
		}
		return once.Keep(ctx, tx, s.Ledger.Link(entered), out)
	})
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, api.NotHere("record")
	case err != nil:
		return nil, fmt.Errorf("correct %s: %w", id, err)
	}
	if link, again, err := once.Again(out); again {
		if err == nil {
			out.Receipt, err = s.reissue(ctx, link)
		}
		return out, err
	}
	text, err := s.Ledger.Receipt(ctx, entered)
	out.Receipt = string(text)
	return out, err
}

// An amendment is a correction that was asked for.
type amendment struct {
	id    avow.RecordID
	actor avow.Actor
	given map[avow.Field]string
}

func (s *Section) amend(ctx context.Context, tx *store.Tx, e *statement.Edition, m amendment, out *Corrected) (*ledger.Pending, error) {
	held, err := s.Vault.Get(ctx, tx, m.id)
	if err != nil {
		return nil, err
	}
	if err := api.Within(ctx, held.Collection, ""); err != nil {
		return nil, err
	}
	c := e.Collection(held.Collection)
	if c == nil {
		return nil, &avow.Refusal{Clause: decide.Undeclared, Reason: fmt.Sprintf("%q is not a declared collection", held.Collection)}
	}
	values, faults := fit(e.Statement, c, m.given, part)
	if len(faults) > 0 {
		return nil, faults[0].problem(e, c)
	}
	if no := decide.Collect(e.Statement, c.Name, ordered(c, values)); no != nil {
		return nil, no
	}
	if err := s.update(ctx, tx, e, held, values); err != nil {
		return nil, err
	}
	out.Statement = held.Version
	return s.Ledger.Record(ctx, tx, held.Owner(), ledger.Event{About: m.id, Type: "corrected", Clause: e.Keeper("collect." + string(c.Name)), Statement: held.Version,
		X: map[string]any{"actor": string(m.actor), "fields": texts(ordered(c, values)), "record": m.id.String()}})
}

// update gives held its new values. Its pin stays: who corrects a record does
// not agree to anything new by it.
func (s *Section) update(ctx context.Context, tx *store.Tx, e *statement.Edition, held *vault.Closed, values Values) error {
	return s.Vault.Update(ctx, tx, held, values, held.Version, collection.By(e.Statement, values)...)
}
