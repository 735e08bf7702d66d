package use_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestFieldsOnce: a field that is asked for ten thousand times stands in the log
// once, and the receipt is one.
func TestFieldsOnce(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ada, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": "one"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Read(t.Context(), staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Record: ada.Record,
		Fields: slices.Repeat([]avow.Field{"message"}, 10_000)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify([]byte(got.Receipt), receipt.Options{})
	if fields, _ := r.Event.X["fields"].([]any); err != nil || len(fields) != 1 || got.Records[0].Values["message"] != "one" {
		t.Errorf("the receipt says %v: %v", fields, err)
	}
}

// TestFoundByItsOwn: what came in by a collection is found by what it asked for,
// and not by what the person gave for another purpose.
func TestFoundByItsOwn(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	if _, err := c.Collect(t.Context(), staff, "newsletter", client.Values{"email": "ada@example.com"}); err != nil {
		t.Fatal(err)
	}
	_, err := c.Read(t.Context(), staff, client.Query{Collection: "survey", Purpose: "opinion", Actor: "mia", Where: client.Values{"email": "ada@example.com"}})
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 422 || p.Field != "where" {
		t.Errorf("it is answered %v", err)
	}
}
