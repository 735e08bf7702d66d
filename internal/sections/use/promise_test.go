package use_test

import (
	"net/http"
	"strings"
	"testing"

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
