package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/avow-privacy/avow"
)

// A Token lets a program ask, within limits.
type Token struct {
	ID          string            `json:"id,omitempty"`
	Name        string            `json:"name"`
	Purposes    []avow.Purpose    `json:"purposes,omitempty"`    // all, if empty
	Collections []avow.Collection `json:"collections,omitempty"` // all, if empty
	May         []string          `json:"may"`                   // of collect, read, correct, erase, export, import, publish
	Created     time.Time         `json:"created,omitzero"`
	Expires     time.Time         `json:"expires,omitzero"` // never, if zero
	Revoked     bool              `json:"revoked,omitzero"`
	Refused     int64             `json:"refused,omitzero"` // requests outside its limits
	Token       string            `json:"token,omitempty"`  // only when it is made
}

// NewToken makes a token. Its Token is shown this once. Only the staff token
// can make tokens.
func (c *Client) NewToken(ctx context.Context, token string, t Token) (*Token, error) {
	body := struct {
		Name        string            `json:"name"`
		Purposes    []avow.Purpose    `json:"purposes,omitempty"`
		Collections []avow.Collection `json:"collections,omitempty"`
		May         []string          `json:"may"`
		Expires     time.Time         `json:"expires,omitzero"`
	}{t.Name, t.Purposes, t.Collections, t.May, t.Expires}
	var out Token
	return &out, c.ask(ctx, http.MethodPost, "/v1/tokens", token, body, &out)
}

// Tokens lists the tokens that were made.
func (c *Client) Tokens(ctx context.Context, token string) ([]Token, error) {
	var out struct {
		Tokens []Token `json:"tokens"`
	}
	err := c.ask(ctx, http.MethodGet, "/v1/tokens", token, nil, &out)
	return out.Tokens, err
}

// Revoke ends a token, by its id.
func (c *Client) Revoke(ctx context.Context, token, id string) error {
	return c.ask(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), token, nil, nil)
}

// Status is where an avow stands.
type Status struct {
	Version avow.Version `json:"version"`
	Log     LogStatus    `json:"log"`
	Keys    KeysStatus   `json:"keys"`
	Engine  string       `json:"engine"` // sqlite or postgres
}

// LogStatus is where the log stands.
type LogStatus struct {
	Origin   string    `json:"origin"`
	Size     int64     `json:"size"`
	Root     string    `json:"root"` // base64
	Signed   time.Time `json:"signed"`
	Key      string    `json:"key"`      // the verifier key
	Cosigned int       `json:"cosigned"` // how many witnesses cosigned the newest checkpoint
}

// KeysStatus says which keys are in use.
type KeysStatus struct {
	Epoch int64 `json:"epoch"`
}

// Status asks where an avow stands.
func (c *Client) Status(ctx context.Context, token string) (*Status, error) {
	var out Status
	return &out, c.ask(ctx, http.MethodGet, "/v1/status", token, nil, &out)
}
