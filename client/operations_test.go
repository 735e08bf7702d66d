package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow"
)

// TestOperations: each method asks what it should, and reads what it gets.
func TestOperations(t *testing.T) {
	first := func(out any, err error) (any, error) { return out, err }
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for name, o := range map[string]struct {
		do           func(*Client) (any, error)
		method, path string
		body, answer string
		want         any
	}{
		"collect": {func(c *Client) (any, error) {
			return first(c.Collect(ctx, "secret", "contact", Values{"email": "a@b.example"}))
		},
			"POST", "/v1/collect/contact", `{"values":{"email":"a@b.example"}}`, `{"record":"rec_1","statement":2,"expires":"2026-11-24T08:00:00Z","new":1}`,
			&Collected{Record: "rec_1", Statement: 2, Expires: at}},
		"correct": {func(c *Client) (any, error) {
			return first(c.Correct(ctx, "secret", "rec/1", "mia", Values{"email": ""}))
		},
			"PATCH", "/v1/records/rec%2F1", `{"actor":"mia","values":{"email":""}}`, `{"record":"rec_1","statement":2,"receipt":"r"}`, &Correction{"rec_1", 2, "r"}},
		"delete": {func(c *Client) (any, error) { return first(c.Delete(ctx, "secret", "rec_1", "mia & co")) },
			"DELETE", "/v1/records/rec_1?actor=mia+%26+co", ``, `{"erased":true,"receipt":"r"}`, &Erasure{true, "r"}},
		"erase": {func(c *Client) (any, error) { return first(c.Erase(ctx, "secret", "sub_1", "mia")) },
			"DELETE", "/v1/subjects/sub_1?actor=mia", ``, `{"erased":true}`, &Erasure{Erased: true}},
		"export": {func(c *Client) (any, error) { return first(c.Export(ctx, "secret", "sub_1", "mia")) },
			"POST", "/v1/subjects/sub_1/export", `{"actor":"mia"}`, `{"subject":"sub_1","events":[{"leaf":7,"event":{"n":1}}]}`,
			&Package{Subject: "sub_1", Events: []PackedEvent{{7, []byte(`{"n":1}`)}}}},
		"decide": {func(c *Client) (any, error) {
			return first(c.Decide(ctx, "secret", Use{Collection: "contact", Purpose: "news", Actor: "mia"}))
		},
			"POST", "/v1/decisions", `{"collection":"contact","purpose":"news","actor":"mia"}`, `{"allowed":false,"clause":"contact","reason":"no"}`, &Decision{false, "contact", "no"}},
		"import": {func(c *Client) (any, error) {
			return first(c.Import(ctx, "secret", "contact", Rows{{"email": "a@b.example"}}))
		},
			"POST", "/v1/imports/contact", `{"rows":[{"email":"a@b.example"}]}`, `{"accepted":0,"refused":[{"row":0,"field":"email","reason":"no"}],"leaf":-1}`,
			&Imported{0, []BadRow{{0, "email", "no"}}, -1, ""}},
		"import confirmed": {func(c *Client) (any, error) {
			return first(c.ImportConfirmed(ctx, "secret", "newsletter", Rows{{"email": "a@b.example"}}))
		},
			"POST", "/v1/imports/newsletter", `{"rows":[{"email":"a@b.example"}],"confirmed":true}`, `{"accepted":1,"refused":[],"leaf":7}`, &Imported{1, []BadRow{}, 7, ""}},
		"receipt": {func(c *Client) (any, error) { return first(c.Receipt(ctx, "secret", "/privacy/receipt/abc")) }, "GET", "/v1/receipts/abc", ``, `text`, "text"},
		"make a token": {func(c *Client) (any, error) {
			return first(c.NewToken(ctx, "secret", Token{ID: "x", Name: "crm", May: []string{"read"}, Token: "x"}))
		},
			"POST", "/v1/tokens", `{"name":"crm","may":["read"]}`, `{"id":"tok_1","name":"crm","may":["read"],"token":"avow_1"}`, &Token{ID: "tok_1", Name: "crm", May: []string{"read"}, Token: "avow_1"}},
		"tokens": {func(c *Client) (any, error) { return first(c.Tokens(ctx, "secret")) }, "GET", "/v1/tokens", ``, `{"tokens":[{"id":"tok_1"}]}`, []Token{{ID: "tok_1"}}},
		"revoke": {func(c *Client) (any, error) { return nil, c.Revoke(ctx, "secret", "tok_1") }, "DELETE", "/v1/tokens/tok_1", ``, `{"revoked":true}`, nil},
		"links": {func(c *Client) (any, error) { return first(c.Links(ctx, "secret")) }, "GET", "/v1/links", ``, `{"links":[{"host":"a.example","class":"partner"}]}`,
			[]Link{{Host: "a.example", Class: "partner"}}},
		"describe a link": {func(c *Client) (any, error) {
			return first(c.DescribeLink(ctx, "secret", "*.a.example:8080", "partner", "https://a.example/privacy"))
		},
			"PUT", "/v1/links/%2A.a.example:8080", `{"class":"partner","statement":"https://a.example/privacy"}`, `{"host":"*.a.example:8080"}`, &Link{Host: "*.a.example:8080"}},
		"remove a link": {func(c *Client) (any, error) { return nil, c.RemoveLink(ctx, "secret", "a.example") }, "DELETE", "/v1/links/a.example", ``, `{"removed":true}`, nil},
		"note a crawl": {func(c *Client) (any, error) {
			return nil, c.NoteCrawl(ctx, "secret", Crawl{Pages: 3, Links: 7, Hosts: []string{"a.example"}})
		},
			"POST", "/v1/links/crawls", `{"pages":3,"links":7,"unlabelled":0,"leaks":0,"hosts":["a.example"]}`, `{"noted":true}`, nil},
		"status": {func(c *Client) (any, error) { return first(c.Status(ctx, "secret")) }, "GET", "/v1/status", ``, `{"version":2,"log":{"size":7},"engine":"sqlite"}`,
			&Status{Version: 2, Log: LogStatus{Size: 7}, Engine: "sqlite"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if r.Method != o.method || r.URL.RequestURI() != o.path || string(body) != o.body || r.Header.Get("Authorization") != "Bearer secret" {
					t.Errorf("it asks %s %s\n%s", r.Method, r.URL.RequestURI(), body)
				}
				reply(w, 200, "application/json", o.answer)
			})
			got, err := o.do(c)
			if diff := cmp.Diff(o.want, got); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

// TestBatch reads each result by itself.
func TestBatch(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) != `{"operations":[{"do":"collect","collection":"contact"},{"do":"read","purpose":"news"},{"do":"fly"}]}` {
			t.Errorf("it asks %s", body)
		}
		reply(w, 200, "application/json", `{"results":[{"status":201,"body":{"record":"rec_1"}},{"status":403,"body":{"status":403,"title":"No","clause":"x"}},{"status":422,"body":7}]}`)
	})
	results, err := c.Batch(ctx, "secret", []Operation{{Do: "collect", Collection: "contact"}, {Do: "read", Purpose: "news"}, {Do: "fly"}})
	if err != nil || len(results) != 3 {
		t.Fatal(results, err)
	}
	var got Collected
	if err := results[0].Into(&got); err != nil || got.Record != "rec_1" {
		t.Error(got, err)
	}
	var no *avow.Refusal
	if err := results[1].Into(&got); !errors.As(err, &no) || no.Clause != "x" {
		t.Error(err)
	}
	var p *Problem
	if err := results[2].Into(&got); !errors.As(err, &p) || p.Status != 422 {
		t.Error(err)
	}
}

// TestRetries: what may be sent again is, when that could help, with the same
// key; nothing else ever is.
func TestRetries(t *testing.T) {
	for name, c := range map[string]struct {
		key    string
		get    bool
		status []int // 0 breaks the connection
		asked  int64
		works  bool
	}{
		"not ready, with a key":      {"key-00001", false, []int{503, 503, 200}, 3, true},
		"not ready, without":         {"", false, []int{503, 200}, 1, false},
		"broken, with a key":         {"key-00001", false, []int{0, 200}, 2, true},
		"broken, without":            {"", false, []int{0, 200}, 1, false},
		"broken, only asking":        {"", true, []int{0, 200}, 2, true},
		"never ready":                {"key-00001", false, []int{503, 503, 503, 503, 200}, tries, false},
		"refused, with a key":        {"key-00001", false, []int{403, 200}, 1, false},
		"a fault, which may be done": {"key-00001", false, []int{500, 200}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				n := asked.Add(1)
				if got := r.Header.Get("Idempotency-Key"); got != c.key {
					t.Errorf("it sends the key %q", got)
				}
				if c.status[n-1] == 0 {
					panic(http.ErrAbortHandler)
				}
				reply(w, c.status[n-1], "application/json", `{"erased":true}`)
			})
			var err error
			if c.get {
				_, err = client.Status(ctx, "secret")
			} else {
				with := ctx
				if c.key != "" {
					with = WithKey(ctx, c.key)
				}
				_, err = client.Erase(with, "secret", "sub_1", "mia")
			}
			if asked.Load() != c.asked || (err == nil) != c.works {
				t.Errorf("it asks %d times, want %d: %v", asked.Load(), c.asked, err)
			}
		})
	}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "9")
		reply(w, 503, "text/plain", "")
	})
	short, cancel := context.WithTimeout(WithKey(ctx, "key-00001"), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Erase(short, "secret", "sub_1", "mia"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("who waits too long hears %v", err)
	}
}

// TestCheck: a receipt that does not hold is an error, whatever it came with.
func TestCheck(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "receipts") {
			reply(w, 200, "text/plain", "forged")
			return
		}
		reply(w, 200, "application/json", `{"receipt":"forged"}`)
	})
	fault := errors.New("not by that key")
	c.Check = func(text string) error {
		if text != "forged" {
			t.Errorf("it checks %q", text)
		}
		return fault
	}
	for name, do := range map[string]func() error{
		"collect": func() error { _, err := c.Collect(ctx, "", "contact", nil); return err },
		"read":    func() error { _, err := c.Read(ctx, "", Query{}); return err },
		"correct": func() error { _, err := c.Correct(ctx, "", "x", "mia", nil); return err },
		"delete":  func() error { _, err := c.Delete(ctx, "", "x", "mia"); return err },
		"export":  func() error { _, err := c.Export(ctx, "", "x", "mia"); return err },
		"receipt": func() error { _, err := c.Receipt(ctx, "", "x"); return err },
	} {
		if err := do(); !errors.Is(err, fault) {
			t.Errorf("%s with a forged receipt: %v", name, err)
		}
	}
}

func TestWitness(t *testing.T) {
	const request = "old 7\n\nharbour.example/log\n8\nroot\n\n— harbour.example/log sig\n"
	answer := struct {
		status     int
		kind, text string
	}{200, "text/plain", "— witness sig\n"}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/add-checkpoint" || string(body) != request || r.Header.Get("Authorization") != "" {
			t.Errorf("it asks %s %s\n%s", r.Method, r.URL, body)
		}
		reply(w, answer.status, answer.kind, answer.text)
	})
	w := &Witness{c}
	if got, err := w.AddCheckpoint(ctx, []byte(request)); string(got) != "— witness sig\n" || err != nil {
		t.Error(string(got), err)
	}
	for name, a := range map[string]struct {
		status     int
		kind, text string
		size       int64 // -1 for no conflict
	}{
		"another size":          {409, "text/x.tlog.size", "12\n", 12},
		"without the line end":  {409, "text/x.tlog.size", "12", 12},
		"no number":             {409, "text/x.tlog.size", "twelve\n", -1},
		"a leading zero":        {409, "text/x.tlog.size", "012\n", -1},
		"below zero":            {409, "text/x.tlog.size", "-1\n", -1},
		"another kind of reply": {409, "text/html", "12\n", -1},
		"a bad request":         {400, "text/plain", "12\n", -1},
		"an unknown log":        {404, "text/plain", "", -1},
	} {
		answer.status, answer.kind, answer.text = a.status, a.kind, a.text
		_, err := w.AddCheckpoint(ctx, []byte(request))
		var conflict *Conflict
		if errors.As(err, &conflict) != (a.size >= 0) || err == nil || conflict != nil && conflict.Size != a.size {
			t.Errorf("%s is read as %v", name, err)
		}
	}
}
