package post

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/avow-privacy/avow/internal/mail/listen"
)

// soon is how long it may take from a mail to the last letter.
const soon = 5 * time.Second

var unsubscribeBy = regexp.MustCompile(`mailto:privacy@harbour\.example\?subject=unsubscribe(?:%20|=20)([A-Za-z0-9_-]+)`)

// TestLetters goes the whole way with a Postfix between the house and everybody:
// somebody asks for letters, confirms, gets one that a program handed in by swaks,
// and stops them by mail.
func TestLetters(t *testing.T) {
	t.Parallel()
	for _, kind := range []listen.Kind{listen.Incoming, listen.Local} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			relay, town := free(t), startSink(t, listen.Incoming)
			h := startHouse(t, relay)
			home := route("harbour.example", "smtp", h.Incoming)
			if kind == listen.Local {
				home = "harbour.example = " + lmtp(h.Local)
			}
			startPostfix(t, relay, "may", home, route("town.example", "smtp", town.Address))
			if why := h.may("eve@town.example", "news"); !strings.HasPrefix(why, "550 5.7.1") || !strings.Contains(why, "not-asked") {
				t.Errorf("before they asked: %s", why)
			}
			h.subscribed(town, "eve@town.example")
			letter := h.news(t, town, "eve@town.example")
			token := unsubscribeBy.FindStringSubmatch(strings.NewReplacer("\r\n ", "", "\r\n\t", "").Replace(letter.text))
			if token == nil {
				t.Fatalf("the letter does not say how to stop: %s", letter.text)
			}
			began := time.Now()
			if said, status := swaks(t, "--server", relay, "--from", "other@town.example", "--to", "privacy@harbour.example", "--header", "Subject: unsubscribe "+token[1], "--body", "-"); status != 0 {
				t.Fatal(said)
			}
			h.stopped(t, "eve@town.example", began)
			if answer := town.next(t, 0, "other@town.example", "Auto-Submitted: auto-replied"); answer.From != "" {
				t.Errorf("the answer comes back to %q", answer.From)
			}
			h.subscribed(town, "eve@town.example") // who asks anew gets letters again
			if why := h.may("eve@town.example", "news"); !strings.HasPrefix(why, "250") {
				t.Errorf("asked anew: %s", why)
			}
			began = time.Now()
			if said, status := swaks(t, "--server", relay, "--from", "eve@town.example", "--to", "privacy@harbour.example", "--header", "Subject: Bitte keine Werbung mehr",
				"--body", "Bitte nehmen Sie mich aus dem Verteiler."); status != 0 {
				t.Fatal(said)
			}
			h.stopped(t, "eve@town.example", began)
			if why := h.may("sales@town.example", "news"); !strings.HasPrefix(why, "550") {
				t.Errorf("somebody else: %s", why)
			}
		})
	}
}

// news hands in a letter by swaks, and returns it as it arrived.
func (h *house) news(t *testing.T, town *sink, to string) arrived {
	t.Helper()
	before := len(town.letters())
	if said, status := swaks(t, "--server", h.Submission, "--tls", "--from", "privacy@harbour.example", "--to", to, "--auth", "PLAIN", "--auth-user", "news", "--auth-password", h.program("news"),
		"--header", "Subject: A new barometer", "--body", "It is made of brass."); status != 0 {
		t.Fatal(said)
	}
	letter := town.next(t, before, to, "Subject: A new barometer")
	for _, part := range []string{"List-Unsubscribe-Post: List-Unsubscribe=One-Click", "DKIM-Signature:"} {
		if !strings.Contains(letter.text, part) {
			t.Errorf("the letter lacks %q: %s", part, letter.text)
		}
	}
	if !strings.HasPrefix(letter.From, "bounce+") {
		t.Errorf("it comes back to %q", letter.From)
	}
	return letter
}

// stopped waits until letters are stopped.
func (h *house) stopped(t *testing.T, address string, began time.Time) {
	t.Helper()
	waitFor(t, soon, "letters to stop", func() bool { return strings.Contains(h.may(address, "news"), "stopped") })
	if took := time.Since(began); took > soon {
		t.Errorf("it took %s", took)
	} else {
		t.Logf("from swaks to stop, seen by swaks: %s", took.Round(time.Millisecond))
	}
}

// TestBounce: Postfix is the smart host; it finds that there is nobody at an
// address, says so to the return path, and the address gets no more letters.
func TestBounce(t *testing.T) {
	t.Parallel()
	relay, town := free(t), startSink(t, listen.Incoming)
	h := startHouse(t, relay)
	startPostfix(t, relay, "none", route("harbour.example", "smtp", h.Incoming), "nobody@town.example = error:5.1.1 there is nobody", route("town.example", "smtp", town.Address))
	for _, to := range []string{"nobody@town.example", "eve@town.example"} {
		h.press("/f/contact", "email", to, "message", "Which instruments float?")
		if why := h.may(to, "reply"); !strings.HasPrefix(why, "250") {
			t.Fatalf("before: %s", why)
		}
	}
	began := time.Now()
	h.ask("POST", "/v1/messages", "application/json", `{"purpose": "reply", "to": ["nobody@town.example", "eve@town.example"], "subject": "Your question", "text": "None."}`, nil)
	waitFor(t, 10*time.Second, "the bounce", func() bool { return strings.Contains(h.may("nobody@town.example", "reply"), "bounced") })
	t.Logf("from letter to bounce to stop: %s", time.Since(began).Round(time.Millisecond))
	waitFor(t, soon, "the other letter", func() bool { return len(town.letters()) == 1 })
	if why := h.may("eve@town.example", "reply"); !strings.HasPrefix(why, "250") {
		t.Errorf("the other: %s", why)
	}
}

// TestSubmission drives the port for programs by swaks: whom a letter may not go
// to is said one by one, and why.
func TestSubmission(t *testing.T) {
	t.Parallel()
	h := startHouse(t, "")
	h.press("/f/contact", "email", "eve@town.example", "message", "Which instruments float?")
	token := h.program("reply")
	login := func(user, password string) []string {
		return []string{"--auth", "PLAIN", "--auth-user", user, "--auth-password", password}
	}
	for _, c := range []struct {
		name   string
		args   []string
		says   string
		status int
	}{
		{"no log-in", []string{"--to", "eve@town.example"}, "530 5.7.0", 23},
		{"wrong token", append(login("reply", "wrong"), "--to", "eve@town.example"), "535 5.7.8", 28},
		{"another purpose", append(login("news", token), "--to", "eve@town.example"), "535 5.7.8", 28},
		{"the token of staff is none for letters", append(login("reply", h.token), "--to", "eve@town.example"), "535 5.7.8", 28},
		{"right", append(login("reply", token), "--to", "eve@town.example"), "250 2.0.0", 0},
		{"under TLS", append(login("reply", token), "--tls", "--to", "eve@town.example"), "250 2.0.0", 0},
		{"one of two", append(login("reply", token), "--to", "eve@town.example,ivan@town.example"), "550 5.7.1", 0},
		{"none", append(login("reply", token), "--to", "ivan@town.example"), "not-asked", 24},
	} {
		args := append([]string{"--server", h.Submission, "--from", "privacy@harbour.example", "--header", "Subject: Your question"}, c.args...)
		if said, status := swaks(t, args...); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d: %s", c.name, status, said)
		}
	}
}

// TestNotForUs: what is for nobody here is refused before it is sent.
func TestNotForUs(t *testing.T) {
	t.Parallel()
	h := startHouse(t, "")
	for protocol, at := range map[string]string{"ESMTP": h.Incoming, "LMTP": h.Local} {
		for _, to := range []string{"sales@harbour.example", "eve@town.example", "bounce+x@town.example"} {
			if said, _ := swaks(t, "--server", at, "--protocol", protocol, "--from", "eve@town.example", "--to", to); !strings.Contains(said, "550 5.1.1") {
				t.Errorf("%s to %s: %s", protocol, to, said)
			}
		}
	}
}

var bounces = flag.String("bounces", "", "a folder of real bounces and complaints, a mail a file, to feed")

// TestRealBounces feeds reports of other makers' mail servers, which are not part of
// the sources: -bounces names a folder of them. It says what they were taken for.
func TestRealBounces(t *testing.T) {
	if *bounces == "" {
		t.Skip("no -bounces")
	}
	h := startHouse(t, "")
	became := map[string]int{}
	err := filepath.WalkDir(*bounces, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var fed struct{ Kind, Done string }
		h.ask("POST", "/v1/mail", "message/rfc822", string(raw), &fed)
		became[fed.Kind+" "+fed.Done]++
		if fed.Kind != "bounce" && fed.Kind != "complaint" && fed.Done != "again" {
			t.Logf("%s: %s, %s", filepath.Base(name), fed.Kind, fed.Done)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(fmt.Sprint(became))
}
