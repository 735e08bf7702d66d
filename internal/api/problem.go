package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
)

// A Problem is an answer that something is wrong: what, and what to do. Its JSON
// form is RFC 9457, section 3. No value that was sent is ever in it.
type Problem struct {
	Status int           `json:"status" doc:"The HTTP status." example:"403"`
	Title  string        `json:"title" doc:"What is wrong." example:"Our statement forbids this"`
	Detail string        `json:"detail,omitempty" doc:"What to do. Never a value that was sent."`
	Clause avow.ClauseID `json:"clause,omitempty" doc:"The promise that forbids it." example:"contact"`
	Field  avow.Field    `json:"field,omitempty" doc:"The field that is wrong." example:"email"`
	Wait   int           `json:"-"` // for Retry-After, in seconds

	beyond bool // what the token was made for
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

var broken = &Problem{Status: http.StatusInternalServerError, Title: "Something is broken here", Detail: "Nothing was done. Please try again in a while."}

// unproven is the answer for what was done and cannot be proven now.
var unproven = &Problem{Status: http.StatusInternalServerError, Title: "There is no receipt at the moment",
	Detail: "It was done and is in the log; only the receipt cannot be made now. Do not ask for it again, but with the same Idempotency-Key. See avow verify."}

// NotHere is the answer for a person, a record or a receipt that is not here.
// It does not say whether it ever was.
func NotHere(what string) *Problem {
	return &Problem{Status: http.StatusNotFound, Title: "Not here", Detail: "There is no such " + what + " here."}
}

// Invalid is the answer for a request that says what cannot be.
func Invalid(field avow.Field, detail string) *Problem {
	return &Problem{Status: http.StatusUnprocessableEntity, Title: "The request does not fit", Detail: detail, Field: field}
}

// write answers with p outside of any operation.
func write(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	if p.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(p.Wait))
	}
	w.WriteHeader(p.Status)
	_ = marshal(w, p)
}

// problem makes what went wrong in an operation fit to be told. A fault of ours
// is logged, by the operation, and told as nothing but that.
func (a *API) problem(operation string, err error) *Problem {
	var p *Problem
	var shown *page.Problem
	var refusal *avow.Refusal
	var tooLarge *http.MaxBytesError
	var full *store.FullError
	var done interface{ Done() }
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &shown):
		return &Problem{Status: shown.Status, Title: shown.Title, Detail: shown.Detail, Clause: shown.Clause, Field: shown.Field}
	case errors.As(err, &refusal):
		return &Problem{Status: http.StatusForbidden, Title: "Our statement forbids this", Detail: refusal.Reason, Clause: refusal.Clause}
	case errors.As(err, &tooLarge):
		return &Problem{Status: http.StatusRequestEntityTooLarge, Title: "That is too much at once", Detail: fmt.Sprintf("Send less than %d KB.", tooLarge.Limit>>10)}
	case errors.As(err, &full):
		a.cfg.Log.Error("the disk is full", "operation", operation)
		return &Problem{Status: http.StatusInsufficientStorage, Title: "There is no room here", Detail: "Nothing was done. What is to be erased is erased all the same."}
	case errors.As(err, &done):
		a.cfg.Log.Error("no receipt", "operation", operation, "error", err)
		return unproven
	case errors.Is(err, store.ErrClosed):
		return &Problem{Status: http.StatusServiceUnavailable, Title: "This avow is stopping", Detail: "Send it again in a moment.", Wait: 1}
	}
	a.cfg.Log.Error("operation failed", "operation", operation, "error", err)
	if errors.As(err, &full) {
		return &Problem{Status: http.StatusInsufficientStorage, Title: "There is no room here at the moment", Detail: "Nothing was done. Please send it again later."}
	}
	return broken
}

// harmless takes out of huma's own errors whatever a caller sent: it puts the
// rejected value, which here is somebody's, into its answer. It is given to each
// API rather than set for the whole program.
func harmless(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	p := &Problem{Status: model.Status, Title: "The request cannot be read", Detail: "See /v1/docs for what this operation takes."}
	switch {
	case model.Status == http.StatusRequestEntityTooLarge:
		p.Title, p.Detail = "That is too much at once", fmt.Sprintf("Send less than %d KB.", ctx.Operation().MaxBodyBytes>>10)
	case model.Status == http.StatusRequestTimeout:
		p.Title, p.Detail = "The request came too slowly", "Send it again."
	case len(model.Errors) > 0 && model.Errors[0].Location == "body":
		// The message is unmarshal's, which says nothing of what it read.
		p.Status, p.Detail = http.StatusBadRequest, model.Errors[0].Message
	case len(model.Errors) > 0 && strings.HasPrefix(model.Errors[0].Location, "query."):
		p.Status, p.Detail = http.StatusBadRequest, "What stands behind the ? is missing, or not what this operation takes."
	default:
		p.Status = http.StatusBadRequest
	}
	if c, ok := ctx.(*call); ok {
		c.status = p.Status
	}
	return p, nil
}
