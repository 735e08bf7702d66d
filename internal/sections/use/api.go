package use

import (
	"context"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/decide"
	"github.com/avow-privacy/avow/internal/statement"
)

// AddTo adds what staff and their programs may ask of this section.
func (s *Section) AddTo(a *api.API) {
	s.addReads(a)
	s.addLettingGo(a)
	api.Add(a, api.Operation{ID: "export", Method: "POST", Path: "/v1/subjects/{id}/export", Group: "People", Title: "Export all that is kept of one person",
		Says: "Every record opened, where it came from, and everything that was done with it, to be handed to the person. The export is in the log before anything " +
			"is opened.",
		Example: `{"actor": "mia"}`, May: api.Export}, s.export)
}

func (s *Section) addReads(a *api.API) {
	o := api.Operation{ID: "read", Method: "POST", Path: "/v1/reads", Group: "Records", Title: "Read for a purpose",
		Says: "The statement decides: the version in force, and for each record the one it is pinned to. The reading is in the log before anything is opened. " +
			"Only fields that the purpose allows come back.",
		Example: `{"collection": "contact", "purpose": "reply", "actor": "mia", "where": {"email": "ada@example.com"}}`, May: api.Read}
	api.Add(a, o, func(ctx context.Context, in *readIn) (*ReadAnswer, error) { return s.read(ctx, &in.Body) })
	api.InBatch(a, "read", o, s.read)
	api.Add(a, api.Operation{ID: "decide", Method: "POST", Path: "/v1/decisions", Group: "Records", Title: "Ask whether a use is allowed",
		Says:    "Nothing is read and nothing is logged.",
		Example: `{"collection": "contact", "purpose": "news", "actor": "mia"}`, May: api.Read}, s.decision)
}

type readIn struct{ Body Reading }

// ReadAnswer is what POST /v1/reads answers.
type ReadAnswer struct {
	Records []ReadRecord `json:"records" nullable:"false" doc:"What may be seen, oldest first."`
	Next    string       `json:"next,omitempty" doc:"For after, when there is more."`
	Receipt string       `json:"receipt,omitempty" doc:"Of a single record: proves that the reading is in the log."`
	Entry   *ledgerEntry `json:"entry,omitempty" doc:"Of several records: the one entry of the log that stands for all."`
}

// ReadRecord is one record as it is answered.
type ReadRecord struct {
	ID        string                `json:"id" doc:"Names the record."`
	Subject   string                `json:"subject" doc:"Names the person."`
	Collected time.Time             `json:"collected" doc:"When it came in."`
	Statement avow.Version          `json:"statement" doc:"The version of the statement that it is pinned to."`
	Values    map[avow.Field]string `json:"values" doc:"The fields that were asked for and that it has."`
}

func (s *Section) read(ctx context.Context, in *Reading) (*ReadAnswer, error) {
	if err := api.Within(ctx, in.Collection, in.Purpose); err != nil {
		return nil, err
	}
	actor, err := api.Actor(ctx, in.Actor)
	if err != nil {
		return nil, err
	}
	asked := *in
	asked.Actor = actor
	found, err := s.Read(ctx, asked)
	if err != nil {
		return nil, err
	}
	out := &ReadAnswer{make([]ReadRecord, len(found.Records)), found.Next, string(found.Receipt), found.Entry}
	for i, rec := range found.Records {
		values := make(map[avow.Field]string, len(rec.Values))
		for f, v := range rec.Values {
			values[f] = string(v.Reveal())
			v.Clear()
		}
		out.Records[i] = ReadRecord{rec.ID.String(), rec.Subject.String(), rec.Collected, rec.Version, values}
	}
	return out, nil
}

type decideIn struct {
	Body struct {
		Collection avow.Collection `json:"collection" doc:"Where it came in." example:"contact"`
		Purpose    avow.Purpose    `json:"purpose" doc:"What it would be used for." example:"news"`
		Actor      avow.Actor      `json:"actor" doc:"Who would use it." example:"mia"`
		Fields     []avow.Field    `json:"fields,omitempty" nullable:"false" doc:"Which fields; all that the collection declares, if missing."`
		Statement  avow.Version    `json:"statement,omitempty" doc:"The version that the record is pinned to; the one in force, if missing."`
	}
}

// Decision says whether a use is allowed.
type Decision struct {
	Allowed bool          `json:"allowed" doc:"Whether it is."`
	Clause  avow.ClauseID `json:"clause,omitempty" doc:"The promise that forbids it."`
	Reason  string        `json:"reason,omitempty" doc:"Why."`
}

// decision asks decide, and does nothing else.
func (s *Section) decision(ctx context.Context, in *decideIn) (*Decision, error) {
	if err := api.Within(ctx, in.Body.Collection, in.Body.Purpose); err != nil {
		return nil, err
	}
	actor, err := api.Actor(ctx, in.Body.Actor)
	if err != nil {
		return nil, err
	}
	now := s.Editions.InForce()
	if now == nil {
		return &Decision{Clause: decide.Undeclared, Reason: "no statement was published yet"}, nil
	}
	pinned := now
	if v := in.Body.Statement; v != 0 {
		if pinned = s.edition(v); pinned == nil {
			return nil, api.Invalid("statement", "There is no such version of the statement.")
		}
	}
	r := Reading{Collection: in.Body.Collection, Purpose: in.Body.Purpose, Actor: actor, Fields: in.Body.Fields}
	if r.Fields == nil {
		r.Fields = allFields(now.Collection(r.Collection))
	}
	if no := decide.Allow(use(r, now, pinned)); no != nil {
		no = quiet(now, r, no)
		return &Decision{Clause: no.Clause, Reason: no.Reason}, nil
	}
	return &Decision{Allowed: true}, nil
}

func (s *Section) edition(v avow.Version) *statement.Edition { return s.Editions.Edition(v) }
