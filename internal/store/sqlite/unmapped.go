package sqlite

import "github.com/ncruces/go-sqlite3/vfs"

// unmapped is the system's VFS without memory-mapped files, which we do not use.
// Pages with checksums cannot be mapped, and the library, which says so only
// after SQLite was told that they can, then fails when SQLite lets go of them.
type unmapped struct{ vfs.VFS }

// unmappedName is what it is registered as.
const unmappedName = "avow"

// OpenFilename implements vfs.VFSFilename.
func (u unmapped) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := u.VFS.(vfs.VFSFilename).OpenFilename(name, flags)
	if f, ok := f.(unmappedFile); ok && err == nil {
		return struct{ unmappedFile }{f}, flags, nil
	}
	return f, flags, err
}

// An unmappedFile is all that the system's files can do, but mapping.
type unmappedFile interface {
	vfs.FileSharedMemory
	vfs.FileLockState
	vfs.FileHasMoved
	vfs.FileSizeHint
	vfs.FilePersistWAL
	vfs.FilePowersafeOverwrite
}
