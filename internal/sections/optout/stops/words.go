package stops

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// All is the scope of every purpose but those that are part of what somebody
// asked for.
const All avow.Purpose = "*"

// What holds for every letter whatsoever has scopes of its own, so that neither
// it nor a word of the person's overwrites the other. No purpose is called so.
const (
	bounced avow.Purpose = "!bounce"
	child   avow.Purpose = "!child"
)

// How says in which way letters were stopped.
type How string

// The ways.
const (
	Click     How = "click"     // the one in the letter
	Page      How = "page"      // a page of ours
	Mail      How = "mail"      // a letter to us
	Bounce    How = "bounce"    // the address does not take letters
	Complaint How = "complaint" // to those who deliver them
	Child     How = "child"     // whose address it is
	Import    How = "import"    // a list from another tool
	Staff     How = "staff"
)

// scope is what a stop is about. That an address takes no letters, or is a
// child's, is about all of them.
func (h How) scope(asked avow.Purpose) avow.Purpose {
	switch h {
	case Bounce:
		return bounced
	case Child:
		return child
	}
	return asked
}

// A word is the last that was said about letters to an address in one scope. Of
// several stops of one purpose without a start between them it is the first, and
// so of starts: so that it can be told later whether a letter went out against it.
type word struct {
	digest           [32]byte
	scope            avow.Purpose
	stopped, started int64 // microseconds; 0 for never
	how              How
}

// stands says whether the word is a stop. At a tie it is.
func (w *word) stands() bool { return w.stopped > 0 && w.stopped >= w.started }

// stop enters a stop that was said at at and was learned of later, maybe; started
// is the last start that it is about. A stop that is older than that does not
// take it back.
func (w *word) stop(at, learned, started int64, how How) {
	when := max(learned, started, 1)
	if started > at {
		when = at
	}
	// A stop of all counts anew each time: a start elsewhere that is under way just
	// now must not have the last word.
	if w.scope != All && w.stands() || when <= w.stopped {
		return
	}
	w.stopped, w.how = when, how
}

// start enters what only the person can say, and says when it counts from: later
// than every stop that it is about.
func (w *word) start(now, stops int64) {
	if w.started <= max(stops, imported) {
		w.started = max(now, stops+1)
	}
}

// imported is when consent starts that another tool knew of: before every stop.
const imported = 1

// consent enters that another tool knew of it.
func (w *word) consent() { w.started = max(w.started, imported) }

// A Set is all words about one address.
type Set []word

func (s Set) of(scope avow.Purpose) (w word) {
	for i := range s {
		if s[i].scope == scope {
			return s[i]
		}
	}
	return w
}

// Why says why a letter may not go, or "". Confirm says that letters somebody opts
// into start by a letter alone.
func (s Set) Why(confirm bool, p *statement.Purpose) string {
	this, all, hard, young := s.of(p.Name), s.of(All), s.of(bounced), s.of(child)
	switch {
	case young.stands():
		return "child"
	case hard.stands():
		return "bounced"
	case this.stands(), !p.Transactional() && all.stopped > 0 && all.stopped >= this.started:
		return "stopped"
	case confirm && p.Basis == "opt-in" && this.started == 0:
		return "unconfirmed"
	}
	return ""
}

// started is when letters of a scope were last started by the person.
func (s Set) started(scope avow.Purpose) (last int64) {
	for i := range s {
		if s[i].scope == scope || scope == All {
			last = max(last, s[i].started)
		}
	}
	return last
}

// Stopped says whether letters of a scope are stopped.
func (s Set) Stopped(scope avow.Purpose) bool {
	hard, young, this, every := s.of(bounced), s.of(child), s.of(scope), s.of(All)
	return hard.stands() || young.stands() || this.stands() || every.stopped > 0 && every.stopped >= this.started
}

// Last is when letters for a purpose were last stopped, one way or the other, in
// microseconds.
func (s Set) Last(p avow.Purpose) int64 {
	return max(s.of(p).stopped, s.of(All).stopped, s.of(bounced).stopped)
}

// Confirms says whether letters start by a letter.
func Confirms(e *statement.Edition) bool {
	return e != nil && e.OptOut != nil && e.OptOut.Confirm != ""
}

// May says, within the transaction that sends a letter, why it may not go to the
// address: stopped, unconfirmed, child or bounced. It may if there is no reason.
// Pinned is what the address was collected under, nil for none: what could be
// stopped then can be now, and what began only by a letter does.
func (b *Book) May(ctx context.Context, tx *store.Tx, e, pinned *statement.Edition, digest [32]byte, p *statement.Purpose) (reason string, err error) {
	all, err := b.Of(ctx, tx, digest)
	if err != nil {
		return "", fmt.Errorf("ask for words: %w", err)
	}
	reason = all.Why(Confirms(e), p)
	if reason == "" && pinned != nil {
		if was := pinned.Purpose(p.Name); was != nil {
			reason = all.Why(Confirms(pinned), was)
		}
	}
	return reason, nil
}

// Of are all words that were said about an address.
func (b *Book) Of(ctx context.Context, tx *store.Tx, digest [32]byte) (all Set, err error) {
	return all, tx.Each(ctx, q.Words, func(scan func(...any) error) error {
		w := word{digest: digest}
		err := scan(&w.scope, &w.stopped, &w.started, &w.how)
		all = append(all, w)
		return err
	}, digest[:])
}

// change lets fn change a word, and keeps the state right. It may be called twice:
// for a word that nobody has said yet, and for the one that turns out to be there.
func (b *Book) change(ctx context.Context, tx *store.Tx, digest [32]byte, scope avow.Purpose, fn func(*word)) error {
	tx.Claim([16]byte(digest[:16]))
	fresh := word{digest: digest, scope: scope}
	fn(&fresh)
	if fresh.stopped == 0 && fresh.started == 0 {
		return nil
	}
	n, err := tx.Exec(ctx, q.AddWord, digest[:], string(scope), fresh.stopped, fresh.started, string(fresh.how))
	if err != nil {
		return err
	}
	if n == 1 {
		tx.Add(store.Words, b.row(&fresh))
		return nil
	}
	was := word{digest: digest, scope: scope}
	if err := tx.Get(ctx, q.Word, store.Into(&was.stopped, &was.started, &was.how), digest[:], string(scope)); err != nil {
		return err
	}
	is := was
	if fn(&is); is == was {
		return nil
	}
	tx.Remove(store.Words, b.row(&was))
	tx.Add(store.Words, b.row(&is))
	return tx.Do(ctx, q.ChangeWord, digest[:], string(scope), is.stopped, is.started, string(is.how))
}

// Consented notes that another tool knew of somebody's consent. It starts nothing
// that was ever stopped: an import revives nobody.
func (b *Book) Consented(ctx context.Context, tx *store.Tx, digest [32]byte, p avow.Purpose) error {
	if err := b.change(ctx, tx, digest, p, (*word).consent); err != nil {
		return fmt.Errorf("note a consent: %w", err)
	}
	return nil
}

func (b *Book) row(w *word) [32]byte { return w.row(b.Keys) }

// row is the keyed hash by which a word counts in the state.
func (w *word) row(keys Rows) [32]byte {
	var times [16]byte
	binary.BigEndian.PutUint64(times[:8], uint64(w.stopped))
	binary.BigEndian.PutUint64(times[8:], uint64(w.started))
	return keys.Row([]byte("optout_word"), w.digest[:], []byte(w.scope), times[:], []byte(w.how))
}

// Rows gives the keyed hash by which a row counts in the state.
type Rows interface {
	Row(columns ...[]byte) [32]byte
}

// Scan computes anew the part of the state that sums up the words, from all rows.
func (b *Book) Scan(ctx context.Context, tx *store.Tx) (store.State, error) {
	return Scan(ctx, tx, b.Keys)
}

// Scan does the same where no book is open.
func Scan(ctx context.Context, tx *store.Tx, keys Rows) (state store.State, err error) {
	err = tx.Each(ctx, q.AllWords, func(scan func(...any) error) error {
		var w word
		var digest []byte
		if err := scan(&digest, &w.scope, &w.stopped, &w.started, &w.how); err != nil {
			return err
		}
		if len(digest) == len(w.digest) { // whoever altered it, it is not what was kept
			w.digest = [32]byte(digest)
			state.Add(store.Words, w.row(keys))
		}
		return nil
	})
	if err != nil {
		return state, fmt.Errorf("scan words: %w", err)
	}
	return state, nil
}
