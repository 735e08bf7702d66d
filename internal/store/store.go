// Package store keeps rows in SQLite and groups commits.
//
// A caller changes rows in Commit and looks at them in View, and learns the
// time from the transaction it is in. It writes one SQL text, PostgreSQL's with
// $1 for a parameter, and keeps to what any such engine understands: BIGINT
// microseconds for times, BYTEA for ids, ON CONFLICT, RETURNING.
//
// All changes pass one goroutine. It takes the requests that are waiting, at
// most 256 and never by a timer, and does them in one transaction, each under a
// savepoint of its own: the price of making a change durable is paid once for
// all. Nobody is answered before the transaction is durable.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// Config says where the rows are kept and what time it is.
type Config struct {
	Path  string           // the data folder; it is made if it is not there
	Clock func() time.Time // time.Now if nil
}

// A DB is an open data folder. Any number of goroutines may use it.
type DB struct {
	clock  func() time.Time
	lock   *os.File
	engine *sql.DB

	queue   chan *request
	closing chan struct{} // closed by Close
	stopped chan struct{} // closed when the committer has ended
	close   sync.Once
	writer  *session // the committer's alone
	log     Log
	owed    <-chan time.Time // set while deleted bytes may still stand in the write-ahead log

	readers chan *session // nil stands for one that was not opened yet

	mu   sync.Mutex
	last time.Time
}

// databaseFile is the name of the database in the data folder.
const databaseFile = "avow.db"

// ErrClosed answers who comes after Close.
var ErrClosed = errors.New("the store is closed")

// Exists says whether the folder at path holds a database.
func Exists(path string) bool {
	info, err := os.Stat(filepath.Join(path, databaseFile))
	return err == nil && info.Size() > 0
}

// Open opens the data folder, or begins a new one. The folder is this
// process's alone until Close. A folder that is in use, that a newer avow wrote
// or that is damaged is left as it was.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	lock, err := lockFolder(path)
	if err != nil {
		return nil, err
	}
	db := &DB{
		clock: cfg.Clock, lock: lock,
		queue: make(chan *request), closing: make(chan struct{}), stopped: make(chan struct{}),
		readers: make(chan *session, max(4, 2*runtime.GOMAXPROCS(0))),
	}
	if db.clock == nil {
		db.clock = time.Now
	}
	if err := db.start(ctx, filepath.Join(path, databaseFile)); err != nil {
		return nil, errors.Join(err, db.shut())
	}
	go db.commits()
	return db, nil
}

func (db *DB) start(ctx context.Context, file string) (err error) {
	if err := inspect(ctx, file); err != nil {
		return err
	}
	// The file is made here and not by SQLite, so that nobody else may read it.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	f.Close()
	if db.engine, err = driver.Open(dsn(file), pragmas); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if err := migrate(ctx, db.engine); err != nil {
		return err
	}
	if db.writer, err = db.session(ctx); err == nil {
		// Nobody else writes. What it can wait for is a reader in the way of
		// settle, and meanwhile all changes wait for it.
		err = db.writer.exec(ctx, "PRAGMA busy_timeout = 250")
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		// The folder keeps others out; this is for who copies the files elsewhere.
		if err := os.Chmod(file+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open database: %w", err)
		}
	}
	for range cap(db.readers) {
		db.readers <- nil
	}
	return nil
}

func dsn(file string) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(file)}).String()
}

// pragmas holds for every connection. With less than FULL a power cut takes
// back what was acknowledged; without secure_delete the erased stay readable in
// free pages; temporary files would be a place nobody cleans.
func pragmas(c *sqlite3.Conn) error {
	return c.Exec(`
		PRAGMA busy_timeout = 5000;
		PRAGMA journal_mode = WAL;
		PRAGMA synchronous = FULL;
		PRAGMA secure_delete = ON;
		PRAGMA foreign_keys = ON;
		PRAGMA temp_store = MEMORY;
		PRAGMA trusted_schema = OFF;
		PRAGMA cell_size_check = ON`)
}

func (db *DB) session(ctx context.Context) (*session, error) {
	conn, err := db.engine.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
}

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

// View runs fn over a snapshot of the rows. Many views run at once, beside a
// commit too; none may write, and inside fn there must be no other View: views
// that wait for each other's connections would wait for ever.
func (db *DB) View(ctx context.Context, fn func(tx *Tx) error) (err error) {
	var s *session
	select {
	case s = <-db.readers:
	case <-db.closing:
		return ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// A connection that could not be brought back to rest is not used again.
	defer func() { db.readers <- s }()
	if s == nil {
		if s, err = db.session(ctx); err != nil {
			return fmt.Errorf("view: %w", err)
		}
		if err = s.exec(ctx, "PRAGMA query_only = ON"); err != nil {
			s = s.drop()
			return fmt.Errorf("view: %w", err)
		}
	}
	if err := s.exec(ctx, "BEGIN"); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	tx := &Tx{Now: db.Now(), session: s}
	defer func() {
		tx.session = nil
		if s.exec(context.WithoutCancel(ctx), "ROLLBACK") != nil {
			s = s.drop()
		}
	}()
	return fn(tx)
}

// Close ends the commit that is under way, refuses those that wait, and gives
// the folder back.
func (db *DB) Close() (err error) {
	db.close.Do(func() {
		close(db.closing)
		<-db.stopped
		err = db.shut()
	})
	return err
}

func (db *DB) shut() (err error) {
	if db.engine != nil {
		for range cap(db.readers) {
			if db.writer == nil {
				break
			}
			(<-db.readers).drop()
		}
		db.writer.drop()
		err = db.engine.Close()
	}
	return errors.Join(err, db.lock.Close())
}
