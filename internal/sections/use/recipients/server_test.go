package recipients_test

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/avow-privacy/avow/server/servertest"
)

// TestWholeHouse: a list leaves a whole house, a letter to somebody invented comes
// back to it, and an erasure is owed to who was given.
func TestWholeHouse(t *testing.T) {
	h := servertest.New(t)
	c, staff := h.Client()
	h.Taken("order", "name", "Ada", "email", "ada@example.com", "address", "Quay 1", "instrument", "Tide clock")
	key, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Reach(t.Context(), staff, "repairer", key.Recipient().String(), "mailto:lists@repairer.example"); err != nil {
		t.Fatal(err)
	}
	for _, clause := range []string{"recipients", "canaries", "passed-on"} {
		if got := h.Standing(clause); got != "kept" {
			t.Errorf("%s is %s before a list left", clause, got)
		}
	}
	var closed bytes.Buffer
	given, err := c.GiveList(t.Context(), staff, "repairer", "csv", "mia", &closed)
	if err != nil || given.Rows != 1 || given.Canaries != 2 {
		t.Fatalf("%+v (%v)", given, err)
	}
	plain, err := age.Decrypt(&closed, key)
	if err != nil {
		t.Fatal(err)
	}
	table, err := csv.NewReader(plain).ReadAll()
	if err != nil || len(table) != 4 {
		t.Fatalf("%q (%v)", table, err)
	}
	var invented string
	for _, row := range table[1:] {
		if strings.HasSuffix(row[2], "@harbour.example") {
			invented = row[2]
		}
	}
	mail := "From: offers@ads.example\r\nTo: " + invented + "\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\nMessage-ID: <1@ads.example>\r\nSubject: An offer\r\n\r\nBuy this.\r\n"
	r, err := http.NewRequestWithContext(t.Context(), "POST", h.Private+"/v1/mail", strings.NewReader(mail))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+staff)
	r.Header.Set("Content-Type", "message/rfc822")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if body := h.Get("/privacy/recipients").Body; answer.StatusCode != 200 || !strings.Contains(body, "something came to 1") {
		t.Errorf("fed with %d, the page does not say that something came to somebody invented", answer.StatusCode)
	}
	for _, clause := range []string{"recipients", "canaries", "passed-on"} {
		if got := h.Standing(clause); got != "kept" {
			t.Errorf("%s is %s", clause, got)
		}
	}
}
