package page

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
)

// A Route is one thing a visitor can ask for, and the kind of rule it is there
// to keep or to show.
type Route struct {
	Pattern string // as http.ServeMux takes it
	Keeps   statement.Kind
	Handle  func(http.ResponseWriter, *http.Request) error
}

// A Problem is an answer that is no page: what is wrong, and what to do. Its
// JSON form is RFC 9457, section 3.
type Problem struct {
	Status int           `json:"status"`
	Title  string        `json:"title"`
	Detail string        `json:"detail,omitempty"` // what to do; never a value that was sent
	Clause avow.ClauseID `json:"clause,omitempty"` // the promise that forbids it
	Field  avow.Field    `json:"field,omitempty"`  // the field that is wrong
}

func (p *Problem) Error() string { return p.Title + ": " + p.Detail }

// NotFound is the answer for what is not there.
var NotFound = &Problem{Status: http.StatusNotFound, Title: "There is no such page", Detail: "The address may be old or mistyped."}

// Mount puts routes on mux.
func (p *Pages) Mount(mux *http.ServeMux, routes ...Route) {
	for _, route := range routes {
		mux.Handle(route.Pattern, p.handler(route))
	}
}

func (p *Pages) handler(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil && fault != http.ErrAbortHandler {
				// The value of a panic may hold what a visitor sent; the stack does not.
				p.log.Error("panic", "route", route.Pattern, "stack", string(debug.Stack()))
				p.Refuse(w, r, &Problem{Status: http.StatusInternalServerError, Title: "Something is broken here"})
			}
		}()
		if err := route.Handle(w, r); err != nil {
			p.answer(w, r, route, err)
		}
	})
}

// answer turns an error into what the visitor is told. Only a fault of ours is
// logged, and only by route.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, route Route, err error) {
	var problem *Problem
	var refusal *avow.Refusal
	var tooLarge *http.MaxBytesError
	var full interface{ NoRoom() }
	var done interface{ Done() }
	switch {
	case errors.As(err, new(gone)):
	case errors.As(err, &problem):
		p.Refuse(w, r, problem)
	case errors.As(err, &refusal):
		p.Refuse(w, r, &Problem{Status: http.StatusForbidden, Title: "Our statement forbids this", Detail: refusal.Reason, Clause: refusal.Clause})
	case errors.As(err, &tooLarge):
		p.Refuse(w, r, &Problem{Status: http.StatusRequestEntityTooLarge, Title: "That is too much at once", Detail: "Send less than 256 KB."})
	case errors.As(err, &full):
		p.log.Error("no room", "route", route.Pattern, "error", err)
		p.Refuse(w, r, &Problem{Status: http.StatusInsufficientStorage, Title: "There is no room here at the moment",
			Detail: "Nothing you sent was kept. Please send it again later."})
	case errors.As(err, &done):
		p.log.Error("no receipt", "route", route.Pattern, "error", err)
		p.Refuse(w, r, &Problem{Status: http.StatusInternalServerError, Title: "There is no receipt at the moment",
			Detail: "What you sent was kept and is in our log. Only the receipt cannot be made now. Please do not send it again."})
	default:
		p.log.Error("request failed", "route", route.Pattern, "error", err)
		p.Refuse(w, r, &Problem{Status: http.StatusInternalServerError, Title: "Something is broken here",
			Detail: "Nothing you sent was kept. Please try again in a while."})
	}
}

// OrProblem answers with a page of ours what mux has no route for.
func (p *Pages) OrProblem(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		// The mux answers 404, or 405 with the methods that there are.
		var a answered
		h.ServeHTTP(&a, r)
		if a.status != http.StatusMethodNotAllowed {
			p.Refuse(w, r, NotFound)
			return
		}
		w.Header().Set("Allow", a.Header().Get("Allow"))
		p.Refuse(w, r, &Problem{Status: a.status, Title: "That cannot be done here", Detail: "This address takes " + a.Header().Get("Allow") + "."})
	})
}

// answered takes a status and its header, and drops the rest.
type answered struct {
	header http.Header
	status int
}

func (a *answered) Header() http.Header {
	if a.header == nil {
		a.header = http.Header{}
	}
	return a.header
}

func (a *answered) WriteHeader(status int) { a.status = status }

func (a *answered) Write(b []byte) (int, error) { return len(b), nil }

// Refuse answers with a problem, as a page or as JSON.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, problem *Problem) {
	w.Header().Set("Cache-Control", "no-store")
	if WantsJSON(r) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(problem.Status)
		_ = json.NewEncoder(w).Encode(problem)
		return
	}
	view := View{Status: problem.Status, Title: problem.Title, Robots: "noindex", Data: problem}
	if err := p.errors.Write(w, r, "error.html", view); err != nil && !errors.As(err, new(gone)) {
		p.log.Error("error page", "error", err)
	}
}

// policy is the Content-Security-Policy of every page of ours: our own
// stylesheet, our own script, our own forms, nothing else (W3C CSP Level 3).
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// secured are the security headers of every answer of ours. They are shared, and
// nobody changes a value of them in place.
var secured = []struct {
	name  string
	value []string
}{
	{"Content-Security-Policy", []string{policy}},
	{"X-Content-Type-Options", []string{"nosniff"}},
	{"Referrer-Policy", []string{"no-referrer"}},
	{"Cross-Origin-Opener-Policy", []string{"same-origin"}},
	{"Cross-Origin-Resource-Policy", []string{"same-origin"}},
	{"Permissions-Policy", []string{"camera=(), geolocation=(), microphone=(), browsing-topics=()"}},
}

// Secure sets the security headers of every answer of ours.
func Secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, s := range secured {
			h[s.name] = s.value
		}
		next.ServeHTTP(w, r)
	})
}
