// Package api gives every operation of the HTTP API its common shape.
//
// A section adds its own operations; what they have in common is here. Who asks
// is known by a bearer token and held to its limits. A body is JSON, read
// strictly: unknown members and names that come twice are refused. Errors are
// Problem Details (RFC 9457) and never hold a value that was sent, because here
// such a value is somebody's. A change with an Idempotency-Key is done once.
// The operations document themselves, as OpenAPI 3.1 and as a page.
package api

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
)

// A Guard knows the tokens that staff gave out.
type Guard interface {
	// Caller is who has the token of that digest; nil if nobody has.
	Caller(ctx context.Context, digest [32]byte) (*Caller, error)
	// Refused counts a request outside a caller's limits.
	Refused(ctx context.Context, c *Caller)
}

// Config is what the API works with.
type Config struct {
	Store *store.DB
	Staff [32]byte // digest of the staff token
	Guard Guard
	Pages *page.Pages
	Log   *slog.Logger
}

// API is the operations of one avow.
type API struct {
	cfg  Config
	mux  routes
	huma huma.API
	docs *page.Set
	dos  map[string]doer // what a batch can do
	list []Operation     // in the order they were added
}

// New returns an API without operations.
func New(c Config) *API {
	a := &API{cfg: c, mux: newRoutes(), dos: map[string]doer{}}
	if c.Pages != nil {
		a.docs = c.Pages.Parse(templates, "docs.html")
	}
	a.huma = humago.New(a.mux, a.config())
	a.huma.UseMiddleware(a.enter)
	return a
}

func (a *API) config() huma.Config {
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "avow", Version: "1",
				Description: "What staff and their programs may ask of a running avow, on its private address."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer",
					Description: "The staff token of the key folder, or a token made with it."}},
			},
			Security: []map[string][]string{{"token": {}}},
		},
		Formats: map[string]huma.Format{"application/json": format, "json": format,
			letter: {Marshal: marshal, Unmarshal: func([]byte, any) error { return nil }}},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{harmless},
	}
	c.RejectUnknownQueryParameters = true
	return c
}

// Digest is what is kept of a token, and what tokens are compared by.
func Digest(token string) [32]byte { return sha256.Sum256([]byte("avow/v1/token\n" + token)) }

// Handler answers all that was added.
func (a *API) Handler() http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		write(w, &Problem{Status: http.StatusForbidden, Title: "This was sent from another site", Detail: "The API is for programs, not for the pages of other sites."})
	}))
	return a.recovered(guard.Handler(a.mux))
}

// routes answer in our form what there is no operation for. Every operation is
// in both: known serves them, and beside them whatever else is asked; methods
// is then asked what there is at an address.
type routes struct{ known, methods *http.ServeMux }

func newRoutes() routes {
	r := routes{http.NewServeMux(), http.NewServeMux()}
	r.known.HandleFunc("/", r.unknown)
	return r
}

// HandleFunc is for humago.
func (r routes) HandleFunc(pattern string, handle func(http.ResponseWriter, *http.Request)) {
	r.known.HandleFunc(pattern, handle)
	r.methods.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
}

func (r routes) ServeHTTP(w http.ResponseWriter, q *http.Request) { r.known.ServeHTTP(w, q) }

func (r routes) unknown(w http.ResponseWriter, q *http.Request) {
	h, _ := r.methods.Handler(q)
	n := nothing{header: w.Header()}
	h.ServeHTTP(&n, q) // sets Allow, if the address takes another method
	if allow := w.Header().Get("Allow"); n.status == http.StatusMethodNotAllowed && allow != "" {
		write(w, &Problem{Status: n.status, Title: "That cannot be done here", Detail: "This address takes " + allow + "."})
		return
	}
	write(w, &Problem{Status: http.StatusNotFound, Title: "There is no such operation", Detail: "See /v1/docs."})
}

// nothing takes the header of an answer and drops the rest.
type nothing struct {
	header http.Header
	status int
}

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) WriteHeader(status int)      { n.status = status }
func (n *nothing) Write(b []byte) (int, error) { return len(b), nil }

// recovered answers a panic. Its value may hold what somebody sent, so only the
// stack is logged: function names and addresses, no strings.
func (a *API) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					panic(fault)
				}
				a.cfg.Log.Error("panic in the API", "method", r.Method, "stack", string(debug.Stack()))
				write(w, broken)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
