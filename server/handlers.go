package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/changes"
)

// Public answers visitors: the statement, its promises, forms, receipts and the
// log; everything else is the site's.
func (s *Server) Public() http.Handler { return s.public }

// Private answers staff and their programs. It belongs on a loopback address
// or an inner network, and still asks for the token of the key folder.
func (s *Server) Private() http.Handler { return s.private }

func (s *Server) mount() {
	ours := http.NewServeMux()
	s.pages.Mount(ours, slices.Concat(s.pages.Assets(), s.changes.Routes(), s.promises.Routes(), s.security.Routes(), s.forms.Routes(),
		s.cookies.Routes(), s.outbox.Routes(), s.recipients.Routes(), s.optout.Routes(), s.elsewhere.Routes(), s.links.Routes(), s.popular.Routes())...)
	ours.Handle("GET "+page.Base+"/out", s.front.gate.Out())
	guarded := page.Secure(sameOrigin(s.pages.OrProblem(ours), s.pages))

	site := s.config.Site
	if site == nil {
		site = page.Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.pages.Refuse(w, r, page.NotFound) }))
	}
	if s.config.Site != nil {
		site = s.front.site(site)
	}
	s.public = s.config.visitors(s.logs.Log(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if own(r.URL.Path) {
			guarded.ServeHTTP(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})))
	s.private = s.staff()
}

// own says whether a path is avow's.
func own(path string) bool {
	for _, prefix := range []string{page.Base, "/f", "/u", "/log", "/.well-known/gpc.json"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// sameOrigin refuses what another site's page makes a browser send.
func sameOrigin(next http.Handler, pages *page.Pages) http.Handler {
	guard := http.NewCrossOriginProtection()
	// Mail programs send the one click from wherever they are (RFC 8058). Who has
	// the link may stop letters, from any page.
	guard.AddInsecureBypassPattern("POST /u/{token}")
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pages.Refuse(w, r, &page.Problem{Status: http.StatusForbidden, Title: "This was sent from another site",
			Detail: "Open the form on this site and send it from there."})
	}))
	return guard.Handler(next)
}

// staff answers the private address: the API, and to anybody whether we are well.
func (s *Server) staff() http.Handler {
	open := http.NewServeMux()
	s.pages.Mount(open, append(s.pages.Assets(), page.Route{Pattern: "GET /healthz", Handle: s.healthy})...)
	open.Handle("/", s.openAPI().Handler())
	return page.Secure(open)
}

func (s *Server) healthy(w http.ResponseWriter, _ *http.Request) error {
	now := s.changes.InForce()
	if now == nil {
		return page.WriteJSON(w, http.StatusServiceUnavailable, map[string]any{"status": "no statement in force that this program keeps"})
	}
	return page.WriteJSON(w, http.StatusOK, map[string]any{"status": "ok", "log": s.ledger.Status().Size, "version": now.Version})
}

// maxStatement is what a statement may weigh, as in avow check.
const maxStatement = 1 << 20

// A publishAnswer is what POST /v1/statements answers.
type publishAnswer struct {
	Version int            `json:"version"`
	Class   string         `json:"class"` // first, wording, narrower or wider
	Leaf    int64          `json:"leaf"`  // index of its entry in the log
	Already bool           `json:"already,omitempty"`
	Pinned  map[string]int `json:"pinned"` // records that stay under each version
}

func (s *Server) publish(w http.ResponseWriter, r *http.Request) error {
	source, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxStatement))
	if err != nil {
		return err
	}
	p, err := s.Publish(r.Context(), "statement", source)
	var uncompiled *changes.Uncompiled
	if errors.As(err, &uncompiled) {
		return &page.Problem{Status: http.StatusUnprocessableEntity, Title: "The statement does not compile", Detail: "See avow check."}
	}
	if err != nil {
		return err
	}
	out := publishAnswer{int(p.Version), p.Class, p.Leaf, p.Already, map[string]int{}}
	for v, n := range p.Pinned {
		out.Pinned[fmt.Sprint(v)] = n
	}
	return page.WriteJSON(w, http.StatusOK, out)
}
