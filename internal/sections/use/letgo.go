package use

import (
	"context"
	"errors"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

func (s *Section) addLettingGo(a *api.API) {
	o := api.Operation{ID: "delete", Method: "DELETE", Path: "/v1/records/{id}", Group: "Records", Title: "Delete a record",
		Says: "Before its time. A person of whom nothing else is kept goes with it.", May: api.Erase, Once: true}
	api.Add(a, o, func(ctx context.Context, in *goIn) (*Gone, error) { return s.delete(ctx, in.ID, in.Actor) })
	api.InBatch(a, "delete", o, func(ctx context.Context, in *deleteFlat) (*Gone, error) { return s.delete(ctx, in.Record, in.Actor) })
	o = api.Operation{ID: "erase", Method: "DELETE", Path: "/v1/subjects/{id}", Group: "People", Title: "Erase a person",
		Says: "The key, the records, the index and what the log says in sealed form go together, with the entry of the erasure. The receipt is the certificate; it is " +
			"given this once, because nothing is kept that it could be made from again. Who is not here, or no longer, is answered 404.",
		May: api.Erase, Once: true}
	api.Add(a, o, func(ctx context.Context, in *goIn) (*Gone, error) { return s.erase(ctx, in.ID, in.Actor) })
	api.InBatch(a, "erase", o, func(ctx context.Context, in *eraseFlat) (*Gone, error) { return s.erase(ctx, in.Subject, in.Actor) })
}

type goIn struct {
	ID    string     `path:"id" doc:"Names what goes."`
	Actor avow.Actor `query:"actor" required:"true" doc:"Who asks for it." example:"mia"`
}

type deleteFlat struct {
	Record string     `json:"record"`
	Actor  avow.Actor `json:"actor"`
}

type eraseFlat struct {
	Subject string     `json:"subject"`
	Actor   avow.Actor `json:"actor"`
}

// Gone is what became of a record or a person that is no longer kept.
type Gone struct {
	Erased  bool   `json:"erased" doc:"Always true."`
	Receipt string `json:"receipt,omitempty" doc:"Proves that it is in the log. Missing when the change is only answered again."`
}

// delete forgets one record.
func (s *Section) delete(ctx context.Context, record string, by avow.Actor) (*Gone, error) {
	id, err := avow.ParseRecordID(record)
	if err != nil {
		return nil, api.NotHere("record")
	}
	return s.letGo(ctx, "record", by, func(ctx context.Context, tx *store.Tx, now *statement.Edition, actor avow.Actor) (*ledger.Pending, error) {
		held, err := s.Vault.Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := api.Within(ctx, held.Collection, ""); err != nil {
			return nil, err
		}
		entered, err := s.Ledger.Record(ctx, tx, held.Owner(), ledger.Event{About: id, Type: "deleted", Clause: now.Keeper("collect." + string(held.Collection)),
			Statement: held.Version, X: map[string]any{"actor": string(actor), "collection": string(held.Collection), "record": id.String()}})
		if err != nil {
			return nil, err
		}
		if err := s.Vault.Delete(ctx, tx, id); err != nil {
			return nil, err
		}
		_, err = s.Vault.Find(ctx, tx, held.Subject)
		switch {
		case errors.Is(err, store.ErrNone):
			s.Ledger.Bury(tx, held.Owner(), entered) // it was the last that was kept of them
			err = nil
		case err == nil:
			s.Ledger.BuryRecord(tx, held.Owner(), id, entered)
		}
		return entered, err
	})
}

// erase forgets a person.
func (s *Section) erase(ctx context.Context, subject string, by avow.Actor) (*Gone, error) {
	id, err := avow.ParseSubjectID(subject)
	if err != nil {
		return nil, api.NotHere("person")
	}
	if err := api.Everywhere(ctx); err != nil {
		return nil, err
	}
	return s.letGo(ctx, "person", by, func(ctx context.Context, tx *store.Tx, now *statement.Edition, actor avow.Actor) (*ledger.Pending, error) {
		who, err := s.Vault.Find(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		entered, err := s.Ledger.Erase(ctx, tx, who, ledger.Event{Type: "erased", Clause: now.Keeper("security.keys"), Statement: now.Version,
			X: map[string]any{"actor": string(actor), "subject": id.String()}})
		if err != nil {
			return nil, err
		}
		return entered, s.Vault.Erase(ctx, tx, id)
	})
}

// A departure lets something go in a transaction, and enters that in the log.
type departure func(ctx context.Context, tx *store.Tx, now *statement.Edition, actor avow.Actor) (*ledger.Pending, error)

func (s *Section) letGo(ctx context.Context, what string, by avow.Actor, depart departure) (*Gone, error) {
	actor, err := api.Actor(ctx, by)
	if err != nil {
		return nil, err
	}
	now := s.Editions.InForce()
	if now == nil {
		return nil, api.NotHere(what)
	}
	once, out := api.OnceOf(ctx), &Gone{Erased: true}
	var entered *ledger.Pending
	err = s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		entered = nil
		if seen, err := once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		if entered, err = depart(ctx, tx, now, actor); err != nil {
			return err
		}
		return once.Keep(ctx, tx, "", out)
	})
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, api.NotHere(what)
	case err != nil:
		return nil, fmt.Errorf("let go: %w", err)
	case entered == nil:
		return out, nil // done before: whatever the receipt was made from is gone
	}
	text, err := s.Ledger.Receipt(ctx, entered)
	out.Receipt = string(text)
	return out, err
}
