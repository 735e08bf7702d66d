// Package postgres keeps rows in a PostgreSQL database that any number of
// processes share.
//
// One connection writes, a few others read. The steps of a transaction run at
// the same time: each until it needs an answer, and then what all of them ask
// is sent in one pipeline. So a group costs as many round trips as its longest
// step, not as all of them.
//
// A transaction is counted in a row of its own, within it. If the connection
// breaks while it is being committed, that row tells whether it was, and keeps
// it from being so later.
package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Config says where the rows are and how their tables come to be.
type Config struct {
	URL     string
	Closing <-chan struct{} // ends what waits for the server to come back

	// Oldest and Newest are the versions of the tables that can be opened, and
	// Table is where the version is kept.
	Oldest, Newest int64
	Table          string
	// Migrate brings the tables up to date. Nobody else does so meanwhile.
	Migrate func(ctx context.Context, engine *sql.DB) error
}

// A DB is an open database.
type DB struct {
	config  *pgconn.Config
	closing <-chan struct{}

	writer  *conn // whoever calls Transact; nil after it was lost
	id      [16]byte
	n       int64      // how many transactions this process has counted
	readers chan *conn // nil stands for one that was not opened yet
}

// session is what every connection is set to. A commit is answered when it is
// on disk here, and on the standbys if the server is told to wait for them.
// The timeouts end what would hold up everybody else for good.
var session = map[string]string{
	"application_name":                    "avow",
	"synchronous_commit":                  "on",
	"statement_timeout":                   "600000",
	"lock_timeout":                        "10000",
	"idle_in_transaction_session_timeout": "600000",
	"timezone":                            "UTC",
	"client_encoding":                     "UTF8",
}

// Open connects to the database, and makes its tables or brings them up to date.
// One that is not avow's, or a newer avow's, is left as it was.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	config, err := pgx.ParseConfig(cfg.URL)
	if err != nil {
		return nil, errors.New("the URL of the database cannot be read") // it may hold a password
	}
	for name, value := range session {
		if name == "synchronous_commit" && config.RuntimeParams[name] == "remote_apply" {
			continue // that waits for even more
		}
		config.RuntimeParams[name] = value
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	if err := prepareTables(ctx, config, cfg); err != nil {
		return nil, err
	}
	db := &DB{config: &config.Config, closing: cfg.Closing, readers: make(chan *conn, max(8, 2*runtime.GOMAXPROCS(0)))}
	rand.Read(db.id[:])
	if db.writer, err = db.connect(ctx); err != nil {
		return nil, err
	}
	if err := db.writer.exec(ctx, addWriter, db.id); err != nil {
		return nil, errors.Join(err, db.writer.close())
	}
	for range cap(db.readers) {
		db.readers <- nil
	}
	return db, nil
}

// reader opens a connection for views. What they read may be all there is, for a
// backup, and ends with their context.
func (db *DB) reader(ctx context.Context) (*conn, error) {
	c, err := db.connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.exec(ctx, "SET statement_timeout = 0"); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// The row by which transactions are counted. Where the count is not the one it
// should be, the NULL breaks the transaction.
const (
	addWriter  = "INSERT INTO store_writer (id, n) VALUES ($1, 0)"
	endWriter  = "DELETE FROM store_writer WHERE id = $1"
	countOne   = "UPDATE store_writer SET n = CASE WHEN n = $2 THEN n + 1 ELSE NULL END WHERE id = $1"
	fence      = "UPDATE store_writer SET n = n + 1 WHERE id = $1 AND n = $2"
	countSoFar = "SELECT n FROM store_writer WHERE id = $1"
)

// migrationKey is what processes that start at the same time lock.
const migrationKey = 0x61766f77 // "avow"

func prepareTables(ctx context.Context, config *pgx.ConnConfig, cfg Config) error {
	engine := stdlib.OpenDB(*config)
	defer engine.Close()
	lock, err := engine.Conn(ctx)
	if err != nil {
		return safe(err)
	}
	defer lock.Close() // and the lock with the session, should unlocking fail
	if _, err := lock.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrationKey); err != nil {
		return safe(err)
	}
	defer lock.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrationKey)
	have, err := inspect(ctx, lock, cfg)
	if err != nil || have == cfg.Newest {
		return err
	}
	return cfg.Migrate(ctx, engine)
}

// inspect says at which version the tables are, 0 if there are none.
func inspect(ctx context.Context, c *sql.Conn, cfg Config) (version int64, err error) {
	var tables, ours int
	row := c.QueryRowContext(ctx, `SELECT count(*), count(*) FILTER (WHERE table_name = $1)
		FROM information_schema.tables WHERE table_schema = current_schema()`, cfg.Table)
	if err := row.Scan(&tables, &ours); err != nil {
		return 0, safe(err)
	}
	if tables == 0 {
		return 0, nil
	}
	if ours == 0 {
		return 0, errors.New("it was not made by avow: give another database. Nothing was changed")
	}
	var have sql.NullInt64
	if err := c.QueryRowContext(ctx, "SELECT max(version_id) FROM "+cfg.Table).Scan(&have); err != nil {
		return 0, safe(err)
	}
	if have.Int64 < cfg.Oldest && have.Int64 > 0 {
		return 0, errors.New("it was written by an avow before its first release, and cannot be taken over. Nothing was changed")
	}
	if have.Int64 > cfg.Newest {
		return 0, fmt.Errorf("it was written by a newer avow (its tables are at version %d, this program knows %d): "+
			"use that one. Nothing was changed", have.Int64, cfg.Newest)
	}
	return have.Int64, nil
}

// View runs fn over a snapshot of the rows. closing ends the wait for a
// connection with errClosed.
func (db *DB) View(ctx context.Context, closing <-chan struct{}, errClosed error, fn func(*Session) error) (err error) {
	var c *conn
	select {
	case c = <-db.readers:
	case <-closing:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s := &Session{view: &view{db: db, conn: c}}
	defer func() { db.readers <- s.view.end(context.WithoutCancel(ctx)) }()
	return fn(s)
}

// Lead makes this process the one that does what has a name, until release or
// until the connection is lost.
func (db *DB) Lead(ctx context.Context, name string) (release func(), ok bool) {
	key := fnv.New64a()
	key.Write([]byte("avow/" + name))
	c, err := db.connect(ctx)
	if err != nil {
		return func() {}, false
	}
	var got bool
	_, err = c.run(ctx, []*call{{query: "SELECT pg_try_advisory_lock($1)", args: []any{int64(key.Sum64())}, row: func(r row) error {
		return r.scan([]any{&got})
	}}})
	if err != nil || !got {
		c.close()
		return func() {}, false
	}
	return func() { c.close() }, true // the server gives the lock back
}

// Close ends the connections. Nobody may be in Transact.
func (db *DB) Close() error {
	for range cap(db.readers) {
		(<-db.readers).close()
	}
	if db.writer != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		db.writer.exec(ctx, endWriter, db.id)
	}
	return db.writer.close()
}
