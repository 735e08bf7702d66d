package forms

import (
	"context"
	"encoding/base64"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

func (s *Section) addImport(a *api.API) {
	api.Add(a, api.Operation{ID: "import", Method: "POST", Path: "/v1/imports/{collection}", Group: "Many at once", Title: "Import up to 1,000 rows",
		Says: "Rows are checked as a form is. Those that fit are kept in one transaction, and one entry of the log stands for them; the others are named by row, " +
			"field and reason, never by value.",
		Example: `{"rows": [{"email": "ada@example.com", "message": "Does it float?"}, {"email": "eve@example.org", "message": "Is it brass?"}]}`,
		May:     api.Import, Once: true, Limit: 8 << 20}, s.bring)
}

type importIn struct {
	Collection avow.Collection `path:"collection" doc:"A collection of the statement." example:"contact"`
	Body       struct {
		Confirmed bool                    `json:"confirmed,omitempty" doc:"These people confirmed their addresses in another tool. Letters that were stopped here stay stopped."`
		Rows      []map[avow.Field]string `json:"rows" maxItems:"1000" nullable:"false" doc:"What several people gave, each by field."`
	}
}

// Imported is what became of an import.
type Imported struct {
	Accepted int      `json:"accepted" doc:"How many rows were kept."`
	Refused  []BadRow `json:"refused" nullable:"false" doc:"The rows that do not fit. Nothing of them was kept."`
	Leaf     int64    `json:"leaf" doc:"The entry of the log that stands for the rows; -1 if none was kept."`
	Root     string   `json:"root,omitempty" doc:"The root of the rows' commitments, in base64."`
}

// A BadRow is a row that was not kept.
type BadRow struct {
	Row    int        `json:"row" doc:"From 0."`
	Field  avow.Field `json:"field" doc:"The field that is wrong."`
	Reason string     `json:"reason" doc:"What is wrong with it."`
}

// bring imports rows.
func (s *Section) bring(ctx context.Context, in *importIn) (*Imported, error) {
	if err := api.Within(ctx, in.Collection, ""); err != nil {
		return nil, err
	}
	e, c, err := s.form(string(in.Collection))
	if err != nil {
		return nil, api.NotHere("collection")
	}
	if n := len(in.Body.Rows); n == 0 || n > api.MaxAtOnce {
		return nil, api.Invalid("rows", fmt.Sprintf("Send 1 to %d rows.", api.MaxAtOnce))
	}
	out := &Imported{Refused: []BadRow{}, Leaf: -1}
	var good []Values
	outcomes, names := map[string]int{}, map[int]avow.Field{}
	for i, row := range in.Body.Rows {
		values, faults := fit(e.Statement, c, row, whole)
		defer forget(values)
		if len(faults) == 0 {
			good = append(good, values)
			continue
		}
		outcomes[faults[0].outcome]++
		bad := BadRow{i, faults[0].shown(), faults[0].reason}
		if faults[0].outcome == "undeclared" {
			names[i], bad.Field = bad.Field, ""
		}
		out.Refused = append(out.Refused, bad)
	}
	out.Accepted = len(good)
	if err := s.takeAll(ctx, e, c, good, in.Body.Confirmed, outcomes, out); err != nil {
		return nil, fmt.Errorf("import into %s: %w", c.Name, err)
	}
	// A name that the statement does not have may be anything, in a list without
	// a head somebody's address: it is told, and was not kept with the answer.
	for i, bad := range out.Refused {
		if bad.Field == "" {
			out.Refused[i].Field = names[bad.Row]
		}
	}
	return out, nil
}

// takeAll keeps all rows that fit, or none.
func (s *Section) takeAll(ctx context.Context, e *statement.Edition, c *statement.Collection, rows []Values, confirmed bool, outcomes map[string]int, out *Imported) error {
	once := api.OnceOf(ctx)
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		if seen, err := once.Seen(ctx, tx); seen || err != nil {
			return err
		}
		for outcome, n := range outcomes {
			tx.Count(q.Tally, string(c.Name), outcome, int64(n))
		}
		if len(rows) == 0 {
			return once.Keep(ctx, tx, "", out)
		}
		if confirmed {
			if err := s.confirmed(ctx, tx, e, c, rows); err != nil {
				return err
			}
		}
		entered, err := s.enterAll(ctx, tx, e, c, rows)
		if err != nil {
			return err
		}
		root := entered.Root()
		out.Root = base64.StdEncoding.EncodeToString(root[:])
		entered.Then(func(ctx context.Context, tx *store.Tx, index int64) error {
			out.Leaf = index
			return once.Keep(ctx, tx, "", out)
		})
		return nil
	})
	if err != nil {
		return err
	}
	_, _, err = once.Again(out)
	return err
}

// confirmed notes who confirmed an address elsewhere.
func (s *Section) confirmed(ctx context.Context, tx *store.Tx, e *statement.Edition, c *statement.Collection, rows []Values) error {
	for _, values := range rows {
		for _, address := range s.readers(e, c, values) {
			if err := s.Confirmations.Confirmed(ctx, tx, e, c, address); err != nil {
				return err
			}
		}
	}
	return nil
}

// enterAll keeps the rows and enters them in the log as one.
func (s *Section) enterAll(ctx context.Context, tx *store.Tx, e *statement.Edition, c *statement.Collection, rows []Values) (*ledger.Pending, error) {
	members := make([]ledger.Member, len(rows))
	for i, values := range rows {
		t := &Taken{Clause: e.Keeper("collect." + string(c.Name)), Version: e.Version, Fields: ordered(c, values)}
		var err error
		if members[i], err = s.keep(ctx, tx, e, c, values, t); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	entered, err := s.Ledger.Bulk(ctx, tx, "collected", members, nil)
	if err != nil {
		return nil, err
	}
	s.tally(tx, c, entered, len(rows))
	return entered, nil
}
