package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
)

// A ListPlan is what a recipient would be given.
type ListPlan struct {
	Recipient string         `json:"recipient"`
	Fields    []avow.Field   `json:"fields"`
	For       []avow.Purpose `json:"for"`
	Contract  string         `json:"contract"`
	Until     string         `json:"until,omitempty"` // the last day of the contract
	Key       string         `json:"key,omitempty"`   // hash of the key that the list would be closed to; without one none can be
	Tell      string         `json:"tell,omitempty"`  // how they are told of opt-outs and erasures: https or mailto
	Rows      int            `json:"rows"`
	Kept      int            `json:"kept"`
	Canaries  int            `json:"canaries"` // invented people who would go along
	Lots      []Lot          `json:"lots"`
}

// A Lot is the rows of one collection that were collected under one version.
type Lot struct {
	Collection avow.Collection `json:"collection"`
	Statement  avow.Version    `json:"statement"`
	Fields     []avow.Field    `json:"fields"`
	For        []avow.Purpose  `json:"for"`
	Rows       int             `json:"rows"`
	Kept       map[string]int  `json:"kept"` // how many are kept back, by reason
	Clause     avow.ClauseID   `json:"clause,omitempty"`
	Reason     string          `json:"reason,omitempty"`
}

// PlanList says what a recipient would be given. Nothing of a row is told. If they
// may be given nothing at all the error is an *avow.Refusal.
func (c *Client) PlanList(ctx context.Context, token, recipient string, by avow.Actor) (*ListPlan, error) {
	var out ListPlan
	return &out, c.ask(ctx, http.MethodGet, "/v1/egress/"+url.PathEscape(recipient)+"/plan?actor="+url.QueryEscape(string(by)), token, nil, &out)
}

// A List is one that was given out.
type List struct {
	Rows, Kept, Canaries int64
	Leaf                 int64 // the entry of the log that stands for all rows
}

// GiveList writes a recipient's list, as csv or jsonl and closed to their key,
// into out. However long that takes, ctx alone ends it. A list that was cut off
// on the way does not open as a whole, and is an error here.
func (c *Client) GiveList(ctx context.Context, token, recipient, format string, by avow.Actor, out io.Writer) (*List, error) {
	body, err := json.Marshal(map[string]string{"actor": string(by), "format": format}, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+"/v1/egress/"+url.PathEscape(recipient), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	patient := *c.http
	patient.Timeout = 0
	resp, err := patient.Do(req)
	if err != nil {
		return nil, &brokenError{c.base, err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
		if err != nil {
			return nil, &brokenError{c.base, err}
		}
		return nil, problem(resp, text)
	}
	l := &List{}
	for name, n := range map[string]*int64{"Avow-Rows": &l.Rows, "Avow-Kept": &l.Kept, "Avow-Canaries": &l.Canaries, "Avow-Leaf": &l.Leaf} {
		if *n, err = strconv.ParseInt(resp.Header.Get(name), 10, 64); err != nil {
			return nil, fmt.Errorf("%s answered what this client cannot read: is it an avow of another version?", c.base)
		}
	}
	if _, err := io.Copy(out, resp.Body); err != nil {
		return nil, fmt.Errorf("list: %w", &brokenError{c.base, err})
	}
	return l, nil
}

// Reach says how a recipient is reached: by which age key lists are closed to
// them, and where they are told of opt-outs and erasures. What is empty stays as
// it was.
func (c *Client) Reach(ctx context.Context, token, recipient, key, tell string) error {
	body := struct {
		Key  string `json:"key,omitempty"`
		Tell string `json:"tell,omitempty"`
	}{key, tell}
	return c.ask(ctx, http.MethodPut, "/v1/recipients/"+url.PathEscape(recipient), token, body, nil)
}

// A Canary is somebody invented who was found in what came.
type Canary struct {
	Line      int       `json:"line"` // from 1
	Recipient string    `json:"recipient"`
	Given     time.Time `json:"given"`
}

// Whose says whose lists invented people stand in, by lines in which something of
// theirs may be. Whoever is found counts as touched from then on.
func (c *Client) Whose(ctx context.Context, token string, lines []string) ([]Canary, error) {
	body := struct {
		Lines []string `json:"lines"`
	}{lines}
	var out struct {
		Found []Canary `json:"found"`
	}
	err := c.ask(ctx, http.MethodPost, "/v1/canaries", token, body, &out)
	return out.Found, err
}
