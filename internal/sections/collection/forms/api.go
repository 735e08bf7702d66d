package forms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
)

// AddTo adds what programs of the house may ask of this section: to hand over
// what somebody gave, to correct it, and to fetch a receipt again.
func (s *Section) AddTo(a *api.API) {
	o := api.Operation{ID: "collect", Method: "POST", Path: "/v1/collect/{collection}", Group: "Records", Title: "Hand over what somebody gave",
		Says: "The collection takes the fields that the statement declares for it, and no others. Everything is sealed under a key of that person, " +
			"entered in the log, and durable when it is answered. The receipt and its link are for the person.",
		Example: `{"values": {"name": "Ada", "email": "ada@example.com", "message": "Does it float?"}}`,
		May:     api.Collect, Once: true, Status: http.StatusCreated}
	api.Add(a, o, func(ctx context.Context, in *collectIn) (*Collected, error) {
		return s.collect(ctx, in.Collection, in.Body.Values, in.Body.Signal)
	})
	api.InBatch(a, "collect", o, func(ctx context.Context, in *collectFlat) (*Collected, error) {
		return s.collect(ctx, in.Collection, in.Values, in.Signal)
	})
	o = api.Operation{ID: "correct", Method: "PATCH", Path: "/v1/records/{id}", Group: "Records", Title: "Correct a record",
		Says:    "The fields that are sent get these values; an empty one is taken away. What they were before is kept nowhere. The log has the names of the fields.",
		Example: `{"actor": "mia", "values": {"email": "ada@example.org"}}`,
		May:     api.Correct, Once: true}
	api.Add(a, o, func(ctx context.Context, in *correctIn) (*Corrected, error) {
		return s.correct(ctx, in.ID, in.Body.Actor, in.Body.Values)
	})
	api.InBatch(a, "correct", o, func(ctx context.Context, in *correctFlat) (*Corrected, error) {
		return s.correct(ctx, in.Record, in.Actor, in.Values)
	})
	s.addImport(a)
	a.Route(api.Operation{ID: "receipt", Method: "GET", Path: "/v1/receipts/{link}", Group: "Records", Title: "Fetch a receipt again",
		Says: "The last part of the link that was given with it."}, "", "text/plain", s.receipt)
}

type collectIn struct {
	Collection avow.Collection `path:"collection" doc:"A collection of the statement." example:"contact"`
	Body       struct {
		Values map[avow.Field]string `json:"values" doc:"What was given, by field." example:"{\"email\": \"ada@example.com\"}"`
		Signal bool                  `json:"signal,omitempty" doc:"The person's browser sent Sec-GPC: 1."`
	}
}

type collectFlat struct {
	Collection avow.Collection       `json:"collection"`
	Values     map[avow.Field]string `json:"values"`
	Signal     bool                  `json:"signal,omitempty"`
}

// Collected is what became of something that was handed over.
type Collected struct {
	Record    string        `json:"record" doc:"Names the record." example:"rec_06fpn9k3x8r2vw5yq4mc7jt1da"`
	Subject   string        `json:"subject" doc:"Names the person. It says nothing about them." example:"sub_06fpn9k3x8r2vw5yq4mc7jt1da"`
	Clause    avow.ClauseID `json:"clause" doc:"The promise it was collected under." example:"contact"`
	Statement avow.Version  `json:"statement" doc:"The version of the statement that it is pinned to."`
	Fields    []avow.Field  `json:"fields" nullable:"false" doc:"What was kept, by name."`
	Expires   time.Time     `json:"expires" doc:"It is gone by then."`
	Link      string        `json:"link" doc:"Path of the receipt's page; it cannot be guessed."`
	Receipt   string        `json:"receipt" doc:"Proves that it is in the log: c2sp.org/tlog-proof@v1."`
}

func (s *Section) collect(ctx context.Context, to avow.Collection, given map[avow.Field]string, signal bool) (*Collected, error) {
	if err := api.Within(ctx, to, ""); err != nil {
		return nil, err
	}
	e, c, err := s.form(string(to))
	if err != nil {
		return nil, api.NotHere("collection")
	}
	values, faults := fit(e.Statement, c, given, whole)
	defer forget(values)
	if len(faults) > 0 {
		return nil, errors.Join(faults[0].problem(e, c), s.refused(ctx, c.Name, faults[0].outcome))
	}
	once := api.OnceOf(ctx)
	taken, err := s.Take(ctx, Sending{e, c, values, signal, once})
	if err != nil {
		return nil, err
	}
	out := taken.answer()
	if link, again, err := once.Again(out); again {
		if err == nil {
			out.Receipt, err = s.reissue(ctx, link)
		}
		return out, err
	}
	return out, nil
}

// forget clears values that were sealed by now.
func forget(values Values) {
	for _, v := range values {
		v.Clear()
	}
}

// answer is what a program gets for t.
func (t *Taken) answer() *Collected {
	return &Collected{t.Record.String(), t.Subject.String(), t.Clause, t.Version, t.Fields, t.Expires, page.Base + "/receipt/" + t.Link, string(t.Receipt)}
}

// reissue fetches the receipt of a change that was done before. If whose it is was
// erased meanwhile there is none any more.
func (s *Section) reissue(ctx context.Context, link string) (string, error) {
	text, _, err := s.Ledger.ByLink(ctx, link)
	if errors.Is(err, ledger.ErrGone) || errors.Is(err, store.ErrNone) {
		return "", nil
	}
	if err != nil {
		return "", &ledger.UnprovenError{Cause: err}
	}
	return string(text), nil
}

func (s *Section) receipt(w http.ResponseWriter, r *http.Request) error {
	text, _, err := s.Ledger.ByLink(r.Context(), r.PathValue("link"))
	if errors.Is(err, ledger.ErrGone) || errors.Is(err, store.ErrNone) {
		return api.NotHere("receipt")
	}
	if err != nil {
		return fmt.Errorf("receipt: %w", err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(text)
	return nil
}
