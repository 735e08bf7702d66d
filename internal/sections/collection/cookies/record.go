package cookies

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/gate/choice"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Records is the name under which records of choices are kept. No collection of a
// statement can be called so, so that nothing that a statement allows to be read
// reads them.
const Records avow.Collection = "(choices)"

// keepFor is how long a record of a choice is kept: as long as the choice holds,
// and as long again.
const keepFor = 24 // months

// A chosen is what somebody chose, as it is written down.
type chosen struct {
	what   string     // yes, no or some
	of     choice.Set // the offers that it is about
	set    choice.Set // those of them that were said yes to
	signal bool
	shown  bool
}

// record writes a choice down: a subject that no index leads to, of which this is
// all that is kept, and an event with what was shown and what was said to it. It
// returns the subject's id, by which the cookie finds it again.
func (s *Section) record(ctx context.Context, m *made, c chosen) (id [16]byte, entered *ledger.Pending, err error) {
	err = s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		who, err := s.Vault.NewSubject(ctx, tx)
		if err != nil {
			return err
		}
		id = who.ID()
		// The record holds nothing: it is there to let the rest go in time.
		about, err := s.Vault.Put(ctx, tx, who, vault.Record{Collection: Records, Version: m.Version, Expires: tx.Now.AddDate(0, keepFor, 0)})
		if err != nil {
			return err
		}
		entered, err = s.Ledger.Record(ctx, tx, who, ledger.Event{About: about, Type: "chosen", Clause: m.clause(), Statement: m.Version, New: true, X: m.said(c)})
		tx.Count(q.Chose, tx.Now.UTC().Format(time.DateOnly), c.what, 1)
		return err
	})
	if err != nil {
		return id, nil, fmt.Errorf("record a choice: %w", err)
	}
	return id, entered, nil
}

// said is what the event says of a choice.
func (m *made) said(c chosen) map[string]any {
	shown := m.bar.Shown()
	yes, no := []any{}, []any{}
	for i, o := range m.offers {
		switch {
		case c.set.Has(i):
			yes = append(yes, o.Name)
		case c.of.Has(i):
			no = append(no, o.Name)
		}
	}
	x := map[string]any{"choice": c.what, "shown": "sha256:" + hex.EncodeToString(shown[:]), "yes": yes, "no": no}
	if c.signal {
		x["signal"] = "on"
	}
	if c.shown {
		x["conflict"] = "shown"
	}
	return x
}

// clause is the promise that choices are made under.
func (m *made) clause() avow.ClauseID {
	for _, t := range m.Trackers {
		if clause := m.Keeper("trackers." + t.Host); clause != "" {
			return clause
		}
	}
	for _, c := range m.Cookies {
		if clause := m.Keeper("cookies." + c.Name); clause != "" {
			return clause
		}
	}
	return ""
}

// receipt finds the receipt of the choice with that id. It returns
// store.ErrNone if there is none, or none any more.
func (s *Section) receipt(ctx context.Context, id [16]byte) ([]byte, error) {
	var who *vault.Subject
	var events []ledger.Kept
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if who, err = s.Vault.Find(ctx, tx, id); err != nil {
			return err
		}
		kept, err := s.Vault.Of(ctx, tx, id)
		if err != nil {
			return err
		}
		// The id comes from a cookie that we signed, and still nothing but a choice
		// is ever shown for one.
		if len(kept) != 1 || kept[0].Collection != Records {
			return store.ErrNone
		}
		events, err = s.Ledger.Events(ctx, tx, who)
		return err
	})
	if err == nil && len(events) == 0 {
		err = store.ErrNone
	}
	if err != nil {
		return nil, err
	}
	return s.Ledger.ReceiptAt(ctx, who, events[len(events)-1].Leaf)
}

// recorded says whether there is a receipt for the choice with that id.
func (s *Section) recorded(ctx context.Context, id [16]byte) bool {
	err := s.Store.View(ctx, func(tx *store.Tx) error { _, err := s.Vault.Find(ctx, tx, id); return err })
	return err == nil
}

func isNone(err error) bool { return errors.Is(err, store.ErrNone) }
