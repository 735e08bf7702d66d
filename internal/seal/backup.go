package seal

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow/internal/seal/disk"
)

// Status says how the keys are kept.
type Status struct {
	Place    string  // the spec without a command
	Current  int64   // the epoch that new keys are wrapped under
	Epochs   []Epoch // oldest first; more than one while a rotation goes on
	BackedUp bool    // there is a backup of all of them
}

// An Epoch is a time for which one key wraps those of the subjects.
type Epoch struct {
	N     int64
	Since time.Time // zero if nobody said so when its key was made
}

// Status says how the keys are kept.
func (k *Keys) Status() Status {
	s := Status{Place: k.place.String(), Current: k.Epoch()}
	for _, n := range k.Epochs() {
		if e := k.epochs.Load().keys[n]; e != nil {
			s.Epochs = append(s.Epochs, Epoch{n, e.since})
		}
	}
	text, err := disk.Read(filepath.Join(k.Beside(), backedUpFile))
	s.BackedUp = err == nil && strings.TrimSpace(string(text)) == strconv.FormatInt(k.Newest(), 10)
	return s
}

// backedUpFile holds the number of the newest epoch that was in a backup.
const backedUpFile = "backed-up"

// Backup writes all keys as one file that the passphrase opens, with age too. A
// backup keeps what it holds: what was sealed under an epoch can be opened with
// it after that epoch was destroyed, until the backup is destroyed too. After
// each rotation a new one is due, and the old one is better destroyed.
func (k *Keys) Backup(w io.Writer, passphrase []byte) error { return k.backup(w, passphrase, 0) }

func (k *Keys) backup(w io.Writer, passphrase []byte, work int) error {
	r := k.ring()
	plain := r.bytes()
	defer clear(plain)
	if err := toPassphrase(w, plain, passphrase, work); err != nil {
		return fmt.Errorf("back up keys: %w", err)
	}
	newest := int64(0)
	for n := range r.epochs {
		newest = max(newest, n)
	}
	if err := disk.Replace(filepath.Join(k.Beside(), backedUpFile), fmt.Appendln(nil, newest)); err != nil {
		return fmt.Errorf("back up keys: note it: %w", err)
	}
	return nil
}

// RestoreBackup keeps the keys of a backup at spec, where there must be none.
func RestoreBackup(spec string, r io.Reader, passphrase []byte, opt Options) (*Keys, error) {
	plain, err := fromPassphrase(r, passphrase)
	if err != nil {
		return nil, fmt.Errorf("restore keys: the backup: %w", err)
	}
	defer clear(plain)
	kept, err := parseRing(bytes.Clone(plain))
	if err != nil {
		return nil, fmt.Errorf("restore keys: the backup: %w", err)
	}
	k, err := create(spec, opt, kept)
	if err != nil {
		return nil, fmt.Errorf("restore keys: %w", err)
	}
	return k, nil
}
