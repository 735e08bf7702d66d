package use

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// MaxAtOnce bounds how many records one reading returns.
const MaxAtOnce = 100

// A Reading is a request to read what came in by one collection. At most one of
// Record, Subject and Where says which of it; without any it is read page by
// page. Its JSON form is the body of POST /v1/reads.
type Reading struct {
	Collection avow.Collection       `json:"collection" doc:"Where it came in." example:"contact"`
	Purpose    avow.Purpose          `json:"purpose" doc:"What it is read for: a purpose of the statement." example:"reply"`
	Actor      avow.Actor            `json:"actor" doc:"Who reads." example:"mia"`
	Fields     []avow.Field          `json:"fields,omitempty" nullable:"false" doc:"Which fields are opened; all that the collection declares, if missing."`
	Record     string                `json:"record,omitempty" doc:"Read this one record."`
	Subject    string                `json:"subject,omitempty" doc:"Read what came from this person."`
	Where      map[avow.Field]string `json:"where,omitempty" doc:"Read what came from the person with this value of an indexed field; one field only."`
	After      string                `json:"after,omitempty" doc:"Go on after the page before: its next."`
	Limit      int                   `json:"limit,omitempty" maximum:"100" doc:"Most records of a page; 100 if missing."`
}

// A Record is what a reading returns of one record.
type Record struct {
	ID        avow.RecordID
	Subject   avow.SubjectID
	Collected time.Time
	Version   avow.Version
	Values    map[avow.Field]vault.Sealed
}

// A Result is what a reading gave.
type Result struct {
	Records []Record
	Next    string       // where the next page begins; empty on the last
	Receipt []byte       // of a single record
	Entry   *ledgerEntry // of several
}

// Read returns the records that r may see. A record whose own promise forbids
// the use is left out, unless it was asked for by itself; a use that the
// statement in force forbids is refused whole.
func (s *Section) Read(ctx context.Context, r Reading) (*Result, error) {
	now := s.Editions.InForce()
	if now == nil {
		return nil, &avow.Refusal{Clause: decide.Undeclared, Reason: "no statement was published yet"}
	}
	which, err := r.which(now)
	if err != nil {
		return nil, err
	}
	if r.Fields == nil {
		r.Fields = allFields(now.Collection(r.Collection))
	}
	r.Fields = once(r.Fields)
	if no := decide.Allow(use(r, now, now)); no != nil {
		return nil, s.refuse(ctx, r, quiet(now, r, no))
	}
	var held []*vault.Closed
	var entered *ledger.Pending
	out, counted := &Result{}, false
	err = s.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		if held, out.Next, err = s.find(ctx, tx, r, which); err != nil {
			return err
		}
		if !counted {
			if err := api.Opens(ctx, len(held)); err != nil {
				return err
			}
		}
		counted = true
		entered, held, err = s.enter(ctx, tx, now, r, which, held)
		return err
	})
	var no *avow.Refusal
	var tooMany *api.Problem
	switch {
	case errors.As(err, &no):
		return nil, s.refuse(ctx, r, no)
	case errors.As(err, &tooMany):
		return nil, tooMany
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", r.Collection, err)
	}
	// The entries are durable: only now is anything opened.
	return out, s.open(ctx, r, held, entered, out)
}

func (s *Section) open(ctx context.Context, r Reading, held []*vault.Closed, entered *ledger.Pending, out *Result) (err error) {
	out.Records = make([]Record, len(held))
	for i, h := range held {
		values, err := h.Open(r.Fields...)
		if err != nil {
			return fmt.Errorf("read %s: %w", h.ID, err)
		}
		out.Records[i] = Record{h.ID, h.Subject, h.Collected, h.Version, values}
	}
	out.Receipt, out.Entry, err = s.proof(ctx, entered, len(held))
	return err
}

func use(r Reading, now, pinned *statement.Edition) decide.Use {
	return decide.Use{Current: now.Statement, Pinned: pinned.Statement, Collection: r.Collection, Actor: r.Actor, Purpose: r.Purpose, Fields: r.Fields}
}

// quiet says no without repeating what was asked, where that is none of the
// statement's own words: it could be anything, also somebody's address.
func quiet(now *statement.Edition, r Reading, no *avow.Refusal) *avow.Refusal {
	never := slices.ContainsFunc(now.Never, func(n statement.Never) bool { return n.Name == string(r.Purpose) })
	unknown := func(f avow.Field) bool { return now.Datum(f) == nil }
	switch {
	case now.Collection(r.Collection) == nil:
		return &avow.Refusal{Clause: no.Clause, Reason: "that is not a declared collection"}
	case now.Purpose(r.Purpose) == nil && !never:
		return &avow.Refusal{Clause: no.Clause, Reason: "that is not a declared purpose"}
	case slices.ContainsFunc(r.Fields, unknown):
		return &avow.Refusal{Clause: no.Clause, Reason: "one of the fields is not a declared one"}
	}
	return no
}

// once leaves out what was named before: all names go into the log, and a receipt
// has to stay within what anybody takes for one.
func once(fields []avow.Field) []avow.Field {
	kept, seen := make([]avow.Field, 0, len(fields)), map[avow.Field]bool{}
	for _, f := range fields {
		if !seen[f] {
			kept = append(kept, f)
		}
		seen[f] = true
	}
	return kept
}

func allFields(c *statement.Collection) []avow.Field {
	if c == nil {
		return nil
	}
	fields := make([]avow.Field, 0, len(c.Fields))
	for _, f := range c.Fields {
		fields = append(fields, f.Name)
	}
	return fields
}

// A selection says which records of a collection are meant.
type selection struct {
	record  avow.RecordID
	subject avow.SubjectID
	field   *statement.Datum // of Where
	value   []byte
}

// which reads the selection. What it says is wrong holds nothing of it.
func (r *Reading) which(now *statement.Edition) (w selection, err error) {
	given := 0
	if r.Record != "" {
		given++
		if w.record, err = avow.ParseRecordID(r.Record); err != nil {
			return w, api.NotHere("record")
		}
	}
	if r.Subject != "" {
		given++
		if w.subject, err = avow.ParseSubjectID(r.Subject); err != nil {
			return w, api.NotHere("person")
		}
	}
	for field, value := range r.Where {
		given++
		w.field, w.value = now.Datum(field), []byte(value)
		if w.field == nil || w.field.Index == "" {
			return w, api.Invalid("where", "Nobody can be found by that field: the statement does not declare an index for it.")
		}
		if c := now.Collection(r.Collection); c != nil && !slices.Contains(allFields(c), field) {
			return w, api.Invalid("where", "Nobody can be found by that field: the collection does not ask for it.")
		}
	}
	if given > 1 || given == 1 && r.After != "" {
		return w, api.Invalid("", "Say which records by one of record, subject and where, with one field, or read page by page.")
	}
	return w, nil
}

func (w *selection) all() bool {
	return w.record == (avow.RecordID{}) && w.subject == (avow.SubjectID{}) && w.field == nil
}

// find finds the records that are meant, and where the next page begins.
func (s *Section) find(ctx context.Context, tx *store.Tx, r Reading, w selection) (held []*vault.Closed, next string, err error) {
	var list []vault.Header
	switch {
	case w.record != (avow.RecordID{}):
		h, err := s.Vault.Get(ctx, tx, w.record)
		if errors.Is(err, store.ErrNone) || err == nil && h.Collection != r.Collection {
			return nil, "", api.NotHere("record")
		}
		return []*vault.Closed{h}, "", err
	case w.all():
		list, next, err = s.page(ctx, tx, r)
	default:
		list, err = s.of(ctx, tx, r, w)
	}
	if err != nil {
		return nil, "", err
	}
	held = make([]*vault.Closed, len(list))
	for i := range list {
		if held[i], err = s.Vault.Get(ctx, tx, list[i].ID); err != nil {
			return nil, "", err
		}
	}
	return held, next, nil
}

func (s *Section) page(ctx context.Context, tx *store.Tx, r Reading) (list []vault.Header, next string, err error) {
	limit := r.Limit
	if limit < 1 || limit > MaxAtOnce {
		limit = MaxAtOnce
	}
	list, err = s.Vault.List(ctx, tx, r.Collection, r.After, limit)
	if errors.Is(err, vault.ErrMark) {
		return nil, "", &api.Problem{Status: 400, Title: "after is not a place in the list", Detail: "Send next of the page before."}
	}
	if len(list) == limit {
		next = list[limit-1].Mark()
	}
	return list, next, err
}

// of lists what came in by the collection from one person, the newest of it if
// it is more than can be read at once.
func (s *Section) of(ctx context.Context, tx *store.Tx, r Reading, w selection) (list []vault.Header, err error) {
	if w.field != nil {
		who, err := s.Vault.Lookup(ctx, tx, vault.By{Field: w.field.Name, Category: w.field.Category, Value: w.value})
		if errors.Is(err, store.ErrNone) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		w.subject = who.ID()
	}
	all, err := s.Vault.Of(ctx, tx, w.subject)
	if err != nil {
		return nil, err
	}
	for _, h := range all {
		if h.Collection == r.Collection {
			list = append(list, h)
		}
	}
	return list[max(0, len(list)-MaxAtOnce):], nil
}

// enter decides for each record by its own promise, and enters the reading of
// those that may be read in the log.
func (s *Section) enter(ctx context.Context, tx *store.Tx, now *statement.Edition, r Reading, w selection, held []*vault.Closed) (*ledger.Pending, []*vault.Closed, error) {
	allowed := held[:0]
	for _, h := range held {
		pinned := s.Editions.Edition(h.Version)
		if pinned == nil {
			continue
		}
		if no := decide.Allow(use(r, now, pinned)); no != nil {
			if w.record == h.ID {
				return nil, nil, no
			}
			continue
		}
		allowed = append(allowed, h)
	}
	tx.Count(q.Tally, string(r.Purpose), "read", int64(len(allowed)))
	entered, err := s.log(ctx, tx, now, r, allowed)
	return entered, allowed, err
}

// ledgerEntry is the one place in the log that stands for many readings.
type ledgerEntry struct {
	Leaf int64  `json:"leaf" doc:"Its place in the log."`
	Root string `json:"root" doc:"The root of the readings' commitments, in base64."`
	N    int    `json:"n" doc:"How many readings it stands for."`
}

func (s *Section) log(ctx context.Context, tx *store.Tx, now *statement.Edition, r Reading, held []*vault.Closed) (*ledger.Pending, error) {
	if len(held) == 0 {
		return nil, nil
	}
	fields := make([]string, len(r.Fields))
	for i, f := range r.Fields {
		fields[i] = string(f)
	}
	events := make([]ledger.Member, len(held))
	for i, h := range held {
		events[i] = ledger.Member{Who: h.Owner(), Event: ledger.Event{About: h.ID, Type: "read", Clause: now.Keeper("purposes." + string(r.Purpose)), Statement: h.Version,
			X: map[string]any{"actor": string(r.Actor), "fields": fields, "purpose": string(r.Purpose), "record": h.ID.String()}}}
	}
	if len(events) == 1 {
		return s.Ledger.Record(ctx, tx, events[0].Who, events[0].Event)
	}
	return s.Ledger.Bulk(ctx, tx, "read", events, nil)
}

// proof is what whoever reads gets for it: of a single record the receipt, of
// several the entry that stands for all.
func (s *Section) proof(ctx context.Context, entered *ledger.Pending, n int) (text []byte, many *ledgerEntry, err error) {
	switch n {
	case 0:
		return nil, nil, nil
	case 1:
		text, err = s.Ledger.Receipt(ctx, entered)
		return text, nil, err
	}
	root := entered.Root()
	return nil, &ledgerEntry{entered.Index(), base64.StdEncoding.EncodeToString(root[:]), n}, nil
}
