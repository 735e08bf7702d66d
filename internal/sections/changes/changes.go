// Package changes publishes versions, dates them, and shows what changed.
//
// It keeps these promises:
//
//	dated: When the text of this statement changes, the date on top of it changes with it.
//	history: Every earlier version stays readable, with what changed between any two.
//	pinned: What you gave us under an earlier version stays under its promises, unless you agree to the new ones.
package changes

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/revision"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// Keeps are the kinds of rules that this section keeps.
var Keeps = []statement.Kind{"changes.date", "changes.history", "changes.pinned"}

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Editions, Insert, Count string }](queries)

// Pins counts the records that stay under each version.
type Pins interface {
	ByVersion(ctx context.Context) (map[avow.Version]int, error)
}

// Notices is told when a version was shown.
type Notices interface{ Served(avow.Version) }

// Standings says how the promises stand, and when they were last looked at.
type Standings interface {
	Standings(ctx context.Context) (of func(avow.ClauseID) avow.Standing, at time.Time)
}

// Deps are what the section works with.
type Deps struct {
	Store     *store.DB
	Ledger    *ledger.Ledger
	Pages     *page.Pages
	Keeps     []statement.Kind // of the whole house
	Pins      Pins
	Notices   Notices
	Standings Standings
}

// Section is the history of one site's statement.
type Section struct {
	Deps
	set *page.Set

	mu       sync.RWMutex
	editions []*statement.Edition // by version; its Statement is nil until asked for
	rows     []edition
	unkept   bool // another process has published what this program does not keep

	shown atomic.Pointer[shown]
}

// edition is a row of statement_version.
type edition struct {
	version   avow.Version
	source    []byte
	rules     [32]byte
	text      [32]byte
	updated   avow.Date
	class     string
	published time.Time
	leaf      int64
}

// ErrUnpublished says that no statement was ever published here.
var ErrUnpublished = errors.New("no statement was published here yet")

// Open reads the history. The statement in force is compiled, since nothing may
// run on words that this program does not keep; earlier ones wait until asked for.
func Open(ctx context.Context, d Deps) (*Section, error) {
	s := &Section{Deps: d}
	s.set = d.Pages.Parse(templates, "statement.html", "changes.html", "diff.html")
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// keepable says whether this program keeps the newest version.
func (s *Section) keepable(rows []edition) error {
	if len(rows) == 0 {
		return nil
	}
	last := rows[len(rows)-1]
	name := fmt.Sprintf("version %d", last.version)
	if _, found := statement.Compile(name, last.source, s.Keeps); found.Failed() {
		return &Uncompiled{Name: name, Source: last.source, Diagnostics: found}
	}
	return nil
}

// Uncompiled is a statement that cannot be published or run.
type Uncompiled struct {
	Name        string
	Source      []byte
	Diagnostics statement.Diagnostics
}

func (u *Uncompiled) Error() string {
	return u.Name + " does not compile; avow check says what to mend"
}

// ErrAltered says that somebody else than Publish wrote to the history.
var ErrAltered = errors.New("the history of the statement in the database is not the one that was published: " +
	"put back a backup. Nothing was changed")

func (s *Section) load(ctx context.Context) error {
	var rows []edition
	var found, kept store.State
	err := s.Store.View(ctx, func(tx *store.Tx) (err error) {
		if kept, err = s.Ledger.State(ctx, tx); err != nil {
			return err
		}
		return tx.Each(ctx, q.Editions, func(scan func(...any) error) error {
			e, err := scanEdition(scan)
			found.Add(store.Statements, s.sum(e))
			rows = append(rows, e)
			return err
		})
	})
	if err == nil && found[store.Statements] != kept[store.Statements] {
		err = ErrAltered
	}
	if err != nil {
		return fmt.Errorf("read the history of the statement: %w", err)
	}
	if err := s.keepable(rows); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(rows) < len(s.rows) {
		return nil // somebody else has read it since, and there was more
	}
	s.rows, s.editions = rows, append(s.editions, make([]*statement.Edition, len(rows)-len(s.editions))...)
	return nil
}

// sum is what a version adds to the state of the store.
func (s *Section) sum(e edition) [32]byte {
	return s.Ledger.Row([]byte("statement_version"), strconv.AppendInt(nil, int64(e.version), 10), e.source, e.rules[:], e.text[:],
		[]byte(e.updated.String()), []byte(e.class), strconv.AppendInt(nil, e.published.UnixMicro(), 10), strconv.AppendInt(nil, e.leaf, 10))
}

// Refresh learns of versions that another process over the same database has
// published. One that this program does not keep leaves it with none in force:
// it neither takes nor reads anything any more.
func (s *Section) Refresh(ctx context.Context) error {
	var n int
	err := s.Store.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Count, &n) })
	if err != nil {
		return fmt.Errorf("read the history of the statement: %w", err)
	}
	s.mu.RLock()
	known, unkept := len(s.rows), s.unkept
	s.mu.RUnlock()
	if n == known || unkept {
		return nil
	}
	err = s.load(ctx)
	var uncompiled *Uncompiled
	if errors.As(err, &uncompiled) {
		s.mu.Lock()
		s.unkept = true
		s.mu.Unlock()
		return fmt.Errorf("another avow over this database has published what this program does not keep: start a newer one: %w", err)
	}
	return err
}

func scanEdition(scan func(...any) error) (e edition, err error) {
	var rules, text []byte
	var updated string
	var published int64
	if err := scan(&e.version, &e.source, &rules, &text, &updated, &e.class, &published, &e.leaf); err != nil {
		return e, err
	}
	if copy(e.rules[:], rules) != 32 || copy(e.text[:], text) != 32 {
		return e, fmt.Errorf("version %d: a hash is not 32 bytes", e.version)
	}
	e.published = time.UnixMicro(published).UTC()
	e.updated, err = avow.ParseDate(updated)
	return e, err
}

// InForce returns the newest edition, or nil before the first.
func (s *Section) InForce() *statement.Edition {
	s.mu.RLock()
	n, unkept := avow.Version(len(s.rows)), s.unkept
	s.mu.RUnlock()
	if unkept {
		return nil
	}
	return s.Edition(n)
}

// newest is the number of the newest version, in force or not.
func (s *Section) newest() avow.Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return avow.Version(len(s.rows))
}

// Edition returns version n, or nil if there is none.
func (s *Section) Edition(n avow.Version) *statement.Edition {
	s.mu.RLock()
	if n < 1 || int(n) > len(s.rows) {
		s.mu.RUnlock()
		return nil
	}
	e, row := s.editions[n-1], s.rows[n-1]
	s.mu.RUnlock()
	if e != nil {
		return e
	}
	// What an older avow accepted is readable for ever, even if this one would
	// no longer compile it without complaint.
	compiled, _ := statement.Compile(fmt.Sprintf("version %d", n), row.source, s.Keeps)
	if compiled == nil {
		return nil
	}
	e = &statement.Edition{Statement: compiled, Version: n, Published: row.published, Class: row.class, Leaf: row.leaf}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.editions[n-1] == nil {
		s.editions[n-1] = e
	}
	return s.editions[n-1]
}

// A Publication is what publishing did.
type Publication struct {
	Version avow.Version
	Class   string           // first, wording, narrower or wider
	Change  *revision.Change // against the version before; nil for the first
	Leaf    int64            // index of its entry in the public log
	Pinned  map[avow.Version]int
	Already bool // the text was in force before; nothing was done
}

// Publish puts a text into force. It is the only writer of date and history.
func (s *Section) Publish(ctx context.Context, name string, source []byte) (*Publication, error) {
	compiled, found := statement.Compile(name, source, s.Keeps)
	if found.Failed() || compiled == nil {
		return nil, &Uncompiled{Name: name, Source: source, Diagnostics: found}
	}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	p := new(Publication)
	var announced *ledger.Pending
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		before := s.InForce()
		if before != nil && before.TextHash == compiled.TextHash {
			*p = Publication{Version: before.Version, Class: before.Class, Leaf: before.Leaf, Already: true}
			return nil
		}
		if err := dated(compiled, before, tx.Now); err != nil {
			return err
		}
		*p = Publication{Version: 1, Class: "first"}
		if before != nil {
			p.Version, p.Change = before.Version+1, revision.Compare(before.Statement, compiled)
			p.Class = string(p.Change.Class)
		}
		var err error
		announced, err = s.announce(ctx, tx, p, compiled)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("publish %s: %w", name, err)
	}
	if p.Already {
		return p, nil
	}
	p.Leaf = announced.Index()
	if err := s.load(ctx); err != nil {
		return nil, err
	}
	p.Pinned, err = s.Pins.ByVersion(ctx)
	return p, err
}

// dated refuses a changed text with an old date. A date may be today's, also
// today's where the author is (at most a day ahead of UTC).
func dated(s *statement.Statement, before *statement.Edition, now time.Time) error {
	today := avow.DateOf(now.UTC())
	tomorrow := avow.DateOf(now.UTC().AddDate(0, 0, 1))
	if tomorrow.Before(s.Updated) {
		return &avow.Refusal{Clause: keeper(s), Reason: fmt.Sprintf("updated: %s is in the future; write %s", s.Updated, today)}
	}
	if before == nil || !s.Updated.Before(today) || before.Updated.Before(s.Updated) {
		return nil
	}
	return &avow.Refusal{Clause: keeper(s), Reason: fmt.Sprintf(
		"the text changed and its date did not; write updated: %s (version %d has %s)", today, before.Version, before.Updated)}
}

func keeper(s *statement.Statement) avow.ClauseID {
	if id := s.Keeper("changes.date"); id != "" {
		return id
	}
	return "changes.date"
}

// announce enters the new version into the public log and the history.
func (s *Section) announce(ctx context.Context, tx *store.Tx, p *Publication, c *statement.Statement) (*ledger.Pending, error) {
	announced, err := s.Ledger.Fact(ctx, tx, "s", map[string]any{
		"n": int(p.Version), "rules": hex(c.RuleHash), "text": hex(c.TextHash), "updated": c.Updated.String(),
	})
	if err != nil {
		return nil, err
	}
	// The index is known only when the group is written, so the row is given it
	// by the entry itself; see Pending.Then.
	announced.Then(func(ctx context.Context, tx *store.Tx, leaf int64) error {
		e := edition{p.Version, c.Source, c.RuleHash, c.TextHash, c.Updated, p.Class, tx.Now, leaf}
		tx.Add(store.Statements, s.sum(e))
		return tx.Do(ctx, q.Insert, int64(e.version), e.source, e.rules[:], e.text[:], e.updated.String(), e.class, e.published.UnixMicro(), e.leaf)
	})
	return announced, nil
}

func hex(h [32]byte) string { return fmt.Sprintf("%x", h[:]) }

// editionRows returns the history, newest first.
func (s *Section) editionRows() []edition {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows := slices.Clone(s.rows)
	slices.Reverse(rows)
	return rows
}
