// Package sqlite keeps rows in a data folder.
//
// One connection writes, in the write-ahead log and with every commit synced;
// a few others read. SQL comes in the words of PostgreSQL and is translated by
// token. Each page of the file ends in a checksum. A file of ballast lies beside
// it, which is given up on a full disk so that erasures still find room.
package sqlite

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
	"time"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"
)

// Config says where the rows are and how their tables come to be.
type Config struct {
	Path string // the data folder; it is made if it is not there
	VFS  string // a registered VFS to reach the files by; the system's if empty

	// Oldest and Newest are the versions of the tables that can be opened, and
	// Table is where the version is kept.
	Oldest, Newest int64
	Table          string
	// Migrate brings the tables up to date. DDL is translated by Schema.
	Migrate func(ctx context.Context, engine *sql.DB) error
}

// A DB is an open data folder.
type DB struct {
	folder  string
	file    string
	vfs     string
	lock    *os.File
	ballast *ballast

	writer  *Session         // whoever calls Transact
	wary    int              // for how many transactions steps get savepoints
	owed    <-chan time.Time // set while deleted bytes may still stand in the write-ahead log
	readers chan *Session    // nil stands for one that was not opened yet
}

// databaseFile is the name of the database in the data folder.
const databaseFile = "avow.db"

// Exists says whether the folder at path holds a database.
func Exists(path string) bool {
	info, err := os.Stat(filepath.Join(path, databaseFile))
	return err == nil && info.Size() > 0
}

// Open opens the data folder, or begins a new one. A folder that is in use,
// that a newer avow wrote or that is damaged is left as it was.
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
		folder: path, file: filepath.Join(path, databaseFile), lock: lock,
		ballast: &ballast{file: filepath.Join(path, ballastFile), vfs: cfg.VFS},
		readers: make(chan *Session, max(4, 2*runtime.GOMAXPROCS(0))),
	}
	db.vfs = filesPrefix + cfg.VFS
	vfs.Register(db.vfs, files{vfs.Find(cfg.VFS)})
	if err := db.start(ctx, cfg); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, cfg Config) (err error) {
	if err := db.inspect(ctx, cfg); err != nil {
		return err
	}
	// The file is made here and not by SQLite, so that nobody else may read it.
	f, err := os.OpenFile(db.file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	f.Close()
	if err := db.migrate(ctx, cfg); err != nil {
		return err
	}
	if db.writer, err = db.session(writing); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		// The folder keeps others out; this is for who copies the files elsewhere.
		if err := os.Chmod(db.file+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open database: %w", err)
		}
	}
	db.ballast.take(ballastSize)
	for range cap(db.readers) {
		db.readers <- nil
	}
	return nil
}

// checksummed has a new database end each page in a checksum, which the VFS
// writes and verifies. It has to be asked for before there are any tables.
func (db *DB) checksummed() error {
	conn, err := sqlite3.Open(db.dsn())
	if err != nil {
		return err
	}
	return errors.Join(conn.EnableChecksums("main"), conn.Close())
}

func (db *DB) migrate(ctx context.Context, cfg Config) error {
	if !Exists(filepath.Dir(db.file)) {
		if err := db.checksummed(); err != nil {
			return fmt.Errorf("open database: %w", err)
		}
	}
	engine, err := driver.Open(db.dsn(), func(c *sqlite3.Conn) error { return c.Exec(pragmas) })
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return errors.Join(cfg.Migrate(ctx, engine), engine.Close())
}

func (db *DB) dsn() string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(db.file), RawQuery: url.Values{"vfs": {db.vfs}}.Encode()}
	return u.String()
}

// pragmas holds for every connection. With less than FULL a power cut takes
// back what was acknowledged; without secure_delete the erased stay readable in
// free pages; temporary files would be a place nobody cleans.
const pragmas = `
	PRAGMA busy_timeout = 5000;
	PRAGMA journal_mode = WAL;
	PRAGMA synchronous = FULL;
	PRAGMA secure_delete = ON;
	PRAGMA foreign_keys = ON;
	PRAGMA temp_store = MEMORY;
	PRAGMA trusted_schema = OFF;
	PRAGMA cell_size_check = ON`

// Nobody else writes. What the writer can wait for is a reader in the way of
// Settle, and meanwhile all changes wait for it. All changes pass its cache.
const (
	writing = pragmas + "; PRAGMA busy_timeout = 250; PRAGMA cache_size = -32000; PRAGMA wal_autocheckpoint = 8000"
	reading = pragmas + "; PRAGMA query_only = ON"
)

func (db *DB) session(pragmas string) (*Session, error) {
	conn, err := sqlite3.Open(db.dsn())
	if err != nil {
		return nil, err
	}
	if err := conn.Exec(pragmas); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Session{conn: conn, stmts: map[string]*stmt{}, folder: db.folder}, nil
}

// View runs fn over a snapshot of the rows. closing ends the wait for a
// connection with errClosed.
func (db *DB) View(ctx context.Context, closing <-chan struct{}, errClosed error, fn func(*Session) error) (err error) {
	var s *Session
	select {
	case s = <-db.readers:
	case <-closing:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	// A connection that could not be brought back to rest is not used again.
	defer func() { db.readers <- s }()
	if s == nil {
		if s, err = db.session(reading); err != nil {
			return fmt.Errorf("view: %w", err)
		}
	}
	if err := s.command("BEGIN"); err != nil {
		return fmt.Errorf("view: %w", err)
	}
	s.conn.SetInterrupt(ctx)
	defer func() {
		s.conn.SetInterrupt(context.Background())
		if s.command("ROLLBACK") != nil {
			s = s.drop()
		}
	}()
	return fn(s)
}

// Close gives the folder back. Nobody may be in Transact.
func (db *DB) Close() (err error) {
	if db.writer != nil {
		for range cap(db.readers) {
			(<-db.readers).drop()
		}
		err = db.writer.close()
	}
	return errors.Join(err, db.lock.Close())
}
