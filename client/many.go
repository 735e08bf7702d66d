package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
)

// MaxAtOnce is how many operations a batch has at most, and rows an import.
const MaxAtOnce = 1000

// An Operation is one of a batch. Do is collect, read, correct, delete or
// erase; the other members are those of that operation.
type Operation struct {
	Do         string          `json:"do"`
	Collection avow.Collection `json:"collection,omitempty"`
	Values     Values          `json:"values,omitempty"`
	Purpose    avow.Purpose    `json:"purpose,omitempty"`
	Actor      avow.Actor      `json:"actor,omitempty"`
	Fields     []avow.Field    `json:"fields,omitempty"`
	Record     string          `json:"record,omitempty"`
	Subject    string          `json:"subject,omitempty"`
	Where      Values          `json:"where,omitempty"`
	After      string          `json:"after,omitempty"`
	Limit      int             `json:"limit,omitzero"`
}

// A Result is what became of one operation of a batch.
type Result struct {
	Status int            `json:"status"`
	Body   jsontext.Value `json:"body"`
}

// Into reads the result into out, such as a *Collected. If the operation was
// not done the error is an *avow.Refusal or a *Problem.
func (r Result) Into(out any) error {
	if r.Status/100 == 2 {
		return json.Unmarshal(r.Body, out)
	}
	p := &Problem{}
	if json.Unmarshal(r.Body, p) != nil {
		p = &Problem{Title: http.StatusText(r.Status)}
	}
	p.Status = r.Status
	return p.orRefusal()
}

// Batch does up to MaxAtOnce operations, each on its own: what is wrong with
// one does not keep the others from being done. Results are in the order of the
// operations. Their receipts are not given to Check.
func (c *Client) Batch(ctx context.Context, token string, operations []Operation) ([]Result, error) {
	var out struct {
		Results []Result `json:"results"`
	}
	body := struct {
		Operations []Operation `json:"operations"`
	}{operations}
	err := c.ask(ctx, http.MethodPost, "/v1/batch", token, body, &out)
	return out.Results, err
}

// Rows are what several people handed over elsewhere.
type Rows []Values

// Imported is what became of an import.
type Imported struct {
	Accepted int      `json:"accepted"`
	Refused  []BadRow `json:"refused"`
	Leaf     int64    `json:"leaf"`           // the entry that stands for all rows; -1 if none was accepted
	Root     string   `json:"root,omitempty"` // of their commitments, in base64
}

// A BadRow is a row that was not accepted.
type BadRow struct {
	Row    int        `json:"row"` // from 0
	Field  avow.Field `json:"field"`
	Reason string     `json:"reason"`
}

// Import hands over up to MaxAtOnce rows as one change with one entry. Rows
// that do not fit are left out and named.
func (c *Client) Import(ctx context.Context, token string, to avow.Collection, rows Rows) (*Imported, error) {
	return c.bring(ctx, token, to, rows, false)
}

// ImportConfirmed is Import for people who confirmed their addresses in another
// tool. It starts no letters that were stopped here.
func (c *Client) ImportConfirmed(ctx context.Context, token string, to avow.Collection, rows Rows) (*Imported, error) {
	return c.bring(ctx, token, to, rows, true)
}

func (c *Client) bring(ctx context.Context, token string, to avow.Collection, rows Rows, confirmed bool) (*Imported, error) {
	var out Imported
	body := struct {
		Rows      Rows `json:"rows"`
		Confirmed bool `json:"confirmed,omitzero"`
	}{rows, confirmed}
	return &out, c.ask(ctx, http.MethodPost, "/v1/imports/"+url.PathEscape(string(to)), token, body, &out)
}
