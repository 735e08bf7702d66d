package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// An Operation is one thing that can be asked.
type Operation struct {
	ID      string // such as collect
	Method  string
	Path    string // under /v1
	Group   string // the heading it stands under in the documentation
	Title   string // what it does, in a few words
	Says    string // and in more
	Example string // a body to send, as JSON
	May     Verb   // what the token has to be made for
	Open    bool   // asks for no token
	Once    bool   // takes an Idempotency-Key
	Status  int    // of the answer; 200 unless set
	Limit   int64  // most bytes of the body; 256 KB unless set
	Letter  bool   // takes a message/rfc822 too, which is then in RawBody (contentType:"message/rfc822") and not in Body

	kind string // of the body, if it is not JSON
}

// letter is the type of a body that a letter is in, as it is.
const letter = "message/rfc822"

// ours is under which huma keeps our Operation.
const ours = "avow"

const (
	limit    = 256 << 10
	slowBody = 15 * time.Second // for a body to come in
)

// Add adds an operation. I holds what is asked: parameters of the path and of
// the query, by their tags, and a Body of JSON. O is the JSON that is answered.
// Whatever handle returns as error is made fit to be told.
func Add[I, O any](a *API, o Operation, handle func(ctx context.Context, in *I) (*O, error)) {
	huma.Register(a.huma, a.describe(&o), func(ctx context.Context, in *I) (*answer[O], error) {
		c := callOf(ctx)
		if c.key != "" {
			if p := c.remember(o.ID, in); p != nil {
				return nil, p
			}
		}
		out, err := handle(ctx, in)
		if err != nil {
			p := a.problem(o.ID, err)
			c.count(p)
			if p.Wait > 0 {
				c.SetHeader("Retry-After", strconv.Itoa(p.Wait))
			}
			return nil, p
		}
		if c.once.found() {
			c.SetHeader("Idempotency-Replayed", "true")
		}
		return &answer[O]{out}, nil
	})
}

var inPath = regexp.MustCompile(`\{(\w+)\}`)

type answer[O any] struct{ Body *O }

// Route adds an operation whose body or answer is no JSON. handle writes the
// answer, or returns an error before it has written anything.
func (a *API) Route(o Operation, kind, answers string, handle func(http.ResponseWriter, *http.Request) error) {
	o.kind = kind
	op := a.describe(&o)
	op.Responses[strconv.Itoa(op.DefaultStatus)] = &huma.Response{Description: http.StatusText(op.DefaultStatus),
		Content: map[string]*huma.MediaType{answers: {}}}
	if kind != "" {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{kind: {}}}
	}
	for _, name := range inPath.FindAllStringSubmatch(o.Path, -1) {
		op.Parameters = append(op.Parameters, &huma.Param{Name: name[1], In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	a.huma.OpenAPI().AddOperation(&op)
	a.huma.Adapter().Handle(&op, a.huma.Middlewares().Handler(func(ctx huma.Context) {
		r, w := humago.Unwrap(ctx)
		if err := handle(w, r.WithContext(ctx.Context())); err != nil {
			a.fail(ctx, a.problem(o.ID, err))
		}
	}))
}

// describe writes o as huma has it.
func (a *API) describe(o *Operation) huma.Operation {
	if o.Limit == 0 {
		o.Limit = limit
	}
	if o.Status == 0 {
		o.Status = http.StatusOK
	}
	a.list = append(a.list, *o)
	op := huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, Summary: o.Title, Description: o.Says, Tags: []string{o.Group},
		DefaultStatus: o.Status, MaxBodyBytes: o.Limit, BodyReadTimeout: slowBody,
		SkipValidateBody: true, // it would be read a second time; what fits is said by who handles it
		Metadata:         map[string]any{ours: o},
		Responses: map[string]*huma.Response{"default": {Description: "What is wrong, and what to do.",
			Content: map[string]*huma.MediaType{problemType: {Schema: a.huma.OpenAPI().Components.Schemas.Schema(problemOf, true, "")}}}},
		RejectUnknownQueryParameters: true,
	}
	if o.Example != "" && o.kind == "" {
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: json.RawMessage(o.Example)}}}
	}
	if o.Open {
		op.Security = []map[string][]string{}
	}
	if o.Once {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "Idempotency-Key", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "A text chosen anew for each change, in 8 to 255 printable characters. A change that comes again with it within 24 hours is answered as it was, and not done again."})
	}
	return op
}
