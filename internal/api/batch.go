package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxAtOnce is how many operations a batch has at most, and rows an import.
const MaxAtOnce = 1000

// atOnce is how many operations of a batch are under way at a time: as many as
// share a commit.
const atOnce = 256

// A doer is an operation as a batch has it: its parameters and the members of
// its body are members of one object.
type doer struct {
	may     Verb
	once    bool
	status  int
	example string
	do      func(ctx context.Context, c *call, raw jsontext.Value) (any, error)
}

// InBatch lets a batch do what an operation does, under that name. I is flat.
func InBatch[I, O any](a *API, do string, o Operation, handle func(ctx context.Context, in *I) (*O, error)) {
	if o.Status == 0 {
		o.Status = http.StatusOK
	}
	a.dos[do] = doer{o.May, o.Once, o.Status, o.Example, func(ctx context.Context, c *call, raw jsontext.Value) (any, error) {
		var in struct {
			Do string `json:"do"`
			I  I      `json:",embed"`
		}
		if err := unmarshal(raw, &in); err != nil {
			return nil, &Problem{Status: http.StatusBadRequest, Title: "The operation cannot be read", Detail: err.Error()}
		}
		if c.key != "" {
			if p := c.remember(o.ID, &in.I); p != nil {
				return nil, p
			}
		}
		return handle(ctx, &in.I)
	}}
}

type batchIn struct {
	Body struct {
		Operations []step `json:"operations" maxItems:"1000" doc:"What to do. Each is done on its own, many at a time; they are not done in order."`
	}
}

// A step is one operation of a batch, not read yet.
type step jsontext.Value

// UnmarshalJSON takes the step as it came.
func (s *step) UnmarshalJSON(raw []byte) error {
	*s = append((*s)[:0], raw...)
	return nil
}

// Schema is for huma.
func (step) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Required: []string{"do"},
		Description: "Beside do, the members of that operation: of its path, of its query and of its body.",
		Properties:  map[string]*huma.Schema{"do": {Type: huma.TypeString, Enum: []any{"collect", "read", "correct", "delete", "erase"}}}}
}

// BatchAnswer is what POST /v1/batch answers.
type BatchAnswer struct {
	Results []Result `json:"results" nullable:"false" doc:"In the order of the operations."`
}

// A Result is what became of one operation of a batch.
type Result struct {
	Status int `json:"status" doc:"As if it had been asked alone."`
	Body   any `json:"body" doc:"As if it had been asked alone: the answer, or the problem."`
}

// AddBatch adds the operation that does many. It comes after all that it does.
func (a *API) AddBatch() {
	Add(a, Operation{ID: "batch", Method: "POST", Path: "/v1/batch", Group: "Many at once", Title: "Do up to 1,000 operations", Once: true, Limit: 16 << 20,
		Says: "Each is done on its own: what is wrong with one does not keep the others from being done, and each has its own status. " +
			"A batch opens at most 1,000 records. With an Idempotency-Key it can be sent again: what was done is not done again.",
		Example: `{"operations": [{"do": "collect", "collection": "contact", "values": {"email": "ada@example.com", "message": "Does it float?"}}]}`,
	}, func(ctx context.Context, in *batchIn) (*BatchAnswer, error) {
		if n := len(in.Body.Operations); n == 0 || n > MaxAtOnce {
			return nil, Invalid("operations", fmt.Sprintf("Send 1 to %d operations.", MaxAtOnce))
		}
		return &BatchAnswer{a.batch(ctx, in.Body.Operations)}, nil
	})
}

func (a *API) batch(ctx context.Context, steps []step) []Result {
	outer := callOf(ctx)
	outer.once = nil // each step has its own
	outer.opened = new(atomic.Int64)
	results := make([]Result, len(steps))
	var wait sync.WaitGroup
	places := make(chan int)
	for range min(atOnce, len(steps)) {
		wait.Go(func() {
			for i := range places {
				results[i] = a.step(outer, i, jsontext.Value(steps[i]))
			}
		})
	}
	for i := range steps {
		places <- i
	}
	close(places)
	wait.Wait()
	return results
}

// step does one operation as if it had been asked alone.
func (a *API) step(outer *call, i int, raw jsontext.Value) (r Result) {
	c := &call{outside: outer.outside, api: a, caller: outer.caller, secret: outer.secret, opened: outer.opened}
	c.inner = callContext{outer.inner.Context, c}
	defer func() {
		if recover() != nil {
			a.cfg.Log.Error("panic in a batch")
			r = Result{broken.Status, broken}
		}
	}()
	body, status, err := a.do(c, outer.key, i, raw)
	if err != nil {
		p := a.problem("batch", err)
		c.count(p)
		return Result{p.Status, p}
	}
	return Result{status, body}
}

func (a *API) do(c *call, key string, i int, raw jsontext.Value) (body any, status int, err error) {
	var what struct {
		Do string `json:"do"`
	}
	if err := json.Unmarshal(raw, &what); err != nil {
		return nil, 0, &Problem{Status: http.StatusBadRequest, Title: "The operation cannot be read", Detail: wrong(err)}
	}
	d, ok := a.dos[what.Do]
	if !ok {
		return nil, 0, Invalid("do", "A batch cannot do that. It can collect, read, correct, delete and erase.")
	}
	if !c.caller.may(d.may) {
		return nil, 0, beyond(fmt.Sprintf("It was not made for %q.", d.may))
	}
	if d.once && key != "" {
		c.key = key + "#" + strconv.Itoa(i)
	}
	body, err = d.do(&c.inner, c, raw)
	return body, d.status, err
}
