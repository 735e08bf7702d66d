package collection_test

import (
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/receipt"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestPromises tries each promise of the package doc: what a form took is kept
// as long as promised, and then gone.
func TestPromises(t *testing.T) {
	for _, c := range []struct {
		clause  string
		sent    []string
		purpose string
		keep    time.Duration // a day less than what was promised
	}{
		{"contact", []string{"email", "ada@example.com", "message", "Does it float?"}, "reply", 729 * day},
		{"order", []string{"name", "Ada", "email", "ada@example.com", "address", "1 Quay", "instrument", "Tide clock"}, "deliver", 2190 * day},
		{"newsletter", []string{"email", "ada@example.com"}, "news", 729 * day},
		{"survey", []string{"rating", "Very well"}, "opinion", 364 * day},
		{"careers", []string{"name", "Ada", "email", "ada@example.com", "experience", "An engine"}, "recruit", 180 * day},
	} {
		t.Run(c.clause, func(t *testing.T) {
			t.Parallel()
			h := servertest.New(t)
			if got := h.Standing(c.clause); got != "untested" {
				t.Errorf("before anything came in it is %s", got)
			}
			text, _ := h.Taken(c.clause, c.sent...)
			r, err := receipt.Verify([]byte(text), receipt.Options{})
			if err != nil || string(r.Event.Clause) != c.clause {
				t.Fatalf("the receipt says %v (%v)", r, err)
			}
			if got := h.Standing(c.clause); got != "kept" {
				t.Errorf("it is %s, want kept", got)
			}
			held := func() int { return records(h, c.clause, c.purpose) }
			h.Pass(c.keep)
			h.Expire(t.Context())
			if held() != 1 {
				t.Errorf("a day before its time it is gone")
			}
			h.Pass(5 * day)
			if got := h.Standing(c.clause); got != "broken" {
				t.Errorf("past its time and still held it is %s, want broken", got)
			}
			h.Expire(t.Context())
			if held() != 0 {
				t.Errorf("past its time it is still held")
			}
		})
	}
}

const day = 24 * time.Hour

// records counts what staff can read.
func records(h *servertest.House, collection, purpose string) int {
	a := h.Staff("/v1/reads", `{"collection": "`+collection+`", "purpose": "`+purpose+`", "actor": "mia"}`)
	return strings.Count(a.Body, `"id"`)
}
