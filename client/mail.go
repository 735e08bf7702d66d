package client

import (
	"context"
	"net/http"
)

// A Fed is what became of a mail that was handed over.
type Fed struct {
	Kind string `json:"kind"` // unsubscribe, request, child, question, bounce, complaint, auto-reply or junk
	Done string `json:"done"` // stopped, kept …, or again if it was known already
}

// FeedMail hands over one mail as it came, in the form of message/rfc822. It is
// sorted and acted on as if it had been sent to the house; its sender gets no
// answer. One that was handed over before changes nothing.
func (c *Client) FeedMail(ctx context.Context, token string, raw []byte) (*Fed, error) {
	var out Fed
	return &out, c.send(ctx, call{http.MethodPost, "/v1/mail", token, "message/rfc822", raw}, &out)
}
