package sqlite

import "github.com/ncruces/go-sqlite3/vfs"

// files is a VFS whose files suit how we write: the write-ahead log is gathered,
// and the database not mapped into memory.
type files struct{ vfs.VFS }

// filesPrefix begins the name of the files that stand on another VFS.
const filesPrefix = "avow"

// OpenFilename implements vfs.VFSFilename.
func (v files) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := v.VFS.(vfs.VFSFilename).OpenFilename(name, flags)
	if err != nil {
		return f, flags, err
	}
	if flags&vfs.OPEN_WAL != 0 {
		return &gathered{File: f}, flags, nil
	}
	if f, ok := f.(unmappedFile); ok {
		return struct{ unmappedFile }{f}, flags, nil
	}
	return f, flags, nil
}

// An unmappedFile is all that the system's files can do, but mapping. Pages with
// checksums cannot be mapped, and the library, which says so only after SQLite
// was told that they can, then fails when SQLite lets go of them.
type unmappedFile interface {
	vfs.FileSharedMemory
	vfs.FileLockState
	vfs.FileHasMoved
	vfs.FileSizeHint
	vfs.FilePersistWAL
	vfs.FilePowersafeOverwrite
}

// A gathered file writes what is written to it one after the other at once,
// when it is synced. SQLite writes each page of a commit in two pieces, and
// syncs before it tells anybody that they are there.
type gathered struct {
	vfs.File
	data []byte
	at   int64 // where data begins in the file
}

// maxGathered bounds what waits to be written.
const maxGathered = 1 << 20

// WriteAt implements vfs.File.
func (f *gathered) WriteAt(p []byte, at int64) (int, error) {
	if at != f.at+int64(len(f.data)) || len(f.data)+len(p) > maxGathered {
		if err := f.flush(); err != nil {
			return 0, err
		}
		f.at = at
	}
	f.data = append(f.data, p...)
	return len(p), nil
}

// flush writes what waits. What could not be written goes on waiting.
func (f *gathered) flush() error {
	if len(f.data) == 0 {
		return nil
	}
	if _, err := f.File.WriteAt(f.data, f.at); err != nil {
		return err
	}
	f.at += int64(len(f.data))
	f.data = f.data[:0]
	return nil
}

// ReadAt implements vfs.File.
func (f *gathered) ReadAt(p []byte, at int64) (int, error) {
	if err := f.flush(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, at)
}

// Truncate implements vfs.File.
func (f *gathered) Truncate(size int64) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync implements vfs.File.
func (f *gathered) Sync(flags vfs.SyncFlag) error {
	if err := f.flush(); err != nil {
		return err
	}
	return f.File.Sync(flags)
}

// Size implements vfs.File.
func (f *gathered) Size() (int64, error) {
	if err := f.flush(); err != nil {
		return 0, err
	}
	return f.File.Size()
}

// Close implements vfs.File. What still waits was never synced, so that nobody
// was told of it.
func (f *gathered) Close() error { return f.File.Close() }
