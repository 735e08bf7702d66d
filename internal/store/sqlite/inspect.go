package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
)

// A DamagedError says that the database cannot be trusted.
type DamagedError struct {
	File string
	What string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database %s is damaged: %s. Nothing was changed. Copy the data folder away as it is, "+
		"then put back a backup of it, or start with an empty folder", e.File, e.What)
}

// inspect looks at a database before anything may write to it.
func (db *DB) inspect(ctx context.Context, cfg Config) error {
	if info, err := os.Stat(db.file); err != nil || info.Size() == 0 {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open database: %w", err)
		}
		if tail, err := os.Stat(db.file + "-wal"); err == nil && tail.Size() > 0 {
			// SQLite would take it for a new one and throw the log away.
			return &DamagedError{db.file, "it is empty or missing, and its write-ahead log is not"}
		}
		return nil // a new one
	}
	engine, err := driver.Open(db.dsn(), func(c *sqlite3.Conn) error {
		// Closing the last connection would move the write-ahead log into the file.
		_, err := c.Config(sqlite3.DBCONFIG_NO_CKPT_ON_CLOSE, true)
		return errors.Join(err, c.Exec("PRAGMA query_only = ON; PRAGMA cell_size_check = ON"))
	})
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer engine.Close()
	engine.SetMaxOpenConns(1)
	var verdict string
	if err := engine.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return db.damaged(err)
	}
	if verdict != "ok" {
		return &DamagedError{db.file, strings.ReplaceAll(verdict, "\n", ", ")}
	}
	return db.inspectVersion(ctx, cfg, engine)
}

// Check holds each index to its table, which the look at the start leaves out
// because it takes long.
func (db *DB) Check(ctx context.Context) error {
	s, err := db.session(reading)
	if err != nil {
		return fmt.Errorf("check database: %w", err)
	}
	defer s.close()
	var verdict string
	if _, err := s.Get(ctx, "PRAGMA integrity_check(1)", []any{&verdict}, nil); err != nil {
		return db.damaged(err)
	}
	if verdict != "ok" {
		return &DamagedError{db.file, strings.ReplaceAll(verdict, "\n", ", ")}
	}
	return nil
}

func (db *DB) inspectVersion(ctx context.Context, cfg Config, engine *sql.DB) error {
	var tables, ours int
	var have sql.NullInt64
	row := engine.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = '"+cfg.Table+"') FROM sqlite_schema WHERE type = 'table'")
	if err := row.Scan(&tables, &ours); err != nil {
		return db.damaged(err)
	}
	if tables == 0 {
		return nil // begun and never filled
	}
	if ours == 0 {
		return fmt.Errorf("the database %s was not made by avow: give another folder", db.file)
	}
	if err := engine.QueryRowContext(ctx, "SELECT max(version_id) FROM "+cfg.Table).Scan(&have); err != nil {
		return db.damaged(err)
	}
	if have.Int64 < cfg.Oldest && have.Int64 > 0 {
		return fmt.Errorf("the database %s was written by an avow before its first release, and cannot be taken over: "+
			"start with a new folder. Nothing was changed", db.file)
	}
	if have.Int64 > cfg.Newest {
		return fmt.Errorf("the database %s was written by a newer avow (its tables are at version %d, this program knows %d): "+
			"use that one. Nothing was changed", db.file, have.Int64, cfg.Newest)
	}
	return nil
}

// damaged tells a broken file from a file that could not be read.
func (db *DB) damaged(err error) error {
	if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.IOERR) {
		return &DamagedError{db.file, err.Error()}
	}
	return fmt.Errorf("open database %s: %w", db.file, err)
}
