package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"
)

// A Disk is a VFS for SQLite whose files are real, and which can fail as disks
// do. A store that is opened with store.Config{VFS: disk.Name} is on it.
type Disk struct {
	Name string

	mu       sync.Mutex
	files    map[string]*platter // by path
	room     int64               // what the folder may come to; 0 for any
	folder   string
	readOnly bool
}

// A platter is what of a file would be there after a power cut: what was synced,
// and maybe some of what was written since.
type platter struct {
	synced  []byte
	writes  []write
	deleted bool
}

// A write is some bytes at an offset, or if they are nil, a cut at that size.
type write struct {
	data []byte
	at   int64
}

// NewDisk registers a disk for the length of the test.
func NewDisk(t testing.TB) *Disk {
	d := &Disk{Name: fmt.Sprintf("disk%d", rand.Int64()), files: map[string]*platter{}}
	vfs.Register(d.Name, d)
	t.Cleanup(func() { vfs.Unregister(d.Name) })
	return d
}

// Limit makes the disk so small that the folder, with all files in it, has room
// for so many bytes more. A negative number ends that.
func (d *Disk) Limit(folder string, more int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.folder, d.room = folder, 0
	if more >= 0 {
		d.room = size(folder) + more
	}
}

// Fits says whether so many bytes more would find room.
func (d *Disk) Fits(n int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.room > 0 && size(d.folder)+n > d.room {
		return errFull
	}
	return nil
}

var errFull = vfs.SystemError(errors.New("no space left on device"), sqlite3.FULL)

// ReadOnly has every write refused, or no longer.
func (d *Disk) ReadOnly(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnly = on
}

func size(folder string) (sum int64) {
	entries, _ := os.ReadDir(folder)
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

// sector is what a disk writes whole or not at all.
const sector = 512

// Cut copies to a folder what is on the disk should the power go now: of what
// was not synced, any sector may be there or not. before is called while nothing
// can be written, to note what was acknowledged.
func (d *Disk) Cut(to string, random *rand.Rand, before func()) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before()
	for name, p := range d.files {
		if p.deleted {
			continue
		}
		image := append([]byte(nil), p.synced...)
		for _, w := range p.writes {
			image = w.lossy(image, random)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(name)), image, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// lossy applies what of a write came through.
func (w write) lossy(image []byte, random *rand.Rand) []byte {
	if w.data == nil {
		if random.IntN(2) == 0 {
			image = resize(image, w.at)
		}
		return image
	}
	fate := random.IntN(3) // all of it, nothing, or some sectors
	for i := 0; i < len(w.data); {
		n := min(len(w.data)-i, sector-int(w.at+int64(i))%sector)
		if fate == 0 || fate == 2 && random.IntN(2) == 0 {
			image = write{w.data[i : i+n], w.at + int64(i)}.apply(image)
		}
		i += n
	}
	return image
}

func (w write) apply(image []byte) []byte {
	if w.data == nil {
		return resize(image, w.at)
	}
	if end := w.at + int64(len(w.data)); end > int64(len(image)) {
		image = resize(image, end)
	}
	copy(image[w.at:], w.data)
	return image
}

func resize(image []byte, size int64) []byte {
	if size <= int64(len(image)) {
		return image[:size]
	}
	return append(image, make([]byte, size-int64(len(image)))...)
}

// Open implements vfs.VFS. SQLite calls OpenFilename instead.
func (d *Disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return vfs.Find("").Open(name, flags)
}

// OpenFilename implements vfs.VFSFilename.
func (d *Disk) OpenFilename(filename *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfs.Find("").(vfs.VFSFilename).OpenFilename(filename, flags)
	if err != nil {
		return nil, flags, err
	}
	name, p := filename.String(), &platter{}
	if flags&(vfs.OPEN_MAIN_DB|vfs.OPEN_WAL|vfs.OPEN_MAIN_JOURNAL) != 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		if kept := d.files[name]; kept != nil && !kept.deleted {
			p = kept
		} else {
			p.synced, _ = os.ReadFile(name)
			d.files[name] = p
		}
	}
	return &diskFile{f, d, p}, flags, nil
}

// Delete implements vfs.VFS.
func (d *Disk) Delete(name string, syncDir bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.readOnly {
		return errReadOnly
	}
	if p := d.files[name]; p != nil {
		p.deleted = true
	}
	return vfs.Find("").Delete(name, syncDir)
}

// Access implements vfs.VFS.
func (d *Disk) Access(name string, flags vfs.AccessFlag) (bool, error) {
	return vfs.Find("").Access(name, flags)
}

// FullPathname implements vfs.VFS.
func (d *Disk) FullPathname(name string) (string, error) { return vfs.Find("").FullPathname(name) }

var errReadOnly = vfs.SystemError(errors.New("read-only file system"), sqlite3.READONLY)

// A diskFile is an open file of a disk.
type diskFile struct {
	vfs.File
	disk *Disk
	*platter
}

// WriteAt implements vfs.File.
func (f *diskFile) WriteAt(data []byte, at int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.readOnly {
		return 0, errReadOnly
	}
	if f.disk.room > 0 {
		now, err := f.Size()
		if grows := at + int64(len(data)) - now; err == nil && grows > 0 && size(f.disk.folder)+grows > f.disk.room {
			return 0, errFull
		}
	}
	f.writes = append(f.writes, write{append([]byte{}, data...), at})
	return f.File.WriteAt(data, at)
}

// Truncate implements vfs.File.
func (f *diskFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.readOnly {
		return errReadOnly
	}
	f.writes = append(f.writes, write{nil, size})
	return f.File.Truncate(size)
}

// Sync implements vfs.File. The real file needs none: its machine stays on.
func (f *diskFile) Sync(vfs.SyncFlag) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.disk.readOnly {
		return errReadOnly
	}
	for _, w := range f.writes {
		f.synced = w.apply(f.synced)
	}
	f.writes = nil
	return nil
}

// SharedMemory implements vfs.FileSharedMemory.
func (f *diskFile) SharedMemory() vfs.SharedMemory {
	if inner, ok := f.File.(vfs.FileSharedMemory); ok {
		return inner.SharedMemory()
	}
	return nil
}

// LockState implements vfs.FileLockState.
func (f *diskFile) LockState() vfs.LockLevel {
	if inner, ok := f.File.(vfs.FileLockState); ok {
		return inner.LockState()
	}
	return vfs.LOCK_NONE
}
