package mailbox

import (
	"context"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/mail/meaning"
	"github.com/avow-privacy/avow/internal/mail/sender"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// all is the scope of every letter but those that are part of what was asked for.
const all avow.Purpose = "*"

// What is done about a mail, as it is answered to who fed it.
const (
	stopped = "stopped"
	noted   = "noted"
	asked   = "asked"
	kept    = "kept"
	counted = "counted"
)

// A letter is a mail while it is dealt with.
type letter struct {
	*mail.Message
	s     *Section
	now   *statement.Edition
	raw   []byte
	from  source
	peer  netip.Addr
	in    []inlet
	mark  [32]byte
	quiet bool // its return path says that nobody waits for an answer
	trust sender.Trust

	kind string // what it is
	done string // what was done
	keep bool   // somebody has to look at it
	mute bool   // its sender is told nothing
	wait bool   // for an answer
	lost bool   // something in it is never kept, and was taken out
	says says   // what its sender is told of their letters
	path string // of the receipt for a stop
}

// act does what a mail asks, except what finish does. To do it again does no harm:
// whatever fails later, the mail comes again.
func (l *letter) act(ctx context.Context) error {
	for _, in := range l.in {
		if in.canary {
			l.kind, l.done = "canary", noted
			if err := l.s.Canaries.Touched(ctx, in.at); err != nil {
				return err
			}
		}
	}
	if l.kind != "" {
		return nil
	}
	report := l.Report != nil || l.Complaint != nil
	if digest, scope, ok := l.token(l.Subject); ok && !report {
		l.kind, l.says = string(meaning.Unsubscribe), saysStoppedThese
		return l.stop(ctx, digest, scope, "mail")
	}
	m := meaning.Of(l.Message, l.own())
	l.kind, l.done = string(m.Kind), counted
	switch m.Kind {
	case meaning.Bounce:
		return l.bounce(ctx)
	case meaning.Complaint:
		return l.complaint(ctx)
	case meaning.AutoReply, meaning.Junk:
		return nil
	}
	// Somebody has to look at whatever is not surely just that letters are to stop.
	l.keep = m.Kind != meaning.Unsubscribe || len(m.Also) > 0 || !m.Sure
	switch {
	case m.Wants(meaning.Child):
		l.mute = true // whoever is with a child answers it
		return l.stopSender(ctx, l.childsStop(ctx, m), saysNothing, saysNothing)
	case m.Wants(meaning.Unsubscribe):
		return l.unsubscribe(ctx, m)
	}
	return nil
}

// childsStop says how letters stop after words about a child. As a child's, an address
// gets not even what was ordered, and nobody can start it again: so only if its domain
// vouches that the child itself wrote from it.
func (l *letter) childsStop(ctx context.Context, m meaning.Meaning) string {
	if m.Self && (l.from.fed || l.weighed(ctx) == sender.Authenticated) {
		return "child"
	}
	return "mail"
}

// own is what a mail is sorted by that differs from one house to another.
func (l *letter) own() (own meaning.Own) {
	own.OptOut, _ = mail.ParseAddress(optOut(l.now).Address)
	if l.now.Children != nil {
		own.Age = l.now.Children.Under
	}
	return own
}

func (l *letter) stop(ctx context.Context, digest [32]byte, scope avow.Purpose, how string) (err error) {
	l.done = stopped
	l.path, err = l.s.Stops.Stop(ctx, digest, scope, how)
	return err
}

// unsubscribe stops the letters that a link in the mail is of, which it quotes;
// else those to who wrote it. Both together are all letters to that address: they
// hold a letter to it, and say stop. A clear word about a letter to somebody else,
// say to another address of theirs, is one about themselves too.
func (l *letter) unsubscribe(ctx context.Context, m meaning.Meaning) error {
	digest, scope, ok := l.open(m.Token)
	if !ok {
		digest, scope, ok = l.token(l.Text)
	}
	if !ok {
		return l.stopSender(ctx, "mail", saysStopped, saysAsked)
	}
	l.says = saysStoppedThese
	if l.From.IsZero() {
		return l.stop(ctx, digest, scope, "mail")
	}
	own := l.s.Digests.Digest(l.From)
	if own == digest {
		l.says, scope = saysStopped, all
	}
	if err := l.stop(ctx, digest, scope, "mail"); err != nil || own == digest || !m.Sure || !l.believed(ctx) {
		return err
	}
	l.says = saysStopped
	return l.stop(ctx, own, all, "mail")
}

// stopSender stops all letters to the address that a mail comes from, if that can
// be believed; else it is asked.
func (l *letter) stopSender(ctx context.Context, how string, says, else_ says) error {
	if l.From.IsZero() {
		l.keep = true // nobody to stop: somebody has to look
		return nil
	}
	if !l.believed(ctx) {
		l.done, l.says = asked, else_
		return nil
	}
	l.says = says
	return l.stop(ctx, l.s.Digests.Digest(l.From), all, how)
}

// believed says whether the sender's word about themselves is acted on. What
// nobody vouches for is, too, while it is little: a letter too few harms less than
// one too many.
func (l *letter) believed(ctx context.Context) bool {
	if l.from.fed {
		return true
	}
	switch l.weighed(ctx) {
	case sender.Authenticated:
		return true
	case sender.Doubtful:
		return l.s.doubts.may(l.peer, l.s.Store.Now(), l.s.Doubtful)
	}
	return false
}

// weighed is how far the sender is believed. It is asked for only where it matters:
// it may take a look into the DNS.
func (l *letter) weighed(ctx context.Context) sender.Trust {
	if l.trust != "" {
		return l.trust
	}
	o := l.s.Sender
	if l.peer.IsValid() && !l.peer.IsLoopback() && !l.peer.IsPrivate() {
		o.Trusted = nil // it was not at our border: what stands on top its sender wrote
	}
	l.trust = sender.Weigh(ctx, l.raw, l.Message, o).Trust
	// What was signed long ago may be sent again by whoever has it.
	if l.trust == sender.Authenticated && l.s.Store.Now().Sub(l.Date) > remember {
		l.trust = sender.Doubtful
	}
	return l.trust
}

// waited says whether somebody waits for an answer. Whom nobody vouches for may
// not have written at all: from one network only so many of them are answered in
// an hour, so that who writes in the names of many does not have us write to them.
func (l *letter) waited(ctx context.Context) bool {
	switch {
	case l.says == saysNothing && !l.keep, l.mute, !l.from.answers, l.s.Letters == nil, l.From.IsZero(), !l.MayReply(owns(l.now)...):
		return false
	case l.from.fed:
		return true
	}
	return !l.quiet && (l.s.answers.may(l.peer, l.s.Store.Now(), 5*l.s.Doubtful) || l.weighed(ctx) == sender.Authenticated)
}

// bounce stops letters to an address that there is nobody at. Which one that is
// says the return path that the report came to, or the letter in it; what the
// report itself says anybody could write.
func (l *letter) bounce(ctx context.Context) error {
	class := mail.Unknown
	if l.Report != nil {
		for _, r := range l.Report.Recipients {
			if r.Class == mail.Hard || r.Class == mail.Soft && class != mail.Hard {
				class = r.Class
			}
		}
	}
	digest, scope, ok, err := l.whose(ctx)
	switch {
	case err != nil:
		return err
	case ok && class == mail.Hard && scope != all:
		// Whoever has a letter has its link, and can write such a report: it does no
		// more than the link does.
		return l.stop(ctx, digest, scope, "mail")
	case ok && class == mail.Hard:
		return l.stop(ctx, digest, all, "bounce")
	case ok && class == mail.Soft && scope == all:
		l.done = noted
		return l.s.Softs.Soft(ctx, digest)
	case !l.from.fed || l.Report == nil:
		return nil
	}
	for _, r := range l.Report.Recipients {
		if r.Class == mail.Hard && !r.Final.IsZero() {
			if err := l.stop(ctx, l.s.Digests.Digest(r.Final), all, "bounce"); err != nil {
				return err
			}
		}
	}
	return nil
}

// noComplaints are the feedback reports that nobody wrote who wants no more letters: of
// programs that checked a signature or looked for a virus, and of who was glad of one.
var noComplaints = []string{"auth-failure", "dmarc", "virus", "not-spam"}

// complaint stops all letters to somebody who told their provider that they do not
// want one.
func (l *letter) complaint(ctx context.Context) error {
	if l.Complaint != nil && slices.Contains(noComplaints, l.Complaint.Kind) {
		return nil
	}
	digest, _, ok, err := l.whose(ctx)
	if err != nil {
		return err
	}
	if ok {
		return l.stop(ctx, digest, all, "complaint")
	}
	if !l.from.fed || l.Complaint == nil {
		return nil
	}
	for _, a := range l.Complaint.Recipients {
		if err := l.stop(ctx, l.s.Digests.Digest(a), all, "complaint"); err != nil {
			return err
		}
	}
	return nil
}

// whose finds out to whom the letter went that a report is about. The scope is all
// if the return path says so, which only they saw, else that of the letter's link.
func (l *letter) whose(ctx context.Context) (digest [32]byte, scope avow.Purpose, ok bool, err error) {
	paths := []string{}
	for _, in := range l.in {
		if in.bounce != "" {
			paths = append(paths, in.bounce)
		}
	}
	var original mail.Original
	if c := l.Complaint; c != nil {
		original = c.Original
		if id, ours := strings.CutPrefix(c.ReturnPath.Local(), returns); ours {
			paths = append(paths, id)
		}
	} else if l.Report != nil {
		original = l.Report.Original
	}
	for _, id := range paths {
		if l.s.Bounces == nil {
			break
		}
		digest, _, err = l.s.Bounces.Bounced(ctx, id)
		if !errors.Is(err, store.ErrNone) {
			return digest, all, err == nil, err
		}
	}
	digest, scope, ok = l.token(strings.Join(original.Header("List-Unsubscribe"), " "))
	return digest, scope, ok, nil
}

// tokenShape is what a token of a letter looks like where it stands: in a link of
// ours, or after a word in a subject, where mail programs leave it as it was.
var tokenShape = regexp.MustCompile(`(?:/u/|(?i:unsubscribe)(?:%20|\+|\s+))([A-Za-z0-9_-]{40,255})`)

// token finds the first token of a letter in a text.
func (l *letter) token(text string) (digest [32]byte, scope avow.Purpose, ok bool) {
	for _, m := range tokenShape.FindAllStringSubmatch(text, 20) {
		if digest, scope, ok = l.open(m[1]); ok {
			break
		}
	}
	return digest, scope, ok
}

// open opens what may be a token.
func (l *letter) open(token string) (digest [32]byte, scope avow.Purpose, ok bool) {
	plain, err := l.s.Keys.Unveil("unsubscribe", token)
	if err != nil || len(plain) <= len(digest) {
		return digest, "", false
	}
	return [32]byte(plain), avow.Purpose(plain[len(digest):]), true
}

// finish keeps what has to be looked at, answers, and remembers that the mail was
// here: all of it or nothing.
func (l *letter) finish(ctx context.Context) error {
	done := l.done
	return l.s.Store.Commit(ctx, func(tx *store.Tx) error {
		l.done = done
		tx.Claim([16]byte(l.mark[:16]))
		switch n, err := tx.Exec(ctx, q.See, l.mark[:], tx.Now); {
		case err != nil:
			return err
		case n == 0:
			l.done = "again" // it came twice at the same time
			return nil
		}
		receipt := ""
		if l.keep {
			var err error
			if receipt, err = l.kept(ctx, tx); err != nil {
				return err
			}
			if l.done == counted && receipt != "" {
				l.done = kept
			}
		}
		tx.Count(q.Tally, tx.Now.UTC().Format(time.DateOnly), l.kind, 1)
		return l.answer(ctx, tx, receipt)
	})
}
