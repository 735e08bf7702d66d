package client

import (
	"context"
	"net/http"
)

// A DNSRecord is a TXT record by which others check the letters of a house.
type DNSRecord struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// DNS returns the records to publish so that letters are believed.
func (c *Client) DNS(ctx context.Context, token string) ([]DNSRecord, error) {
	var out struct {
		Records []DNSRecord `json:"records"`
	}
	err := c.ask(ctx, http.MethodGet, "/v1/mail/dns", token, nil, &out)
	return out.Records, err
}
