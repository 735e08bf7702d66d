package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/avow-privacy/avow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

// serve runs a server that answers every request with handle.
func serve(t *testing.T, handle http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handle)
	c, err := New(s.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		s.Close()
	})
	return c
}

func reply(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func TestRead(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"collection":"contact","purpose":"reply","actor":"mia","fields":["email"],"after":"m","limit":2}`
		if r.Method != "POST" || r.URL.Path != "/v1/reads" || r.Header.Get("Authorization") != "Bearer secret" || string(body) != want {
			t.Errorf("%s %s %s\n%s", r.Method, r.URL, r.Header.Get("Authorization"), body)
		}
		reply(w, 200, "application/json", `{"records":[{"id":"rec_1","collected":"2026-11-24T08:00:00Z","statement":2,"values":{"email":"eve@example.org"}}],"next":"n","new":1}`)
	})
	got, err := c.Read(ctx, "secret", Query{Collection: "contact", Purpose: "reply", Actor: "mia", Fields: []avow.Field{"email"}, After: "m", Limit: 2})
	want := &Reading{Next: "n", Records: []Record{{ID: "rec_1", Collected: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), Statement: 2, Values: Values{"email": "eve@example.org"}}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestPublish(t *testing.T) {
	const source = "---\nstatement: 1\n---\n# é\n"
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method != "POST" || r.URL.Path != "/v1/statements" || r.Header.Get("Authorization") != "Bearer secret" || string(body) != source {
			t.Errorf("%s %s\n%s", r.Method, r.URL, body)
		}
		reply(w, 200, "application/json", `{"version":3,"class":"wider","leaf":17,"pinned":{"1":4,"2":1}}`)
	})
	got, err := c.Publish(ctx, "secret", []byte(source))
	want := &Published{Version: 3, Class: "wider", Leaf: 17, Pinned: map[avow.Version]int{1: 4, 2: 1}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestProblems(t *testing.T) {
	for name, p := range map[string]struct {
		status      int
		contentType string
		body        string
		want        string
		refusal     *avow.Refusal
	}{
		"refused": {403, "application/problem+json", `{"status":403,"title":"Refused","detail":"\"sell\" is no purpose","clause":"never-sold"}`,
			`refused by never-sold: "sell" is no purpose`, &avow.Refusal{Clause: "never-sold", Reason: `"sell" is no purpose`}},
		"refused without detail": {403, "application/problem+json; charset=utf-8", `{"title":"No","clause":"x"}`, "refused by x: No", &avow.Refusal{Clause: "x", Reason: "No"}},
		"problem":                {422, "application/problem+json", `{"title":"The statement does not compile","detail":"See avow check."}`, "See avow check. (422)", nil},
		"title only":             {401, "application/problem+json", `{"title":"This is for staff"}`, "This is for staff (401)", nil},
		"proxy":                  {502, "text/html", `<h1>Bad gateway</h1>`, "Bad Gateway (502)", nil},
		"broken json":            {500, "application/problem+json", `{`, "Internal Server Error (500)", nil},
		"another status inside":  {404, "application/problem+json", `{"status":200,"title":"gone"}`, "gone (404)", nil},
		"not json":               {200, "application/json", `<html>`, "another version", nil},
		"redirect elsewhere":     {302, "text/plain", ``, "Found (302)", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				reply(w, p.status, p.contentType, p.body)
			})
			_, err := c.Read(ctx, "secret", Query{})
			if err == nil || !strings.Contains(err.Error(), p.want) || strings.Contains(err.Error(), "secret") {
				t.Fatal(err)
			}
			var refusal *avow.Refusal
			if errors.As(err, &refusal) != (p.refusal != nil) || cmp.Diff(p.refusal, refusal) != "" {
				t.Errorf("refusal %+v, want %+v", refusal, p.refusal)
			}
			if errors.Is(err, ErrNotFound) != (p.status == 404) {
				t.Error("ErrNotFound:", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range maxPart/1024 + 1 {
			fmt.Fprintf(w, "%1024d", 1)
		}
	})
	if _, err := c.LogPart(ctx, "checkpoint"); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Error(err)
	}
	waiting := make(chan struct{})
	c = serve(t, func(w http.ResponseWriter, r *http.Request) { <-waiting })
	defer close(waiting)
	c.http.Timeout = 50 * time.Millisecond
	if _, err := c.LogPart(ctx, "checkpoint"); err == nil {
		t.Error("waited for ever")
	}
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if _, err := c.Read(short, "secret", Query{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestLogPart(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/log/tile/0/000" {
			http.NotFound(w, r)
			return
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the log was asked with a token")
		}
		io.WriteString(w, "hashes")
	})
	c.base += "/log"
	if data, err := c.LogPart(ctx, "tile/0/000"); string(data) != "hashes" || err != nil {
		t.Error(string(data), err)
	}
	if _, err := c.LogPart(ctx, "tile/0/001"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{"", "harbour.example", "ftp://harbour.example", "http://", "http://a b/", "http://h/?q", "http://h/#f", "http://%zz/"} {
		if _, err := New(bad); err == nil {
			t.Errorf("%q is taken for an address", bad)
		}
	}
}
