// Package client speaks to a running avow over its HTTP API.
package client

import (
	"context"
	"errors"
	"fmt"
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
	// Check is given each receipt that an answer brings; what it returns is
	// returned. Nil believes the server. To hold receipts to a log's key:
	//
	//	c.Check = func(text string) error {
	//		_, err := receipt.Verify([]byte(text), receipt.Options{Key: key})
	//		return err
	//	}
	Check func(receipt string) error

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
	return &out, c.send(ctx, call{http.MethodPost, "/v1/statements", token, "text/markdown; charset=utf-8", source}, &out)
}

// ErrNotFound says that what was asked for is not there.
var ErrNotFound = errors.New("not found")

// A Problem is an answer that something went wrong (RFC 9457).
type Problem struct {
	Status int           `json:"status"`
	Title  string        `json:"title"`
	Detail string        `json:"detail"`
	Clause avow.ClauseID `json:"clause"`
	Field  avow.Field    `json:"field"` // the field that is wrong, if one is
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
	return p.orRefusal()
}

// orRefusal makes a problem that names a clause a refusal.
func (p *Problem) orRefusal() error {
	if p.Clause == "" {
		return p
	}
	reason := p.Detail
	if reason == "" {
		reason = p.Title
	}
	return &avow.Refusal{Clause: p.Clause, Reason: reason}
}
