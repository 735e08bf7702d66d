package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// A Log writes what the requests of a group left for it.
type Log interface {
	// Write is the last thing a group's transaction does, if it left entries or
	// changed the state. An error undoes the transaction. It may be called again
	// with the same entries when a transaction was undone.
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

	left     left // if requests run at the same time
	err      error
	panicked any
}

// A group is what the requests of one transaction have in common.
type group struct {
	requests []*request
	now      time.Time
	left     left
	wrote    bool // the log was called
}

// Commit runs fn in a transaction, together with the requests of others, and
// returns once its changes are durable. An error or a panic of fn undoes fn's
// own changes and nobody else's; the panic goes on in the caller. If the group
// as a whole fails it is tried again, so fn may run several times and must not
// leave anything outside of tx behind that it does not set anew.
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
		case <-db.engine.Owed():
			db.engine.Settle()
		case <-db.refill:
			db.restock()
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
	if len(begun) > 0 {
		db.together(begun)
	}
	if db.refill == nil && db.engine.Low() {
		db.refill = time.After(time.Second)
	}
}

// restock looks whether a full disk has room again.
func (db *DB) restock() {
	db.refill = nil
	if db.engine.Refill(); db.engine.Low() {
		db.refill = time.After(time.Second)
	}
}

// together does requests in one transaction, or if that cannot be, in several.
func (db *DB) together(requests []*request) {
	undone, culprits, err := db.try(requests)
	if undone && full(requests, err) && !db.engine.Low() {
		db.engine.Reserve()
		undone, culprits, err = db.try(requests)
	}
	var met *meetError
	if errors.As(err, &met) {
		for _, round := range met.rounds {
			db.together(round)
		}
		return
	}
	for n := 1; undone && (len(culprits) == 0 || len(requests) == 1) && db.again(requests, err, n); n++ {
		db.pause(n)
		undone, culprits, err = db.try(requests)
	}
	if !undone || len(requests) == 1 {
		blame(requests, err)
		return
	}
	rest, alone := part(requests, culprits)
	if len(rest) == len(requests) {
		rest, alone = nil, requests // nobody is to blame, so each has to show it
	}
	if len(rest) > 0 {
		db.together(rest)
	}
	for _, r := range alone {
		db.together([]*request{r})
	}
}

// again says whether what was undone is worth another try. What a request alone
// ran into may be gone the next time.
func (db *DB) again(requests []*request, err error, tried int) bool {
	if len(requests) == 1 && requests[0].err != nil {
		err = requests[0].err
	}
	return db.engine.Again(err, tried)
}

// full says whether a transaction failed for want of room.
func full(requests []*request, err error) bool {
	var full *FullError
	return errors.As(err, &full) || len(requests) == 1 && errors.As(requests[0].err, &full)
}

// part divides requests into those that are to blame and the others.
func part(requests []*request, culprits []int) (rest, alone []*request) {
	guilty := map[int]bool{}
	for _, i := range culprits {
		guilty[i] = true
	}
	for i, r := range requests {
		if guilty[i] {
			alone = append(alone, r)
		} else {
			rest = append(rest, r)
		}
	}
	return rest, alone
}

// pause waits before the try after the n-th, the longer the more there were, and
// not as long as others who wait for the same.
func (db *DB) pause(n int) {
	longest := min(5*time.Millisecond<<n, 2*time.Second)
	select {
	case <-time.After(longest/2 + rand.N(longest/2)):
	case <-db.closing:
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

// try does requests in one transaction. Its error is one of all of them; a
// request's own is in the request.
func (db *DB) try(requests []*request) (undone bool, culprits []int, err error) {
	ctx := context.Background()
	g := &group{requests: requests, now: db.Now()}
	for _, r := range requests {
		r.left, r.err, r.panicked = left{}, nil, nil
	}
	undone, culprits, err = db.engine.Transact(ctx, len(requests),
		func(i int, s session) error { return db.step(g, requests[i], s) },
		func(s session) error { return db.write(ctx, g, s) })
	if err != nil {
		if g.wrote {
			db.log.Lost()
		}
		return undone, culprits, fmt.Errorf("commit: %w", err)
	}
	if g.wrote {
		db.log.Durable()
	}
	if g.left.erases {
		db.engine.Settle()
	}
	return undone, culprits, nil
}

// step runs one request.
func (db *DB) step(g *group, r *request, s session) error {
	tx := &Tx{Now: g.now, session: s, left: &r.left}
	if db.engine.Alone() {
		if r == g.requests[0] {
			g.left = left{} // the engine may begin anew
		}
		tx.left = &g.left
	}
	before := *tx.left
	tx.left.frees = false
	r.run(tx)
	tx.session = nil
	switch {
	case r.panicked != nil:
		r.err = errPanic
	case r.err == nil:
		r.err = tx.failed
	}
	if r.err == nil && db.engine.Low() && !tx.left.frees {
		r.err = db.engine.Full()
	}
	if r.err != nil {
		*tx.left = before
	}
	return r.err
}

// errPanic is for the engine; the caller gets the panic itself.
var errPanic = errors.New("panic")

func (r *request) run(tx *Tx) {
	defer func() { r.panicked = recover() }()
	r.err = r.fn(tx)
}

// write ends a group: the log, and what was counted.
func (db *DB) write(ctx context.Context, g *group, s session) error {
	if err := db.writeLog(ctx, g, s); err != nil {
		return err
	}
	tx := &Tx{Now: g.now, session: s, left: &g.left, closed: true}
	defer func() { tx.session = nil }()
	sums := map[counter]int64{}
	for _, c := range g.left.counts {
		sums[c.counter] += c.n
	}
	for _, c := range g.left.counts {
		n, due := sums[c.counter]
		if !due {
			continue // with an earlier one
		}
		delete(sums, c.counter)
		if err := tx.Do(ctx, c.query, c.of, c.outcome, n); err != nil {
			return err
		}
	}
	return tx.failed
}

// writeLog has the log written, if there is anything to write.
func (db *DB) writeLog(ctx context.Context, g *group, s session) (err error) {
	if !db.engine.Alone() {
		if rounds := g.meet(); len(rounds) > 1 {
			return &meetError{rounds}
		}
		for _, r := range g.requests {
			if r.err == nil {
				g.left.entries = append(g.left.entries, r.left.entries...)
				g.left.change = g.left.change.Plus(r.left.change)
				g.left.erases = g.left.erases || r.left.erases
				g.left.counts = append(g.left.counts, r.left.counts...)
			}
		}
	}
	if len(g.left.entries) == 0 && (g.left.change == (State{}) || db.log == nil) {
		return nil
	}
	if db.log == nil {
		return errors.New("entries, and no log attached to take them")
	}
	tx := &Tx{Now: g.now, session: s, left: &g.left, closed: true}
	defer func() {
		tx.session = nil
		if fault := recover(); fault != nil {
			err = fmt.Errorf("write log: panic: %v", fault)
		}
	}()
	g.wrote = true
	if err := db.log.Write(ctx, tx, g.left.entries); err != nil {
		return err
	}
	return tx.failed
}

// A meetError undoes a group whose requests ran beside each other and met over
// something that one of them had to have to itself. They are done one after the
// other then, those apart that do not meet still together.
type meetError struct{ rounds [][]*request }

func (*meetError) Error() string {
	return "two requests of a group met over something that one of them claims"
}

// meet divides the requests into rounds in which nobody meets, if anybody does.
// Whoever comes later to what another has is in a later round.
func (g *group) meet() (rounds [][]*request) {
	type use struct {
		round   int // the last one that has it
		claimed bool
	}
	has := map[[16]byte]use{}
	for _, r := range g.requests {
		round := 0
		for _, m := range r.left.meets {
			if u, there := has[m.with]; r.err == nil && there && (u.claimed || m.alone) {
				round = max(round, u.round+1)
			}
		}
		for _, m := range r.left.meets {
			u := has[m.with]
			if r.err == nil {
				has[m.with] = use{max(u.round, round), u.claimed || m.alone}
			}
		}
		for len(rounds) <= round {
			rounds = append(rounds, nil)
		}
		rounds[round] = append(rounds[round], r)
	}
	return rounds
}
