// Package client speaks to a running avow over its HTTP API.
package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/go-json-experiment/json"
)

const (
	timeout  = 30 * time.Second
	maxReply = 32 << 20
)

// A Client speaks to one avow. Any number of goroutines may use it.
type Client struct {
	base string
	http *http.Client
}

// New returns a client for the avow at base, such as http://127.0.0.1:8481. The
// log and the pages are on its public address, everything else on its private
// one.
func New(base string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%q is not an address like http://127.0.0.1:8481", base)
	}
	return &Client{
		base: strings.TrimSuffix(u.String(), "/"),
		http: &http.Client{Timeout: timeout, CheckRedirect: sameHost},
	}, nil
}

// sameHost follows a redirect only where the token may go too.
func sameHost(next *http.Request, via []*http.Request) error {
	if len(via) > 5 || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// A Query says what is read, for which purpose and by whom.
type Query struct {
	Collection avow.Collection `json:"collection"`
	Purpose    avow.Purpose    `json:"purpose"`
	Actor      avow.Actor      `json:"actor"`
	Fields     []avow.Field    `json:"fields,omitempty"` // all that the purpose allows, if empty
	After      string          `json:"after,omitempty"`  // Reading.Next of the page before
	Limit      int             `json:"limit,omitzero"`
}

// A Reading is what a read gave.
type Reading struct {
	Records []Record `json:"records"`
	Next    string   `json:"next,omitempty"`    // where the next page begins, for Query.After; empty on the last
	Receipt string   `json:"receipt,omitempty"` // proves that the read is in the log
}

// A Record is one record, opened as far as the purpose allows.
type Record struct {
	ID        string                `json:"id"`
	Collected time.Time             `json:"collected"`
	Statement avow.Version          `json:"statement"`
	Values    map[avow.Field]string `json:"values"`
}

// Read asks for records. If the statement forbids it the error is an
// *avow.Refusal.
func (c *Client) Read(ctx context.Context, token string, query Query) (*Reading, error) {
	var out Reading
	body, err := json.Marshal(query)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return &out, c.post(ctx, token, "/v1/reads", "application/json", body, &out)
}

// A Published is a version that was just published.
type Published struct {
	Version avow.Version         `json:"version"`
	Class   string               `json:"class"`   // first, or wording, narrower or wider than the version before
	Leaf    int64                `json:"leaf"`    // its place in the log
	Already bool                 `json:"already"` // it was in force before; nothing was done
	Pinned  map[avow.Version]int `json:"pinned"`  // how many records stay under each version
}

// Publish makes source the statement in force. If the statement cannot be
// published the error is an *avow.Refusal.
func (c *Client) Publish(ctx context.Context, token string, source []byte) (*Published, error) {
	var out Published
	return &out, c.post(ctx, token, "/v1/statements", "text/markdown; charset=utf-8", source, &out)
}

func (c *Client) post(ctx context.Context, token, path, contentType string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", contentType)
	data, err := c.do(req, maxReply)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s answered what this client cannot read: is it an avow of another version?", c.base)
	}
	return nil
}

// do sends a request and reads the reply, up to limit bytes of it.
func (c *Client) do(req *http.Request, limit int64) ([]byte, error) {
	req.Header.Set("Accept", "application/json, application/problem+json, application/octet-stream, text/plain")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", c.base, err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("ask %s: the answer is longer than %d bytes", c.base, limit)
	}
	if resp.StatusCode/100 != 2 {
		return nil, problem(resp, data)
	}
	return data, nil
}

// ErrNotFound says that what was asked for is not there.
var ErrNotFound = errors.New("not found")

// A Problem is an answer that something went wrong (RFC 9457).
type Problem struct {
	Status int           `json:"status"`
	Title  string        `json:"title"`
	Detail string        `json:"detail"`
	Clause avow.ClauseID `json:"clause"`
}

func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = p.Title
	}
	return fmt.Sprintf("%s (%d)", text, p.Status)
}

// Is makes a 404 an ErrNotFound.
func (p *Problem) Is(target error) bool {
	return target == ErrNotFound && p.Status == http.StatusNotFound
}

// problem reads an error from a reply. One that names a clause is a refusal.
func problem(resp *http.Response, body []byte) error {
	p := &Problem{}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, p) != nil {
		p = &Problem{Title: http.StatusText(resp.StatusCode)}
	}
	p.Status = resp.StatusCode
	if p.Clause != "" {
		reason := p.Detail
		if reason == "" {
			reason = p.Title
		}
		return &avow.Refusal{Clause: p.Clause, Reason: reason}
	}
	return p
}
