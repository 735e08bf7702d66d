// Package store keeps rows, in SQLite or in PostgreSQL, and groups commits.
//
// A caller changes rows in Commit and looks at them in View, and learns the
// time from the transaction it is in. It writes one SQL text, PostgreSQL's with
// $1 for a parameter, and keeps to what any such engine understands: BIGINT
// microseconds for times, BYTEA for ids, ON CONFLICT, RETURNING. Where rows must
// be locked because others may write too, a query ends in " FOR UPDATE".
//
// All changes pass one goroutine. It takes the requests that are waiting, at
// most 256 and never by a timer, and does them in one transaction: the price of
// making a change durable is paid once for all. Nobody is answered before the
// transaction is durable.
//
// On SQLite the requests of a group run one after the other; should one fail
// that has changed something, they are done again, each under a savepoint. On
// PostgreSQL they run at the same time, and what they ask is sent together; if
// one of them fails the group is undone, and the others are done without it. So
// a request sees what it did itself and what was committed before, and must not
// count on the rest; it may run several times; and it must not hold a lock while
// it asks the database.
package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/store/sqlite"
)

// Config says where the rows are kept and what time it is.
type Config struct {
	Path  string           // the data folder, for SQLite; it is made if it is not there
	URL   string           // or the PostgreSQL database, as postgres://…
	Clock func() time.Time // time.Now if nil
	VFS   string           // for tests: a registered SQLite VFS to reach the files by
}

// A DB is an open database. Any number of goroutines may use it.
type DB struct {
	clock  func() time.Time
	engine engine
	name   string

	queue   chan *request
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed when the committer has ended
	close   sync.Once
	log     Log
	refill  <-chan time.Time // set while the disk is full

	mu   sync.Mutex
	last time.Time
}

// ErrClosed answers who comes after Close.
var ErrClosed = errors.New("the store is closed")

// Exists says whether the folder at path holds a database.
func Exists(path string) bool { return sqlite.Exists(path) }

// Open opens the data folder or the database, or begins a new one. The folder
// is this process's alone until Close; a PostgreSQL database any number of
// processes may open. One that is in use, that a newer avow wrote or that is
// damaged is left as it was.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{
		clock: cfg.Clock,
		queue: make(chan *request), closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	if db.clock == nil {
		db.clock = time.Now
	}
	var err error
	if cfg.URL != "" {
		db.name = "postgres"
		db.engine, err = openPostgres(ctx, cfg, db.closing)
	} else {
		db.name = "sqlite"
		db.engine, err = openSQLite(ctx, cfg)
	}
	if err != nil {
		return nil, err
	}
	go db.commits()
	return db, nil
}

// Engine is "sqlite" or "postgres".
func (db *DB) Engine() string { return db.name }

// Low says that the disk is full, so that only erasures are done.
func (db *DB) Low() bool { return db.engine.Low() }

// Lead asks that this process alone does what has the name, until release. On
// SQLite there is no other process. On PostgreSQL the lead is lost with the
// connection it was given on: ask anew for each piece of work, and let the work
// stand being done twice.
func (db *DB) Lead(ctx context.Context, name string) (release func(), ok bool) {
	return db.engine.Lead(ctx, name)
}

// Check reads the whole database and holds every index to its table. A
// *DamagedError says what does not fit. On PostgreSQL that is left to pg_amcheck.
func (db *DB) Check(ctx context.Context) error { return db.engine.Check(ctx) }

// Now is the moment. It never goes back, whatever the clock of the machine
// does. Inside a transaction Tx.Now counts.
func (db *DB) Now() time.Time {
	t := db.clock().UTC().Truncate(time.Microsecond)
	db.mu.Lock()
	defer db.mu.Unlock()
	if t.After(db.last) {
		db.last = t
	}
	return db.last
}

// NotBefore has Now not go back behind a moment that a process before this one
// has written. A moment a week ahead of the clock is not believed: whatever wrote
// it had a wrong clock, and everything would expire by it.
func (db *DB) NotBefore(t time.Time) {
	if t.Sub(db.Now()) > 7*24*time.Hour {
		return
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if t.After(db.last) {
		db.last = t
	}
}

// View runs fn over a snapshot of the rows. Many views run at once, beside a
// commit too; none may write, and inside fn there must be no other View: views
// that wait for each other's connections would wait for ever.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) error {
	return db.engine.View(ctx, db.closing, func(s session) error {
		tx := &Tx{Now: db.Now(), session: s}
		defer func() { tx.session = nil }()
		return fn(tx)
	})
}

// Close ends the commit that is under way, refuses those that wait, and gives
// the database back.
func (db *DB) Close() (err error) {
	db.close.Do(func() {
		close(db.closing)
		<-db.stopped
		err = db.engine.Close()
	})
	return err
}
