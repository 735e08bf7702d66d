package server

import (
	"context"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/sender"
	"github.com/avow-privacy/avow/internal/sections/collection/cookies"
	"github.com/avow-privacy/avow/internal/sections/collection/mailbox"
	"github.com/avow-privacy/avow/internal/sections/optout"
	"github.com/avow-privacy/avow/internal/sections/optout/elsewhere"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/sections/security/tokens"
	"github.com/avow-privacy/avow/internal/sections/use/mailing"
	"github.com/avow-privacy/avow/internal/sections/use/mailing/outbox"
	"github.com/avow-privacy/avow/internal/sections/use/recipients"
	"github.com/avow-privacy/avow/internal/store"
)

// openLetters puts together what has to do with letters. Each of these sections
// needs others of them, so they meet here.
func (s *Server) openLetters(ctx context.Context) (err error) {
	c := &s.config
	if err := s.openPost(); err != nil {
		return err
	}
	s.optout, err = optout.Open(ctx, optout.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Keys: s.keys, Pages: s.pages, Editions: s.changes,
		Letters: letters{s}, Waiting: waiting{s}, Taking: s.post.taking, Others: others{s}, Origin: c.Origin, Enforced: c.stance() == cookies.Enforcing})
	if err != nil {
		return err
	}
	s.tokens = tokens.New(s.store, s.changes, c.Log)
	s.mailing = mailing.New(mailing.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Editions: s.changes, Keys: s.keys, Words: s.optout,
		Digests: s.optout, Stops: s.optout, Bounces: bounces{s}, Guard: s.tokens, Door: s.post.way(), Origin: c.Origin, Log: c.Log})
	s.recipients = recipients.New(recipients.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Pages: s.pages, Editions: s.changes, Keys: s.keys,
		Door: s.post.door, Stops: s.optout, Letters: letters{s}, Origin: c.Origin, Log: c.Log})
	s.mailbox = mailbox.New(mailbox.Deps{Store: s.store, Vault: s.vault, Ledger: s.ledger, Editions: s.changes, Digests: s.optout, Tokens: s.optout, Keys: s.keys,
		Stops: stopping{s}, Softs: s.optout, Bounces: returned{s}, Canaries: s.recipients, Letters: letters{s}, Mask: masked, Doubtful: c.Mail.Doubtful, Origin: c.Origin,
		Sender: sender.Options{Trusted: c.Mail.Trusted, TXT: s.post.door.TXT}})
	var shown outbox.Letters
	if s.post.outbox != nil {
		shown = s.post.outbox
	}
	s.outbox = outbox.New(shown, s.pages)
	s.elsewhere = elsewhere.New(elsewhere.Deps{Store: s.store, Pages: s.pages, Editions: s.changes, Door: s.post.door})
	return nil
}

// letters sends letters of the house for whoever has something to tell.
type letters struct{ house *Server }

func (l letters) Notice(ctx context.Context, tx *store.Tx, to mail.Address, subject, text string) error {
	return l.house.mailing.Notice(ctx, tx, mailing.Notice{To: to, Subject: subject, Text: text})
}

func (l letters) Answer(ctx context.Context, tx *store.Tx, to mail.Address, subject, text, inReplyTo string) error {
	return l.house.mailing.Notice(ctx, tx, mailing.Notice{To: to, Subject: subject, Text: text, InReplyTo: bracketed(inReplyTo), Auto: true})
}

// bracketed is a Message-ID as it stands in a header.
func bracketed(id string) string {
	if id == "" {
		return ""
	}
	return "<" + id + ">"
}

// waiting asks the mailbox, which is put together later.
type waiting struct{ house *Server }

func (w waiting) Waiting(ctx context.Context) (int64, time.Time, error) {
	return w.house.mailbox.Waiting(ctx)
}

// others are the recipients of lists, which are put together later.
type others struct{ house *Server }

func (o others) Stopped(ctx context.Context, tx *store.Tx, digest [32]byte, scope avow.Purpose) error {
	return o.house.recipients.Stopped(ctx, tx, digest, scope)
}

// bounces has letters stopped to where nobody is.
type bounces struct{ house *Server }

func (b bounces) Bounced(ctx context.Context, digest [32]byte, _ avow.Purpose) error {
	return b.house.stop(ctx, stops.Stop{Digest: digest, Scope: stops.All, How: stops.Bounce})
}

// returned finds what a letter was sent for that came back.
type returned struct{ house *Server }

func (r returned) Bounced(ctx context.Context, id string) (digest [32]byte, purpose avow.Purpose, err error) {
	digest, purpose, ok, err := r.house.mailing.Returned(ctx, id)
	if err == nil && !ok {
		err = store.ErrNone
	}
	return digest, purpose, err
}

// stopping stops letters that a mail asks to be stopped.
type stopping struct{ house *Server }

func (s stopping) Stop(ctx context.Context, digest [32]byte, scope avow.Purpose, how string) (path string, err error) {
	done, err := s.house.optout.Stop(ctx, stops.Stop{Digest: digest, Scope: scope, How: stops.How(how)})
	if err != nil {
		return "", err
	}
	return done[0].Link, nil
}

// stop stops letters.
func (s *Server) stop(ctx context.Context, stop stops.Stop) error {
	_, err := s.optout.Stop(ctx, stop)
	return err
}
