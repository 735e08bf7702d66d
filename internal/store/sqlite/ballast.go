package sqlite

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"
)

const (
	ballastFile = "ballast"
	ballastSize = 1 << 20
)

// A FullError says that the disk has no room for a change.
type FullError struct{ Folder string }

func (e *FullError) Error() string {
	return fmt.Sprintf("the disk of the data folder %s is full. Nothing is taken or changed any more, and only erasures go on, "+
		"in a reserve that was kept for them. Make room on that disk: avow goes on by itself", e.Folder)
}

// A ReadOnlyError says that the disk takes no writes.
type ReadOnlyError struct {
	Folder string
	Cause  error
}

func (e *ReadOnlyError) Error() string {
	return fmt.Sprintf("the data folder %s cannot be written to (%v). Nothing was changed. Make its disk writable and start avow again", e.Folder, e.Cause)
}

func (e *ReadOnlyError) Unwrap() error { return e.Cause }

// explain says what to do about a disk that takes no more.
func (db *DB) explain(err error) error {
	switch {
	case errors.Is(err, sqlite3.FULL):
		return &FullError{db.folder}
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, syscall.EROFS):
		return &ReadOnlyError{db.folder, err}
	}
	return err
}

// A ballast is a file that is there to be taken away: what it leaves free on a
// full disk is for the changes that must never be refused.
type ballast struct {
	file  string
	gone  atomic.Bool
	tried time.Time
}

// Low says that the ballast was released, so that only erasures are done.
func (db *DB) Low() bool { return db.ballast.gone.Load() }

// Full is the error of who is refused meanwhile.
func (db *DB) Full() error { return &FullError{db.folder} }

// Reserve releases the ballast.
func (db *DB) Reserve() { db.ballast.release() }

// Refill takes the ballast back, if there is room again. It tries once a second.
func (db *DB) Refill() {
	if db.Low() && time.Since(db.ballast.tried) >= time.Second {
		db.ballast.take()
		db.ballast.tried = time.Now()
	}
}

// take makes the file, with bytes that no file system can leave out, and says
// whether there was room for it.
func (b *ballast) take() bool {
	full := make([]byte, ballastSize)
	for i := range full {
		full[i] = byte(i*7 + i>>8)
	}
	err := os.WriteFile(b.file, full, 0o600)
	if err != nil {
		os.Remove(b.file)
	}
	b.gone.Store(err != nil)
	return err == nil
}

// release gives the room free.
func (b *ballast) release() {
	os.Remove(b.file)
	b.gone.Store(true)
}
