package mailing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/internal/vault"
)

func TestPromises(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		t.Run("asked-for", func(t *testing.T) { askedFor(t, newHouse(t, cfg)) })
	})
}

func askedFor(t *testing.T, h *house) {
	h.gives("ada@example.com", "newsletter")
	h.gives("eve@example.com", "contact")
	h.gives("bob@example.com", "panel")
	h.gives("mia@example.com", "newsletter")
	h.words.stop(h.Digest(parse("mia@example.com")), "stopped")
	for _, c := range []struct {
		purpose avow.Purpose
		to      string
		want    string
	}{
		{"news", "ada@example.com", "queued"},
		{"news", " ADA@Example.COM", "queued"},
		{"news", "eve@example.com", "not-asked/asked-for"},
		{"news", "nobody@example.com", "not-asked/asked-for"},
		{"news", "mia@example.com", "stopped/asked-for"},
		{"news", "not an address", "no-address/asked-for"},
		{"opinion", "ada@example.com", "not-asked/asked-for"},
		{"deliver", "ada@example.com", "not-asked/asked-for"},
		{"reply", "eve@example.com", "not-a-letter/purpose"},
		{"sale", "ada@example.com", "all purpose"},
		{"spam", "ada@example.com", "all undeclared"},
		{"opinion", "bob@example.com", "queued"},
		{"opinion", "bob@example.com", "queued"},
		{"opinion", "bob@example.com", "too-often/asked-for"},
	} {
		if got := h.send(c.purpose, c.to); got != c.want {
			t.Errorf("%s to %s: %s, want %s", c.purpose, c.to, got, c.want)
		}
	}
	if got := h.send("news", "ada@example.com", "eve@example.com", "x", "ada@example.com"); got != "queued not-asked/asked-for no-address/asked-for queued" {
		t.Errorf("together they are answered %s", got)
	}
	h.deliver()
	if n := h.out.count(); n != 5 {
		t.Errorf("%d letters went out, want 5", n)
	}
	for _, p := range h.out.letters {
		if p.to != "ada@example.com" && p.to != "bob@example.com" {
			t.Error("a letter went to somebody who did not ask for it")
		}
	}
	h.pass(364 * 24 * time.Hour)
	if got := h.send("opinion", "bob@example.com"); got != "too-often/asked-for" {
		t.Errorf("within a year the third is %s", got)
	}
	if err := h.Forget(ctx); err != nil {
		t.Fatal(err)
	}
	if got := h.send("opinion", "bob@example.com"); got != "too-often/asked-for" {
		t.Errorf("the count was forgotten within the year: %s", got)
	}
	shows(t, h, avow.Kept, "letters sent in 30 days for news", "")
	h.pass(2 * 24 * time.Hour)
	if got := h.send("opinion", "bob@example.com"); got != "queued" {
		t.Errorf("after a year it is %s", got)
	}
	if log := h.log.String(); !strings.Contains(log, "reason=not-asked") || strings.Contains(log, "example.com") {
		t.Errorf("the log has %q", log)
	}
}

// shows holds the evidence to what it is to say.
func shows(t *testing.T, h *house, want avow.Standing, figure, value string) {
	t.Helper()
	all, err := h.Evidence(ctx, h.InForce())
	if err != nil || len(all) != 1 || all[0].Clause != "asked-for" || all[0].Standing != want {
		t.Fatalf("the evidence is %+v (%v), want %s", all, err, want)
	}
	for _, f := range all[0].Figures {
		if f.Name == figure && (value == "" || f.Value == value) {
			return
		}
	}
	if value != "" {
		t.Errorf("the figures are %+v, want %s: %s", all[0].Figures, figure, value)
	}
}

func TestEvidence(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("bob@example.com", "panel")
	for range 3 {
		h.send("opinion", "bob@example.com")
	}
	h.deliver()
	shows(t, h, avow.Kept, "letters sent in 30 days for opinion", "2")
	shows(t, h, avow.Kept, "refused because there had been as many as there may be", "1")
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		return tx.Do(ctx, "INSERT INTO mail_sent (id, digest, purpose, at) VALUES ($1, $2, 'opinion', $3)", [16]byte{1}, h.Digest(parse("bob@example.com")), tx.Now)
	})
	if err != nil {
		t.Fatal(err)
	}
	shows(t, h, avow.Broken, "", "")
}

// TestPins: a purpose that the statement took on later reaches nobody from before,
// and one that it dropped nobody at all, whatever waits.
func TestPins(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	h.gives("ada@example.com", "newsletter")
	h.gives("old@example.com", "contact")
	h.publish(strings.Replace(harbour, "contact:    {fields: [email!, message!], for: [reply]", "contact:    {fields: [email!, message!], for: [news]", 1))
	h.gives("new@example.com", "contact")
	if got := h.send("news", "ada@example.com", "old@example.com", "new@example.com"); got != "queued not-asked/contact queued" {
		t.Errorf("after a wider version: %s", got)
	}
	h.publish(strings.Replace(harbour, "for: [news]", "for: [reply]", 1))
	h.deliver()
	if n := h.out.count(); n != 0 {
		t.Errorf("%d letters went out that the statement does not allow any more", n)
	}
	if h.tally("news", "not-asked") != 3 || h.rows("mail_queue") != 0 {
		t.Errorf("counted as not-asked are %d", h.tally("news", "not-asked"))
	}
}

// TestWhichAddress: an address that somebody has us know by is not one that they
// want letters at, and one that they corrected meanwhile is none any more.
func TestWhichAddress(t *testing.T) {
	h := newHouse(t, store.Config{Path: t.TempDir()})
	by := func(to string) vault.By {
		return vault.By{Field: "email", Category: "user.contact.email", Value: []byte(to)}
	}
	var record avow.RecordID
	put := func(in avow.Collection, to string) {
		err := h.db.Commit(ctx, func(tx *store.Tx) error {
			who, err := h.vault.Subject(ctx, tx, by("ada@example.com"), by("work@example.com"))
			if err == nil {
				record, err = h.vault.Put(ctx, tx, who, vault.Record{Collection: in, Version: 1, Expires: tx.Now.Add(time.Hour), Values: map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte(to))}})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("contact", "work@example.com")
	put("newsletter", "ada@example.com")
	if got := h.send("news", "work@example.com", "ada@example.com"); got != "not-asked/asked-for queued" {
		t.Errorf("%s", got)
	}
	err := h.db.Commit(ctx, func(tx *store.Tx) error {
		held, err := h.vault.Get(ctx, tx, record)
		if err == nil {
			err = h.vault.Update(ctx, tx, held, map[avow.Field]vault.Sealed{"email": vault.Conceal([]byte("new@example.com"))}, 1, by("new@example.com"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.deliver()
	if h.out.count() != 0 || h.tally("news", "not-asked") != 2 {
		t.Errorf("%d went to an address that was corrected", h.out.count())
	}
	if got := h.send("news", "ada@example.com", "new@example.com"); got != "not-asked/asked-for queued" {
		t.Errorf("after the correction: %s", got)
	}
	h.pass(2 * time.Hour)
	if got := h.send("news", "new@example.com"); got != "not-asked/asked-for" {
		t.Errorf("past the record's time: %s", got)
	}
}

// TestLetter looks at what goes out.
func TestLetter(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, cfg store.Config) {
		h := newHouse(t, cfg)
		h.gives("ada@example.com", "newsletter")
		h.gives("ada@example.com", "order")
		for _, purpose := range []avow.Purpose{"news", "deliver"} {
			if got := h.send(purpose, "ada@example.com"); got != "queued" {
				t.Fatalf("%s: %s", purpose, got)
			}
		}
		err := h.db.Commit(ctx, func(tx *store.Tx) error {
			err := h.Notice(ctx, tx, mailing.Notice{To: parse("stranger@example.org"), Subject: "Please confirm", Text: "Was it you?"})
			if err == nil {
				err = h.Notice(ctx, tx, mailing.Notice{To: parse("robot@example.org"), Subject: "Stopped", Text: "Done.", InReplyTo: "<1@example.org>", Auto: true})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.deliver()
		if h.out.count() != 4 || h.rows("mail_queue") != 0 || h.rows("mail_message") != 0 || h.rows("mail_sent") != 4 {
			t.Fatalf("%d letters went out, %d wait", h.out.count(), h.rows("mail_queue"))
		}
		var left int64
		if _ = h.db.View(ctx, func(tx *store.Tx) error {
			return tx.Get(ctx, "SELECT COUNT(*) FROM vault_record WHERE collection = '(letters)'", &left)
		}); left != 0 {
			t.Errorf("%d texts are still here after they were delivered", left)
		}
		records, err := h.Records(ctx)
		if err != nil || len(records) != 2 {
			t.Fatal(records, err)
		}
		for _, p := range h.out.letters {
			looks(t, h, p)
			verified, err := dkim.VerifyWithOptions(strings.NewReader(p.text), &dkim.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
				for _, r := range records {
					if r.Name == name {
						return []string{r.Text}, nil
					}
				}
				return nil, errors.New("none")
			}})
			if err != nil || len(verified) != 2 || verified[0].Err != nil || verified[1].Err != nil {
				t.Errorf("the signatures are %+v (%v)", verified, err)
			}
		}
		found, err := h.vault.Scan(ctx, nil2(h), true, nil)
		if err != nil || len(found.Faults) > 0 {
			t.Errorf("the vault says %v %v", found, err)
		}
	})
}

// nil2 is a view to scan in, as long as the test runs.
func nil2(h *house) (tx *store.Tx) {
	hold, done := make(chan *store.Tx), make(chan struct{})
	go func() { _ = h.db.View(ctx, func(tx *store.Tx) error { hold <- tx; <-done; return nil }) }()
	h.t.Cleanup(func() { close(done) })
	return <-hold
}

func looks(t *testing.T, h *house, p posted) {
	m := p.header(t)
	digest, purpose, err := [32]byte{}, avow.Purpose(""), error(nil)
	if p.from != "" {
		id := strings.TrimSuffix(strings.TrimPrefix(p.from, "bounce+"), "@harbour.example")
		var ok bool
		if digest, purpose, ok, err = h.Returned(ctx, id); err != nil || !ok || digest != h.Digest(parse(p.to)) {
			t.Errorf("%s does not lead back to its letter: %v", p.from, err)
		}
		if _, _, ok, err := h.Returned(ctx, strings.ToUpper(id)); err != nil || !ok {
			t.Errorf("in capitals it does not: %v", err)
		}
		for _, wrong := range []string{"", "x", id[1:], id[:9] + "zzz" + id[12:], "é"} {
			if _, _, ok, err := h.Returned(ctx, wrong); ok || err != nil {
				t.Errorf("%q leads to a letter (%v)", wrong, err)
			}
		}
	}
	if m.Get("To") != "<"+p.to+">" || m.Get("From") != `"Harbour Instruments Ltd" <privacy@harbour.example>` {
		t.Errorf("it is from %s to %s", m.Get("From"), m.Get("To"))
	}
	token := h.Token(digest, purpose)
	want := ""
	if purpose == "news" {
		want = "<https://harbour.example/u/" + token + ">, <mailto:privacy@harbour.example?subject=unsubscribe%20" + token + ">"
	}
	if got := m.Get("List-Unsubscribe"); got != want {
		t.Errorf("%s: List-Unsubscribe is %q, want %q", purpose, got, want)
	}
	if (m.Get("List-Unsubscribe-Post") != "") != (want != "") {
		t.Errorf("%s: List-Unsubscribe-Post is %q", purpose, m.Get("List-Unsubscribe-Post"))
	}
	auto := map[string]string{"stranger@example.org": "auto-generated", "robot@example.org": "auto-replied"}[p.to]
	if m.Get("Auto-Submitted") != auto || (p.from == "") != (auto == "auto-replied") || (m.Get("In-Reply-To") != "") != (auto == "auto-replied") {
		t.Errorf("an automatic one (%q) is from %q with %q", auto, p.from, m.Get("Auto-Submitted"))
	}
	if flat := strings.ReplaceAll(p.text, "=\r\n", ""); auto == "" && !strings.Contains(strings.ReplaceAll(flat, "=3D", "="), "https://harbour.example/u/"+token) {
		t.Errorf("%s: the text does not say how to stop such letters: %s", purpose, flat)
	}
}
