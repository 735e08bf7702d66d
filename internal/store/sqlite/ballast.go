package sqlite

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/ncruces/go-sqlite3/vfs"
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

// noRoom tells a full disk from a broken one, by trying: SQLite calls both an
// I/O error, and what the system said of the write is lost on the way.
func noRoom(folder string) bool {
	probe := filepath.Join(folder, "probe")
	err := os.WriteFile(probe, make([]byte, 64<<10), 0o600)
	os.Remove(probe)
	return errors.Is(err, syscall.ENOSPC)
}

// NoRoom is there to be asked for by whoever answers visitors.
func (*FullError) NoRoom() {}

// A ballast is a file that is there to be taken away: what it leaves free on a
// full disk is for the changes that must never be refused.
type ballast struct {
	file string
	vfs  string
	gone atomic.Bool
}

// Low says that the ballast was released, so that only erasures are done.
func (db *DB) Low() bool { return db.ballast.gone.Load() }

// Full is the error of who is refused meanwhile.
func (db *DB) Full() error { return &FullError{db.folder} }

// Reserve releases the ballast.
func (db *DB) Reserve() { db.ballast.release() }

// Refill takes the ballast back, once there is room for more than that: else it
// would only take again what it gave.
func (db *DB) Refill() {
	if db.Low() {
		db.ballast.take(4 * ballastSize)
	}
}

// take makes the file if there is room for so many bytes.
func (b *ballast) take(room int) {
	if info, err := os.Stat(b.file); err == nil && info.Size() == ballastSize {
		return
	}
	err := b.fits(room)
	if err == nil {
		err = os.WriteFile(b.file, incompressible(room), 0o600)
	}
	if err == nil {
		err = os.Truncate(b.file, ballastSize)
	}
	if err != nil {
		os.Remove(b.file)
	}
	b.gone.Store(err != nil)
}

// fits asks a disk that is a test's, and knows how full it plays to be.
func (b *ballast) fits(n int) error {
	if small, ok := vfs.Find(b.vfs).(interface{ Fits(n int64) error }); ok {
		return small.Fits(int64(n))
	}
	return nil
}

// incompressible gives bytes that no file system can make smaller.
func incompressible(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// release gives the room free.
func (b *ballast) release() {
	os.Remove(b.file)
	b.gone.Store(true)
}
