package client

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/avow-privacy/avow"
)

// Values are what a person hands over, by field.
type Values = map[avow.Field]string

// Collected is what became of something that was handed over.
type Collected struct {
	Record    string        `json:"record"`
	Subject   string        `json:"subject"`
	Clause    avow.ClauseID `json:"clause"`
	Statement avow.Version  `json:"statement"` // the version it is pinned to
	Fields    []avow.Field  `json:"fields"`    // what was kept, by name
	Expires   time.Time     `json:"expires"`   // gone by then
	Receipt   string        `json:"receipt"`   // c2sp.org/tlog-proof@v1
	Link      string        `json:"link"`      // path of the receipt's page
}

func (c *Collected) proof() string { return c.Receipt }

// Collect hands over what a person gave, as a form does.
func (c *Client) Collect(ctx context.Context, token string, to avow.Collection, values Values) (*Collected, error) {
	var out Collected
	body := struct {
		Values Values `json:"values"`
	}{values}
	return &out, c.ask(ctx, http.MethodPost, "/v1/collect/"+url.PathEscape(string(to)), token, body, &out)
}

// A Query says what is read, for which purpose and by whom. At most one of
// Record, Subject and Where is given; without any, the collection is read page
// by page.
type Query struct {
	Collection avow.Collection `json:"collection"`
	Purpose    avow.Purpose    `json:"purpose"`
	Actor      avow.Actor      `json:"actor"`
	Fields     []avow.Field    `json:"fields,omitempty"` // all that the purpose allows, if empty
	After      string          `json:"after,omitempty"`  // Reading.Next of the page before
	Limit      int             `json:"limit,omitzero"`
	Record     string          `json:"record,omitempty"`
	Subject    string          `json:"subject,omitempty"`
	Where      Values          `json:"where,omitempty"` // one indexed field and its value
}

// A Reading is what a read gave.
type Reading struct {
	Records []Record `json:"records"`
	Next    string   `json:"next,omitempty"`    // where the next page begins, for Query.After; empty on the last
	Receipt string   `json:"receipt,omitempty"` // of a single record: proves that the read is in the log
	Entry   *Entry   `json:"entry,omitempty"`   // of several records: the one entry that stands for all
}

func (r *Reading) proof() string { return r.Receipt }

// An Entry is one place in the log that stands for many events.
type Entry struct {
	Leaf int64  `json:"leaf"`
	Root string `json:"root"` // of the events' commitments, in base64
	N    int    `json:"n"`
}

// A Record is one record, opened as far as the purpose allows.
type Record struct {
	ID        string                `json:"id"`
	Subject   string                `json:"subject"`
	Collected time.Time             `json:"collected"`
	Statement avow.Version          `json:"statement"`
	Values    map[avow.Field]string `json:"values"`
}

// Read asks for records. If the statement forbids it the error is an
// *avow.Refusal.
func (c *Client) Read(ctx context.Context, token string, query Query) (*Reading, error) {
	var out Reading
	return &out, c.ask(ctx, http.MethodPost, "/v1/reads", token, query, &out)
}

// A Correction is what became of a record that was corrected.
type Correction struct {
	Record    string       `json:"record"`
	Statement avow.Version `json:"statement"`
	Receipt   string       `json:"receipt"`
}

func (c *Correction) proof() string { return c.Receipt }

// Correct replaces values of a record. What they were before is not kept.
func (c *Client) Correct(ctx context.Context, token, record string, by avow.Actor, values Values) (*Correction, error) {
	var out Correction
	body := struct {
		Actor  avow.Actor `json:"actor"`
		Values Values     `json:"values"`
	}{by, values}
	return &out, c.ask(ctx, http.MethodPatch, "/v1/records/"+url.PathEscape(record), token, body, &out)
}

// An Erasure is what became of a record or a person that is no longer kept.
type Erasure struct {
	Erased  bool   `json:"erased"`
	Receipt string `json:"receipt,omitempty"` // the certificate; missing when the erasure is only answered again
}

func (e *Erasure) proof() string { return e.Receipt }

// Delete forgets one record.
func (c *Client) Delete(ctx context.Context, token, record string, by avow.Actor) (*Erasure, error) {
	var out Erasure
	return &out, c.ask(ctx, http.MethodDelete, "/v1/records/"+url.PathEscape(record)+actor(by), token, nil, &out)
}

// Erase forgets a person: the key, the records, the index and the events. Who
// is not there, or no longer, is ErrNotFound.
func (c *Client) Erase(ctx context.Context, token, subject string, by avow.Actor) (*Erasure, error) {
	var out Erasure
	return &out, c.ask(ctx, http.MethodDelete, "/v1/subjects/"+url.PathEscape(subject)+actor(by), token, nil, &out)
}

func actor(by avow.Actor) string { return "?actor=" + url.QueryEscape(string(by)) }

// A Package is everything that is kept about one person.
type Package struct {
	Subject string         `json:"subject"`
	At      time.Time      `json:"at"`
	Records []PackedRecord `json:"records"`
	Events  []PackedEvent  `json:"events"`
	Receipt string         `json:"receipt"` // of the export itself
}

func (p *Package) proof() string { return p.Receipt }

// A PackedRecord is a record and where it comes from.
type PackedRecord struct {
	ID         string          `json:"id"`
	Collection avow.Collection `json:"collection"`
	Statement  avow.Version    `json:"statement"`
	Clause     avow.ClauseID   `json:"clause"`
	Collected  time.Time       `json:"collected"`
	Expires    time.Time       `json:"expires"`
	Values     Values          `json:"values"`
}

// A PackedEvent is something that was done with the person's information.
type PackedEvent struct {
	Leaf  int64          `json:"leaf"`  // its place in the log
	Event jsontext.Value `json:"event"` // as it is in the receipt
}

// Export packs everything that is kept about one person.
func (c *Client) Export(ctx context.Context, token, subject string, by avow.Actor) (*Package, error) {
	var out Package
	body := struct {
		Actor avow.Actor `json:"actor"`
	}{by}
	return &out, c.ask(ctx, http.MethodPost, "/v1/subjects/"+url.PathEscape(subject)+"/export", token, body, &out)
}

// A Use is what a decision is asked about.
type Use struct {
	Collection avow.Collection `json:"collection"`
	Purpose    avow.Purpose    `json:"purpose"`
	Actor      avow.Actor      `json:"actor"`
	Fields     []avow.Field    `json:"fields,omitempty"`
	Statement  avow.Version    `json:"statement,omitzero"` // of the record; the version in force, if 0
}

// A Decision says whether a use is allowed, and if not by which promise.
type Decision struct {
	Allowed bool          `json:"allowed"`
	Clause  avow.ClauseID `json:"clause,omitempty"`
	Reason  string        `json:"reason,omitempty"`
}

// Decide asks whether a use would be allowed. Nothing is read or logged.
func (c *Client) Decide(ctx context.Context, token string, use Use) (*Decision, error) {
	var out Decision
	return &out, c.ask(ctx, http.MethodPost, "/v1/decisions", token, use, &out)
}

// Receipt fetches the receipt behind a link, such as Collected.Link.
func (c *Client) Receipt(ctx context.Context, token, link string) (string, error) {
	var out string
	err := c.ask(ctx, http.MethodGet, "/v1/receipts/"+url.PathEscape(path.Base(link)), token, nil, &out)
	return out, err
}
