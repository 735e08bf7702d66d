package tokens_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/server/servertest"
)

// answered says with which status err answers; 200 for none, 403 for a refusal.
func answered(t *testing.T, err error) int {
	t.Helper()
	var p *client.Problem
	var no *avow.Refusal
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &p):
		return p.Status
	case errors.As(err, &no):
		return http.StatusForbidden
	}
	t.Error(err)
	return 0
}

// TestLimits: a token goes as far as it was made for, and no further.
func TestLimits(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	values := client.Values{"email": "ada@example.com", "message": "hello"}
	mine, err := c.Collect(ctx, staff, "contact", values)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.Collect(ctx, staff, "survey", client.Values{"rating": "Very well"})
	if err != nil {
		t.Fatal(err)
	}
	made, err := c.NewToken(ctx, staff, client.Token{Name: "crm", May: []string{"read", "correct", "erase", "collect"}, Purposes: []avow.Purpose{"reply"}, Collections: []avow.Collection{"contact"}})
	if err != nil || !strings.HasPrefix(made.Token, "avow_") {
		t.Fatal(made, err)
	}
	crm := made.Token
	read := func(from avow.Collection, purpose avow.Purpose) error {
		_, err := c.Read(ctx, crm, client.Query{Collection: from, Purpose: purpose, Actor: "mia"})
		return err
	}
	first := func(_ any, err error) error { return err }
	for name, got := range map[string]struct {
		err    error
		status int
	}{
		"reads for its purpose":                        {read("contact", "reply"), 200},
		"reads for another purpose":                    {read("contact", "news"), 403},
		"reads from another collection":                {read("survey", "opinion"), 403},
		"collects":                                     {first(c.Collect(ctx, crm, "contact", values)), 200},
		"collects elsewhere":                           {first(c.Collect(ctx, crm, "newsletter", client.Values{"email": "a@b.example"})), 403},
		"corrects":                                     {first(c.Correct(ctx, crm, mine.Record, "mia", client.Values{"message": "other"})), 200},
		"corrects elsewhere":                           {first(c.Correct(ctx, crm, other.Record, "mia", client.Values{"remarks": "x"})), 403},
		"deletes elsewhere":                            {first(c.Delete(ctx, crm, other.Record, "mia")), 403},
		"erases a person, of whom it sees a part only": {first(c.Erase(ctx, crm, mine.Subject, "mia")), 403},
		"exports, which it may not":                    {first(c.Export(ctx, crm, mine.Subject, "mia")), 403},
		"imports, which it may not":                    {first(c.Import(ctx, crm, "contact", client.Rows{values})), 403},
		"publishes, which it may not":                  {first(c.Publish(ctx, crm, []byte("x"))), 403},
		"makes a token":                                {first(c.NewToken(ctx, crm, client.Token{Name: "x", May: []string{"read"}})), 403},
		"lists the tokens":                             {first(c.Tokens(ctx, crm)), 403},
		"asks how it is":                               {first(c.Status(ctx, crm)), 200},
	} {
		if status := answered(t, got.err); status != got.status {
			t.Errorf("who %s is answered %d, want %d", name, status, got.status)
		}
	}
	results, err := c.Batch(ctx, crm, []client.Operation{{Do: "read", Collection: "contact", Purpose: "news", Actor: "mia"}, {Do: "erase", Subject: mine.Subject, Actor: "mia"}})
	if err != nil || results[0].Status != 403 || results[1].Status != 403 {
		t.Errorf("in a batch it is answered %+v (%v)", results, err)
	}
	reader, err := c.NewToken(ctx, staff, client.Token{Name: "reader", May: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range []client.Operation{{Do: "collect", Collection: "contact", Values: values}, {Do: "correct", Record: mine.Record, Actor: "mia", Values: client.Values{"message": "x"}},
		{Do: "delete", Record: mine.Record, Actor: "mia"}, {Do: "erase", Subject: mine.Subject, Actor: "mia"}} {
		if results, err := c.Batch(ctx, reader.Token, []client.Operation{op}); err != nil || results[0].Status != 403 {
			t.Errorf("in a batch %s, for what the token was not made, is answered %+v (%v)", op.Do, results, err)
		}
	}
	list, err := c.Tokens(ctx, staff)
	if err != nil || len(list) != 2 || list[0].Refused != 13 || list[0].Token != "" {
		t.Errorf("the list of tokens is %+v (%v)", list, err)
	}
}

// TestRevoked: a token ends at once when it is revoked, and on its day.
func TestRevoked(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	made, err := c.NewToken(ctx, staff, client.Token{Name: "crm", May: []string{"read"}, Expires: h.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	lasting, err := c.NewToken(ctx, staff, client.Token{Name: "lasting", May: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(token string) int {
		_, err := c.Status(ctx, token)
		return answered(t, err)
	}
	h.Pass(59 * time.Minute)
	if got := ask(made.Token); got != 200 {
		t.Errorf("a minute before its end it is answered %d", got)
	}
	h.Pass(time.Minute)
	if got := ask(made.Token); got != 401 {
		t.Errorf("at its end it is answered %d", got)
	}
	if got := ask(lasting.Token); got != 200 {
		t.Errorf("one without an end is answered %d", got)
	}
	if err := c.Revoke(ctx, staff, lasting.ID); err != nil {
		t.Fatal(err)
	}
	if got := ask(lasting.Token); got != 401 {
		t.Errorf("right after it was revoked it is answered %d", got)
	}
	if err := c.Revoke(ctx, staff, lasting.ID); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("revoked twice: %v", err)
	}
}

// TestMake refuses tokens that make no sense, and says why.
func TestMake(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	if _, err := c.NewToken(t.Context(), staff, client.Token{Name: "crm", May: []string{"read"}}); err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]struct {
		token  client.Token
		status int
	}{
		"without a name":           {client.Token{May: []string{"read"}}, 422},
		"with a colon in its name": {client.Token{Name: "crm: mia", May: []string{"read"}}, 422},
		"with a long name":         {client.Token{Name: strings.Repeat("a", 41), May: []string{"read"}}, 422},
		"for nothing":              {client.Token{Name: "x"}, 422},
		"for what staff alone may": {client.Token{Name: "x", May: []string{"staff"}}, 422},
		"for an unknown purpose":   {client.Token{Name: "x", May: []string{"read"}, Purposes: []avow.Purpose{"sale"}}, 422},
		"for an unknown place":     {client.Token{Name: "x", May: []string{"read"}, Collections: []avow.Collection{"x"}}, 422},
		"that is over":             {client.Token{Name: "x", May: []string{"read"}, Expires: h.Now()}, 422},
		"with a name that is used": {client.Token{Name: "crm", May: []string{"read"}}, 409},
	} {
		if _, err := c.NewToken(t.Context(), staff, wrong.token); answered(t, err) != wrong.status {
			t.Errorf("a token %s is answered %v, want %d", name, err, wrong.status)
		}
	}
}

// TestTokenIsNotKept: the data folder has a hash of a token, and the token
// nowhere.
func TestTokenIsNotKept(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	made, err := c.NewToken(t.Context(), staff, client.Token{Name: "crm", May: []string{"read"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context(), made.Token); err != nil {
		t.Fatal(err)
	}
	h.Stop()
	digest, found := api.Digest(made.Token), false
	files, err := filepath.Glob(filepath.Join(h.Dir, "data", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found = found || strings.Contains(string(body), string(digest[:]))
		if strings.Contains(string(body), made.Token) || strings.Contains(string(body), strings.TrimPrefix(made.Token, "avow_")) {
			t.Errorf("the token is in %s", filepath.Base(name))
		}
	}
	if !found || strings.Contains(h.Log.String(), made.Token) {
		t.Errorf("its hash is kept: %v; log %s", found, h.Log)
	}
}
