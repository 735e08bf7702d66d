package server

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
)

// openAPI puts the operations of the sections together, in the order in which
// the documentation has them.
func (s *Server) openAPI() *api.API {
	a := api.New(api.Config{Store: s.store, Staff: api.Digest(s.keys.Token()), Guard: s.tokens, Pages: s.pages, Log: s.config.Log})
	s.forms.AddTo(a)
	s.use.AddTo(a)
	a.AddBatch()
	s.links.AddTo(a)
	s.mailing.AddTo(a)
	s.mailbox.AddTo(a)
	api.Add(a, api.Operation{ID: "mail-dns", Method: "GET", Path: "/v1/mail/dns", Group: "Letters", Title: "List the DNS records for letters",
		Says: "TXT records to publish, by which others check the signatures of letters (DKIM, RFC 6376 and RFC 8463).", May: api.Staff}, s.mailDNS)
	s.optout.AddTo(a)
	s.recipients.AddTo(a)
	s.tokens.AddTo(a)
	a.Route(api.Operation{ID: "publish", Method: "POST", Path: "/v1/statements", Group: "The statement", Title: "Publish a version of the statement",
		Says:    "The text of a statement, at most 1 MiB. Version, class, its place in the log, and how many records stay under each version are answered.",
		Example: "@statement.md", May: api.Publish, Limit: maxStatement}, "text/markdown", "application/json", s.publish)
	api.Add(a, api.Operation{ID: "status", Method: "GET", Path: "/v1/status", Group: "About", Title: "Where this avow stands"}, s.status)
	s.addBackup(a)
	a.AddDocs()
	return a
}

type statusIn struct{}

// A statusAnswer is what GET /v1/status answers.
type statusAnswer struct {
	Version avow.Version `json:"version" doc:"The version of the statement in force."`
	Log     logStatus    `json:"log" doc:"Where the log stands: origin, size, root, signed, key, cosigned."`
	Keys    keysStatus   `json:"keys" doc:"Which keys are in use: epoch."`
	Engine  string       `json:"engine" doc:"What keeps the rows: sqlite or postgres."`
}

type logStatus struct {
	Origin   string    `json:"origin" doc:"The name of the log."`
	Size     int64     `json:"size" doc:"How many entries it has."`
	Root     string    `json:"root" doc:"Its root hash, in base64."`
	Signed   time.Time `json:"signed" doc:"When the newest checkpoint was signed."`
	Key      string    `json:"key" doc:"The verifier key."`
	Cosigned int       `json:"cosigned" doc:"How many witnesses cosigned it."`
}

type keysStatus struct {
	Epoch int64 `json:"epoch" doc:"The epoch that new keys are wrapped under."`
}

func (s *Server) status(context.Context, *statusIn) (*statusAnswer, error) {
	l := s.ledger.Status()
	out := &statusAnswer{Log: logStatus{Origin: l.Origin, Size: l.Size, Root: base64.StdEncoding.EncodeToString(l.Root[:]), Signed: l.Signed, Key: l.Key, Cosigned: len(l.Witnesses)},
		Keys: keysStatus{s.keys.Epoch()}, Engine: s.store.Engine()}
	if e := s.changes.InForce(); e != nil {
		out.Version = e.Version
	}
	return out, nil
}
