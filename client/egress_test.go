package client

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow"
)

// TestLists: each method asks what it should, and reads what it gets.
func TestLists(t *testing.T) {
	for name, o := range map[string]struct {
		do                         func(*Client) (any, error)
		method, path, body, answer string
		want                       any
	}{
		"plan": {func(c *Client) (any, error) { return c.PlanList(ctx, "secret", "courier", "mia & co") }, "GET", "/v1/egress/courier/plan?actor=mia+%26+co", ``,
			`{"recipient":"courier","rows":2,"lots":[{"collection":"order","statement":1,"rows":2,"kept":{"pin":1}}]}`,
			&ListPlan{Recipient: "courier", Rows: 2, Lots: []Lot{{Collection: "order", Statement: 1, Rows: 2, Kept: map[string]int{"pin": 1}}}}},
		"reach": {func(c *Client) (any, error) { return nil, c.Reach(ctx, "secret", "courier", "age1x", "") }, "PUT", "/v1/recipients/courier", `{"key":"age1x"}`, `{"set":true}`, nil},
		"whose": {func(c *Client) (any, error) { return c.Whose(ctx, "secret", []string{"a", "b"}) }, "POST", "/v1/canaries", `{"lines":["a","b"]}`,
			`{"found":[{"line":2,"recipient":"courier"}]}`, []Canary{{Line: 2, Recipient: "courier"}}},
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

// TestGiveList: a list is whole or an error, and a refusal says its clause.
func TestGiveList(t *testing.T) {
	how := "whole"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.RequestURI != "/v1/egress/courier" || string(body) != `{"actor":"mia","format":"csv"}` {
			t.Errorf("it asks %s %s", r.RequestURI, body)
		}
		if how == "refused" {
			reply(w, 403, "application/problem+json", `{"status":403,"title":"No","detail":"not declared","clause":"recipients"}`)
			return
		}
		if how != "headless" {
			for name, n := range map[string]string{"Avow-Rows": "2", "Avow-Kept": "1", "Avow-Canaries": "3", "Avow-Leaf": "7"} {
				w.Header().Set(name, n)
			}
		}
		io.WriteString(w, "closed")
		if how == "broken" {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	})
	give := func(to string) (*List, string, error) {
		var out bytes.Buffer
		how = to
		l, err := c.GiveList(ctx, "secret", "courier", "csv", "mia", &out)
		return l, out.String(), err
	}
	if l, text, err := give("whole"); err != nil || text != "closed" || *l != (List{2, 1, 3, 7}) {
		t.Errorf("%+v %q (%v)", l, text, err)
	}
	if _, _, err := give("broken"); err == nil {
		t.Error("a list that broke off is taken for whole")
	}
	if _, _, err := give("headless"); err == nil {
		t.Error("whatever has no head is taken for a list")
	}
	var no *avow.Refusal
	if _, text, err := give("refused"); !errors.As(err, &no) || no.Clause != "recipients" || text != "" {
		t.Errorf("refused it is %v, and %q is written", err, text)
	}
}
