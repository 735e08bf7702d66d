package mailing_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// A program asks the house over HTTP.
type program struct {
	*house
	api http.Handler
}

func newProgram(h *house) *program {
	a := api.New(api.Config{Store: h.db, Staff: api.Digest("staff"), Guard: h, Log: slog.New(slog.NewTextHandler(&locked{w: &h.log}, nil))})
	h.AddTo(a)
	return &program{h, a.Handler()}
}

func (p *program) post(token, kind, path, body string, header ...string) (int, *mailing.Sent, string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", kind)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.api.ServeHTTP(w, r)
	var a mailing.Sent
	_ = json.Unmarshal(w.Body.Bytes(), &a)
	return w.Code, &a, w.Body.String()
}

func TestAPI(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		p := newProgram(newHouse(t, cfg))
		p.gives("ada@example.com", "newsletter")
		p.gives("eve@example.com", "newsletter")
		one := `{"purpose": "news", "to": ["ada@example.com"], "subject": "Hi", "text": "{unsubscribe}"}`
		status, a, text := p.post("good", "application/json", "/v1/messages", one, "Idempotency-Key", "first-letter")
		if status != 200 || a.Queued != 1 || a.Leaf < 0 || !strings.Contains(a.Receipt, "c2sp.org/tlog-proof") || len(a.Results) != 1 || !a.Results[0].Queued {
			t.Fatalf("%d %s", status, text)
		}
		if status, again, text := p.post("good", "application/json", "/v1/messages", one, "Idempotency-Key", "first-letter"); status != 200 || again.Queued != 1 || again.Leaf != a.Leaf || again.Receipt != "" {
			t.Errorf("again: %d %s", status, text)
		}
		if n := p.rows("mail_queue"); n != 1 {
			t.Errorf("%d letters wait, want 1", n)
		}
		status, a, text = p.post("good", "application/json; charset=utf-8", "/v1/messages", `{"purpose": "news", "to": ["ada@example.com", "stranger@example.com", "eve@example.com", "?"], "subject": "Hi", "html": "<b>Hi</b>"}`)
		if status != 200 || a.Queued != 2 || a.Refused != 2 || a.Receipt != "" || a.Results[1] != (mailing.Outcome{N: 1, Reason: "not-asked", Clause: "asked-for"}) || a.Results[3].Reason != "no-address" {
			t.Errorf("%d %s", status, text)
		}
		raw := "To: ada@example.com\nCc: Eve <eve@example.com>\nBcc: stranger@example.com\nSubject: Hi\n%s\nHello\n"
		for name, c := range map[string]struct {
			path, inside string
			header       []string
		}{"query": {"/v1/messages?purpose=news", "", nil}, "header": {"/v1/messages", "", []string{"X-Avow-Purpose", "news"}}, "inside": {"/v1/messages", "X-Avow-Purpose: news\n", nil}} {
			status, a, text := p.post("good", "message/rfc822", c.path, strings.Replace(raw, "%s", c.inside, 1), c.header...)
			if status != 200 || a.Queued != 2 || a.Refused != 1 {
				t.Errorf("%s: %d %s", name, status, text)
			}
		}
		p.deliver()
		if n := p.out.count(); n != 9 {
			t.Errorf("%d went out, want 9", n)
		}
		if strings.Contains(p.log.String(), "@") {
			t.Errorf("the log has an address: %s", p.log.String())
		}
	})
}

func TestAPIRefuses(t *testing.T) {
	p := newProgram(newHouse(t, store.Config{Path: t.TempDir()}))
	p.gives("ada@example.com", "newsletter")
	to := `"to": ["ada@example.com"], `
	for name, c := range map[string]struct {
		token, kind, body string
		status            int
		says              string
	}{
		"no token":           {"", "application/json", `{}`, 401, "token"},
		"another verb":       {"reader", "application/json", `{}`, 403, "send"},
		"another purpose":    {"good", "application/json", `{"purpose": "opinion", ` + to + `"subject": "x", "text": "x"}`, 403, "purpose"},
		"an unknown one":     {"staff", "application/json", `{"purpose": "spam", ` + to + `"subject": "x", "text": "x"}`, 403, "undeclared"},
		"never":              {"staff", "application/json", `{"purpose": "sale", ` + to + `"subject": "x", "text": "x"}`, 403, `"clause":"purpose"`},
		"nobody":             {"good", "application/json", `{"purpose": "news", "to": [], "subject": "x", "text": "x"}`, 422, "recipients"},
		"too many":           {"good", "application/json", `{"purpose": "news", "to": ["x"` + strings.Repeat(`,"x"`, 1000) + `], "subject": "x", "text": "x"}`, 422, "1000"},
		"an unknown member":  {"good", "application/json", `{"purpose": "news", "cc": "ada@example.com"}`, 400, ""},
		"a line break":       {"good", "application/json", `{"purpose": "news", ` + to + `"subject": "x\r\nBcc: eve@example.org", "text": "x"}`, 422, "line break"},
		"another's name":     {"good", "application/json", `{"purpose": "news", ` + to + `"from": "boss@bank.example", "subject": "x", "text": "x"}`, 422, "harbour.example"},
		"a name almost ours": {"good", "application/json", `{"purpose": "news", ` + to + `"from": "boss@evilharbour.example", "subject": "x", "text": "x"}`, 422, "harbour.example"},
		"no text":            {"good", "application/json", `{"purpose": "news", ` + to + `"subject": "x"}`, 422, "missing"},
		"no letter":          {"good", "message/rfc822", "To: ada@example.com\nX-Avow-Purpose: news\n", 422, "empty line"},
		"another kind":       {"good", "text/plain", "x", 415, "application/json"},
	} {
		status, _, text := p.post(c.token, c.kind, "/v1/messages", c.body)
		if status != c.status || !strings.Contains(text, c.says) || strings.Contains(text, "ada@") || strings.Contains(text, "bank") {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	if p.rows("mail_queue") != 0 {
		t.Error("something was queued")
	}
}

// TestSubmission: what a listener hands on from a program.
func TestSubmission(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.gives("eve@example.com", "order")
	for _, c := range []struct {
		user, password string
		fault          error
	}{{"news", "good", nil}, {"", "good", nil}, {"-", "good", nil}, {"opinion", "good", mailing.ErrLogin}, {"news", "reader", mailing.ErrLogin}, {"news", "x", mailing.ErrLogin}, {"news", "", mailing.ErrLogin}} {
		if _, err := h.Login(ctx, c.user, c.password); !errors.Is(err, c.fault) || (err == nil) != (c.fault == nil) {
			t.Errorf("%s with %s: %v", c.user, c.password, err)
		}
	}
	by, err := h.Login(ctx, "news", "good")
	if err != nil {
		t.Fatal(err)
	}
	var no *avow.Refusal
	if err := h.Recipient(ctx, by, "ada@example.com"); err != nil {
		t.Error(err)
	}
	if err := h.Recipient(ctx, by, "eve@example.com"); !errors.As(err, &no) || no.Error() != "refused by asked-for: not-asked" {
		t.Errorf("eve: %v", err)
	}
	if h.tally("news", "not-asked") != 1 {
		t.Error("that was not counted")
	}
	for _, err := range h.Message(ctx, by, []string{"ada@example.com"}, strings.NewReader("Subject: Hi\r\n\r\nHello\r\n")) {
		if err != nil {
			t.Error(err)
		}
	}
	each, _ := h.Login(ctx, "-", "good")
	if err := h.Recipient(ctx, each, "nobody@example.com"); err != nil {
		t.Errorf("before the purpose is known: %v", err)
	}
	both := []string{"eve@example.com", "ada@example.com"}
	if got := h.Message(ctx, each, both, strings.NewReader("X-Avow-Purpose: deliver\r\nSubject: Hi\r\n\r\nHello\r\n")); got[0] != nil || !errors.As(got[1], &no) || no.Reason != "not-asked" {
		t.Errorf("with a purpose inside: %v", got)
	}
	var unfit *letter.Unfit
	if got := h.Message(ctx, each, both, strings.NewReader("Subject: Hi\r\n\r\nHello\r\n")); !errors.As(got[0], &unfit) || !errors.As(got[1], &unfit) {
		t.Errorf("without one: %v", got)
	}
	if got := h.Message(ctx, each, both, strings.NewReader("X-Avow-Purpose: opinion\r\nSubject: Hi\r\n\r\nHello\r\n")); !errors.As(got[0], &no) || no.Clause != "undeclared" {
		t.Errorf("with one the token is not for: %v", got)
	}
	if got := h.Message(ctx, by, both[:1], bytes.NewReader(make([]byte, letter.MaxSize+1))); !errors.As(got[0], &unfit) {
		t.Errorf("too large: %v", got)
	}
	h.deliver()
	if h.out.count() != 2 {
		t.Errorf("%d went out, want 2", h.out.count())
	}
}
