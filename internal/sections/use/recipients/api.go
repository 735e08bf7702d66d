package recipients

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/tell"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// AddTo adds what staff and their programs may ask about giving lists.
func (s *Section) AddTo(a *api.API) {
	api.Add(a, api.Operation{ID: "plan-list", Method: "GET", Path: "/v1/egress/{name}/plan", Group: "Recipients", Title: "See what a recipient would be given",
		Says: "How many rows, of what, under which version of the statement, and how many are kept back and why. Nothing of a row is told; where letters could have been stopped, its address is looked at.", May: api.Export},
		func(ctx context.Context, in *planIn) (*Plan, error) { return s.plan(ctx, in.Name, in.Actor) })
	a.Route(api.Operation{ID: "give-list", Method: "POST", Path: "/v1/egress/{name}", Group: "Recipients", Title: "Give a recipient their list",
		Says: "Send {\"actor\": \"mia\", \"format\": \"csv\"}; the format is csv or jsonl. The log has the giving, person by person, before a row is opened. The answer is " +
			"closed to the recipient's age key: nobody else reads it, and one that breaks off does not open as a whole. Avow-Rows, Avow-Kept, Avow-Canaries and " +
			"Avow-Leaf in its head say what it is.", May: api.Export}, "application/json", "application/octet-stream", s.giveOut)
	a.Route(api.Operation{ID: "giving-receipt", Method: "GET", Path: "/v1/egress/{name}/receipts/{subject}", Group: "Recipients", Title: "Fetch a person's receipt of a giving",
		Says: "Proves what a recipient was last given of this person, what for and under which contract.", May: api.Export}, "", "text/plain", s.receipt)
	api.Add(a, api.Operation{ID: "reach-recipient", Method: "PUT", Path: "/v1/recipients/{name}", Group: "Recipients", Title: "Say how a recipient is reached",
		Says:    "The age key that lists are closed to, and where they are told of opt-outs and erasures. What is left out stays as it was.",
		Example: `{"key": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", "tell": "https://courier.example/avow"}`, May: api.Staff},
		func(ctx context.Context, in *reachIn) (*Reached, error) {
			return &Reached{true}, s.Reach(ctx, in.Name, tell.Contact{Key: in.Body.Key, Tell: in.Body.Tell})
		})
	api.Add(a, api.Operation{ID: "whose-canary", Method: "POST", Path: "/v1/canaries", Group: "Recipients", Title: "Ask whose list somebody invented was in",
		Says:    "Send what came by post or otherwise, line by line: an address, a reference. Whoever is found counts as touched from then on, and the log says so.",
		Example: `{"lines": ["c/o Harbour Instruments Ltd, Ref. 7KQ4M-X2R9T"]}`, May: api.Staff}, s.whose)
}

type planIn struct {
	Name  string     `path:"name" doc:"A recipient of the statement." example:"courier"`
	Actor avow.Actor `query:"actor" required:"true" doc:"Who asks." example:"mia"`
}

type reachIn struct {
	Name string `path:"name" doc:"A recipient of the statement." example:"courier"`
	Body struct {
		Key  string `json:"key,omitempty" doc:"Their public age key; X25519, or the hybrid that no quantum computer opens."`
		Tell string `json:"tell,omitempty" doc:"A webhook, https://…, or an address, mailto:…"`
	}
}

// Reached is what PUT /v1/recipients/{name} answers.
type Reached struct {
	Set bool `json:"set" doc:"Always true."`
}

type whoseIn struct {
	Body struct {
		Lines []string `json:"lines" nullable:"false" doc:"What may name somebody invented; at most 1000 lines."`
	}
}

// Found is what POST /v1/canaries answers.
type Found struct {
	Found []FoundAt `json:"found" nullable:"false" doc:"Those that were found, in the order of the lines."`
}

// FoundAt is a line that names somebody invented.
type FoundAt struct {
	Line int `json:"line" doc:"Which line it was; the first is 1."`
	Whose
}

func (s *Section) whose(ctx context.Context, in *whoseIn) (*Found, error) {
	if len(in.Body.Lines) > api.MaxAtOnce {
		return nil, api.Invalid("lines", "At most 1000 lines at once.")
	}
	out := &Found{Found: []FoundAt{}}
	for i, line := range in.Body.Lines {
		for _, mark := range list.Marks(line) {
			w, err := s.touch(ctx, mark)
			if err != nil {
				return nil, err
			}
			if w != nil {
				out.Found = append(out.Found, FoundAt{i + 1, *w})
				break
			}
		}
	}
	return out, nil
}

// receipt answers with the receipt of what a recipient was last given of a
// person.
func (s *Section) receipt(w http.ResponseWriter, r *http.Request) error {
	if err := api.Everywhere(r.Context()); err != nil {
		return err
	}
	id, err := avow.ParseSubjectID(r.PathValue("subject"))
	if err != nil {
		return api.NotHere("person")
	}
	var who *vault.Subject
	var events []ledger.Kept
	err = s.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		if who, err = s.Vault.Find(r.Context(), tx, id); err == nil {
			events, err = s.Ledger.Events(r.Context(), tx, who)
		}
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return api.NotHere("person")
	}
	if err != nil {
		return fmt.Errorf("receipt of a giving to %s: %w", id, err)
	}
	leaf := int64(-1)
	for _, e := range events {
		var said struct {
			Type string `json:"type"`
			X    struct {
				Recipient string `json:"recipient"`
			} `json:"x"`
		}
		if json.Unmarshal(e.Payload, &said) == nil && said.Type == "shared" && said.X.Recipient == r.PathValue("name") {
			leaf = e.Leaf
		}
	}
	if leaf < 0 {
		return api.NotHere("receipt")
	}
	text, err := s.Ledger.ReceiptAt(r.Context(), who, leaf)
	if err != nil {
		return fmt.Errorf("receipt of a giving to %s: %w", id, err)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = w.Write(text)
	return err
}
