package server_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

// A posted is a house with its letters: what comes in by SMTP, and what would have
// gone out.
type posted struct {
	*servertest.House
	staff string
	smtp  string
}

func newPost(t *testing.T) *posted {
	h := servertest.New(t)
	p := &posted{House: h}
	_, p.staff = h.Client()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.smtp = l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{}, 2)
	go func() {
		if err := h.ServeMail(l, server.FromAnywhere); err != nil {
			t.Error(err)
		}
		ended <- struct{}{}
	}()
	go func() { h.Run(ctx); ended <- struct{}{} }()
	t.Cleanup(func() {
		stop()
		if err := h.CloseMail(context.Background()); err != nil {
			t.Error(err)
		}
		<-ended
		<-ended
	})
	return p
}

// send sends news to an address, and says why it was not sent.
func (p *posted) send(to string) (reason string) {
	p.T.Helper()
	body, _ := json.Marshal(map[string]any{"purpose": "news", "to": []string{to}, "subject": "A new tide clock", "text": "It is blue."})
	var out struct {
		Results []struct {
			Queued bool
			Reason string
		}
	}
	a := p.Staff("/v1/messages", string(body))
	if err := json.Unmarshal([]byte(a.Body), &out); err != nil || len(out.Results) != 1 {
		p.T.Fatalf("%d %s", a.Status, a.Body)
	}
	return out.Results[0].Reason
}

// outbox waits until what would have been sent says something.
func (p *posted) outbox(says string) string {
	p.T.Helper()
	for range 100 {
		r := httptest.NewRecorder()
		p.Public().ServeHTTP(r, httptest.NewRequest("GET", "/privacy/outbox", nil))
		if strings.Contains(r.Body.String(), says) {
			return r.Body.String()
		}
		time.Sleep(50 * time.Millisecond)
	}
	p.T.Fatalf("no letter says %q", says)
	return ""
}

// An import says that people confirmed elsewhere. It starts their letters, but
// not those of somebody who stopped them here.
func TestImportRevivesNobody(t *testing.T) {
	p := newPost(t)
	c, staff := p.Client()
	rows := client.Rows{{"email": "ada@example.com"}, {"email": "eve@example.com"}}
	if a := p.Staff("/v1/suppressions", `["eve@example.com"]`); a.Status != http.StatusOK {
		t.Fatal(a)
	}
	if _, err := c.Import(t.Context(), staff, "newsletter", rows); err != nil {
		t.Fatal(err)
	}
	if ada, eve := p.send("ada@example.com"), p.send("eve@example.com"); ada != "unconfirmed" || eve != "stopped" {
		t.Errorf("an import alone: %q, %q", ada, eve)
	}
	if _, err := c.ImportConfirmed(t.Context(), staff, "newsletter", rows); err != nil {
		t.Fatal(err)
	}
	if ada, eve := p.send("ada@example.com"), p.send("eve@example.com"); ada != "" || eve != "stopped" {
		t.Errorf("an import of people who confirmed: %q, %q", ada, eve)
	}
	p.outbox("A new tide clock")
}

// A mail that asks for silence is obeyed before it is answered, and the answer is
// one that no machine answers (RFC 3834, section 3.1).
func TestStopByMail(t *testing.T) {
	p := newPost(t)
	c, staff := p.Client()
	if _, err := c.ImportConfirmed(t.Context(), staff, "newsletter", client.Rows{{"email": "ada@example.com"}}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := smtp.SendMail(p.smtp, nil, "ada@example.com", []string{"privacy@harbour.example"},
		[]byte("From: Ada <ada@example.com>\r\nTo: privacy@harbour.example\r\nSubject: Unsubscribe\r\nMessage-ID: <7@example.com>\r\n\r\nNo more letters, please.\r\n")); err != nil {
		t.Fatal(err)
	}
	if reason := p.send("ada@example.com"); reason != "stopped" {
		t.Errorf("after a mail that asks for silence: %q", reason)
	}
	t.Logf("from mail to silence: %s", time.Since(began))
	answer := p.outbox("In-Reply-To: &lt;7@example.com&gt;")
	for _, want := range []string{"Auto-Submitted: auto-replied", "/privacy/receipt/"} {
		if !strings.Contains(answer, want) {
			t.Errorf("the answer has no %s", want)
		}
	}
}

// A card number that somebody writes to us is kept nowhere.
func TestCardInMail(t *testing.T) {
	p := newPost(t)
	const card = "4111 1111 1111 1111"
	if err := smtp.SendMail(p.smtp, nil, "ada@example.com", []string{"privacy@harbour.example"},
		[]byte("From: Ada <ada@example.com>\r\nTo: privacy@harbour.example\r\nSubject: My card "+card+"\r\nMessage-ID: <8@example.com>\r\n\r\n"+
			"Did you charge "+card+" for the barometer?\r\n")); err != nil {
		t.Fatal(err)
	}
	p.outbox("8@example.com")
	a := p.Staff("/v1/reads", `{"collection": "mail", "purpose": "reply", "actor": "mia"}`)
	if !strings.Contains(a.Body, "Did you charge [card] for the barometer?") || !strings.Contains(a.Body, "My card [card]") || strings.Contains(a.Body, "1111") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
