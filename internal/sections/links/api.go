package links

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/store"
)

// AddTo adds what staff may ask about links.
func (s *Section) AddTo(a *api.API) {
	api.Add(a, api.Operation{ID: "links", Method: "GET", Path: "/v1/links", Group: "Links", Title: "List the sites that ours links to",
		Says: "Those that were described, and those that were seen on a page and wait for it.", May: api.Staff}, s.list)
	api.Add(a, api.Operation{ID: "describe-link", Method: "PUT", Path: "/v1/links/{host}", Group: "Links", Title: "Describe a site",
		Says: "It stands in the register from then on. *.harbour.example stands for all hosts below harbour.example.", May: api.Staff}, s.describe)
	api.Add(a, api.Operation{ID: "remove-link", Method: "DELETE", Path: "/v1/links/{host}", Group: "Links", Title: "Take a site out of the register",
		Says: "If a page still links to it, it is seen again and waits to be described.", May: api.Staff}, s.remove)
	api.Add(a, api.Operation{ID: "note-crawl", Method: "POST", Path: "/v1/links/crawls", Group: "Links", Title: "Enter what a crawl of the site found",
		Says:    "avow links --register sends this. The last one is evidence for the promise that links say that they leave.",
		Example: `{"pages": 12, "links": 40, "unlabelled": 0, "leaks": 0, "hosts": ["museum.example"]}`,
		May:     api.Staff}, s.note)
}

// Link is a site of the register as it is answered.
type Link struct {
	Host      string    `json:"host" doc:"The host, with its port unless that is the usual one."`
	Class     string    `json:"class,omitempty" doc:"What it is to us: affiliate, partner, supplier or other. Missing while nobody has described it."`
	Statement string    `json:"statement,omitempty" doc:"The address of its own privacy statement, if it has one."`
	Met       time.Time `json:"met" doc:"When it was first seen or described."`
	Described time.Time `json:"described,omitzero" doc:"When it was last described."`
	Seen      time.Time `json:"seen,omitzero" doc:"When a page last linked to it."`
}

func (h *host) answer() Link {
	return Link{h.host, h.class, h.statement, moment(h.met), moment(h.listed), moment(h.seen)}
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

type noIn struct{}

// Links is what GET /v1/links answers.
type Links struct {
	Links []Link `json:"links" nullable:"false" doc:"By class, and by host."`
}

func (s *Section) list(ctx context.Context, _ *noIn) (*Links, error) {
	all, err := s.register(ctx)
	if err != nil {
		return nil, err
	}
	out := &Links{Links: []Link{}}
	for i := range all {
		out.Links = append(out.Links, all[i].answer())
	}
	return out, nil
}

type describeIn struct {
	Host string `path:"host" doc:"The host, such as museum.example."`
	Body struct {
		Class     string `json:"class" doc:"What it is to us: affiliate, partner, supplier or other." example:"partner"`
		Statement string `json:"statement,omitempty" doc:"The address of its own privacy statement, if it has one."`
	}
}

func (s *Section) describe(ctx context.Context, in *describeIn) (*Link, error) {
	name, ok := Normal(in.Host)
	switch {
	case !ok:
		return nil, noHost
	case !slices.Contains(Classes, in.Body.Class):
		return nil, api.Invalid("class", "A site is an affiliate, partner, supplier or other.")
	case in.Body.Statement != "" && !address(in.Body.Statement):
		return nil, api.Invalid("statement", "Give an address that begins with https:// or http://, of at most 500 bytes.")
	}
	var h host
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		if err := tx.Do(ctx, q.List, name, in.Body.Class, in.Body.Statement, tx.Now); err != nil {
			return err
		}
		return tx.Get(ctx, q.One, store.Into(&h.host, &h.class, &h.statement, &h.met, &h.listed, &h.seen), name)
	})
	if err != nil {
		return nil, fmt.Errorf("describe a link: %w", err)
	}
	out := h.answer()
	return &out, s.Refresh(ctx)
}

var noHost = api.Invalid("host", "Give a host such as museum.example, without https:// and a path.")

// address says whether text is the address of a page.
func address(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= 500 && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil
}

type removeIn struct {
	Host string `path:"host" doc:"The host, as it stands in the register."`
}

// Removed is what DELETE /v1/links/{host} answers.
type Removed struct {
	Removed bool `json:"removed" doc:"Always true."`
}

func (s *Section) remove(ctx context.Context, in *removeIn) (*Removed, error) {
	name, ok := Normal(in.Host)
	if !ok {
		return nil, api.NotHere("link")
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		var h host
		if err := tx.Get(ctx, q.One, store.Into(&h.host, &h.class, &h.statement, &h.met, &h.listed, &h.seen), name); err != nil {
			return err
		}
		return tx.Do(ctx, q.Remove, name)
	})
	if errors.Is(err, store.ErrNone) {
		return nil, api.NotHere("link")
	}
	if err != nil {
		return nil, fmt.Errorf("remove a link: %w", err)
	}
	return &Removed{true}, s.Refresh(ctx)
}

type noteIn struct {
	Body struct {
		Pages      int64    `json:"pages" doc:"How many pages were looked at."`
		Links      int64    `json:"links" doc:"How many links to other sites they have."`
		Unlabelled int64    `json:"unlabelled" doc:"How many of them do not say that they leave."`
		Leaks      int64    `json:"leaks" doc:"How many carry something about a person."`
		Hosts      []string `json:"hosts,omitempty" nullable:"false" doc:"The hosts they lead to; at most 2000."`
	}
}

// Noted is what POST /v1/links/crawls answers.
type Noted struct {
	Noted bool `json:"noted" doc:"Always true."`
}

func (s *Section) note(ctx context.Context, in *noteIn) (*Noted, error) {
	b := &in.Body
	for name, n := range map[avow.Field]int64{"pages": b.Pages, "links": b.Links, "unlabelled": b.Unlabelled, "leaks": b.Leaks} {
		if n < 0 {
			return nil, api.Invalid(name, "Give a number that is not below 0.")
		}
	}
	if b.Pages == 0 || b.Unlabelled > b.Links || len(b.Hosts) > 2*maxSeen {
		return nil, api.Invalid("pages", "That is no crawl: it has looked at a page at least, and no more links are unlabelled than there are.")
	}
	hosts := map[string]bool{}
	for _, text := range b.Hosts {
		name, ok := Normal(text)
		if !ok {
			return nil, noHost
		}
		hosts[name] = true
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		if err := tx.Do(ctx, q.ForgetCrawls); err != nil {
			return err
		}
		if err := tx.Do(ctx, q.NoteCrawl, tx.Now, b.Pages, b.Links, b.Unlabelled, b.Leaks); err != nil {
			return err
		}
		return s.see(ctx, tx, hosts)
	})
	if err != nil {
		return nil, fmt.Errorf("enter a crawl: %w", err)
	}
	return &Noted{true}, nil
}
