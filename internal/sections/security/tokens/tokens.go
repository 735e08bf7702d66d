// Package tokens lets staff give programs a token each, with limits, and take it back.
//
// A token is 256 random bits and is shown once, when it is made; kept is only a
// hash of it. It is made for verbs, and if wanted for some purposes and some
// collections only. What a program does stands in the log under the token's
// name. A token that is revoked ends at once in the process that was asked, and
// within a second in every other.
package tokens

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Make, ByDigest, All, Revoke, Refused, Named string }](queries)

// Editions finds the statement whose purposes and collections there are.
type Editions interface {
	InForce() *statement.Edition
}

// Section keeps the tokens.
type Section struct {
	store    *store.DB
	editions Editions
	log      *slog.Logger

	mu    sync.RWMutex
	known map[[32]byte]known // by digest
}

// known is what the database said of a token, and when.
type known struct {
	token  *token
	caller *api.Caller
	at     time.Time
}

// fresh is how long that holds. Another process may have revoked it.
const fresh = time.Second

// holds says whether it does so now. The clock of the store stands while the
// machine's was put back, and then nothing can be told from it.
func (k known) holds(now time.Time) bool {
	d := now.Sub(k.at)
	return d > 0 && d < fresh
}

// New returns the section over db.
func New(db *store.DB, editions Editions, log *slog.Logger) *Section {
	return &Section{store: db, editions: editions, log: log, known: map[[32]byte]known{}}
}

// A token is what is kept of one.
type token struct {
	id      [16]byte
	digest  [32]byte
	name    string
	scope   scope
	created time.Time
	expires int64 // microseconds since 1970; 0 for never
	revoked int64
	refused int64
}

// scope is how far a token goes, in JSON as it is kept.
type scope struct {
	May         []api.Verb        `json:"may"`
	Purposes    []avow.Purpose    `json:"purposes,omitempty"`
	Collections []avow.Collection `json:"collections,omitempty"`
}

func (t *token) holds(now time.Time) bool {
	return t.revoked == 0 && (t.expires == 0 || now.UnixMicro() < t.expires)
}

// prefix tells people, and programs that look for secrets in the wrong place,
// what it is that they found.
const prefix = "avow_"

func newToken() string {
	var b [32]byte
	rand.Read(b[:])
	return prefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// Caller is for the API: who has the token with this digest.
func (s *Section) Caller(ctx context.Context, digest [32]byte) (*api.Caller, error) {
	now := s.store.Now()
	s.mu.RLock()
	k, ok := s.known[digest]
	s.mu.RUnlock()
	if !ok || !k.holds(now) {
		var err error
		if k, err = s.look(ctx, digest, now); err != nil || k.token == nil {
			return nil, err
		}
	}
	if subtle.ConstantTimeCompare(k.token.digest[:], digest[:]) != 1 || !k.token.holds(now) {
		return nil, nil
	}
	return k.caller, nil
}

// look asks the database. What it does not know is not remembered, so that
// nobody fills our memory by guessing.
func (s *Section) look(ctx context.Context, digest [32]byte, now time.Time) (known, error) {
	k := known{at: now}
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		k.token, err = byDigest(ctx, tx, digest)
		return err
	})
	if errors.Is(err, store.ErrNone) {
		s.forget(digest)
		return known{}, nil
	}
	if err != nil {
		return known{}, fmt.Errorf("look for a token: %w", err)
	}
	t := k.token
	k.caller = &api.Caller{ID: t.id, Name: t.name, May: t.scope.May, Purposes: t.scope.Purposes, Collections: t.scope.Collections}
	s.mu.Lock()
	s.known[digest] = k
	s.mu.Unlock()
	return k, nil
}

func (s *Section) forget(digest [32]byte) {
	s.mu.Lock()
	delete(s.known, digest)
	s.mu.Unlock()
}

func byDigest(ctx context.Context, tx *store.Tx, digest [32]byte) (*token, error) {
	t := &token{digest: digest}
	var text string
	if err := tx.Get(ctx, q.ByDigest, store.Into(&t.id, &t.name, &text, &t.created, &t.expires, &t.revoked, &t.refused), digest); err != nil {
		return nil, err
	}
	return t, json.Unmarshal([]byte(text), &t.scope)
}

// Refused is for the API: it counts a request outside a token's limits.
func (s *Section) Refused(ctx context.Context, c *api.Caller) {
	err := s.store.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.Refused, c.ID) })
	if err != nil && ctx.Err() == nil {
		s.log.Error("count a refused request", "error", err)
	}
}
