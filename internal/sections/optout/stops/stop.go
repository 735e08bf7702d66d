package stops

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Records is the collection of what is kept of nobody for the sake of letters. No
// collection of a statement can be called so.
const Records avow.Collection = "(letters)"

// keepFor is how many months the record of a stop is kept. The stop is for ever.
const keepFor = 24

// A Stop is the word that letters to an address end.
type Stop struct {
	Digest [32]byte
	Scope  avow.Purpose // or All; a bounce and a child's are about every letter anyway
	How    How
	At     time.Time // when it was said; now, if zero
}

// A Stopped is what became of a stop.
type Stopped struct {
	Link string // path of the page with its receipt; "" for those that are entered many at once
}

// personal says whether a stop is told to who stopped.
func (h How) personal() bool { return h == Click || h == Page || h == Mail }

// Stop ends letters. It is durable when it returns: in the journal first, then in
// the table. Nobody is looked up for it.
func (b *Book) Stop(ctx context.Context, stops ...Stop) ([]Stopped, error) {
	if len(stops) == 0 {
		return nil, nil
	}
	now := max(b.Store.Now().UnixMicro(), b.latest.Load()) // a start counts that a wrong clock has dated ahead
	lines := make([]line, len(stops))
	for i, stop := range stops {
		lines[i] = line{digest: stop.Digest, scope: stop.How.scope(stop.Scope), how: stop.How, at: now, learned: now}
		if !stop.At.IsZero() {
			lines[i].at = min(max(stop.At.UnixMicro(), 1), now)
		}
	}
	group, err := b.journal.append(lines)
	if err != nil {
		return nil, fmt.Errorf("stop letters: journal: %w", err)
	}
	entered := make([]*ledger.Pending, len(stops))
	err = b.Store.Commit(ctx, func(tx *store.Tx) error {
		if b.Store.Low() {
			tx.Erases() // on a full disk too
		}
		return b.enter(ctx, tx, stops, lines, entered)
	})
	b.journal.done(group, err)
	if err != nil {
		return nil, fmt.Errorf("stop letters: %w", err)
	}
	out := make([]Stopped, len(stops))
	for i, p := range entered {
		if p != nil {
			out[i].Link = page.Base + "/receipt/" + b.Ledger.Link(p)
		}
	}
	return out, nil
}

// enter writes stops into the table and the log.
func (b *Book) enter(ctx context.Context, tx *store.Tx, stops []Stop, lines []line, entered []*ledger.Pending) (err error) {
	many := map[How]int{}
	for i, l := range lines {
		if stops[i].At.IsZero() {
			l.at = max(l.at, tx.Now.UnixMicro())
			l.learned = l.at
		}
		if l.scope == All && len(lines) == 1 {
			if err := b.hold(ctx, tx, l.digest); err != nil {
				return err
			}
		}
		if err := b.apply(ctx, tx, l, stops[i].At.IsZero()); err != nil {
			return err
		}
		if scope := l.told(); b.Others != nil && scope != "" {
			if err := b.Others.Stopped(ctx, tx, l.digest, scope); err != nil {
				return err
			}
		}
		tx.Count(q.Tally, tx.Now.UTC().Format(time.DateOnly), string(l.how), 1)
		if !l.how.personal() {
			many[l.how]++
			continue
		}
		if entered[i], err = b.note(ctx, tx, "stopped", "optout.address", map[string]any{"scope": string(l.scope), "how": string(l.how)}); err != nil {
			return err
		}
	}
	for how, n := range many {
		if _, err := b.Ledger.Fact(ctx, tx, "b", map[string]any{"what": "stopped", "how": string(how), "n": n}); err != nil {
			return err
		}
	}
	return nil
}

// told is what others are told of a stop, in a purpose or All; "" for nothing: that
// nobody is at an address is not somebody's word.
func (l *line) told() avow.Purpose {
	switch l.scope {
	case bounced:
		return ""
	case child:
		return All
	}
	return l.scope
}

// against is what is counted of letters that went out after a stop.
const against = "against"

// hold counts the letters that were sent to an address after it had stopped all,
// before it does so again: from then on nobody can tell them by the words. It looks
// whether or not there are any, or words at all.
func (b *Book) hold(ctx context.Context, tx *store.Tx, digest [32]byte) error {
	e := b.Editions.InForce()
	if e == nil {
		return nil
	}
	for i := range e.Purposes {
		p := &e.Purposes[i]
		if p.Channel != "email" || p.Transactional() {
			continue
		}
		var n int64
		if err := tx.Get(ctx, q.SentTo, &n, digest[:], string(p.Name)); err != nil {
			return fmt.Errorf("count letters for %s: %w", p.Name, err)
		}
		if n > 0 {
			tx.Count(q.Tally, tx.Now.UTC().Format(time.DateOnly), against, n)
		}
	}
	return nil
}

// apply writes one stop into the table. Last says that nothing that was said
// before is later, whatever its clock said.
func (b *Book) apply(ctx context.Context, tx *store.Tx, l line, last bool) error {
	var all Set
	if l.scope == All {
		var err error
		if all, err = b.Of(ctx, tx, l.digest); err != nil {
			return err
		}
	}
	return b.change(ctx, tx, l.digest, l.scope, func(w *word) {
		at, started := l.at, max(w.started, all.started(All))
		if last {
			at = max(at, started)
		}
		w.stop(at, l.learned, started, l.how)
	})
}

// note makes a record of nobody with one event, whose receipt is for the person.
func (b *Book) note(ctx context.Context, tx *store.Tx, what, rule string, x map[string]any) (*ledger.Pending, error) {
	event := ledger.Event{Type: what, Statement: 1, New: true, X: x}
	if e := b.Editions.InForce(); e != nil {
		event.Statement, event.Clause = e.Version, e.Keeper(rule)
	}
	who, err := b.Vault.NewSubject(ctx, tx)
	if err != nil {
		return nil, err
	}
	// The record holds nothing: it is there to let the rest go in time.
	event.About, err = b.Vault.Put(ctx, tx, who, vault.Record{Collection: Records, Version: event.Statement, Expires: tx.Now.AddDate(0, keepFor, 0)})
	if err != nil {
		return nil, err
	}
	return b.Ledger.Record(ctx, tx, who, event)
}

// Pass enters in the log what a letter would be entered as, where none goes: the
// log is public, and who fills in a form in somebody else's name can count.
func (b *Book) Pass(ctx context.Context, tx *store.Tx) error {
	_, err := b.note(ctx, tx, "letter", "optout.address", nil)
	return err
}

// veil is the use that tokens of letters are made for.
const veil = "unsubscribe"

// Token stops letters for a purpose, by whoever holds it. It holds no address, is
// kept nowhere, and never expires.
func (b *Book) Token(digest [32]byte, p avow.Purpose) string {
	return b.Keys.Veil(veil, append(digest[:], p...))
}

// ErrToken says that a text is no token of a letter of ours.
var ErrToken = errors.New("not a token of a letter")

// Parse reads a token: whose letters it stops, and for what.
func (b *Book) Parse(token string) (digest [32]byte, p avow.Purpose, err error) {
	plain, err := b.Keys.Unveil(veil, token)
	if err != nil || len(plain) <= len(digest) {
		return digest, "", ErrToken
	}
	return [32]byte(plain), avow.Purpose(plain[len(digest):]), nil
}

// StopToken ends the letters that a token is of. To do it again changes nothing.
// ErrToken says that it is none.
func (b *Book) StopToken(ctx context.Context, token string, how How) error {
	digest, p, err := b.Parse(token)
	if err != nil {
		return err
	}
	_, err = b.Again(ctx, Stop{Digest: digest, Scope: p, How: how})
	return err
}

// Again stops what is not stopped already.
func (b *Book) Again(ctx context.Context, stop Stop) (done Stopped, err error) {
	var all Set
	err = b.Store.View(ctx, func(tx *store.Tx) (err error) { all, err = b.Of(ctx, tx, stop.Digest); return err })
	if err != nil {
		return done, fmt.Errorf("ask for words: %w", err)
	}
	if w := all.of(stop.Scope); w.stands() && w.stopped >= all.started(stop.Scope) {
		return done, nil
	}
	out, err := b.Stop(ctx, stop)
	if err != nil {
		return done, err
	}
	return out[0], nil
}

// Soft bounces become a stop after softMost within softDays.
const softMost, softDays = 5, 30

// Soft notes that an address did not take a letter just now. That happens; after
// five times in 30 days it is taken for good.
func (b *Book) Soft(ctx context.Context, digest [32]byte) error {
	var n int64
	err := b.Store.Commit(ctx, func(tx *store.Tx) error {
		tx.Claim([16]byte(digest[:16]))
		return tx.Get(ctx, q.Soft, &n, digest[:], tx.Now, tx.Now.AddDate(0, 0, -softDays))
	})
	if err != nil {
		return fmt.Errorf("note a bounce: %w", err)
	}
	if n < softMost {
		return nil
	}
	_, err = b.Again(ctx, Stop{Digest: digest, Scope: bounced, How: Bounce})
	return err
}

// ErrStopped says that letters were stopped after they were asked for.
var ErrStopped = errors.New("the letters were stopped after they were asked for")

// Start starts letters, asked for at a moment in microseconds by whoever reads
// the mail of the address. It is the only way by which letters start that were
// stopped, and not if they were stopped since, or the address is a child's. To do it
// again changes nothing.
func (b *Book) Start(ctx context.Context, digest [32]byte, of []avow.Purpose, asked int64) (Stopped, error) {
	var entered *ledger.Pending
	var latest int64
	err := b.Store.Commit(ctx, func(tx *store.Tx) (err error) {
		entered, latest, err = b.start(ctx, tx, digest, of, asked)
		return err
	})
	if errors.Is(err, ErrStopped) {
		return Stopped{}, ErrStopped
	}
	if err != nil {
		return Stopped{}, fmt.Errorf("start letters: %w", err)
	}
	for now := b.latest.Load(); latest > now && !b.latest.CompareAndSwap(now, latest); now = b.latest.Load() {
	}
	if entered == nil {
		return Stopped{}, nil
	}
	return Stopped{Link: page.Base + "/receipt/" + b.Ledger.Link(entered)}, nil
}

// start starts letters in the table and the log, and says when they count from.
func (b *Book) start(ctx context.Context, tx *store.Tx, digest [32]byte, of []avow.Purpose, asked int64) (entered *ledger.Pending, latest int64, err error) {
	now := max(tx.Now.UnixMicro(), asked)
	tx.Claim([16]byte(digest[:16]))
	all, err := b.Of(ctx, tx, digest)
	if err != nil {
		return nil, 0, err
	}
	if young := all.of(child); young.stands() {
		return nil, 0, ErrStopped
	}
	names, fresh := make([]string, len(of)), false
	for i, p := range of {
		names[i] = string(p)
		stops := all.Last(p)
		if stops >= asked {
			return nil, 0, ErrStopped
		}
		var was, is int64 // as the last call has them: the one before was for a row that is not there yet
		err := b.change(ctx, tx, digest, p, func(w *word) {
			was = w.started
			w.start(now, stops)
			is = w.started
		})
		if err != nil {
			return nil, 0, err
		}
		fresh, latest = fresh || is != was, max(latest, is)
	}
	hard := all.of(bounced)
	if !fresh && !hard.stands() {
		return nil, latest, nil
	}
	// The letter with the link arrived after the bounce, so the address takes letters.
	if hard.stands() {
		if err := b.change(ctx, tx, digest, bounced, func(w *word) { w.started = max(now, w.stopped+1) }); err != nil {
			return nil, 0, err
		}
	}
	if err := tx.Do(ctx, q.DropSoft, digest[:]); err != nil {
		return nil, 0, err
	}
	tx.Count(q.Tally, tx.Now.UTC().Format(time.DateOnly), "started", 1)
	entered, err = b.note(ctx, tx, "started", "optout.confirm", map[string]any{"scope": strings.Join(names, " "), "how": "mail"})
	return entered, latest, err
}
