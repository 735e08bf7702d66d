package seal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNone says that there are no keys where they were looked for.
var ErrNone = errors.New("there are no keys. What was sealed under them does not open without them: " +
	"put back a copy of the key folder, or start with an empty data folder. Nothing was changed")

// The files of a key folder. Each holds one line, except the token, which
// scripts read as it is: "avow-key/v1 NAME KEY CHECK".
const (
	indexFile   = "index.key"
	logFile     = "log.key"
	tokenFile   = "token"
	epochPrefix = "epoch-"
	keySuffix   = ".key"
	keyFormat   = "avow-key/v1"
)

func folderOf(spec string) (string, error) {
	scheme, dir, ok := strings.Cut(spec, ":")
	if !ok || scheme != "file" || dir == "" {
		return "", fmt.Errorf("keys %q: only file:DIR is supported in this version, such as file:/var/lib/avow-keys", spec)
	}
	return filepath.Clean(dir), nil
}

// Create makes new keys and keeps them at spec, which is file:DIR. The folder
// must not be there yet, or be empty. It belongs beside the data folder, never
// inside: who copies the data must not get the keys with it.
func Create(spec string) (*Keys, error) {
	dir, err := folderOf(spec)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("create keys: %w", err)
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("create keys: the folder %s is not empty, and keys are never overwritten", dir)
	}
	// All or nothing: a crash leaves a folder of another name, not half the keys.
	draft, err := os.MkdirTemp(filepath.Dir(dir), ".avow-keys-")
	if err != nil {
		return nil, fmt.Errorf("create keys: %w", err)
	}
	k := newKeys()
	if err = k.write(draft); err == nil {
		err = os.Rename(draft, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("create keys: %w", errors.Join(err, os.RemoveAll(draft)))
	}
	return k, syncFolder(filepath.Dir(dir))
}

func (k *Keys) write(dir string) error {
	files := map[string]secret{indexFile: k.index, logFile: k.log}
	for n, e := range k.epochs {
		files[epochPrefix+strconv.FormatInt(n, 10)+keySuffix] = e.secret
	}
	for name, s := range files {
		if err := writeFile(filepath.Join(dir, name), keyLine(name, s())); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(dir, tokenFile), k.Token()+"\n"); err != nil {
		return err
	}
	return syncFolder(dir)
}

func writeFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func keyLine(name string, key []byte) string {
	line := fmt.Sprintf("%s %s %s", keyFormat, strings.TrimSuffix(name, keySuffix), base64.StdEncoding.EncodeToString(key))
	sum := sha256.Sum256([]byte(line))
	return line + " " + hex.EncodeToString(sum[:4]) + "\n"
}

// Open reads the keys at spec. If there are none, the error is ErrNone: who has
// no data yet may then Create some; who has data has lost its keys and must put
// back a copy of them.
func Open(spec string) (*Keys, error) {
	dir, err := folderOf(spec)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil, fmt.Errorf("open keys %s: %w", dir, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	k := &Keys{epochs: map[int64]*epochKey{}}
	if err := k.read(dir, entries); err != nil {
		k.Close()
		return nil, fmt.Errorf("open keys: %w. Put back a copy of the key folder; nothing was changed", err)
	}
	return k, nil
}

func (k *Keys) read(dir string, entries []fs.DirEntry) error {
	for _, entry := range entries {
		number, isEpoch := strings.CutPrefix(entry.Name(), epochPrefix)
		n, err := strconv.ParseInt(strings.TrimSuffix(number, keySuffix), 10, 64)
		if !isEpoch || err != nil {
			continue
		}
		s, err := readKey(dir, entry.Name())
		if err != nil {
			return err
		}
		k.epochs[n] = newEpochKey(s)
		k.epoch = max(k.epoch, n)
	}
	if k.epoch == 0 {
		return fmt.Errorf("%s is missing", filepath.Join(dir, epochPrefix+"1"+keySuffix))
	}
	var err error
	if k.index, err = readKey(dir, indexFile); err != nil {
		return err
	}
	if k.log, err = readKey(dir, logFile); err != nil {
		return err
	}
	k.token, err = readToken(dir)
	return err
}

func readKey(dir, name string) (secret, error) {
	file := filepath.Join(dir, name)
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	words := strings.Fields(text)
	if len(words) != 4 {
		return nil, fmt.Errorf("%s is damaged", file)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(words[2])
	if err != nil || len(raw) != 32 || keyLine(name, raw) != text {
		return nil, fmt.Errorf("%s is damaged", file)
	}
	return hide(raw), nil
}

func readToken(dir string) (secret, error) {
	file := filepath.Join(dir, tokenFile)
	text, err := readSmall(file)
	if err != nil {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != 32 {
		return nil, fmt.Errorf("%s is damaged", file)
	}
	return hide(raw), nil
}

func readSmall(file string) (string, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("%s is missing", file)
	case err != nil:
		return "", err
	case info.Size() > 4096:
		return "", fmt.Errorf("%s is damaged", file)
	}
	text, err := os.ReadFile(file)
	return string(text), err
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
