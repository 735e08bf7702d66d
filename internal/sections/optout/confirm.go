package optout

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/optout/stops"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// start is the use that tokens are made for which start letters.
const start = "start"

// linkFor is how long a link that starts letters is good.
const linkFor = 7 * 24 * time.Hour

// asksADay is how many letters a day ask one address whether it wants others.
const asksADay = 3

// Ask leaves a letter that asks whoever reads the mail of an address whether they
// want the letters that somebody asked for, in the transaction that keeps the
// form. It goes whether or not the address is known, confirmed or stopped, so that
// who fills in a form learns nothing. Without a rule that letters start by mail it
// goes only to those who had stopped them; but the log always has as much. A child,
// whose letters nobody starts, gets none.
func (s *Section) Ask(ctx context.Context, tx *store.Tx, e *statement.Edition, form *statement.Collection, a mail.Address) error {
	of := asksFor(e, form)
	if len(of) == 0 || s.Letters == nil {
		return nil
	}
	digest := s.Digest(a)
	all, err := s.Of(ctx, tx, digest)
	if err != nil {
		return fmt.Errorf("ask for words: %w", err)
	}
	stopped := func(p *statement.Purpose) bool { return all.Why(false, p) != "" }
	if all.Why(false, of[0]) == "child" || !stops.Confirms(e) && !slices.ContainsFunc(of, stopped) {
		return s.Pass(ctx, tx)
	}
	tx.Claim([16]byte(digest[:16]))
	var n int64
	if err := tx.Get(ctx, q.Asked, &n, tx.Now.UTC().Format(time.DateOnly), "#"+hex.EncodeToString(digest[:])); err != nil {
		return fmt.Errorf("count letters: %w", err)
	}
	if n > asksADay {
		return s.Pass(ctx, tx)
	}
	at := tx.Now.UnixMicro()
	for _, p := range of {
		at = max(at, all.Last(p.Name)+1)
	}
	subject, text := question(e, of, s.origin(e), s.startLink(e, digest, of, at))
	return s.Letters.Notice(ctx, tx, a, subject, text)
}

// asksFor are the letters that a form asks for.
func asksFor(e *statement.Edition, form *statement.Collection) (of []*statement.Purpose) {
	for _, name := range form.For {
		if p := e.Purpose(name); p != nil && p.Basis == "opt-in" && p.Channel == "email" {
			of = append(of, p)
		}
	}
	return of
}

// Confirmed notes that somebody asked for the letters of a form in another tool,
// and confirmed the address there. It starts nothing that was ever stopped.
func (s *Section) Confirmed(ctx context.Context, tx *store.Tx, e *statement.Edition, form *statement.Collection, a mail.Address) error {
	for _, p := range asksFor(e, form) {
		if err := s.Consented(ctx, tx, s.Digest(a), p.Name); err != nil {
			return err
		}
	}
	return nil
}

// startLink starts letters, by whoever has it. It says when it was made: a stop
// that is later than that ends it.
func (s *Section) startLink(e *statement.Edition, digest [32]byte, of []*statement.Purpose, at int64) string {
	plain := binary.BigEndian.AppendUint64(digest[:], uint64(at))
	names := make([]string, len(of))
	for i, p := range of {
		names[i] = string(p.Name)
	}
	return s.origin(e) + "/u/start/" + s.Keys.Veil(start, append(plain, strings.Join(names, " ")...))
}

// origin is where the pages of a house are.
func (s *Section) origin(e *statement.Edition) string {
	return cmp.Or(s.Origin, e.Organisation.Home())
}

// question is the letter that asks.
func question(e *statement.Edition, of []*statement.Purpose, origin, link string) (subject, text string) {
	var b strings.Builder
	fmt.Fprintf(&b, "Somebody, we think you, asked us for letters to this address:\n\n")
	for _, p := range of {
		fmt.Fprintf(&b, "- to %s\n", p.Say)
	}
	fmt.Fprintf(&b, "\nIf it was you, open this page and press the button there. It is good for 7 days:\n\n%s\n\n", link)
	fmt.Fprintf(&b, "If it was not you, do nothing: nothing comes.\n\nTo hear nothing at all of us: %s%s/letters\n\n%s\n", origin, page.Base, e.Organisation.Name)
	return "Please confirm: letters from " + e.Organisation.Name, b.String()
}

// An ask is what a link that starts letters says.
type ask struct {
	digest [32]byte
	at     int64
	of     []avow.Purpose
}

func (s *Section) parseStart(token string) (a ask, err error) {
	plain, err := s.Keys.Unveil(start, token)
	if err != nil || len(plain) <= 40 {
		return a, stops.ErrToken
	}
	a.digest, a.at = [32]byte(plain), int64(binary.BigEndian.Uint64(plain[32:]))
	for name := range strings.FieldsSeq(string(plain[40:])) {
		a.of = append(a.of, avow.Purpose(name))
	}
	return a, nil
}

// errLate says that a link is too old to start letters.
var errLate = errors.New("the link is too old")

func (s *Section) late(a ask) bool { return s.Store.Now().UnixMicro() > a.at+linkFor.Microseconds() }

// Start starts the letters that a link is of, unless it is too old or they were
// stopped since. To do it again changes nothing.
func (s *Section) Start(ctx context.Context, token string) (stops.Stopped, error) {
	a, err := s.parseStart(token)
	if err != nil {
		return stops.Stopped{}, err
	}
	if s.late(a) {
		return stops.Stopped{}, errLate
	}
	return s.Book.Start(ctx, a.digest, a.of, a.at)
}

// showStart shows what a link would start, and starts nothing.
func (s *Section) showStart(w http.ResponseWriter, r *http.Request) error {
	a, err := s.parseStart(r.PathValue("token"))
	if err != nil {
		return s.noLink(w, r)
	}
	v := s.startView(r, a)
	if s.late(a) {
		v.Late = "late"
		return s.write(w, r, http.StatusGone, "start.html", "This link is too old", v)
	}
	return s.write(w, r, http.StatusOK, "start.html", "Start letters", v)
}

// startView has the topics that a link is of, as far as the statement knows them.
func (s *Section) startView(r *http.Request, a ask) *view {
	e := s.Editions.InForce()
	v := &view{Edition: e, Path: r.URL.EscapedPath()}
	all, goesOn := topics(e)
	v.GoesOn = goesOn
	for _, t := range all {
		if slices.Contains(a.of, t.Purpose) {
			v.Topics = append(v.Topics, t)
		}
	}
	return v
}

func (s *Section) pressStart(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	a, err := s.parseStart(token)
	if err != nil {
		return s.noLink(w, r)
	}
	v := s.startView(r, a)
	if len(v.Topics) == 0 { // the statement has no such letters any more
		return s.write(w, r, http.StatusOK, "start.html", "Start letters", v)
	}
	started, err := s.Start(r.Context(), token)
	switch {
	case errors.Is(err, errLate):
		v.Late = "late"
		return s.write(w, r, http.StatusGone, "start.html", "This link is too old", v)
	case errors.Is(err, stops.ErrStopped):
		v.Late = "stopped"
		return s.write(w, r, http.StatusConflict, "start.html", "These letters were stopped since", v)
	case err != nil:
		return err
	}
	v.Already, v.Receipt = started.Link == "", started.Link
	for _, t := range v.Topics {
		v.Done = append(v.Done, done{Say: "to " + t.Say})
	}
	return s.write(w, r, http.StatusOK, "start.html", "Letters start", v)
}
