package mailbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow/internal/mail/meaning"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// says is what a sender is told.
type says int

const (
	saysNothing      says = iota
	saysStopped           // all letters to the address
	saysStoppedThese      // those that a link was of
	saysAsked             // nothing was done yet
)

// once is how often an address is answered by itself.
const once = 24 * time.Hour

// answer leaves an answer to be sent, if somebody waits for one.
func (l *letter) answer(ctx context.Context, tx *store.Tx, receipt string) error {
	if !l.wait {
		return nil
	}
	digest := l.s.Digests.Digest(l.From)
	tx.Claim([16]byte(digest[:16]))
	n, err := tx.Exec(ctx, q.Answer, digest[:], tx.Now, tx.Now.Add(-once))
	if n == 0 || err != nil {
		return err
	}
	subject := "Your mail to " + l.now.Organisation.Name
	// Nothing of the mail is in the answer: it goes to an address that somebody else
	// may have written as theirs.
	return l.s.Letters.Answer(ctx, tx, l.From, subject, l.words(digest, receipt), l.ID)
}

// words are the text of an answer.
func (l *letter) words(digest [32]byte, receipt string) string {
	origin := l.s.origin(l.now)
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	add("Hello,")
	switch l.says {
	case saysStopped:
		add("You wrote that you want no more letters from us. We stopped them, all of them, to this address, just now. Only what you order or ask us for is still answered.")
		add("If that was not you, or not what you meant: they start again when you ask for them at %s and follow the link in the letter that you then get. Nobody else can start them.", origin)
	case saysStoppedThese:
		add("You wrote that you want no more of the letters that the link in your mail belongs to. We stopped them just now, to the address that they went to.")
		add("If that was a mistake, they start again when you ask for them at %s and follow the link in the letter that you then get.", origin)
	case saysAsked:
		add("Somebody wrote to us, with this address as the sender's, to stop our letters to it. We could not tell whether that was you, so nothing was changed.")
		add("If you want no more letters from us, open this page and press the button on it:\n%s/u/%s", origin, l.s.Tokens.Token(digest, all))
		add("If it was not you, you need not do anything.")
	}
	switch {
	case receipt != "":
		add("%s", l.understood())
		l.promise(add)
	case l.keep:
		add("Your mail was read by a machine, and nothing of it was kept: our statement does not say that we keep mail. Please use a form at %s, or write to %s.", origin, l.now.Organisation.Contact)
	}
	for _, path := range []string{l.path, receipt} {
		if path != "" {
			add("Your receipt, which can be checked without us, and says what was written down when:\n%s%s", origin, path)
		}
	}
	add("This answer was written by a machine. You get one a day at most.")
	return strings.Join(append(parts, l.now.Organisation.Name), "\n\n") + "\n"
}

// understood says what a mail that is kept was taken for.
func (l *letter) understood() string {
	switch {
	case l.says != saysNothing:
		return "We kept your mail, in case that you meant more than that."
	case l.kind == string(meaning.Request):
		return "We have your mail. We understood that you ask about your own information, or want something done with it."
	}
	return "We have your mail. We understood it as a question, or as something that you want us to know."
}

// promise says what holds for a mail that is kept.
func (l *letter) promise(add func(string, ...any)) {
	c := into(l.now)
	if id := l.now.Keeper("collect." + string(c.Name)); id != "" {
		if i := slices.IndexFunc(l.now.Clauses, func(c statement.Clause) bool { return c.ID == id }); i >= 0 {
			add("Our statement says: “%s” It is kept for %s and then deleted.", l.now.Clauses[i].Text, c.Keep)
		}
	}
	if l.lost {
		add("A number in it that looked like that of a payment card was taken out before anything was kept. Please never send one by mail.")
	}
	if l.now.Questions != nil && !l.now.Questions.Answer.IsZero() {
		add("Somebody reads it and answers you within %s.", l.now.Questions.Answer)
	} else {
		add("Somebody reads it and answers you.")
	}
	add("If you want it deleted before that, write so to %s.", l.now.Organisation.Contact)
}
