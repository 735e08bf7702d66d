package sqlite

import (
	"context"
	"errors"
	"time"
)

// Transact does n steps, one after the other and each under a savepoint, and
// then last, in one transaction. A step that returns an error has changed
// nothing; an error of last undoes all. undone says of an error that surely
// nothing was left behind.
func (db *DB) Transact(n int, step func(int, *Session) error, last func(*Session) error) (undone bool, err error) {
	s := db.writer
	if err := s.command("BEGIN IMMEDIATE"); err != nil {
		return true, err
	}
	defer func() {
		if !s.conn.GetAutocommit() { // an error, or a step ended its goroutine
			s.command("ROLLBACK")
		}
	}()
	if n == 1 {
		if step(0, s) != nil {
			return true, nil
		}
	} else if err := db.steps(n, step); err != nil {
		return true, err
	}
	if err := last(s); err != nil {
		return true, err
	}
	if err := s.command("COMMIT"); err != nil {
		// What SQLite had no room for cannot be there later. Of any other
		// failure that is not sure.
		var full *FullError
		return errors.As(err, &full), err
	}
	return false, nil
}

// steps runs each step under a savepoint. What it returns is a failure of the
// transaction.
func (db *DB) steps(n int, step func(int, *Session) error) error {
	s := db.writer
	for i := range n {
		if err := s.command("SAVEPOINT request"); err != nil {
			return err
		}
		if err := step(i, s); err != nil {
			if full := (*FullError)(nil); errors.As(err, &full) || s.conn.GetAutocommit() {
				return err // SQLite has undone all of it, or there is no room for any of it
			}
			if err := s.command("ROLLBACK TO request"); err != nil {
				return err
			}
		}
		if err := s.command("RELEASE request"); err != nil {
			return err
		}
	}
	return nil
}

// Settle empties the write-ahead log, where the pages stand as they were before
// an erasure. A reader of an old snapshot can be in the way; then the channel of
// Owed says when to try again.
func (db *DB) Settle() {
	db.owed = nil
	db.Refill()
	var busy int64
	found, err := db.writer.Get(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)", []any{&busy, new(int64), new(int64)}, nil)
	if err != nil || !found || busy != 0 {
		db.owed = time.After(time.Second)
	}
}

// Owed is ready when Settle is to be called again.
func (db *DB) Owed() <-chan time.Time {
	if db.owed == nil && db.Low() {
		return time.After(time.Second)
	}
	return db.owed
}
