package sqlite

import (
	"context"
	"errors"
	"time"
)

// Transact does n steps, one after the other, and then last, in one transaction.
// A step that returns an error has changed nothing; an error of last undoes all.
// undone says of an error that surely nothing was left behind.
//
// A savepoint for each step would copy every page that each of them touches. So
// there is none, until a step fails after it has changed something: then all is
// undone and done again with savepoints, and they stay for a while.
func (db *DB) Transact(n int, step func(int, *Session) error, last func(*Session) error) (undone bool, err error) {
	if db.wary == 0 || n == 1 {
		db.wary = max(0, db.wary-1)
		undone, err = db.transact(func() error { return db.plainly(n, step) }, last)
		if n == 1 || !errors.Is(err, errAgain) {
			if errors.Is(err, errAgain) {
				err = nil // the step knows
			}
			return undone, err
		}
		db.wary = wariness
	}
	db.wary--
	return db.transact(func() error { return db.warily(n, step) }, last)
}

// wariness is for how many transactions savepoints stay.
const wariness = 32

var errAgain = errors.New("a step failed that has changed something")

func (db *DB) transact(steps func() error, last func(*Session) error) (undone bool, err error) {
	s := db.writer
	s.full = false
	if err := s.command("BEGIN IMMEDIATE"); err != nil {
		return true, err
	}
	defer func() {
		if !s.conn.GetAutocommit() { // an error, or a step ended its goroutine
			s.command("ROLLBACK")
		}
	}()
	if err := steps(); err != nil {
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

// plainly runs the steps, up to the first that would have to be undone.
func (db *DB) plainly(n int, step func(int, *Session) error) error {
	s := db.writer
	for i := range n {
		before := s.conn.TotalChanges()
		err := step(i, s)
		switch {
		case err == nil:
		case hopeless(s):
			return err
		case s.conn.TotalChanges() != before:
			return errAgain
		}
	}
	return nil
}

// warily runs each step under a savepoint.
func (db *DB) warily(n int, step func(int, *Session) error) error {
	s := db.writer
	for i := range n {
		if err := s.command("SAVEPOINT request"); err != nil {
			return err
		}
		if err := step(i, s); err != nil {
			if hopeless(s) {
				return err
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

// hopeless says of a step's failure that it is one of the transaction: SQLite has
// undone all of it, or there is no room for any of it.
func hopeless(s *Session) bool {
	return s.full || s.conn.GetAutocommit()
}

// Settle empties the write-ahead log, where the pages stand as they were before
// an erasure. A reader of an old snapshot can be in the way; then the channel of
// Owed says when to try again.
func (db *DB) Settle() {
	db.owed = nil
	var busy int64
	found, err := db.writer.Get(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)", []any{&busy, new(int64), new(int64)}, nil)
	if err != nil || !found || busy != 0 {
		db.owed = time.After(time.Second)
	}
}

// Owed is ready when Settle is to be called again.
func (db *DB) Owed() <-chan time.Time {
	return db.owed
}
