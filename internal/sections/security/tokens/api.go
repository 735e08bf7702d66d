package tokens

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/store"
)

// AddTo adds what staff may ask about tokens.
func (s *Section) AddTo(a *api.API) {
	api.Add(a, api.Operation{ID: "make-token", Method: "POST", Path: "/v1/tokens", Group: "Tokens", Title: "Make a token for a program",
		Says: "It is shown this once. What the program does stands in the log under this name, before the name of the actor that it gives. " +
			"What lies outside the token's limits is refused and counted.",
		Example: `{"name": "crm", "may": ["read"], "purposes": ["reply"], "collections": ["contact"], "expires": "2027-11-24T00:00:00Z"}`,
		May:     api.Staff, Status: http.StatusCreated}, s.make)
	api.Add(a, api.Operation{ID: "tokens", Method: "GET", Path: "/v1/tokens", Group: "Tokens", Title: "List the tokens", May: api.Staff}, s.list)
	api.Add(a, api.Operation{ID: "revoke-token", Method: "DELETE", Path: "/v1/tokens/{id}", Group: "Tokens", Title: "Revoke a token",
		Says: "It ends at once. Where several processes run over one database, the others refuse it within a second.", May: api.Staff}, s.revoke)
}

type makeIn struct {
	Body struct {
		Name        string            `json:"name" maxLength:"40" doc:"What the log calls whoever has it." example:"crm"`
		May         []api.Verb        `json:"may" nullable:"false" doc:"What it is good for: collect, read, correct, erase, export, import, publish."`
		Purposes    []avow.Purpose    `json:"purposes,omitempty" nullable:"false" doc:"The purposes it may read for; all, if missing."`
		Collections []avow.Collection `json:"collections,omitempty" nullable:"false" doc:"The collections it reaches; all, if missing. With some it cannot export or erase a person."`
		Expires     time.Time         `json:"expires,omitzero" doc:"When it ends; never, if missing."`
	}
}

// Token is a token as it is answered.
type Token struct {
	ID          string            `json:"id" doc:"Names the token; it is not the token."`
	Name        string            `json:"name" doc:"What the log calls whoever has it."`
	May         []api.Verb        `json:"may" nullable:"false" doc:"What it is good for."`
	Purposes    []avow.Purpose    `json:"purposes,omitempty" nullable:"false" doc:"The purposes it may read for; all, if missing."`
	Collections []avow.Collection `json:"collections,omitempty" nullable:"false" doc:"The collections it reaches; all, if missing."`
	Created     time.Time         `json:"created" doc:"When it was made."`
	Expires     time.Time         `json:"expires,omitzero" doc:"When it ends; never, if missing."`
	Revoked     bool              `json:"revoked,omitempty" doc:"Whether it was taken back."`
	Refused     int64             `json:"refused,omitempty" doc:"How many requests were outside its limits."`
	Token       string            `json:"token,omitempty" doc:"The token itself, when it is made and never again."`
}

// maxName leaves room in a receipt.
const maxName = 40

func (s *Section) make(ctx context.Context, in *makeIn) (*Token, error) {
	b := &in.Body
	if b.Name == "" || len(b.Name) > maxName || strings.ContainsFunc(b.Name, func(r rune) bool { return unicode.IsControl(r) || r == ':' }) {
		return nil, api.Invalid("name", fmt.Sprintf("Give the token a name of at most %d bytes, without colons and control characters.", maxName))
	}
	wanted := scope{b.May, b.Purposes, b.Collections}
	if err := s.fits(wanted); err != nil {
		return nil, err
	}
	kept, err := json.Marshal(wanted)
	if err != nil {
		return nil, err
	}
	secret := newToken()
	t := &token{digest: api.Digest(secret), name: b.Name, scope: wanted}
	err = s.store.Commit(ctx, func(tx *store.Tx) error {
		t.created, t.id = tx.Now, avow.NewRecordID(tx.Now)
		if !b.Expires.IsZero() {
			t.expires = b.Expires.UnixMicro()
			if !b.Expires.After(tx.Now) {
				return api.Invalid("expires", "That moment is over.")
			}
		}
		var other [16]byte
		if err := tx.Get(ctx, q.Named, &other, t.name); !errors.Is(err, store.ErrNone) {
			return errors.Join(&api.Problem{Status: http.StatusConflict, Title: "There is such a token", Detail: "Choose another name. A name is used once, so that the log stays clear."}, err)
		}
		return tx.Do(ctx, q.Make, t.id, t.digest, t.name, string(kept), t.created, t.expires)
	})
	if err != nil {
		return nil, fmt.Errorf("make a token: %w", err)
	}
	out := t.answer()
	out.Token = secret
	return out, nil
}

// fits says whether the statement has what a token is wanted for.
func (s *Section) fits(wanted scope) error {
	if len(wanted.May) == 0 {
		return api.Invalid("may", "Say what the token is good for.")
	}
	for _, v := range wanted.May {
		if !slices.Contains(api.Verbs, v) {
			return api.Invalid("may", "A token may collect, read, correct, erase, export, import and publish.")
		}
	}
	now := s.editions.InForce()
	if now == nil {
		return nil
	}
	for _, p := range wanted.Purposes {
		if now.Purpose(p) == nil {
			return api.Invalid("purposes", "The statement in force has no such purpose.")
		}
	}
	for _, c := range wanted.Collections {
		if now.Collection(c) == nil {
			return api.Invalid("collections", "The statement in force has no such collection.")
		}
	}
	return nil
}

type noIn struct{}

// Tokens is what GET /v1/tokens answers.
type Tokens struct {
	Tokens []Token `json:"tokens" nullable:"false" doc:"All that were made, oldest first."`
}

func (s *Section) list(ctx context.Context, _ *noIn) (*Tokens, error) {
	out := &Tokens{Tokens: []Token{}}
	err := s.store.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.All, func(scan func(...any) error) error {
			var t token
			var text string
			if err := scan(&t.id, &t.digest, &t.name, &text, &t.created, &t.expires, &t.revoked, &t.refused); err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(text), &t.scope); err != nil {
				return err
			}
			out.Tokens = append(out.Tokens, *t.answer())
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return out, nil
}

type revokeIn struct {
	ID string `path:"id" doc:"Names the token."`
}

// Revoked is what DELETE /v1/tokens/{id} answers.
type Revoked struct {
	Revoked bool `json:"revoked" doc:"Always true."`
}

func (s *Section) revoke(ctx context.Context, in *revokeIn) (*Revoked, error) {
	id, ok := parseID(in.ID)
	if !ok {
		return nil, api.NotHere("token")
	}
	n := int64(0)
	err := s.store.Commit(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(ctx, q.Revoke, id, tx.Now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("revoke a token: %w", err)
	}
	s.mu.Lock()
	clear(s.known)
	s.mu.Unlock()
	if n == 0 {
		return nil, api.NotHere("token")
	}
	return &Revoked{true}, nil
}

func (t *token) answer() *Token {
	out := &Token{ID: idPrefix + idText.EncodeToString(t.id[:]), Name: t.name, May: t.scope.May, Purposes: t.scope.Purposes, Collections: t.scope.Collections,
		Created: t.created, Revoked: t.revoked != 0, Refused: t.refused}
	if t.expires != 0 {
		out.Expires = time.UnixMicro(t.expires).UTC()
	}
	return out
}

const idPrefix = "tok_"

// idText is the alphabet of the other ids.
var idText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

func parseID(text string) (id [16]byte, ok bool) {
	text, ok = strings.CutPrefix(text, idPrefix)
	raw, err := idText.DecodeString(text)
	if !ok || err != nil || len(raw) != len(id) || idText.EncodeToString(raw) != text {
		return id, false
	}
	return [16]byte(raw), true
}
