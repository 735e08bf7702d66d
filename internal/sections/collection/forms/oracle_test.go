package forms_test

import (
	"testing"

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
