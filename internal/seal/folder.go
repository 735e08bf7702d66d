package seal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/avow-privacy/avow/internal/seal/disk"
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
	half, err := os.MkdirTemp(filepath.Dir(dir), ".avow-keys-")
	if err != nil {
		return err
	}
	if err = folder(half).fill(r); err == nil {
		err = os.Rename(half, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(half))
	}
	return disk.Sync(filepath.Dir(dir))
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
		if err := disk.WriteNew(filepath.Join(string(f), name), []byte(text)); err != nil {
			return err
		}
	}
	return disk.Sync(string(f))
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
		if err := disk.Add(f.file(epochName(n)), []byte(keyLine(epochName(n), d))); err != nil {
			return err
		}
	}
	for n := range kept {
		if _, ok := r.epochs[n]; ok {
			continue
		}
		// Under another name first: a crash must not leave half a key under its own.
		name := f.file(epochName(n))
		if err := errors.Join(os.Rename(name, name+endedSuffix), disk.Sync(string(f))); err != nil {
			return err
		}
		if err := disk.Destroy(name + endedSuffix); err != nil {
			return err
		}
	}
	return disk.Sync(string(f))
}

// endedSuffix is what the name of a key ends in while it goes.
const endedSuffix = ".ended"

func (f folder) file(name string) string { return filepath.Join(string(f), name+keySuffix) }

// sweep destroys what a crash left of a key that ended, and the second name of a
// key that had just come.
func (f folder) sweep(entries []fs.DirEntry) error {
	for _, e := range entries {
		name := filepath.Join(string(f), e.Name())
		if strings.HasPrefix(e.Name(), epochPrefix) && strings.HasSuffix(e.Name(), endedSuffix) {
			if err := disk.Destroy(name); err != nil {
				return err
			}
		}
		if key, draft := strings.CutSuffix(name, disk.Draft); draft && strings.HasPrefix(e.Name(), epochPrefix) {
			if _, err := os.Lstat(key); err == nil {
				if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
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
	if err := f.sweep(entries); err != nil {
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
		return nil, fmt.Errorf("%s is missing", f.file(epochName(1)))
	}
	r.token, err = f.token()
	return r, err
}

func (f folder) key(name string) (dated, error) {
	file := f.file(name)
	text, err := disk.Read(file)
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
	text, err := disk.Read(file)
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != 32 {
		return nil, fmt.Errorf("%s is damaged; put back a copy of it", file)
	}
	return hide(raw), nil
}
