package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// A group is a transaction under way.
type group struct {
	conn   *conn
	begun  bool
	queue  []*call // what sessions left to be sent
	owners []int   // whose step each is, -1 for nobody's
	failed error
}

var (
	errOther = errors.New("another step of the transaction failed")
	errGone  = errors.New("a step of the transaction ended its goroutine")
)

// Transact does n steps at the same time, and then last, in one transaction. A
// step that returns an error after it has changed something undoes all, and so
// does a statement that fails; culprits are the steps to blame. undone says of
// an error that surely nothing was left behind.
func (db *DB) Transact(ctx context.Context, n int, step func(int, *Session) error, last func(*Session) error) (undone bool, culprits []int, err error) {
	if db.writer == nil {
		if db.writer, err = db.connect(ctx); err != nil {
			return true, nil, fmt.Errorf("%w: %w", errLost, err)
		}
	}
	g := &group{conn: db.writer}
	if culprits = g.steps(ctx, n, step); g.failed == nil {
		s := &Session{step: -1, send: func(s *Session) error { g.take(s); return g.send(ctx, nil) }}
		if g.failed = last(s); g.failed == nil {
			g.take(s)
			if !g.begun && len(g.queue) == 0 {
				return false, nil, nil // nothing was asked
			}
			return db.commit(ctx, g)
		}
	}
	return true, culprits, db.undo(ctx, g)
}

// steps runs the steps, in rounds: when each of them has ended or waits for an
// answer, what they ask is sent.
func (g *group) steps(ctx context.Context, n int, step func(int, *Session) error) (culprits []int) {
	type report struct {
		s     *Session
		ended bool
		err   error
	}
	reports := make(chan report)
	sessions := make([]*Session, n)
	for i := range sessions {
		s := &Session{step: i, wake: make(chan error, 1)}
		s.send = func(s *Session) error {
			reports <- report{s: s}
			return <-s.wake
		}
		sessions[i] = s
		go func() {
			end := report{s, true, errGone}
			defer func() { reports <- end }()
			end.err = step(i, s)
		}()
	}
	var waiting []*Session
	for running := n; running > 0; {
		r := <-reports
		running--
		switch {
		case !r.ended:
			waiting = append(waiting, r.s)
		case r.err != nil && g.failed == nil && !r.s.wrote:
			r.s.queue = nil // it only looked
		case r.err != nil && g.failed == nil:
			g.failed, culprits = r.err, append(culprits, r.s.step)
		}
		if running == 0 && len(waiting) > 0 {
			culprits = append(culprits, g.round(ctx, sessions)...)
			for _, s := range waiting {
				s.wake <- g.answer()
			}
			running, waiting = len(waiting), waiting[:0]
		}
	}
	for _, s := range sessions {
		g.take(s)
	}
	return culprits
}

// answer is what those who wait get.
func (g *group) answer() error {
	if g.failed != nil {
		return fmt.Errorf("%w: %w", errOther, g.failed)
	}
	return nil
}

// round sends what the sessions have asked, and says whose statement failed.
func (g *group) round(ctx context.Context, sessions []*Session) (culprits []int) {
	if g.failed != nil {
		return nil
	}
	for _, s := range sessions {
		g.take(s)
	}
	var owner int
	if g.failed = g.send(ctx, &owner); g.failed != nil && owner >= 0 {
		culprits = []int{owner}
	}
	return culprits
}

// take moves a session's queue to the group's.
func (g *group) take(s *Session) {
	for _, c := range s.queue {
		g.queue, g.owners = append(g.queue, c), append(g.owners, s.step)
	}
	s.queue = s.queue[:0]
}

// send has the queue done. owner is told whose statement failed.
func (g *group) send(ctx context.Context, owner *int) error {
	if !g.begun {
		g.queue, g.owners = slices.Insert(g.queue, 0, &call{query: "BEGIN"}), slices.Insert(g.owners, 0, -1)
		g.begun = true
	}
	failed, err := g.conn.run(ctx, g.queue)
	if err != nil {
		if owner != nil {
			*owner = -1
			if failed >= 0 {
				*owner = g.owners[failed]
			}
		}
		if failed == -1 {
			err = fmt.Errorf("%w: %w", errLost, err)
		}
	}
	g.queue, g.owners = g.queue[:0], g.owners[:0]
	return err
}

// undo ends a transaction that failed, and returns why it did.
func (db *DB) undo(ctx context.Context, g *group) error {
	var e *Error
	demoted := errors.As(g.failed, &e) && e.Code == readOnly // somebody else is the primary now
	if demoted || errors.Is(g.failed, errLost) || g.begun && g.conn.exec(ctx, "ROLLBACK") != nil {
		db.drop()
	}
	return g.failed
}

// drop gives up the writer's connection.
func (db *DB) drop() {
	db.writer.close()
	db.writer = nil
}

// commit sends what is left, the count, and COMMIT.
func (db *DB) commit(ctx context.Context, g *group) (undone bool, culprits []int, err error) {
	done := &call{query: "COMMIT"}
	g.queue = append(g.queue, &call{query: countOne, args: []any{db.id, db.n}}, done)
	g.owners = append(g.owners, -1, -1)
	owner := -1
	err = g.send(ctx, &owner)
	switch {
	case err == nil && done.tag.String() == "COMMIT":
		db.n++
		return false, nil, nil
	case err == nil:
		g.failed = errors.New("the server has undone the transaction")
		db.drop()
		return true, nil, g.failed
	case !errors.Is(err, errLost):
		if owner >= 0 {
			culprits = []int{owner}
		}
		g.failed = err
		return true, culprits, db.undo(ctx, g)
	}
	db.drop()
	return db.resolve(ctx, err)
}

// resolve finds out whether a transaction was committed whose connection broke
// before that was known. It asks for as long as it takes, since to guess would be
// to lose something or to do it twice. Should the transaction not be done, it is
// kept from being so later: its count no longer fits.
func (db *DB) resolve(ctx context.Context, cause error) (undone bool, culprits []int, err error) {
	for n := 0; ; n++ {
		committed, err := db.ask(ctx)
		switch {
		case err == nil && committed:
			return false, nil, nil
		case err == nil:
			return true, nil, cause
		}
		longest := min(10*time.Millisecond<<min(n, 10), time.Second)
		select {
		case <-time.After(longest/2 + rand.N(longest/2)):
		case <-db.closing:
			return false, nil, fmt.Errorf("whether it was done is not known: %w", cause)
		}
	}
}

func (db *DB) ask(ctx context.Context) (committed bool, err error) {
	if db.writer == nil {
		if db.writer, err = db.connect(ctx); err != nil {
			return false, err
		}
	}
	so, n := &call{query: fence, args: []any{db.id, db.n}}, int64(-1)
	far := &call{query: countSoFar, args: []any{db.id}, row: func(r row) error { return r.scan([]any{&n}) }}
	if _, err = db.writer.run(ctx, []*call{so, far}); err != nil {
		db.drop()
		return false, err
	}
	switch {
	case so.tag.RowsAffected() == 1:
		db.n++
		return false, nil
	case n == db.n+1:
		db.n++
		return true, nil
	}
	// A server that has come back without the row has not the transaction either.
	if err := db.writer.exec(ctx, addWriter, db.id); err != nil {
		db.drop()
		return false, err
	}
	db.n = 0
	return false, nil
}
