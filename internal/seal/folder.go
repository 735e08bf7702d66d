package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A folder holds each key in a file of its own, which only its owner may read.
// The token stands as it is, since scripts read it; the others in a line of the
// ring each.
type folder string

const keySuffix = ".key"

func (f folder) String() string { return "file:" + string(f) }
func (f folder) beside() string { return string(f) }

func (f folder) create(r *ring) error {
	dir := string(f)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder %s is not empty, and keys are never overwritten", dir)
	}
	// All or nothing: a crash leaves a folder of another name, not half the keys.
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".avow-keys-")
	if err != nil {
		return err
	}
	if err = folder(draft).fill(r); err == nil {
		err = os.Rename(draft, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(draft))
	}
	return syncFolder(filepath.Dir(dir))
}

func (f folder) fill(r *ring) error {
	files := map[string]string{
		indexName + keySuffix: keyLine(indexName, dated{secret: r.index}),
		logName + keySuffix:   keyLine(logName, dated{secret: r.log}),
		tokenName:             base64.RawURLEncoding.EncodeToString(r.token()) + "\n",
	}
	for n, d := range r.epochs {
		files[epochName(n)+keySuffix] = keyLine(epochName(n), d)
	}
	for name, text := range files {
		if err := writeNew(filepath.Join(string(f), name), []byte(text)); err != nil {
			return err
		}
	}
	return syncFolder(string(f))
}

// write adds the epochs that are new and destroys those that ended. Nothing
// else in a folder ever changes.
func (f folder) write(r *ring) error {
	kept, err := f.epochs()
	if err != nil {
		return err
	}
	for n, d := range r.epochs {
		if kept[n] {
			continue
		}
		if err := f.add(epochName(n), d); err != nil {
			return err
		}
	}
	for n := range kept {
		if _, ok := r.epochs[n]; ok {
			continue
		}
		if err := destroy(filepath.Join(string(f), epochName(n)+keySuffix)); err != nil {
			return err
		}
	}
	return syncFolder(string(f))
}

// add writes a key under another name first: a crash must not leave half of one.
func (f folder) add(name string, d dated) error {
	final := filepath.Join(string(f), name+keySuffix)
	return replaceFile(final, []byte(keyLine(name, d)), false)
}

// epochs numbers those that are kept.
func (f folder) epochs() (map[int64]bool, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, err
	}
	kept := map[int64]bool{}
	for _, e := range entries {
		name, isKey := strings.CutSuffix(e.Name(), keySuffix)
		if n, ok := epochNumber(name); ok && isKey {
			kept[n] = true
		}
	}
	return kept, nil
}

func (f folder) read() (*ring, error) {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	kept, err := f.epochs()
	if err != nil {
		return nil, err
	}
	r := &ring{epochs: map[int64]dated{}}
	names := []string{indexName, logName}
	for n := range kept {
		names = append(names, epochName(n))
	}
	for _, name := range names {
		d, err := f.key(name)
		if err != nil {
			return nil, err
		}
		if err := r.put(name, d); err != nil {
			return nil, err
		}
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("%s is missing", filepath.Join(string(f), epochName(1)+keySuffix))
	}
	r.token, err = f.token()
	return r, err
}

func (f folder) key(name string) (dated, error) {
	file := filepath.Join(string(f), name+keySuffix)
	text, err := readSmall(file)
	if err != nil {
		return dated{}, err
	}
	got, d, err := readLine(string(text))
	if err != nil || got != name {
		return dated{}, fmt.Errorf("%s is damaged; put back a copy of it", file)
	}
	return d, nil
}

func (f folder) token() (secret, error) {
	file := filepath.Join(string(f), tokenName)
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != 32 {
		return nil, fmt.Errorf("%s is damaged; put back a copy of it", file)
	}
	return hide(raw), nil
}

// small is more than any file of keys has.
const small = 1 << 20

func readSmall(file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s is missing", file)
	case err != nil:
		return nil, err
	case info.Size() > small:
		return nil, fmt.Errorf("%s is damaged", file)
	}
	return os.ReadFile(file)
}

// writeNew writes a file that is not there yet, durably.
func writeNew(name string, text []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceFile puts text in the place of a file, or makes it; a crash leaves what
// was there before or text. What was there before is overwritten, as far as
// that helps. Unless over, there must be no such file.
func replaceFile(name string, text []byte, over bool) (err error) {
	draft, err := os.CreateTemp(filepath.Dir(name), ".avow-keys-") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	_, err = draft.Write(text)
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if !over {
		if err := os.Link(draft.Name(), name); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(name))
	}
	before, err := os.OpenFile(name, os.O_WRONLY, 0) // reaches the old bytes when the name is another's
	if err == nil {
		defer before.Close()
	}
	if err := os.Rename(draft.Name(), name); err != nil {
		return err
	}
	if before != nil {
		overwrite(before)
	}
	return syncFolder(filepath.Dir(name))
}

// destroy overwrites and removes a file. A file system that writes elsewhere
// than it reads, or a disk that does, may keep the old bytes: that is why the
// docs ask for encrypted disks.
func destroy(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	overwrite(f)
	return errors.Join(f.Close(), os.Remove(name), syncFolder(filepath.Dir(name)))
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

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	// Not every file system can do this, and those need not.
	_ = f.Sync()
	return nil
}
