package post

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"github.com/avow-privacy/avow/internal/egress"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/mail/listen"
)

// TestRelay: a Postfix is the smart host. What the relay hands to it arrives
// elsewhere as it was, so that both signatures verify there; and what it refuses
// is told as what it is.
func TestRelay(t *testing.T) {
	t.Parallel()
	town := startSink(t, listen.Incoming)
	p := startPostfix(t, free(t), "may", "nobody@town.example = error:5.1.1 there is nobody", route("town.example", "smtp", town.Address))
	relay, err := egress.NewRelay(egress.RelayOptions{Address: p.Address, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	signer := letter.NewSigner("harbour.example")
	for _, selector := range letter.Selectors {
		der, err := letter.MakeKey(selector)
		if err == nil {
			err = signer.Add(selector, der)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ours, to := address(t, "privacy@harbour.example"), address(t, "eve@town.example")
	const odd = "Grüße aus dem Hafen: ein neues Barometer, für die Älteren unter uns, mit Öl und ohne Ärger"
	texts := []string{"Hello\n.\n..\nFrom here\n", strings.Repeat("Ein langer Satz ohne Ende, ", 200), "trailing space \n\n\n\n", "Zoë 😀\n{unsubscribe}\n"}
	for i, text := range texts {
		d, err := letter.Write(letter.Parts{Subject: odd, Text: text, HTML: "<p>" + text + "</p>"})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := d.Compose(letter.Envelope{From: letter.Mailbox{Name: "Hafen, Söhne & Co", Address: ours}, To: to, Date: time.Now(), ID: fmt.Sprint(i), Mailto: ours,
			Unsubscribe: "https://harbour.example/u/" + strings.Repeat("x", 120), Token: strings.Repeat("x", 120), Listed: true})
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign(plain)
		if err != nil {
			t.Fatal(err)
		}
		if err := relay.Send(t.Context(), "bounce+x@harbour.example", to.Text(), signed); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, 10*time.Second, "the letters", func() bool { return len(town.letters()) == len(texts) })
	lookup := func(name string) ([]string, error) {
		for _, r := range signer.Records() {
			if r.Name == name {
				return []string{r.Text}, nil
			}
		}
		return nil, errors.New("none")
	}
	for _, got := range town.letters() {
		verified, err := dkim.VerifyWithOptions(strings.NewReader(got.text), &dkim.VerifyOptions{LookupTXT: lookup})
		if err != nil || len(verified) != 2 || verified[0].Err != nil || verified[1].Err != nil || got.From != "bounce+x@harbour.example" {
			t.Errorf("a letter arrived changed: %v, %+v\n%s", err, verified, bytes.TrimSpace([]byte(got.text)))
		}
	}
	var answer *egress.DeliveryError
	if err := relay.Send(t.Context(), "bounce+x@harbour.example", "nobody@town.example", []byte("Subject: x\r\n\r\nx\r\n")); err != nil && (!errors.As(err, &answer) || !answer.Nobody) {
		t.Errorf("to nobody: %v", err)
	}
}

func address(t *testing.T, text string) mail.Address {
	t.Helper()
	a, err := mail.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestName: a house that has only just begun calls itself by its site's name.
func TestName(t *testing.T) {
	town := startSink(t, listen.Incoming)
	h := startHouse(t, town.Address)
	h.press("/f/newsletter", "email", "eve@town.example")
	if got := town.next(t, 0, "eve@town.example", "/u/start/").Helo; got != "harbour.example" {
		t.Errorf("it calls itself %q", got)
	}
}
