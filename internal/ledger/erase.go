package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

// forgotten is left in a group by Forget: events that the group has recorded
// about the subject have nobody left to belong to.
type forgotten avow.SubjectID

// Erase records a subject's erasure, and with it a second entry that only the
// subject's key gives: its tombstone. It looks like any entry. Whoever puts back
// a backup in which the subject still lives finds it in the log, or in the
// journal of erasures beside the high-water file, and erases again. The journal
// has the tombstone before the Commit returns; as long as it cannot be written
// there is no receipt.
func (l *Ledger) Erase(ctx context.Context, tx *store.Tx, who Subject, e Event) (*Pending, error) {
	p, err := l.Record(ctx, tx, who, e)
	if err != nil {
		return nil, err
	}
	l.Bury(tx, who, p)
	return p, nil
}

// Bury leaves the tombstone of a subject who goes by the event p, be it that the
// last thing went that was kept of them.
func (l *Ledger) Bury(tx *store.Tx, who Subject, p *Pending) { bury(tx, p, who.Tombstone()) }

// BuryRecord leaves the tombstone of a record that goes by the event p while its
// subject stays.
func (l *Ledger) BuryRecord(tx *store.Tx, who Subject, id avow.RecordID, p *Pending) {
	bury(tx, p, who.RecordTombstone(id))
}

func bury(tx *store.Tx, p *Pending, t [32]byte) {
	p.erasure = &Pending{entry: receipt.Entry(t), tombstone: true, index: -1}
	tx.Log(p.erasure)
}

// Forget deletes what is kept of a subject's events. The log does not change.
// The caller makes sure that nobody adds to the subject meanwhile.
func (l *Ledger) Forget(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	if err := l.dropEvents(ctx, tx, id); err != nil {
		return err
	}
	tx.Log(forgotten(id))
	return nil
}

func (l *Ledger) dropEvents(ctx context.Context, tx *store.Tx, id avow.SubjectID) error {
	r := row{subject: id}
	err := tx.Each(ctx, q.DropEvents, func(scan func(...any) error) error {
		err := scan(&r.about, &r.n, &r.log, &r.leaf, &r.pos, &r.version, &r.sealed)
		tx.Remove(store.Events, l.rowHash(&r))
		return err
	}, id)
	if err != nil {
		return fmt.Errorf("forget events of %s: %w", id, err)
	}
	return nil
}

// journalName is the file of erasures, beside the high-water file.
const journalName = "erased"

func (l *Ledger) journal() string { return filepath.Join(filepath.Dir(l.cfg.HighWater), journalName) }

// A line of the journal is the tombstone and four bytes to check it by, in
// base64, between two line ends: so a line that a crash tore spoils no other.
const journalLine = 48

func appendTombstone(b []byte, t [32]byte) []byte {
	check := sha256.Sum256(t[:])
	b = base64.StdEncoding.AppendEncode(append(b, '\n'), append(t[:], check[:4]...))
	return append(b, '\n')
}

func parseTombstone(line []byte) (t [32]byte, ok bool) {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil || len(raw) != 36 {
		return t, false
	}
	t = [32]byte(raw)
	return t, bytes.Equal(bytes.Trim(appendTombstone(nil, t), "\n"), line)
}

// ReadErased reads the tombstones in the journal of erasures that lies beside
// the high-water file, and none if there is no such file. Lines may be torn: who
// was written there was not told yet.
func ReadErased(highWater string) (map[[32]byte]bool, error) {
	name := filepath.Join(filepath.Dir(highWater), journalName)
	data, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read journal of erasures: %w", err)
	}
	all := map[[32]byte]bool{}
	for n, line := range bytes.Split(data, []byte("\n")) {
		t, ok := parseTombstone(line)
		if ok {
			all[t] = true
		} else if len(line) >= journalLine && bytes.IndexByte(line, 0) < 0 {
			return nil, fmt.Errorf("read journal of erasures: line %d of %s is damaged. Put back a copy of that file", n+1, name)
		}
	}
	return all, nil
}

// Erased reads the tombstones in the journal of this log.
func (l *Ledger) Erased() (map[[32]byte]bool, error) { return ReadErased(l.cfg.HighWater) }

// writeErased appends tombstones to the journal and makes them durable. Several
// processes may do so at once.
func (l *Ledger) writeErased(erased []*Pending) error {
	if len(erased) == 0 {
		return nil
	}
	var lines []byte
	for _, p := range erased {
		t, _ := receipt.Commitment(p.entry)
		lines = appendTombstone(lines, t)
	}
	f, err := os.OpenFile(l.journal(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.Write(lines)
		err = errors.Join(err, f.Sync(), f.Close(), syncFolder(filepath.Dir(l.journal())))
	}
	if err != nil {
		return fmt.Errorf("write journal of erasures: %w", err)
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
