package forms_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

func TestPromises(t *testing.T) {
	t.Run("only-forms", func(t *testing.T) {
		h := servertest.New(t)
		a := h.Post("contact", "email", "ada@example.com", "message", "hello", "shoe-size", "41")
		if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "shoe-size") {
			t.Errorf("an undeclared field is answered %d", a.Status)
		}
		if strings.Contains(a.Body, "41") {
			t.Error("the value that was refused is in the answer")
		}
		asked := h.Get("/f/contact").Body
		for _, field := range []string{`name="name"`, `name="email"`, `name="message"`} {
			if !strings.Contains(asked, field) {
				t.Errorf("the form does not ask for %s", field)
			}
		}
		if strings.Count(asked, `name="`)-strings.Count(asked, `<meta name="`) != 4 { // and the version shown
			t.Error("the form asks for more than the statement declares")
		}
		c, staff := h.Client()
		var no *avow.Refusal
		_, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": "hello", "shoe-size": "41"})
		if !errors.As(err, &no) || no.Clause != "only-forms" || strings.Contains(err.Error(), "41") {
			t.Errorf("an undeclared field from a program is answered %v", err)
		}
		in, err := c.Import(t.Context(), staff, "contact", client.Rows{{"email": "ada@example.com", "message": "hello", "shoe-size": "41"}})
		if err != nil || in.Accepted != 0 || len(in.Refused) != 1 || in.Refused[0].Field != "shoe-size" {
			t.Errorf("an undeclared field of a row is answered %+v (%v)", in, err)
		}
		if got := h.Standing("only-forms"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
	t.Run("receipts", func(t *testing.T) {
		h := servertest.New(t)
		a := h.Post("contact", "email", "ada@example.com", "message", "hello")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, "c2sp.org/tlog-proof@v1") {
			t.Fatalf("the answer to a form is %d without a receipt", a.Status)
		}
		text, link := h.Taken("contact", "email", "ada@example.com", "message", "again")
		r, err := receipt.Verify([]byte(text), receipt.Options{})
		if err != nil || r.Event.Type != "collected" || r.Event.Statement != 1 {
			t.Errorf("the receipt says %+v (%v)", r, err)
		}
		later := h.Get(link + "?download")
		if _, err := receipt.Verify([]byte(later.Body), receipt.Options{Key: r.Key}); err != nil {
			t.Errorf("the receipt fetched later: %v", err)
		}
		c, staff := h.Client()
		taken, err := c.Collect(t.Context(), staff, "contact", client.Values{"email": "ada@example.com", "message": "by a program"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := receipt.Verify([]byte(taken.Receipt), receipt.Options{Key: r.Key}); err != nil {
			t.Errorf("the receipt that a program gets: %v", err)
		}
		if got := h.Standing("receipts"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
	})
}
