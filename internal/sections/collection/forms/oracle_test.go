package forms_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestReceiptIsNoOracle: who sends a form in somebody else's name learns
// nothing from the receipt about what that person did here before.
func TestReceiptIsNoOracle(t *testing.T) {
	h := servertest.New(t)
	for range 3 {
		text, _ := h.Taken("contact", "email", "ada@example.com", "message", "hello")
		r, err := receipt.Verify([]byte(text), receipt.Options{})
		if err != nil || r.Event.N != 1 || r.Event.Prev != "" {
			t.Fatalf("the receipt counts %d events, the one before is %q (%v)", r.Event.N, r.Event.Prev, err)
		}
	}
}

// TestLogIsNoOracle: who sends a form in somebody else's name learns nothing from
// the size of the log about whether that person stopped letters, nor how often they
// were asked today.
func TestLogIsNoOracle(t *testing.T) {
	for name, text := range map[string][]byte{"confirmed": harbour.Statement, "unconfirmed": unconfirmed(t)} {
		h := servertest.On(t, string(text))
		if a := h.Staff("/v1/suppressions", `["ada@example.com"]`); a.Status != 200 {
			t.Fatal(a)
		}
		size := func() string { return strings.Split(h.Get("/log/checkpoint").Body, "\n")[1] }
		grows := func(to string) string {
			before := size()
			h.Taken("newsletter", "email", to)
			return before + " " + size()
		}
		for i := range 5 {
			for _, to := range []string{"ada@example.com", "eve@example.com"} {
				var was, is int
				if _, err := fmt.Sscan(grows(to), &was, &is); err != nil || is != was+2 {
					t.Errorf("%s: form %d for %s makes %d entries (%v)", name, i, to, is-was, err)
				}
			}
		}
	}
}

func unconfirmed(t *testing.T) []byte {
	text := bytes.Replace(harbour.Statement, []byte("confirm: by-mail, "), nil, 1)
	at := bytes.Index(text, []byte("[A newsletter starts only after"))
	if at < 0 || len(text) == len(harbour.Statement) {
		t.Fatal("the statement has no such promise")
	}
	end := at + bytes.IndexByte(text[at:], '\n')
	return append(text[:at:at], text[end:]...)
}
