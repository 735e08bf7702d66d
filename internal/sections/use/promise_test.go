package use_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

func TestPromises(t *testing.T) {
	t.Run("purpose", func(t *testing.T) {
		h := servertest.New(t)
		h.Taken("contact", "name", "Ada", "email", "ada@example.com", "message", "Does it float?")
		before := size(h)
		a := h.Staff("/v1/reads", `{"collection": "contact", "purpose": "reply", "actor": "mia"}`)
		if a.Status != http.StatusOK || !strings.Contains(a.Body, "Does it float?") {
			t.Fatalf("asked for what it was given for: %d %s", a.Status, a.Body)
		}
		if size(h) == before {
			t.Error("the reading is not in the log")
		}
		before = size(h)
		a = h.Staff("/v1/reads", `{"collection": "contact", "purpose": "news", "actor": "mia"}`)
		if a.Status != http.StatusForbidden || !strings.Contains(a.Body, `"clause":"contact"`) || strings.Contains(a.Body, "Ada") {
			t.Errorf("asked for something else: %d %s", a.Status, a.Body)
		}
		if size(h) != before {
			t.Error("a reading that was refused is in the log")
		}
		a = h.Staff("/v1/reads", `{"collection": "contact", "purpose": "reply", "actor": "mia", "fields": ["name", "card"]}`)
		if a.Status != http.StatusForbidden {
			t.Errorf("asked for a field that the form does not have: %d %s", a.Status, a.Body)
		}
		a = h.Staff("/v1/reads", `{"collection": "contact", "purpose": "reply", "actor": "mia", "fields": ["name"]}`)
		if strings.Contains(a.Body, "float") {
			t.Errorf("a field that was not asked for was opened: %s", a.Body)
		}
		byAPI(t, h)
		if got := h.Standing("purpose"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
	t.Run("never-sold", func(t *testing.T) {
		h := servertest.New(t)
		h.Taken("contact", "email", "ada@example.com", "message", "Does it float?")
		for _, never := range []string{"sale", "rent", "lease"} {
			a := h.Staff("/v1/reads", `{"collection": "contact", "purpose": "`+never+`", "actor": "mia"}`)
			if a.Status != http.StatusForbidden || !strings.Contains(a.Body, `"clause":"never-sold"`) {
				t.Errorf("asked for %s: %d %s", never, a.Status, a.Body)
			}
		}
		if got := h.Standing("never-sold"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
}

// byAPI asks, as a program does, for one record and for a page, on purpose and
// off it. Whatever is opened has its entry, whose receipt says by whom and for
// what.
func byAPI(t *testing.T, h *servertest.House) {
	t.Helper()
	c, staff := h.Client()
	taken, err := c.Collect(t.Context(), staff, "contact", client.Values{"name": "Eve", "email": "eve@example.org", "message": "Is it brass?"})
	if err != nil {
		t.Fatal(err)
	}
	crm, err := c.NewToken(t.Context(), staff, client.Token{Name: "crm", May: []string{"read"}, Purposes: []avow.Purpose{"reply", "news"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, which := range map[string]client.Query{
		"by record": {Record: taken.Record}, "by person": {Subject: taken.Subject}, "by address": {Where: client.Values{"email": " EVE@example.org"}},
	} {
		which.Collection, which.Purpose, which.Actor, which.Fields = "contact", "reply", "mia", []avow.Field{"message"}
		got, err := c.Read(t.Context(), crm.Token, which)
		if err != nil || len(got.Records) != 1 || len(got.Records[0].Values) != 1 || got.Records[0].Values["message"] != "Is it brass?" {
			t.Errorf("%s it reads %+v (%v)", name, got, err)
			continue
		}
		r, err := receipt.Verify([]byte(got.Receipt), receipt.Options{})
		if err != nil || r.Event.Type != "read" || r.Event.X["actor"] != "crm: mia" || r.Event.X["purpose"] != "reply" || r.Event.X["record"] != taken.Record {
			t.Errorf("%s the receipt says %+v (%v)", name, r, err)
		}
		before := size(h)
		which.Purpose = "news"
		var no *avow.Refusal
		if _, err := c.Read(t.Context(), crm.Token, which); !errors.As(err, &no) || no.Clause != "contact" {
			t.Errorf("%s, for something else, it is answered %v", name, err)
		}
		which.Purpose = "opinion"
		var beyond *client.Problem
		if _, err := c.Read(t.Context(), crm.Token, which); !errors.As(err, &beyond) || beyond.Status != http.StatusForbidden {
			t.Errorf("%s, for what the token was not made, it is answered %v", name, err)
		}
		if size(h) != before {
			t.Errorf("%s a reading that was refused is in the log", name)
		}
	}
}

// TestEntryComesFirst: when the log cannot take the entry, nothing is opened.
func TestEntryComesFirst(t *testing.T) {
	h := servertest.New(t)
	_, staff := h.Client()
	h.Taken("contact", "email", "ada@example.com", "message", "Does it float?")
	if err := h.Server.Close(); err != nil { // the log takes no more, the address still answers
		t.Fatal(err)
	}
	h.Server = nil
	for _, path := range []string{"/v1/reads", "/v1/batch"} {
		body := `{"collection": "contact", "purpose": "reply", "actor": "mia"}`
		if path == "/v1/batch" {
			body = `{"operations": [{"do": "read", ` + body[1:] + `]}`
		}
		r, _ := http.NewRequest("POST", h.Private+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+staff)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if path == "/v1/reads" && resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(string(answer), "float") || strings.Contains(string(answer), "ada@") {
			t.Errorf("%s is answered %d %s", path, resp.StatusCode, answer)
		}
	}
}

// TestSelection refuses what says no records, or too many ways.
func TestSelection(t *testing.T) {
	h := servertest.New(t)
	rec := "rec_06h0sj4eg2d25bj9xqjb4r08ww"
	for _, c := range []struct {
		body   string
		status int
	}{
		{`"record": "` + rec + `"`, 404},
		{`"record": "x"`, 404},
		{`"subject": "x"`, 404},
		{`"subject": "sub_06h0sj4eg2d25bj9xqjb4r08ww"`, 200},
		{`"where": {"email": "nobody@example.com"}`, 200},
		{`"where": {"message": "Does it float?"}`, 422},
		{`"where": {"shoe-size": "41"}`, 422},
		{`"where": {"email": "a@b.example", "name": "x"}`, 422},
		{`"record": "` + rec + `", "where": {"email": "a@b.example"}`, 422},
		{`"record": "` + rec + `", "after": "` + rec + `"`, 422},
		{`"after": "x"`, 400},
		{`"limit": 1000`, 200},
	} {
		a := h.Staff("/v1/reads", `{"collection": "contact", "purpose": "reply", "actor": "mia", `+c.body+`}`)
		if a.Status != c.status {
			t.Errorf("%s is answered %d %s, want %d", c.body, a.Status, a.Body, c.status)
		}
	}
}

// TestPages reads a collection page by page, and nothing twice.
func TestPages(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	for range 7 {
		h.Taken("survey", "rating", "Very well")
	}
	seen, query := map[string]bool{}, client.Query{Collection: "survey", Purpose: "opinion", Actor: "mia", Limit: 3}
	for pages := 1; ; pages++ {
		got, err := c.Read(t.Context(), staff, query)
		if err != nil || pages > 3 {
			t.Fatal(pages, err)
		}
		if one := len(got.Records) == 1; one != (got.Receipt != "") || one == (got.Entry != nil) || !one && (got.Entry.N != 3 || got.Entry.Root == "") {
			t.Errorf("a page of %d records comes with %+v and the receipt %q", len(got.Records), got.Entry, got.Receipt)
		}
		for _, r := range got.Records {
			if seen[r.ID] {
				t.Errorf("%s comes twice", r.ID)
			}
			seen[r.ID] = true
		}
		if query.After = got.Next; query.After == "" {
			break
		}
	}
	if len(seen) != 7 {
		t.Errorf("%d records were read, want 7", len(seen))
	}
}

// size is how many entries the public log has.
func size(h *servertest.House) string {
	return strings.Split(h.Get("/log/checkpoint").Body, "\n")[1]
}

func TestActorIsAName(t *testing.T) {
	h := servertest.New(t)
	for _, actor := range []string{"", strings.Repeat("a", 101), `mia\u0007`} {
		a := h.Staff("/v1/reads", `{"collection": "contact", "purpose": "reply", "actor": "`+actor+`"}`)
		if a.Status < 400 || a.Status >= 500 || !strings.Contains(a.Header.Get("Content-Type"), "problem+json") {
			t.Errorf("actor %q is answered %d %s", actor, a.Status, a.Body)
		}
	}
}

func TestTokenIsAsked(t *testing.T) {
	h := servertest.New(t)
	for _, token := range []string{"", "Bearer", "Bearer wrong", "Basic eDp5"} {
		r, _ := http.NewRequest("POST", h.Private+"/v1/reads", strings.NewReader(`{}`))
		r.Header.Set("Authorization", token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("with %q it answers %d", token, resp.StatusCode)
		}
	}
}
