package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A Log writes what the requests of a group left for it.
type Log interface {
	// Write is the last thing a group's transaction does, if it left entries or
	// changed the state. An error undoes the transaction.
	Write(ctx context.Context, tx *Tx, entries []any) error
	// Durable follows a Write whose transaction can no longer be lost, before
	// anybody is answered.
	Durable()
	// Lost follows a Write whose transaction was undone.
	Lost()
}

// Attach sets the log that gets the entries. It is called once, before the
// first Commit.
func (db *DB) Attach(log Log) { db.log = log }

// maxGroup is how many requests share a transaction at most.
const maxGroup = 256

// A request is a Commit that waits to be done.
type request struct {
	fn    func(*Tx) error
	taken atomic.Bool // by the committer, or by a caller who gave up
	done  chan struct{}

	err      error
	panicked any
}

// A group is what the requests of one transaction have in common.
type group struct {
	requests []*request
	entries  []any
	change   State // what the requests did to the rows about persons
	closed   bool  // the log has been given the entries
	erases   bool
}

// Commit runs fn in a transaction, together with the requests of others, and
// returns once its changes are durable. An error or a panic of fn undoes fn's
// own changes and nobody else's; the panic goes on in the caller. If the group
// as a whole fails, each request is tried again alone, so fn may run twice and
// must not leave anything outside of tx behind that it does not set anew.
//
// Inside fn there must be no other Commit. If ctx ends before fn has begun, fn
// does not run.
func (db *DB) Commit(ctx context.Context, fn func(tx *Tx) error) error {
	r := &request{fn: fn, done: make(chan struct{})}
	select {
	case db.queue <- r:
	case <-db.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.taken.CompareAndSwap(false, true) {
			return context.Cause(ctx)
		}
		<-r.done // it has begun, and only its end tells how it went
	}
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.err
}

// commits is the one goroutine that changes rows.
func (db *DB) commits() {
	var waiting []*request
	ended := false
	defer func() {
		if ended {
			close(db.stopped)
			return
		}
		// A request called runtime.Goexit, as t.Fatal does in a test.
		db.writer.exec(context.Background(), "ROLLBACK")
		answer(waiting, errGoexit)
		go db.commits()
	}()
	for {
		select {
		case r := <-db.queue:
			waiting = db.gather(r)
			db.commitGroup(waiting)
			answer(waiting, nil)
		case <-db.closing:
			ended = true
			return
		case <-db.owed:
			db.settle()
		}
	}
}

var errGoexit = errors.New("commit: a request of the group ended its goroutine")

// answer wakes those who wait, with err unless they have an error of their own.
func answer(requests []*request, err error) {
	blame(requests, err)
	for _, r := range requests {
		close(r.done)
	}
}

func (db *DB) gather(first *request) []*request {
	group := append(make([]*request, 0, 16), first)
	for len(group) < maxGroup {
		select {
		case r := <-db.queue:
			group = append(group, r)
		default:
			return group
		}
	}
	return group
}

func (db *DB) commitGroup(waiting []*request) {
	begun := make([]*request, 0, len(waiting))
	for _, r := range waiting {
		if r.taken.CompareAndSwap(false, true) {
			begun = append(begun, r)
		}
	}
	if len(begun) == 0 {
		return
	}
	err := db.transact(&group{requests: begun})
	var undone *undoneError
	if len(begun) == 1 || !errors.As(err, &undone) {
		blame(begun, err)
		return
	}
	for _, r := range begun {
		r.err, r.panicked = nil, nil
		alone := []*request{r}
		blame(alone, db.transact(&group{requests: alone}))
	}
}

// blame gives an error to those who have none of their own.
func blame(requests []*request, err error) {
	for _, r := range requests {
		if r.err == nil {
			r.err = err
		}
	}
}

// An undoneError is a failure of the group that surely left nothing behind. A
// failed COMMIT is none: how it ended is not known.
type undoneError struct{ cause error }

func (e *undoneError) Error() string { return fmt.Sprintf("commit: %v", e.cause) }
func (e *undoneError) Unwrap() error { return e.cause }

// transact does a group in one transaction. Its error is one of the whole
// group; a request's own is in the request.
func (db *DB) transact(g *group) error {
	ctx := context.Background()
	if err := db.writer.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return &undoneError{err}
	}
	wrote, err := db.work(ctx, g)
	if err != nil {
		err = &undoneError{err}
	} else if err = db.writer.exec(ctx, "COMMIT"); err != nil {
		err = fmt.Errorf("commit: %w", err)
	}
	if err != nil {
		db.writer.exec(ctx, "ROLLBACK") // fails when SQLite has already done so
		if wrote {
			db.log.Lost()
		}
		return err
	}
	if wrote {
		db.log.Durable()
	}
	if g.erases {
		db.settle()
	}
	return nil
}

// work runs the requests and then the log, and says whether the log was called.
func (db *DB) work(ctx context.Context, g *group) (wrote bool, err error) {
	now := db.Now()
	for _, r := range g.requests {
		if err := db.step(ctx, g, r, now); err != nil {
			return false, err
		}
	}
	if len(g.entries) == 0 && g.change == (State{}) {
		return false, nil
	}
	if db.log == nil && len(g.entries) == 0 {
		return false, nil
	}
	if db.log == nil {
		return false, errors.New("entries, and no log attached to take them")
	}
	tx := &Tx{Now: now, session: db.writer, writes: true, group: g}
	defer func() {
		tx.session = nil
		if fault := recover(); fault != nil {
			err = fmt.Errorf("write log: panic: %v", fault)
		}
	}()
	wrote, g.closed = true, true
	return wrote, db.log.Write(ctx, tx, g.entries)
}

// step runs one request under a savepoint. What it returns is a failure of the
// transaction, not of the request.
func (db *DB) step(ctx context.Context, g *group, r *request, now time.Time) error {
	if err := db.writer.exec(ctx, "SAVEPOINT request"); err != nil {
		return err
	}
	entries, change, erases := len(g.entries), g.change, g.erases
	tx := &Tx{Now: now, session: db.writer, writes: true, group: g}
	r.run(tx)
	tx.session = nil
	if r.err != nil || r.panicked != nil {
		g.entries, g.change, g.erases = g.entries[:entries], change, erases
		if err := db.writer.exec(ctx, "ROLLBACK TO request"); err != nil {
			return err
		}
	}
	return db.writer.exec(ctx, "RELEASE request")
}

func (r *request) run(tx *Tx) {
	defer func() { r.panicked = recover() }()
	r.err = r.fn(tx)
}

// settle empties the write-ahead log, where the pages stand as they were before
// an erasure. A reader of an old snapshot can be in the way; then it is tried
// again in a second.
func (db *DB) settle() {
	var busy, frames, moved int
	row := db.writer.conn.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	db.owed = nil
	if err := row.Scan(&busy, &frames, &moved); err != nil || busy != 0 {
		db.owed = time.After(time.Second)
	}
}
