package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// versionTable is where goose keeps which migrations were run.
const versionTable = "store_migration"

// migrate brings the tables up to date, forward only.
func migrate(ctx context.Context, engine *sql.DB) error {
	migrations, err := migrations()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(database.DialectSQLite3, engine, nil,
		goose.WithGoMigrations(migrations...), goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func migrations() (all []*goose.Migration, err error) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		number, _, _ := strings.Cut(path.Base(file), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		up := func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, sqliteSchema(string(text)))
			return err
		}
		all = append(all, goose.NewGoMigration(version, &goose.GoFunc{RunTx: up}, nil))
	}
	return all, nil
}

// oldestVersion is the first whose tables can be brought up to date. Those of
// version 1 were never released.
const oldestVersion = 2

// newestVersion is the last migration this program knows.
func newestVersion() (version int64, err error) {
	all, err := migrations()
	if err == nil {
		version = all[len(all)-1].Version
	}
	return version, err
}

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
func inspect(ctx context.Context, file string) error {
	if info, err := os.Stat(file); err != nil || info.Size() == 0 {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open database: %w", err)
		}
		if tail, err := os.Stat(file + "-wal"); err == nil && tail.Size() > 0 {
			// SQLite would take it for a new one and throw the log away.
			return &DamagedError{file, "it is empty or missing, and its write-ahead log is not"}
		}
		return nil // a new one
	}
	engine, err := driver.Open(dsn(file), func(c *sqlite3.Conn) error {
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
		return damaged(file, err)
	}
	if verdict != "ok" {
		return &DamagedError{file, strings.ReplaceAll(verdict, "\n", ", ")}
	}
	return inspectVersion(ctx, file, engine)
}

func inspectVersion(ctx context.Context, file string, engine *sql.DB) error {
	var tables, ours int
	var have sql.NullInt64
	row := engine.QueryRowContext(ctx, "SELECT count(*), count(*) FILTER (WHERE name = '"+versionTable+"') FROM sqlite_schema WHERE type = 'table'")
	if err := row.Scan(&tables, &ours); err != nil {
		return damaged(file, err)
	}
	if tables == 0 {
		return nil // begun and never filled
	}
	if ours == 0 {
		return fmt.Errorf("the database %s was not made by avow: give another folder", file)
	}
	if err := engine.QueryRowContext(ctx, "SELECT max(version_id) FROM "+versionTable).Scan(&have); err != nil {
		return damaged(file, err)
	}
	if have.Int64 < oldestVersion && have.Int64 > 0 {
		return fmt.Errorf("the database %s was written by an avow before its first release, and cannot be taken over: "+
			"start with a new folder. Nothing was changed", file)
	}
	known, err := newestVersion()
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	if have.Int64 > known {
		return fmt.Errorf("the database %s was written by a newer avow (its tables are at version %d, this program knows %d): "+
			"use that one. Nothing was changed", file, have.Int64, known)
	}
	return nil
}

// damaged tells a broken file from a file that could not be read.
func damaged(file string, err error) error {
	if errors.Is(err, sqlite3.CORRUPT) || errors.Is(err, sqlite3.NOTADB) || errors.Is(err, sqlite3.IOERR) {
		return &DamagedError{file, err.Error()}
	}
	return fmt.Errorf("open database %s: %w", file, err)
}
