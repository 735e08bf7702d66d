// Package disk writes small files so that a crash leaves all of them or nothing, and destroys them.
//
// A file that is destroyed or replaced is overwritten first. That helps on a
// disk that writes where it reads. Not all do: that is why the docs of avow ask
// for encrypted disks.
package disk

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Small is more than any of these files has.
const Small = 1 << 20

// Draft is what the name of a file ends in that is not complete yet.
const Draft = ".new"

// Read reads a small file. One that is too big for that is damaged.
func Read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing", file)
	case err != nil:
		return nil, err
	case info.Size() > Small:
		return nil, fmt.Errorf("%s is damaged", file)
	}
	return os.ReadFile(file)
}

// WriteNew writes a file that is not there yet, durably. A crash can leave a part
// of it.
func WriteNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// draft writes text beside a file, under a name that the next draft takes.
func draft(name string, text []byte) (string, error) {
	name += Draft
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return name, WriteNew(name, text)
}

// Add makes a file that must not be there yet: all of it or nothing.
func Add(name string, text []byte) error {
	from, err := draft(name, text)
	if err != nil {
		return err
	}
	if err := os.Link(from, name); err != nil { // unlike Rename it replaces nothing
		if _, there := os.Lstat(name); there == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(fmt.Errorf("%s is there already, and it is never overwritten", name), os.Remove(from))
		}
		return errors.Join(os.Rename(from, name), Sync(filepath.Dir(name))) // no links on this file system
	}
	return errors.Join(os.Remove(from), Sync(filepath.Dir(name)))
}

// Replace puts text in the place of a file, or makes it; a crash leaves what
// was there before or text. What was there before is overwritten, as far as
// that helps.
func Replace(name string, text []byte) error {
	from, err := draft(name, text)
	if err != nil {
		return err
	}
	before, err := os.OpenFile(name, os.O_WRONLY, 0) // reaches the old bytes when the name is another's
	if err == nil {
		defer before.Close()
	}
	if err := os.Rename(from, name); err != nil {
		return err
	}
	if before != nil {
		overwrite(before)
	}
	return Sync(filepath.Dir(name))
}

// Destroy overwrites and removes a file, if it is there.
func Destroy(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	overwrite(f)
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return Sync(filepath.Dir(name))
}

func overwrite(f *os.File) {
	info, err := f.Stat()
	if err != nil {
		return
	}
	noise := make([]byte, info.Size())
	rand.Read(noise)
	if _, err := f.WriteAt(noise, 0); err == nil {
		_ = f.Sync()
	}
}

// Sync makes durable which files a folder has.
func Sync(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	// Not every file system can do this, and those need not.
	_ = f.Sync()
	return nil
}
