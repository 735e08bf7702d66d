package mailing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/letter"
)

// AddTo adds what programs of the house may ask of this section: to send a letter.
func (s *Section) AddTo(a *api.API) {
	api.Add(a, api.Operation{ID: "send", Method: "POST", Path: "/v1/messages", Group: "Letters", Title: "Send a letter",
		Says: "For each recipient is decided apart whether they may get a letter for this purpose. Those who may are queued in one transaction, and each gets a letter that names " +
			"nobody else; {unsubscribe} in a text becomes the address that stops such letters. The answer names recipients by their place in what was sent, from 0, and never by " +
			"address. A message/rfc822 goes to its To, Cc and Bcc, for the purpose in the query or in X-Avow-Purpose.",
		Example: `{"purpose": "news", "to": ["ada@example.com"], "subject": "A new barometer", "text": "It is made of brass.\n\nNo more of this: {unsubscribe}"}`,
		May:     api.Send, Once: true, Limit: letter.MaxSize * 3 / 2, Letter: true}, s.post)
}

type postIn struct {
	Purpose avow.Purpose `query:"purpose" doc:"Of a message/rfc822: a purpose of the statement."`
	Header  avow.Purpose `header:"X-Avow-Purpose" doc:"The same."`
	Kind    string       `header:"Content-Type" hidden:"true"`
	RawBody []byte       `contentType:"message/rfc822"`
	Body    struct {
		Purpose avow.Purpose `json:"purpose" doc:"A purpose of the statement that has the channel email." example:"news"`
		From    string       `json:"from,omitempty" doc:"An address of the house, with or without a name; its own if missing."`
		To      []string     `json:"to" maxItems:"1000" nullable:"false" doc:"Whom it is for."`
		Subject string       `json:"subject" doc:"What it is about, in one line."`
		Text    string       `json:"text,omitempty" doc:"Its words."`
		HTML    string       `json:"html,omitempty" doc:"Besides the text, or instead of it."`
	}
}

// letter is what was sent, whichever way.
func (in *postIn) letter() Letter {
	kind, _, _ := strings.Cut(in.Kind, ";")
	if strings.EqualFold(strings.TrimSpace(kind), "message/rfc822") {
		to, purpose := letter.Addressed(in.RawBody)
		return Letter{Purpose: cmp.Or(in.Purpose, in.Header, avow.Purpose(purpose)), Recipients: to, Raw: in.RawBody}
	}
	b := &in.Body
	l := Letter{Purpose: cmp.Or(b.Purpose, in.Purpose, in.Header), From: b.From, Subject: b.Subject, Text: b.Text, HTML: b.HTML, Recipients: make([]mail.Address, len(b.To))}
	for i, to := range b.To {
		l.Recipients[i], _ = mail.ParseAddress(to) // the zero Address is refused
	}
	return l
}

func (s *Section) post(ctx context.Context, in *postIn) (*Sent, error) {
	l := in.letter()
	if err := api.Within(ctx, "", l.Purpose); err != nil {
		return nil, err
	}
	if n := len(l.Recipients); n == 0 || n > MaxRecipients {
		return nil, api.Invalid("to", fmt.Sprintf("Name 1 to %d recipients.", MaxRecipients))
	}
	out, err := s.send(ctx, l, api.OnceOf(ctx))
	if unfit := (*letter.Unfit)(nil); errors.As(err, &unfit) {
		return nil, api.Invalid(avow.Field(unfit.Part), "Its "+unfit.Part+" "+unfit.Reason+".")
	}
	if err != nil || out.entered == nil || out.Queued != 1 {
		return out, err
	}
	text, err := s.Ledger.Receipt(ctx, out.entered)
	out.Receipt = string(text)
	return out, err
}
