package backup

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/internal/vault"
)

// Options say what happened since the backup was made.
type Options struct {
	// Keys are those of the house as they are now.
	Keys *seal.Keys
	// Entries are those of the log from the backup's size on, and Root is the
	// one that the log signed for all of them. Without any the log stays as the
	// backup has it.
	Entries [][]byte
	Root    [32]byte
	// Erased are further tombstones, from the journal beside the keys.
	Erased map[[32]byte]bool
	// Progress is told how many rows were written; it may be nil.
	Progress func(rows, of int64)
}

// A Report says what Restore did.
type Report struct {
	Contents
	Erased  int64 // who was erased since, and was again
	Deleted int64 // records that were deleted since while their subject stayed, and were again
	Lost    int64 // whose key epoch has been destroyed
	LogSize int64
}

// ErrNotEmpty says that there is something already where a backup would go.
var ErrNotEmpty = errors.New("there is data already: a backup is restored into an empty folder or database. Nothing was changed")

// Restore fills an empty store from a backup, all of it or nothing.
func Restore(ctx context.Context, db *store.DB, in io.ReadSeeker, o Options) (*Report, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	checked, err := Check(in)
	if err != nil {
		return nil, err
	}
	r := &restoring{Options: o, checked: checked, known: map[[32]byte]bool{}}
	if err := r.mayRestore(ctx, db); err != nil {
		return nil, err
	}
	if r.vault, err = openVault(ctx, db, o.Keys); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	for _, e := range o.Entries {
		if c, ok := commitment(e); ok {
			r.known[c] = true
		}
	}
	err = db.Commit(ctx, func(tx *store.Tx) error {
		if _, err := in.Seek(0, io.SeekStart); err != nil {
			return err
		}
		r.begin()
		return r.run(ctx, tx, in)
	})
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return &r.report, nil
}

type restoring struct {
	Options
	checked *Contents
	vault   *vault.Vault
	known   map[[32]byte]bool // commitments since

	report Report
	filler filler
	erase  []avow.SubjectID
}

func (r *restoring) begin() {
	r.report = Report{Contents: Contents{Rows: map[string]int64{}}, LogSize: r.checked.Log.Size + int64(len(r.Entries))}
	r.filler, r.erase = filler{}, nil
}

// mayRestore holds store and keys to the backup before anything is written.
func (r *restoring) mayRestore(ctx context.Context, db *store.DB) error {
	err := db.View(ctx, func(tx *store.Tx) error {
		var version, rows int64
		if err := tx.Get(ctx, "SELECT max(version_id) FROM store_migration", &version); err != nil {
			return err
		}
		if version < r.checked.Tables {
			return damaged("it was written by a newer avow (its tables are at version %d, this program knows %d): use that one", r.checked.Tables, version)
		}
		if version > r.checked.Tables {
			return damaged("it was written by an older avow (its tables are at version %d, those of this program at %d): restore with that one, then start this one", r.checked.Tables, version)
		}
		for _, t := range tables[1:] { // opening the vault writes which keys it is opened with
			var n int64
			if err := tx.Get(ctx, "SELECT count(*) FROM (SELECT 1 AS one FROM "+t.name+" LIMIT 1) AS first_row", &n); err != nil {
				return err
			}
			rows += n
		}
		if rows > 0 {
			return ErrNotEmpty
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.keysFit()
}

// keysFit insists on a key that the backup was written with. An epoch that is
// missing among the keys was destroyed, unless it came after them; if all are,
// these may be other keys.
func (r *restoring) keysFit() error {
	fit := 0
	for n, want := range r.checked.epochs {
		if newest := r.Keys.Newest(); n > newest {
			return fmt.Errorf("the keys are older than the backup: their newest epoch is %d, and it has epoch %d. Put back the newest copy of the keys. Nothing was changed", newest, n)
		}
		have, err := r.Keys.EpochCheck(n)
		if err != nil {
			continue
		}
		if !bytes.Equal(have, want) {
			return &vault.KeysError{Epoch: n}
		}
		fit++
	}
	if fit == 0 {
		return errors.New("none of the keys that the backup was closed under is there: these are the keys of another house, " +
			"or the backup is so old that every one of its key epochs has been destroyed. Nothing was changed")
	}
	return nil
}

func (r *restoring) run(ctx context.Context, tx *store.Tx, in io.ReadSeeker) error {
	// Opening the vault has written which keys it was opened with.
	if err := tx.Do(ctx, "DELETE FROM vault_epoch"); err != nil {
		return err
	}
	total, done := r.checked.Total(), int64(0)
	err := r.report.each(in, func(t *table, row []any) error {
		if done++; r.Progress != nil && done%1024 == 0 {
			r.Progress(done, total)
		}
		if t.name == "vault_subject" {
			if err := r.subject(row); err != nil {
				return err
			}
		}
		return r.filler.add(ctx, tx, t, row)
	})
	if err == nil {
		err = r.filler.flush(ctx, tx)
	}
	if err == nil && len(r.Entries) > 0 {
		err = r.extend(ctx, tx)
	}
	if err == nil {
		err = r.eraseAgain(ctx, tx)
	}
	if err == nil {
		err = r.epochs(ctx, tx)
	}
	return err
}

// extend brings the log up to what was signed, and insists that it goes on from
// what the backup has.
func (r *restoring) extend(ctx context.Context, tx *store.Tx) error {
	root, err := ledger.Extend(ctx, tx, r.Entries)
	if err == nil && root != r.Root {
		err = errors.New("the log that was given does not go on from that of the backup. Nothing was changed")
	}
	return err
}

// subject looks whether somebody was erased since.
func (r *restoring) subject(row []any) error {
	id, ok := row[0].([]byte)
	epoch, ok2 := row[1].(int64)
	wrapped, ok3 := row[2].([]byte)
	if !ok || !ok2 || !ok3 || len(id) != len(avow.SubjectID{}) {
		return damaged("a subject cannot be read")
	}
	who := avow.SubjectID(id)
	if _, err := r.Keys.EpochCheck(epoch); err != nil {
		r.report.Lost++
		r.erase = append(r.erase, who)
		return nil
	}
	key, err := r.Keys.Unwrap(epoch, wrapped, who)
	if err != nil {
		return err
	}
	defer key.Clear()
	if t := key.Tombstone(); r.known[t] || r.Erased[t] {
		r.report.Erased++
		r.erase = append(r.erase, who)
	}
	return nil
}

// epochs leaves the epochs that there are keys of, and begins the one that the
// keys are in by now. Until here those that were destroyed stood there too: the
// rows of subjects refer to them.
func (r *restoring) epochs(ctx context.Context, tx *store.Tx) error {
	for n := range r.checked.epochs {
		if _, err := r.Keys.EpochCheck(n); err == nil {
			continue
		}
		if err := tx.Do(ctx, "DELETE FROM vault_epoch WHERE n = $1", n); err != nil {
			return err
		}
	}
	newest := r.Keys.Newest()
	if _, ok := r.checked.epochs[newest]; ok {
		return nil
	}
	check, err := r.Keys.EpochCheck(newest)
	if err != nil {
		return err
	}
	return tx.Do(ctx, "INSERT INTO vault_epoch (n, check_value, since) VALUES ($1, $2, $3)", newest, check, tx.Now)
}

// maxArguments is how many parameters every engine takes in one statement.
const maxArguments = 400

// A filler adds rows many at once.
type filler struct {
	table *table
	args  []any
	n     int
}

func (f *filler) add(ctx context.Context, tx *store.Tx, t *table, row []any) error {
	if f.table != t {
		if err := f.flush(ctx, tx); err != nil {
			return err
		}
		f.table = t
	}
	f.args = append(f.args, row...)
	if f.n++; (f.n+1)*len(t.columns) <= maxArguments {
		return nil
	}
	return f.exec(ctx, tx, f.n)
}

// flush adds what is left, row by row: a statement of each length would stay
// prepared.
func (f *filler) flush(ctx context.Context, tx *store.Tx) error {
	if f.n == 0 {
		return nil
	}
	all, n := f.args, len(f.table.columns)
	for ; len(all) > 0; all = all[n:] {
		f.args = all[:n]
		if err := f.exec(ctx, tx, 1); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) exec(ctx context.Context, tx *store.Tx, n int) error {
	// Not Do: an engine would keep all of a backup waiting to be sent.
	if _, err := tx.Exec(ctx, f.table.insert(n), f.args...); err != nil {
		return fmt.Errorf("fill %s: %w", f.table.name, err)
	}
	f.args, f.n = f.args[:0], 0
	return nil
}

// commitment reads an entry about a person: exactly 66 bytes, as the ledger
// writes them.
func commitment(entry []byte) (c [32]byte, ok bool) {
	const before, after = `{"c":"`, `","k":"e","v":1}`
	if len(entry) != len(before)+44+len(after) || !bytes.HasPrefix(entry, []byte(before)) || !bytes.HasSuffix(entry, []byte(after)) {
		return c, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(entry[len(before) : len(before)+44]))
	if err != nil || len(raw) != len(c) {
		return c, false
	}
	return [32]byte(raw), true
}
