package forms_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestCollect takes what the statement declares, with a receipt, and nothing
// else.
func TestCollect(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	got, err := c.Collect(ctx, staff, "contact", client.Values{"name": "  Ada ", "email": "ada@example.com", "message": "hello"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify([]byte(got.Receipt), receipt.Options{})
	if err != nil || r.Event.Type != "collected" || r.Event.X["record"] != got.Record || got.Statement != 1 || got.Clause != "contact" {
		t.Errorf("it is answered %+v, the receipt says %+v (%v)", got, r, err)
	}
	if text, err := c.Receipt(ctx, staff, got.Link); err != nil || !strings.Contains(text, "tlog-proof") {
		t.Errorf("the receipt fetched again: %s (%v)", text, err)
	}
	if a := h.Get(got.Link); a.Status != 200 {
		t.Errorf("the page of the receipt is answered %d", a.Status)
	}
	for name, wrong := range map[string]struct {
		to     avow.Collection
		values client.Values
		status int
		field  avow.Field
		clause avow.ClauseID
	}{
		"an undeclared field":   {"contact", client.Values{"email": "a@b.example", "message": canary, "shoe-size": canary}, 0, "", "only-forms"},
		"a missing field":       {"contact", client.Values{"email": "a@b.example", "name": canary}, 422, "message", ""},
		"an empty field":        {"contact", client.Values{"email": "a@b.example", "message": " \n"}, 422, "message", ""},
		"no e-mail address":     {"contact", client.Values{"email": canary, "message": "x"}, 422, "email", ""},
		"too long":              {"contact", client.Values{"email": "a@b.example", "message": strings.Repeat(canary, 250)}, 422, "message", ""},
		"a control character":   {"contact", client.Values{"email": "a@b.example", "message": canary + "\x00"}, 422, "message", ""},
		"a choice that is none": {"survey", client.Values{"rating": canary}, 422, "rating", ""},
		"no such collection":    {canary, client.Values{"email": "a@b.example"}, 404, "", ""},
		"no form":               {"access-log", client.Values{"network": canary}, 404, "", ""},
		"nothing":               {"contact", nil, 422, "email", ""},
	} {
		_, err := c.Collect(ctx, staff, wrong.to, wrong.values)
		var p *client.Problem
		var no *avow.Refusal
		switch {
		case errors.As(err, &no):
			if no.Clause != wrong.clause {
				t.Errorf("%s is refused by %q, want %q", name, no.Clause, wrong.clause)
			}
		case !errors.As(err, &p) || p.Status != wrong.status || p.Field != wrong.field:
			t.Errorf("%s is answered %+v, want %d of %q", name, err, wrong.status, wrong.field)
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s tells what was sent: %v", name, err)
		}
	}
	h.Stop()
	notKept(t, h)
}

// TestCollectOnce: however often it is sent with one key, also at once, there is
// one record, and the same receipt for all.
func TestCollectOnce(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	keyed := client.WithKey(t.Context(), "one-letter-from-ada")
	values := client.Values{"email": "ada@example.com", "message": "hello"}
	answers := make([]*client.Collected, 20)
	var wait sync.WaitGroup
	for i := range answers {
		wait.Go(func() {
			var err error
			if answers[i], err = c.Collect(keyed, staff, "contact", values); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, a := range answers[1:] {
		if a.Record != answers[0].Record || a.Subject != answers[0].Subject || a.Link != answers[0].Link || !a.Expires.Equal(answers[0].Expires) || a.Receipt == "" {
			t.Errorf("it is answered %+v and %+v", a, answers[0])
		}
	}
	got, err := c.Read(t.Context(), staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia"})
	if err != nil || len(got.Records) != 1 {
		t.Errorf("there are %d records (%v)", len(got.Records), err)
	}
	if _, err := c.Erase(t.Context(), staff, answers[0].Subject, "mia"); err != nil {
		t.Fatal(err)
	}
	// A repetition does not bring back who was erased.
	if a, err := c.Collect(keyed, staff, "contact", values); err != nil || a.Record != answers[0].Record || a.Receipt != "" {
		t.Errorf("after the erasure it is answered %+v (%v)", a, err)
	}
}

// TestCorrect: the fields that are sent change, the person is found by the new
// address and by the old one no more, and the old values are nowhere.
func TestCorrect(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := t.Context()
	ada, err := c.Collect(ctx, staff, "contact", client.Values{"name": "Ada", "email": canary + "@example.com", "message": canary})
	if err != nil {
		t.Fatal(err)
	}
	keyed := client.WithKey(ctx, "ada-moved-1")
	got, err := c.Correct(keyed, staff, ada.Record, "mia", client.Values{"email": "ada@example.org", "message": "better", "name": ""})
	if err != nil {
		t.Fatal(err)
	}
	r, err := receipt.Verify([]byte(got.Receipt), receipt.Options{})
	if err != nil || r.Event.Type != "corrected" || r.Event.X["actor"] != "mia" || fmt.Sprint(r.Event.X["fields"]) != "[name email message]" || got.Statement != 1 {
		t.Errorf("it is answered %+v, the receipt says %+v (%v)", got, r, err)
	}
	again, err := c.Correct(keyed, staff, ada.Record, "mia", client.Values{"email": "ada@example.org", "message": "better", "name": ""})
	if err != nil || *again != *got && again.Receipt == "" {
		t.Errorf("sent again it is answered %+v (%v)", again, err)
	}
	for address, want := range map[string]int{"ada@example.org": 1, canary + "@example.com": 0} {
		found, err := c.Read(ctx, staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia", Where: client.Values{"email": address}})
		if err != nil || len(found.Records) != want {
			t.Errorf("by one of the addresses %d records are found, want %d (%v)", len(found.Records), want, err)
		}
		for _, r := range found.Records {
			if len(r.Values) != 2 || r.Values["message"] != "better" {
				t.Errorf("the record has %+v", r.Values)
			}
		}
	}
	for name, wrong := range map[string]struct {
		record string
		values client.Values
		status int
	}{
		"an undeclared field":  {ada.Record, client.Values{"shoe-size": canary}, 403},
		"no e-mail address":    {ada.Record, client.Values{"email": canary}, 422},
		"a required one empty": {ada.Record, client.Values{"email": ""}, 422},
		"nothing":              {ada.Record, nil, 422},
		"no such record":       {"rec_06h0sj4eg2d25bj9xqjb4r08ww", client.Values{"message": canary}, 404},
		"no record at all":     {canary, client.Values{"message": canary}, 404},
	} {
		_, err := c.Correct(ctx, staff, wrong.record, "mia", wrong.values)
		var p *client.Problem
		var no *avow.Refusal
		if status := map[bool]int{true: 403}[errors.As(err, &no)]; status != wrong.status && (!errors.As(err, &p) || p.Status != wrong.status) {
			t.Errorf("%s is answered %v, want %d", name, err, wrong.status)
		}
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s tells what was sent: %v", name, err)
		}
	}
	h.Stop()
	notKept(t, h)
}

// TestImport keeps the rows that fit as one change, and names the others.
func TestImport(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	ctx := client.WithKey(t.Context(), "import-2026-11")
	rows := client.Rows{
		{"email": "ada@example.com", "message": "one"},
		{"email": canary, "message": "two"},
		{"email": "eve@example.org", "message": "three"},
		{"email": "eve@example.org", "message": "four", "mood": canary},
		{"email": "mia@example.net"},
		{canary: "a list without a head: the name is somebody's"},
	}
	for _, time := range []string{"first", "again"} {
		got, err := c.Import(ctx, staff, "contact", rows)
		if err != nil || got.Accepted != 2 || len(got.Refused) != 4 || got.Leaf < 1 || got.Root == "" {
			t.Fatalf("%s: it is answered %+v (%v)", time, got, err)
		}
		for i, want := range []client.BadRow{{Row: 1, Field: "email"}, {Row: 3, Field: "mood"}, {Row: 4, Field: "message"}, {Row: 5, Field: canary}} {
			if bad := got.Refused[i]; bad.Row != want.Row || bad.Field != want.Field || bad.Reason == "" || strings.Contains(bad.Reason, canary) {
				t.Errorf("%s: row %d is refused as %+v", time, want.Row, bad)
			}
		}
	}
	found, err := c.Read(t.Context(), staff, client.Query{Collection: "contact", Purpose: "reply", Actor: "mia"})
	if err != nil || len(found.Records) != 2 {
		t.Errorf("%d records are kept (%v)", len(found.Records), err)
	}
	none, err := c.Import(t.Context(), staff, "contact", rows[1:2])
	if err != nil || none.Accepted != 0 || none.Leaf != -1 {
		t.Errorf("of bad rows alone it is answered %+v (%v)", none, err)
	}
	for name, n := range map[string]int{"none": 0, "too many": client.MaxAtOnce + 1} {
		var p *client.Problem
		if _, err := c.Import(t.Context(), staff, "contact", make(client.Rows, n)); !errors.As(err, &p) || p.Status != 422 {
			t.Errorf("%s rows are answered %v", name, err)
		}
	}
	if got := h.Standing("receipts"); got != "kept" {
		t.Errorf("the promise of receipts is %s", got)
	}
	h.Stop()
	notKept(t, h)
}

// TestBatch does a thousand operations at once, each its own.
func TestBatch(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	var operations []client.Operation
	for i := range client.MaxAtOnce {
		op := client.Operation{Do: "collect", Collection: "contact", Values: client.Values{"email": fmt.Sprintf("p%d@example.com", i), "message": "hello"}}
		if i%10 == 9 {
			op.Values["mood"] = canary
		}
		operations = append(operations, op)
	}
	keyed := client.WithKey(t.Context(), "batch-2026-11")
	records := map[string]bool{}
	for range 2 {
		results, err := c.Batch(keyed, staff, operations)
		if err != nil || len(results) != len(operations) {
			t.Fatal(len(results), err)
		}
		for i, r := range results {
			var got client.Collected
			err := r.Into(&got)
			if (i%10 == 9) != (err != nil) || strings.Contains(string(r.Body), canary) {
				t.Fatalf("operation %d is answered %d %s", i, r.Status, r.Body)
			}
			if err == nil {
				records[got.Record] = true
			}
		}
	}
	if len(records) != 900 {
		t.Errorf("%d records were made, want 900", len(records))
	}
}

// TestBatchOpensSoMuch: a batch of readings holds no more records than a batch
// may have operations.
func TestBatchOpensSoMuch(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	rows := make(client.Rows, 100)
	for i := range rows {
		rows[i] = client.Values{"email": fmt.Sprintf("p%d@example.com", i), "message": "hello"}
	}
	if _, err := c.Import(t.Context(), staff, "contact", rows); err != nil {
		t.Fatal(err)
	}
	operations := make([]client.Operation, 20)
	for i := range operations {
		operations[i] = client.Operation{Do: "read", Collection: "contact", Purpose: "reply", Actor: "mia"}
	}
	results, err := c.Batch(t.Context(), staff, operations)
	if err != nil {
		t.Fatal(err)
	}
	opened, refused := 0, 0
	for _, r := range results {
		var got client.Reading
		if r.Into(&got) == nil {
			opened += len(got.Records)
		} else if r.Status == http.StatusRequestEntityTooLarge {
			refused++
		}
	}
	if opened != 1000 || refused != 10 {
		t.Errorf("%d records were opened and %d readings refused", opened, refused)
	}
}

// FuzzValues hands over anything at all. It is taken with a receipt, or it is
// refused.
func FuzzValues(f *testing.F) {
	f.Add("email", "ada@example.com", "hello")
	f.Add("name", "\u202e", "\x00")
	f.Add("", "", "")
	f.Add("message", "a\nb", strings.Repeat("x", 5000))
	h := servertest.New(f)
	c, staff := h.Client()
	f.Fuzz(func(t *testing.T, field, value, message string) {
		got, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": message, avow.Field(field): value})
		var p *client.Problem
		if errors.As(err, &p) && p.Status >= 500 || err == nil && got.Receipt == "" {
			t.Errorf("answered %v", err)
		}
	})
}
