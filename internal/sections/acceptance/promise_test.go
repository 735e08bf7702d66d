package acceptance_test

import (
	"strings"
	"testing"

	"github.com/avow-privacy/avow/server/servertest"
)

func TestPromises(t *testing.T) {
	t.Run("notice", func(t *testing.T) {
		h := servertest.New(t)
		if got := h.Standing("notice"); got != "untested" {
			t.Errorf("before anybody came it is %s", got)
		}
		h.Get("/privacy")
		h.Get("/privacy/v/1")
		h.Get("/f/contact")
		if got := h.Standing("notice"); got != "kept" {
			t.Errorf("it is %s, want kept", got)
		}
		page := h.Get("/privacy/promises/notice").Body
		if !strings.Contains(page, "times version 1 was shown") || !strings.Contains(page, "<b>3</b>") {
			t.Error("three notices were served, and the page does not say so")
		}
		if h.Get("/privacy").Header.Get("Set-Cookie") != "" {
			t.Error("whoever was shown the notice is marked with a cookie")
		}
		h.Stop()
		h.Start("") // counts survive
		if got := h.Standing("notice"); got != "kept" {
			t.Errorf("after a restart it is %s, want kept", got)
		}
	})
}
