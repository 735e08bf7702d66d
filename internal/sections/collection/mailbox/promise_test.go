package mailbox_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/sections/collection/mailbox"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
)

// TestPromises tries what the statement says of mail.
func TestPromises(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		t.Run("mail-in", func(t *testing.T) {
			h := begin(t, cfg, text)
			ctx := t.Context()
			h.take(to("privacy@harbour.example"), written("Eve <Eve@Example.com>", "A question", "Which instruments float? My card is 4111111111111111."))
			all := h.records()
			if len(all) != 1 || all[0]["email"] != "eve@example.com" || !strings.Contains(all[0]["message"], "A question\n\nWhich instruments float? My card is [card].") {
				t.Errorf("kept: %q", all)
			}
			said := h.answered()
			for _, part := range []string{"eve@example.com: ", "kept as carefully as a form", "24 months", "within 10 days", "payment card", "https://harbour.example/privacy/receipt/"} {
				if !strings.Contains(said, part) {
					t.Errorf("the answer lacks %q: %s", part, said)
				}
			}
			_, link, _ := strings.Cut(said, "/privacy/receipt/")
			link, _, _ = strings.Cut(link, "\n")
			if _, event, err := h.ledger.ByLink(ctx, link); err != nil || event.Type != "collected" || event.Clause != "mail-in" {
				t.Errorf("the receipt says %v, %v", event, err)
			}
			if n, oldest, err := h.Waiting(ctx); n != 1 || !oldest.Equal(h.now) || err != nil {
				t.Errorf("waiting: %d since %s, %v", n, oldest, err)
			}
			h.evidence(avow.Kept, "mails held: 1", "mails in 12 months: question: 1", "waiting for an answer: 1")
			h.pass(11 * 24 * time.Hour)
			h.evidence(avow.Broken, "the oldest waits since: 24 November 2026")
			h.pass(2 * 366 * 24 * time.Hour)
			h.evidence(avow.Broken, "mails held: 1")
		})
	})
}

func (h *house) evidence(standing avow.Standing, figures ...string) {
	h.t.Helper()
	all, err := h.Evidence(h.t.Context(), h.edition)
	if err != nil || len(all) != 1 || all[0].Clause != "mail-in" || all[0].Standing != standing {
		h.t.Fatalf("evidence: %+v, %v", all, err)
	}
	shown := ""
	for _, f := range all[0].Figures {
		shown += f.Name + ": " + f.Value + "\n"
	}
	for _, f := range figures {
		if !strings.Contains(shown, f+"\n") {
			h.t.Errorf("no figure says %q: %s", f, shown)
		}
	}
}

// TestRecipients: mail is taken for addresses of ours, and for no others.
func TestRecipients(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	for _, c := range []struct {
		to string
		ok bool
	}{
		{"privacy@harbour.example", true}, {"Privacy@HARBOUR.example", true}, {"stop@letters.harbour.example", true}, {"bounce+abc@letters.harbour.example", true},
		{"nora.k7f@pigeon.example", true}, {"bounce+abc@harbour.example", false}, {"bounce+@letters.harbour.example", false}, {"privacy+x@harbour.example", false},
		{"sales@harbour.example", false}, {"stop@harbour.example", false}, {"postmaster", false}, {"", false}, {"\"a b\"@harbour.example", false},
	} {
		if err := h.Recipient(t.Context(), nil, c.to); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "550") {
			t.Errorf("%s: %v", c.to, err)
		}
	}
	if err := h.Take(t.Context(), to("sales@harbour.example"), strings.NewReader(written("eve@example.com", "x", "unsubscribe"))); !errors.Is(err, mailbox.ErrNobody) {
		t.Errorf("taken: %v", err)
	}
}

// TestUnsubscribes: whoever holds a token is believed, and else who comes from where
// they say. Nobody stops the letters of others wholesale.
func TestUnsubscribes(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	eve := mustParse(t, "eve@example.com")
	token := h.Token(h.Digest(eve), "news")
	for _, c := range []struct {
		name, raw, stopped, says string
	}{
		{"token in the subject", written("friend@other.example", "unsubscribe "+token, ""), "eve@example.com news mail", "friend@other.example: Hello,\n\nYou wrote that you want no more of the letters"},
		{"in a quoted letter", written("friend2@other.example", "Re: News", "unsubscribe\r\n> https://harbour.example/u/"+token), "eve@example.com news mail, friend2@other.example * mail", "all of them, to this address"},
		{"in a letter to them", written("eve@example.com", "Re: News", "unsubscribe\r\n> https://harbour.example/u/"+token), "eve@example.com * mail", "all of them, to this address"},
		{"of another house", written("friend3@other.example", "unsubscribe "+strings.Repeat("A", len(token)), ""), "friend3@other.example * mail", "all of them"},
		{"vouched for", written("eve4@example.com", "unsubscribe", "", vouched), "eve4@example.com * mail", "all of them"},
		{"not vouched for", written("eve5@example.com", "unsubscribe", ""), "eve5@example.com * mail", "start again when you ask for them"},
		{"empty", written("eve6@example.com", "", "unsubscribe"), "eve6@example.com * mail", "all of them"},
		{"of a machine", written("eve7@example.com", "unsubscribe "+token, "", "Auto-Submitted: auto-generated\r\n"), "eve@example.com news mail", ""},
	} {
		h.take(to("stop@letters.harbour.example"), c.raw)
		if got := h.stopped(); got != c.stopped {
			t.Errorf("%s: stopped %q", c.name, got)
		}
		if got := h.answered(); !strings.Contains(got, c.says) || c.says == "" && got != "" {
			t.Errorf("%s: answered %q", c.name, got)
		}
	}
	if all := h.records(); len(all) > 0 {
		t.Errorf("kept: %q", all)
	}
}

func mustParse(t testing.TB, text string) mail.Address {
	a, err := mail.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestForgedUnsubscribes stops a few and then asks; who is vouched for is heard all
// the same, and so is another network.
func TestForgedUnsubscribes(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	for i := range 150 {
		h.take(to("stop@letters.harbour.example"), written(fmt.Sprintf("victim%d@example.com", i), "unsubscribe", "please"))
	}
	if n := len(h.stops); n != 20 {
		t.Errorf("%d were stopped", n)
	}
	// Nor are we made to write to many.
	if len(h.answers) != 100 || !strings.Contains(h.answers[49].text, "nothing was changed") || !strings.Contains(h.answers[49].text, "https://harbour.example/u/") {
		t.Errorf("%d were answered, the last: %+v", len(h.answers), h.answers[len(h.answers)-1])
	}
	// Those who were neither stopped nor asked wait for somebody.
	if n, _, err := h.Waiting(t.Context()); err != nil || n != 50 {
		t.Errorf("%d wait, %v", n, err)
	}
	h.stops, h.answers = nil, nil
	h.take(to("stop@letters.harbour.example"), written("eve@example.com", "unsubscribe", "please", vouched))
	other := to("stop@letters.harbour.example")
	other.Peer = netip.MustParseAddr("fd00::1")
	h.take(other, written("ivan@example.com", "", "Please unsubscribe me from your newsletter."))
	h.pass(time.Hour)
	h.take(to("stop@letters.harbour.example"), written("mia@example.com", "unsubscribe", "please"))
	if len(h.answers) != 3 {
		t.Errorf("%d of the others were answered", len(h.answers))
	}
	if got := h.stopped(); got != "eve@example.com * mail, ivan@example.com * mail, mia@example.com * mail" {
		t.Errorf("stopped %s", got)
	}
	// Whose domain says that it was not them is not believed at all.
	h.answers = nil
	h.take(other, written("ada@example.com", "unsubscribe", "please", "Authentication-Results: mx.harbour.example; dkim=fail header.d=example.com; spf=fail smtp.mailfrom=example.com; dmarc=fail (p=REJECT) header.from=example.com\r\n"))
	if got := h.stopped(); got != "" {
		t.Errorf("stopped %s", got)
	}
}

// report is a bounce as mail servers write it.
func report(status, final, inside string, number int) string {
	action := "failed"
	if status[0] == '4' {
		action = "delayed"
	}
	return "From: MAILER-DAEMON@mx.example\r\nTo: bounce\r\nSubject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMessage-ID: <" + fmt.Sprint(number) + "@mx.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n" +
		"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; " + final + "\r\nAction: " + action + "\r\nStatus: " + status + "\r\n\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: news@harbour.example\r\nTo: " + final + "\r\nSubject: News\r\n" + inside + "\r\nhello\r\n--b--\r\n"
}

// TestBounces: only a report about a letter of ours stops anything.
func TestBounces(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.bounced["letter1"] = h.Digest(mustParse(t, "gone@example.com"))
	link := "List-Unsubscribe: <https://harbour.example/u/" + h.Token(h.Digest(mustParse(t, "away@example.com")), "news") + ">\r\n"
	for i, c := range []struct {
		name, to, status, final, inside, stopped string
		soft                                     int
	}{
		{"hard", "bounce+letter1@letters.harbour.example", "5.1.1", "victim@example.com", "", "gone@example.com * bounce", 0},
		{"soft", "bounce+letter1@letters.harbour.example", "4.2.2", "gone@example.com", "", "", 1},
		{"of a letter that we know by its link", "stop@letters.harbour.example", "5.1.1", "away@example.com", link, "away@example.com news mail", 0},
		{"soft, by its link", "stop@letters.harbour.example", "4.2.2", "away@example.com", link, "", 0},
		{"forged", "stop@letters.harbour.example", "5.1.1", "victim@example.com", "", "", 0},
		{"forged return path", "bounce+letter2@letters.harbour.example", "5.1.1", "victim@example.com", "", "", 0},
	} {
		h.soft = nil
		e := to(c.to)
		e.From = ""
		h.take(e, report(c.status, c.final, c.inside, i))
		if got := h.stopped(); got != c.stopped || len(h.soft) != c.soft {
			t.Errorf("%s: stopped %q, soft %q", c.name, got, h.soft)
		}
	}
	if all := h.answered(); all != "" {
		t.Errorf("answered %s", all)
	}
	if all := h.records(); len(all) > 0 {
		t.Errorf("kept: %q", all)
	}
}

func complaint(returnPath, inside string) string {
	return "From: feedback@provider.example\r\nTo: stop@letters.harbour.example\r\nSubject: FW: News\r\nMessage-ID: <" + fmt.Sprint(len(returnPath)+len(inside)) + "@provider.example>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThis is spam.\r\n" +
		"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\n" + returnPath + "\r\n" +
		"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: news@harbour.example\r\nSubject: News\r\n" + inside + "\r\nhello\r\n--b--\r\n"
}

func TestComplaints(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.bounced["letter1"] = h.Digest(mustParse(t, "angry@example.com"))
	link := "List-Unsubscribe: <mailto:stop@letters.harbour.example?subject=unsubscribe%20" + h.Token(h.Digest(mustParse(t, "cross@example.com")), "news") + ">\r\n"
	h.take(to("stop@letters.harbour.example"), complaint("", link))
	h.take(to("stop@letters.harbour.example"), complaint("Original-Mail-From: <bounce+letter1@letters.harbour.example>\r\n", ""))
	h.take(to("stop@letters.harbour.example"), complaint("Original-Rcpt-To: <victim@example.com>\r\n", ""))
	for _, kind := range []string{"not-spam", "auth-failure", "Virus"} { // nobody complained
		h.take(to("stop@letters.harbour.example"), strings.Replace(strings.Replace(complaint("", link), "FW:", kind, 1), "Feedback-Type: abuse", "Feedback-Type: "+kind, 1))
		if len(h.stops) != 2 {
			t.Errorf("%s: stopped %q", kind, h.stops)
		}
	}
	if got := h.stopped(); got != "angry@example.com * complaint, cross@example.com * complaint" {
		t.Errorf("stopped %q", got)
	}
}

// TestTwice: a mail that comes again, as it does when the answer to its sender got
// lost, acts once.
func TestTwice(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := begin(t, cfg, text)
		raw := written("eve@example.com", "A question", "Which instruments float?")
		h.fail = errors.New("the disk is full")
		stop := written("ivan@example.com", "", "Please unsubscribe me from your newsletter.")
		if err := h.Take(t.Context(), to("privacy@harbour.example"), strings.NewReader(stop)); err == nil {
			t.Error("it was taken without being done")
		}
		h.take(to("privacy@harbour.example"), stop)
		h.take(to("privacy@harbour.example"), stop)
		done := make(chan error, 20)
		for range 20 {
			go func() {
				done <- h.Take(t.Context(), to("privacy@harbour.example"), strings.NewReader("Received: from x by y; today\r\n"+raw))
			}()
		}
		for range 20 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := h.stopped(); got != "ivan@example.com * mail" {
			t.Errorf("stopped %q", got)
		}
		if all := h.records(); len(all) != 1 || len(h.answers) != 2 {
			t.Errorf("%d kept, %d answered", len(all), len(h.answers))
		}
		h.pass(8 * 24 * time.Hour)
		if err := h.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.take(to("privacy@harbour.example"), raw)
		if all := h.records(); len(all) != 2 {
			t.Errorf("after a week: %d kept", len(all))
		}
	})
}

// TestAnsweredOnceADay and never to a machine.
func TestAnsweredOnceADay(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.take(to("privacy@harbour.example"), written("eve@example.com", "One", "A question?"))
	h.take(to("privacy@harbour.example"), written("eve@example.com", "Two", "Another question?"))
	h.pass(23 * time.Hour)
	h.take(to("privacy@harbour.example"), written("eve@example.com", "Three", "And one more?"))
	if got := h.answered(); !strings.Contains(got, "once") && !strings.Contains(got, "one a day") {
		t.Errorf("answered %q", got)
	}
	h.pass(2 * time.Hour)
	h.take(to("privacy@harbour.example"), written("eve@example.com", "Four", "And now?"))
	if h.answered() == "" {
		t.Error("not answered the next day")
	}
	null := to("privacy@harbour.example")
	null.From = ""
	for name, c := range map[string]struct {
		e   mailbox.Envelope
		raw string
	}{
		"null return path": {null, written("a@example.com", "Question", "Is that so?")},
		"Auto-Submitted":   {to("privacy@harbour.example"), written("b@example.com", "Question", "Is that so?", "Auto-Submitted: auto-replied\r\n")},
		"a list":           {to("privacy@harbour.example"), written("c@example.com", "Question", "Is that so?", "List-Id: <x.example>\r\n")},
		"bulk":             {to("privacy@harbour.example"), written("d@example.com", "Question", "Is that so?", "Precedence: bulk\r\n")},
		"ourselves":        {to("privacy@harbour.example"), written("stop@letters.harbour.example", "Question", "Is that so?")},
		"nobody":           {to("privacy@harbour.example"), "Subject: Question\r\n\r\nIs that so?\r\n"},
	} {
		h.take(c.e, c.raw)
		if got := h.answered(); got != "" {
			t.Errorf("%s: answered %q", name, got)
		}
	}
}

// TestNotPromised: where the statement does not say that mail is kept, none is, and
// what it asks is done all the same.
func TestNotPromised(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, strings.Replace(text, "by: mail", "by: form", 1))
	h.take(to("privacy@harbour.example"), written("eve@example.com", "A question", "Which float?"))
	if got := h.answered(); !strings.Contains(got, "nothing of it was kept") || !strings.Contains(got, "privacy@harbour.example") {
		t.Errorf("answered %q", got)
	}
	h.take(to("privacy@harbour.example"), written("ivan@example.com", "unsubscribe", "please"))
	if got := h.stopped(); got != "ivan@example.com * mail" || len(h.records()) > 0 {
		t.Errorf("stopped %q, kept %q", got, h.records())
	}
	if all, err := h.Evidence(t.Context(), h.edition); len(all) > 0 || err != nil {
		t.Errorf("evidence %v, %v", all, err)
	}
}

// TestCanaries: mail to an invented person names who leaked, and goes no further.
func TestCanaries(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	h.take(to("nora.k7f@pigeon.example"), written("eve@example.com", "unsubscribe", "Buy instruments!"))
	if got := strings.Join(h.touched, " "); got != "nora.k7f@pigeon.example" || h.stopped() != "" || h.answered() != "" || len(h.records()) > 0 {
		t.Errorf("touched %q", got)
	}
}

// TestTooMuch: what cannot be read within limits is refused, and stays refused.
func TestTooMuch(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	var parts strings.Builder
	for range 10_000 {
		parts.WriteString("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n")
	}
	bomb := "From: eve@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts.String() + "--b--\r\n"
	for name, raw := range map[string]string{"parts": bomb, "bytes": strings.Repeat("x", mailbox.MaxSize+10), "header": strings.Repeat("X: y\r\n", 100_000)} {
		if err := h.Take(t.Context(), to("privacy@harbour.example"), strings.NewReader(raw)); !errors.Is(err, mailbox.ErrTooMuch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
