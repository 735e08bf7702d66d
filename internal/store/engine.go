package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/pressly/goose/v3/database"

	"github.com/avow-privacy/avow/internal/store/postgres"
	"github.com/avow-privacy/avow/internal/store/sqlite"
)

// A session runs statements, in the words of PostgreSQL.
type session interface {
	Exec(ctx context.Context, query string, args []any) (int64, error)
	Do(ctx context.Context, query string, args []any) error
	Get(ctx context.Context, query string, dest, args []any) (found bool, err error)
	Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error
}

// An engine keeps the rows.
type engine interface {
	// View runs fn over a snapshot.
	View(ctx context.Context, closing <-chan struct{}, fn func(session) error) error
	// Transact does n steps and then last in one transaction, and returns once
	// it is durable. A step that returns an error leaves nothing; if the engine
	// can undo it only with the others, undone says so, and culprits are those
	// because of whom it was. Without undone it is not known what an error left.
	Transact(ctx context.Context, n int, step func(int, session) error, last func(session) error) (undone bool, culprits []int, err error)
	// Again says whether a transaction that was undone may do better if it is
	// tried once more, after so many tries.
	Again(err error, tried int) bool
	// Alone says whether steps are done one after the other, each seeing what
	// those before it did.
	Alone() bool
	// Settle sees to it that what was erased is in no file, and Owed is ready
	// when it has to be called again.
	Settle()
	Owed() <-chan time.Time
	// Reserve gives room for erasures alone on a full disk, and Low says that
	// it was given. Refill takes it back, if there is room for more.
	Reserve()
	Low() bool
	Refill()
	// Full is the error of who is refused meanwhile.
	Full() error
	// Lead makes this process the one that does what has a name.
	Lead(ctx context.Context, name string) (release func(), ok bool)
	// Check reads all there is and says what does not fit together.
	Check(ctx context.Context) error
	Close() error
}

// What the engines say of themselves.
type (
	// A DamagedError says that the database cannot be trusted.
	DamagedError = sqlite.DamagedError
	// An InUseError says that another process has the data folder open.
	InUseError = sqlite.InUseError
	// A FullError says that the disk has no room for a change.
	FullError = sqlite.FullError
	// A ReadOnlyError says that the disk takes no writes.
	ReadOnlyError = sqlite.ReadOnlyError
)

type sqliteEngine struct{ *sqlite.DB }

func openSQLite(ctx context.Context, cfg Config) (engine, error) {
	db, err := sqlite.Open(ctx, sqlite.Config{
		Path: cfg.Path, VFS: cfg.VFS, Oldest: oldestVersion, Newest: newestVersion, Table: versionTable,
		Migrate: func(ctx context.Context, db *sql.DB) error {
			return migrate(ctx, database.DialectSQLite3, db, sqlite.Schema)
		},
	})
	if err != nil {
		return nil, err
	}
	return sqliteEngine{db}, nil
}

func (e sqliteEngine) View(ctx context.Context, closing <-chan struct{}, fn func(session) error) error {
	return e.DB.View(ctx, closing, ErrClosed, func(s *sqlite.Session) error { return fn(s) })
}

func (e sqliteEngine) Transact(ctx context.Context, n int, step func(int, session) error, last func(session) error) (bool, []int, error) {
	undone, err := e.DB.Transact(n,
		func(i int, s *sqlite.Session) error { return step(i, s) },
		func(s *sqlite.Session) error { return last(s) })
	return undone, nil, err
}

func (e sqliteEngine) Again(error, int) bool { return false }
func (e sqliteEngine) Alone() bool           { return true }

// Lead is always given: nobody else has the folder.
func (e sqliteEngine) Lead(context.Context, string) (func(), bool) { return func() {}, true }

type postgresEngine struct{ *postgres.DB }

func openPostgres(ctx context.Context, cfg Config, closing <-chan struct{}) (engine, error) {
	db, err := postgres.Open(ctx, postgres.Config{
		URL: cfg.URL, Closing: closing, Oldest: oldestVersion, Newest: newestVersion, Table: versionTable,
		Migrate: func(ctx context.Context, db *sql.DB) error {
			return migrate(ctx, database.DialectPostgres, db, func(ddl string) string { return ddl })
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return postgresEngine{db}, nil
}

func (e postgresEngine) View(ctx context.Context, closing <-chan struct{}, fn func(session) error) error {
	return e.DB.View(ctx, closing, ErrClosed, func(s *postgres.Session) error { return fn(s) })
}

func (e postgresEngine) Transact(ctx context.Context, n int, step func(int, session) error, last func(session) error) (bool, []int, error) {
	return e.DB.Transact(ctx, n,
		func(i int, s *postgres.Session) error { return step(i, s) },
		func(s *postgres.Session) error { return last(s) })
}

func (e postgresEngine) Alone() bool { return false }

// On PostgreSQL what was erased stays in files that are not ours, until the key
// that it was closed under is destroyed; and its disk is not ours to mind.
func (e postgresEngine) Check(context.Context) error { return nil } // that is pg_amcheck's work
func (e postgresEngine) Settle()                     {}
func (e postgresEngine) Owed() <-chan time.Time      { return nil }
func (e postgresEngine) Reserve()                    {}
func (e postgresEngine) Low() bool                   { return false }
func (e postgresEngine) Refill()                     {}
func (e postgresEngine) Full() error                 { return nil }
