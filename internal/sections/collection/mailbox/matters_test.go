package mailbox_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/mail/listen"
	"github.com/avow-privacy/avow/internal/store"
)

// TestMatters: what a mail may want beside or instead of silence is done and looked
// at by somebody.
func TestMatters(t *testing.T) {
	for _, c := range []struct {
		name, raw, kind, stopped, says string
		kept                           bool
	}{
		{"a wish", written("eve@example.com", "", "Please unsubscribe me from your newsletter."), "unsubscribe", "eve@example.com * mail", "all of them", false},
		{"a wish and a question", written("eve@example.com", "My order", "Please unsubscribe me from your newsletter. And when does my tide clock arrive?"), "unsubscribe",
			"eve@example.com * mail", "in case that you meant more", true},
		{"a right", written("eve@example.com", "My data", "Under the GDPR I request a copy of all personal data that you hold about me."), "request", "", "ask about your own information", true},
		{"a child", written("kid@example.com", "hi", "I am 11 years old and I gave you my address.", vouched), "child", "kid@example.com * child", "", true},
		{"a child, says somebody", written("kid@example.com", "hi", "I am 11 years old and I gave you my address."), "child", "kid@example.com * mail", "", true},
		{"a parent", written("mum@example.com", "my son", "My son is 9 and he signed up on your site with his name.", vouched), "child", "mum@example.com * mail", "", true},
		{"of nobody", "Message-ID: <n@example.com>\r\nSubject: unsubscribe\r\n\r\nPlease unsubscribe me from your newsletter.\r\n", "unsubscribe", "", "", true},
		{"of a machine", written("eve@example.com", "Out of office", "I am away until Monday.", "Auto-Submitted: auto-replied\r\n"), "auto-reply", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := begin(t, store.Config{Path: t.TempDir()}, text)
			h.take(to("privacy@harbour.example"), c.raw)
			if got := h.stopped(); got != c.stopped {
				t.Errorf("stopped %q", got)
			}
			if got := h.answered(); !strings.Contains(got, c.says) || c.says == "" && got != "" {
				t.Errorf("answered %q", got)
			}
			if all := h.records(); len(all) > 0 != c.kept {
				t.Errorf("kept %q", all)
			}
			all, err := h.Evidence(t.Context(), h.edition)
			if shown := fmt.Sprint(all); err != nil || !strings.Contains(shown, "mails in 12 months: "+c.kind+" 1") {
				t.Errorf("counted %s, %v", shown, err)
			}
		})
	}
}

// TestFields: a mail goes into the fields that there are for it, as far as they go.
func TestFields(t *testing.T) {
	for _, c := range []struct{ data, fields, due string }{
		{"message: {category: user.content, type: long, max: 20}", "[email, message]", "map[email:eve@example.com message:Question\n\nWhich floa]"},
		{"message: {category: user.content, type: long}\n  subject: {category: user.content}", "[email, subject, message]", "map[email:eve@example.com message:Which float? subject:Question]"},
		{"message: {category: user.content, type: long}\n  subject: {category: user.content}", "[message, subject]", "map[message:Which float? subject:Question]"},
		{"message: {category: user.content, type: long, store: token}", "[email, message]", "map[email:eve@example.com]"},
	} {
		h := begin(t, store.Config{Path: t.TempDir()}, strings.NewReplacer("message: {category: user.content, type: long}", c.data, "[email!, message]", c.fields).Replace(text))
		h.take(to("privacy@harbour.example"), written("eve@example.com", "Question", "Which float?"))
		if got := fmt.Sprint(h.records()); got != "["+c.due+"]" {
			t.Errorf("kept %q, not %q", got, c.due)
		}
	}
}

// TestSameReport: to another return path the same words are about another letter,
// and a report of something that arrived is about none.
func TestSameReport(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	for _, id := range []string{"one", "two"} {
		h.bounced[id] = h.Digest(mustParse(t, id+"@example.com"))
		e := to("bounce+" + id + "@letters.harbour.example")
		h.take(e, report("5.1.1", "x@example.com", "", 1))
	}
	if got := h.stopped(); got != "one@example.com * bounce, two@example.com * bounce" {
		t.Errorf("stopped %q", got)
	}
	h.take(to("bounce+one@letters.harbour.example"), strings.ReplaceAll(report("2.0.0", "x@example.com", "", 2), "Action: failed", "Action: delivered"))
	if got := h.stopped(); got != "" || len(h.soft) > 0 {
		t.Errorf("it arrived; stopped %q, soft %q", got, h.soft)
	}
}

// TestOurServer: over LMTP the network is that of our own mail server, and says
// nothing of who wrote; what staff feeds is not held against anybody at all.
func TestOurServer(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	e := &listen.Envelope{Kind: listen.Local, From: "eve@example.com", To: []string{"privacy@harbour.example"}, Peer: netip.MustParseAddr("192.0.2.1")}
	for i := range 20 {
		h.Message(t.Context(), e, strings.NewReader(written(fmt.Sprintf("a%d@example.com", i), "", "Please unsubscribe me from your newsletter.")))
	}
	e.Kind = listen.Incoming
	h.Message(t.Context(), e, strings.NewReader(written("eve@example.com", "", "Please unsubscribe me from your newsletter.")))
	if got := h.stopped(); !strings.Contains(got, "eve@example.com") || strings.Count(got, ",") != 20 {
		t.Errorf("stopped %q", got)
	}
	for i := range 50 {
		h.ask("POST", "/v1/mail", written(fmt.Sprintf("b%d@example.com", i), "", "Please unsubscribe me from your newsletter."))
	}
	if n := strings.Count(h.stopped(), "@"); n != 50 {
		t.Errorf("%d of those that staff fed", n)
	}
}

// TestVouched: nobody is vouched for by what stands in a mail that was not at our
// border, or was written long ago and may be sent again by anybody who has it.
func TestVouched(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		later      time.Duration
		stopped    bool
	}{
		{"by our border", "10.0.2.1", 0, true},
		{"by a neighbour on this machine", "127.0.0.1", 0, true},
		{"by themselves", "192.0.2.1", 0, false},
		{"long ago", "10.0.2.1", 8 * 24 * time.Hour, false},
	} {
		h := begin(t, store.Config{Path: t.TempDir()}, text)
		h.Doubtful = -1 // whom nobody vouches for is never believed
		h.pass(c.later)
		e := to("stop@letters.harbour.example")
		e.Peer = netip.MustParseAddr(c.peer)
		h.take(e, written("eve@example.com", "unsubscribe", "", vouched))
		if got := h.stopped(); (got != "") != c.stopped {
			t.Errorf("%s: stopped %q", c.name, got)
		}
	}
}

// TestNameless: a mail that nothing tells from another is taken again when it came
// another way, for its sender may have asked for letters between the two.
func TestNameless(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	for _, top := range []string{"Received: from a; Tue, 24 Nov 2026 08:00:00 +0000\r\n", "Received: from a; Wed, 25 Nov 2026 08:00:00 +0000\r\n"} {
		h.take(to("stop@letters.harbour.example"), top+"From: eve@example.com\r\nSubject: unsubscribe\r\n\r\n")
		if got := h.stopped(); got != "eve@example.com * mail" {
			t.Errorf("stopped %q", got)
		}
	}
}

// TestForwarded: who hands on a letter and asks something stops nobody's, however the
// letter below says how to stop it.
func TestForwarded(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, text)
	link := "https://harbour.example/u/" + h.Token(h.Digest(mustParse(t, "bob@example.com")), "news")
	const ask = "Hi, do you ship the brass one to Malta?\n\n"
	for i, foot := range []string{"You get this because you signed up. To unsubscribe: ", "If you no longer wish to receive these emails, unsubscribe here: ",
		"Wenn Sie keine weiteren E-Mails von uns erhalten möchten, klicken Sie hier: ", "Si vous ne souhaitez plus recevoir nos messages, désabonnez-vous : "} {
		news := "New barometers.\n\n" + foot + link + "\n"
		for j, body := range []string{
			ask + "---------- Forwarded message ---------\nFrom: Harbour <news@harbour.example>\nDate: Mon, 23 Nov 2026\nSubject: News\nTo: Bob <bob@example.com>\n\n" + news,
			ask + "Begin forwarded message:\n\n" + news,
			ask + "Von: Harbour <news@harbour.example>\nGesendet: Montag\nAn: Bob\nBetreff: News\n\n" + news,
			"On Mon, 23 Nov 2026 at 10:11, Harbour <news@harbour.example> wrote:\n\n> " + strings.ReplaceAll(news, "\n", "\n> ") + "\n\n" + ask,
		} {
			h.take(to("privacy@harbour.example"), written(fmt.Sprintf("ann%d%d@other.example", i, j), "Fwd: News", body))
			if got := h.stopped(); got != "" {
				t.Errorf("%q %d: stopped %q", foot, j, got)
			}
		}
	}
}

// TestPastItsTime breaks the promise even if nobody waits.
func TestPastItsTime(t *testing.T) {
	h := begin(t, store.Config{Path: t.TempDir()}, strings.Replace(text, "questions: {answer: 10 days}\n", "", 1))
	h.take(to("privacy@harbour.example"), written("eve@example.com", "Question", "Which float?"))
	h.pass(100 * 24 * time.Hour)
	h.evidence("kept", "mails held: 1")
	h.pass(2 * 366 * 24 * time.Hour)
	h.evidence("broken", "mails held: 1")
}
