// Package forms takes what people knowingly give, and answers with a receipt.
//
// A form is a collection of the statement. What it asks for, and nothing else,
// is taken, sealed and entered in the log; whoever sent it gets a receipt that
// verifies without us. A field that the statement does not declare is refused
// and kept nowhere.
//
// It keeps these promises:
//
//	only-forms: This site takes only what you type into one of our forms and send yourself, and each form asks for these fields and no others.
//	receipts: Every form you send is answered with a receipt that you can check yourself, without us.
package forms

import (
	"context"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/collection"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"data", "receipts.form"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Tally, Tallies string }](queries)

// Editions finds the statement in force.
type Editions interface {
	InForce() *statement.Edition
}

// Notices is told when a form, and with it the statement's version, was shown.
type Notices interface{ Served(avow.Version) }

// Signals is told, in the transaction that keeps a form, that the browser it
// came from sent Sec-GPC: 1.
type Signals interface {
	Honour(ctx context.Context, tx *store.Tx, who avow.SubjectID) error
}

// Confirmations asks, in the transaction that keeps a form, whether whoever has
// the address in it wants the letters that the form asks for.
type Confirmations interface {
	Ask(ctx context.Context, tx *store.Tx, e *statement.Edition, form *statement.Collection, address mail.Address) error
	// Confirmed notes that somebody was asked in another tool, and said yes.
	Confirmed(ctx context.Context, tx *store.Tx, e *statement.Edition, form *statement.Collection, address mail.Address) error
}

// Deps are what the section works with.
type Deps struct {
	Store         *store.DB
	Vault         *vault.Vault
	Ledger        *ledger.Ledger
	Pages         *page.Pages
	Editions      Editions
	Notices       Notices
	Signals       Signals
	Confirmations Confirmations // nil asks nobody
}

// Section takes forms.
type Section struct {
	Deps
	set *page.Set
}

// New returns the section over d.
func New(d Deps) *Section {
	return &Section{Deps: d, set: d.Pages.Parse(templates, "form.html", "thanks.html")}
}

// Values are what one person hands over, by field.
type Values = map[avow.Field]vault.Sealed

// A Taken is what became of an accepted form.
type Taken struct {
	Record  avow.RecordID
	Subject avow.SubjectID
	Clause  avow.ClauseID
	Version avow.Version
	Fields  []avow.Field
	Expires time.Time
	Receipt []byte // c2sp.org/tlog-proof@v1
	Link    string // unguessable; opens the receipt later
	Asked   bool   // a letter asks whoever has the address to confirm
}

// A Sending is one form that somebody sent.
type Sending struct {
	Edition *statement.Edition
	Form    *statement.Collection
	Values  Values
	Signal  bool      // the browser sent Sec-GPC: 1 with it
	Once    *api.Once // if it has seen it before nothing is done
}

// Take seals what was sent, enters it in the log and returns the receipt. All of
// it is durable when Take returns, or none of it.
func (s *Section) Take(ctx context.Context, in Sending) (*Taken, error) {
	e, c, values, once := in.Edition, in.Form, in.Values, in.Once
	fields := ordered(c, values)
	if no := decide.Collect(e.Statement, c.Name, fields); no != nil {
		return nil, no
	}
	t := &Taken{Clause: e.Keeper("collect." + string(c.Name)), Version: e.Version, Fields: fields}
	var entered *ledger.Pending
	err := s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		entered = nil
		if seen, err := once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		if entered, err = s.take(ctx, tx, in, t); err != nil || once == nil {
			return err
		}
		t.Link = s.Ledger.Link(entered)
		return once.Keep(ctx, tx, t.Link, t.answer())
	})
	if err != nil {
		return nil, fmt.Errorf("take %s: %w", c.Name, err)
	}
	if entered == nil {
		return t, nil
	}
	t.Link = s.Ledger.Link(entered) // here, where nobody else waits for it
	t.Receipt, err = s.Ledger.Receipt(ctx, entered)
	return t, err
}

// take keeps a form and enters it in the log.
func (s *Section) take(ctx context.Context, tx *store.Tx, in Sending, t *Taken) (*ledger.Pending, error) {
	whose, err := s.keep(ctx, tx, in.Edition, in.Form, in.Values, t)
	if err != nil {
		return nil, err
	}
	if in.Signal {
		// In the form's own entry: one more would show in the log, to who sends a
		// form in somebody else's name, whether the signal was new for that person.
		whose.Event.X["signal"] = "on"
		if err := s.Signals.Honour(ctx, tx, t.Subject); err != nil {
			return nil, err
		}
	}
	if err := s.confirm(ctx, tx, in, t); err != nil {
		return nil, err
	}
	entered, err := s.Ledger.Record(ctx, tx, whose.Who, whose.Event)
	if err != nil {
		return nil, err
	}
	s.tally(tx, in.Form, entered, 1)
	return entered, nil
}

// confirm has the address in a form asked, if the form asks for letters.
func (s *Section) confirm(ctx context.Context, tx *store.Tx, in Sending, t *Taken) error {
	for _, address := range s.readers(in.Edition, in.Form, in.Values) {
		t.Asked = in.Edition.OptOut != nil && in.Edition.OptOut.Confirm != ""
		if err := s.Confirmations.Ask(ctx, tx, in.Edition, in.Form, address); err != nil {
			return err
		}
	}
	return nil
}

// readers are the addresses in a form that asks for letters.
func (s *Section) readers(e *statement.Edition, c *statement.Collection, values Values) (all []mail.Address) {
	letters := func(name avow.Purpose) bool {
		p := e.Purpose(name)
		return p != nil && p.Channel == "email" && p.Basis == "opt-in"
	}
	if s.Confirmations == nil || !slices.ContainsFunc(c.For, letters) {
		return nil
	}
	for _, f := range ordered(c, values) {
		if d := e.Datum(f); d == nil || !mail.In(d.Category) {
			continue
		}
		if a, err := mail.ParseAddress(string(values[f].Reveal())); err == nil && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	return all
}

// keep seals what was sent, and says what the log is to be told of it.
func (s *Section) keep(ctx context.Context, tx *store.Tx, e *statement.Edition, c *statement.Collection, values Values, t *Taken) (m ledger.Member, err error) {
	subject, err := s.Vault.Subject(ctx, tx, collection.By(e.Statement, values)...)
	if err != nil {
		return m, err
	}
	t.Subject, t.Expires = subject.ID(), c.Keep.After(tx.Now)
	t.Record, err = s.Vault.Put(ctx, tx, subject, vault.Record{Collection: c.Name, Version: t.Version, Values: values, Expires: t.Expires})
	return ledger.Member{Who: subject, Event: ledger.Event{About: t.Record, Type: "collected", Clause: t.Clause, Statement: t.Version, New: true,
		X: map[string]any{"collection": string(c.Name), "fields": texts(t.Fields), "record": t.Record.String(), "until": t.Expires.UTC().Format(time.DateOnly)}}}, err
}

// tally counts forms that were taken, and when their entry has its place the
// receipts that it proves.
func (s *Section) tally(tx *store.Tx, c *statement.Collection, entered *ledger.Pending, n int) {
	entered.Then(func(ctx context.Context, tx *store.Tx, _ int64) error {
		tx.Count(q.Tally, string(c.Name), receiptIssued, int64(n))
		return nil
	})
	tx.Count(q.Tally, string(c.Name), "accepted", int64(n))
}

// ordered returns the names of what was handed over, known ones in the order of
// the form.
func ordered(c *statement.Collection, values Values) []avow.Field {
	fields := slices.Sorted(maps.Keys(values))
	place := func(f avow.Field) int {
		return slices.IndexFunc(c.Fields, func(g statement.CollectedField) bool { return g.Name == f })
	}
	slices.SortStableFunc(fields, func(a, b avow.Field) int { return place(a) - place(b) })
	return fields
}

func texts(fields []avow.Field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = string(f)
	}
	return list
}

// refused counts a form that was not taken, by outcome alone.
func (s *Section) refused(ctx context.Context, form avow.Collection, outcome string) error {
	return s.Store.Commit(ctx, func(tx *store.Tx) error {
		tx.Count(q.Tally, string(form), outcome, 1)
		return nil
	})
}

// form returns the declared form of that name in the edition in force.
func (s *Section) form(name string) (*statement.Edition, *statement.Collection, error) {
	e := s.Editions.InForce()
	if e == nil {
		return nil, nil, page.NotFound
	}
	c := e.Collection(avow.Collection(name))
	if c == nil || c.By != "form" {
		return nil, nil, page.NotFound
	}
	return e, c, nil
}
