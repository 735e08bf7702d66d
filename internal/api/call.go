package api

import (
	"context"
	"crypto/hmac"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/avow-privacy/avow"
)

// A Verb is what a token may be good for.
type Verb string

// The verbs. Anyone with a token may ask what needs none of them; Staff is for
// the staff token alone.
const (
	Anyone  Verb = ""
	Collect Verb = "collect"
	Read    Verb = "read"
	Correct Verb = "correct"
	Erase   Verb = "erase"
	Export  Verb = "export"
	Import  Verb = "import"
	Publish Verb = "publish"
	Send    Verb = "send"
	Staff   Verb = "staff"
)

// Verbs are those that a token can be given.
var Verbs = []Verb{Collect, Read, Correct, Erase, Export, Import, Publish, Send}

// A Caller is who asks, and how far they may go. The staff token goes as far as
// the statement does.
type Caller struct {
	ID          [16]byte
	Name        string
	May         []Verb
	Purposes    []avow.Purpose    // all, if empty
	Collections []avow.Collection // all, if empty

	staff bool
}

func (c *Caller) may(v Verb) bool {
	return v == Anyone || c.staff || v != Staff && slices.Contains(c.May, v)
}

// beyond is the answer for a request outside a token's limits. It is counted
// when it is answered: who finds out may be in the middle of a transaction.
func beyond(detail string) *Problem {
	return &Problem{Status: http.StatusForbidden, Title: "This token may not do that", Detail: detail, beyond: true}
}

// A call is one request on its way through an operation. It stands in for
// huma's context, and in the operation's own context it is found by callOf.
type call struct {
	outside
	api    *API
	caller *Caller
	secret string // the token; keys what is kept of an idempotency key
	key    string // the idempotency key, or empty
	once   *Once
	status int           // to answer with, whatever huma says
	opened *atomic.Int64 // records that the batch has opened, if it is of one
	inner  callContext
}

// outside is huma's context by another name, since call has a Context of its own.
type outside = huma.Context

type callContext struct {
	context.Context
	call *call
}

type callKey struct{}

func (c *callContext) Value(key any) any {
	if key == (callKey{}) {
		return c.call
	}
	return c.Context.Value(key)
}

// Context is for huma.
func (c *call) Context() context.Context { return &c.inner }

// Unwrap is for humago.
func (c *call) Unwrap() huma.Context { return c.outside }

// SetStatus is for huma.
func (c *call) SetStatus(status int) {
	if c.status != 0 {
		status = c.status
	}
	c.outside.SetStatus(status)
}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		panic("api: outside of an operation")
	}
	return c
}

// enter lets in who has a token, before anything of the body is read.
func (a *API) enter(ctx huma.Context, next func(huma.Context)) {
	c := &call{outside: ctx, api: a}
	c.inner = callContext{ctx.Context(), c}
	if p := c.admit(); p != nil {
		c.count(p)
		a.fail(ctx, p)
		return
	}
	ctx.SetHeader("Cache-Control", "no-store")
	next(c)
}

func (c *call) admit() *Problem {
	op := c.Operation()
	o, _ := op.Metadata[ours].(*Operation)
	if o == nil || o.Open {
		return nil
	}
	if p := c.known(); p != nil {
		return p
	}
	if !c.caller.may(o.May) {
		if o.May == Staff {
			return beyond("This needs the staff token of the key folder.")
		}
		return beyond(fmt.Sprintf("It was not made for %q.", o.May))
	}
	if op.RequestBody != nil && o.kind == "" {
		kind := c.Header("Content-Type")
		kind, _, _ = strings.Cut(kind, ";")
		if kind = strings.TrimSpace(kind); kind != "" && !strings.EqualFold(kind, "application/json") && !(o.Letter && strings.EqualFold(kind, letter)) {
			return &Problem{Status: http.StatusUnsupportedMediaType, Title: "The request cannot be read", Detail: "Send application/json."}
		}
	}
	if o.Once {
		return c.keyed()
	}
	return nil
}

// known finds out who asks.
func (c *call) known() *Problem {
	nobody := &Problem{Status: http.StatusUnauthorized, Title: "This is for staff and their programs",
		Detail: "Send a token as Authorization: Bearer. The staff token is in the key folder."}
	token, ok := strings.CutPrefix(c.Header("Authorization"), "Bearer ")
	if !ok || token == "" {
		return nobody
	}
	c.secret = token
	digest := Digest(token)
	if hmac.Equal(digest[:], c.api.cfg.Staff[:]) {
		c.caller = &staff
		return nil
	}
	if c.api.cfg.Guard == nil {
		return nobody
	}
	caller, err := c.api.cfg.Guard.Caller(&c.inner, digest)
	if err != nil {
		return c.api.problem("token", err)
	}
	if caller == nil {
		return nobody
	}
	c.caller = caller
	return nil
}

var staff = Caller{staff: true}

func (c *call) count(p *Problem) {
	if p.beyond && c.api.cfg.Guard != nil {
		c.api.cfg.Guard.Refused(&c.inner, c.caller)
	}
}

// fail answers with p instead of what was asked.
func (a *API) fail(ctx huma.Context, p *Problem) {
	if p.Status == http.StatusUnauthorized {
		ctx.SetHeader("WWW-Authenticate", "Bearer")
	}
	if p.Wait > 0 {
		ctx.SetHeader("Retry-After", strconv.Itoa(p.Wait))
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetStatus(p.Status)
	_ = marshal(ctx.BodyWriter(), p)
}

// Within says whether the caller's token goes as far as this collection and this
// purpose; an empty one stands for none.
func Within(ctx context.Context, to avow.Collection, purpose avow.Purpose) error {
	c := callOf(ctx)
	k := c.caller
	switch {
	case k.staff:
		return nil
	case to != "" && len(k.Collections) > 0 && !slices.Contains(k.Collections, to):
		return beyond("It was not made for this collection.")
	case purpose != "" && len(k.Purposes) > 0 && !slices.Contains(k.Purposes, purpose):
		return beyond("It was not made for this purpose.")
	}
	return nil
}

// Everywhere says whether the caller's token goes for all that is kept of a
// person, wherever it came in.
func Everywhere(ctx context.Context) error {
	c := callOf(ctx)
	if c.caller.staff || len(c.caller.Collections) == 0 {
		return nil
	}
	return beyond("It was made for some collections only, and this is about all that is kept of a person.")
}

// maxActor keeps the name of who asks within what a receipt may weigh.
const maxActor = 100

// Actor is the name that the log gets for who asks: the token's, then the one
// that the caller gave.
func Actor(ctx context.Context, given avow.Actor) (avow.Actor, error) {
	c := callOf(ctx)
	odd := func(r rune) bool { return unicode.IsControl(r) || r == ':' } // a colon comes after the name of a token
	if len(given) > maxActor || !utf8.ValidString(string(given)) || strings.ContainsFunc(string(given), odd) {
		return "", Invalid("actor", fmt.Sprintf("The actor is a name of at most %d bytes, without colons and control characters.", maxActor))
	}
	if given == "" {
		return "", Invalid("actor", "Say who asks: actor is missing.")
	}
	if c.caller.staff {
		return given, nil
	}
	return avow.Actor(c.caller.Name) + ": " + given, nil
}

// Opens counts records that are about to be opened. All that a batch opens is
// held until it is answered, so it may not open more than it may do.
func Opens(ctx context.Context, records int) error {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil || c.opened == nil || c.opened.Add(int64(records)) <= MaxAtOnce {
		return nil
	}
	return &Problem{Status: http.StatusRequestEntityTooLarge, Title: "The answer would be too long",
		Detail: fmt.Sprintf("A batch opens at most %d records. Ask for the others apart.", MaxAtOnce)}
}
