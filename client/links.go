package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// A Link is another site that pages link to.
type Link struct {
	Host      string    `json:"host"`
	Class     string    `json:"class"`     // affiliate, partner, supplier or other; empty while nobody has described it
	Statement string    `json:"statement"` // the address of its own privacy statement, if it has one
	Met       time.Time `json:"met"`
	Described time.Time `json:"described"`
	Seen      time.Time `json:"seen"` // when a page last linked to it
}

// Links lists the sites that pages link to.
func (c *Client) Links(ctx context.Context, token string) ([]Link, error) {
	var out struct {
		Links []Link `json:"links"`
	}
	err := c.ask(ctx, http.MethodGet, "/v1/links", token, nil, &out)
	return out.Links, err
}

// DescribeLink enters a site into the register. statement may be empty.
func (c *Client) DescribeLink(ctx context.Context, token, host, class, statement string) (*Link, error) {
	body := struct {
		Class     string `json:"class"`
		Statement string `json:"statement,omitempty"`
	}{class, statement}
	var out Link
	return &out, c.ask(ctx, http.MethodPut, "/v1/links/"+url.PathEscape(host), token, body, &out)
}

// RemoveLink takes a site out of the register.
func (c *Client) RemoveLink(ctx context.Context, token, host string) error {
	return c.ask(ctx, http.MethodDelete, "/v1/links/"+url.PathEscape(host), token, nil, nil)
}

// A Crawl is what a look at all pages of a site found.
type Crawl struct {
	Pages      int      `json:"pages"`
	Links      int      `json:"links"` // to other sites
	Unlabelled int      `json:"unlabelled"`
	Leaks      int      `json:"leaks"`
	Hosts      []string `json:"hosts,omitempty"`
}

// NoteCrawl enters what a crawl found.
func (c *Client) NoteCrawl(ctx context.Context, token string, found Crawl) error {
	return c.ask(ctx, http.MethodPost, "/v1/links/crawls", token, found, nil)
}
