package carry

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/ledger"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

// Restore is avow restore.
type Restore struct {
	File string `arg:"" help:"The backup."`
	Data string `xor:"to" help:"The data folder to fill; it must not be there yet, or be empty." placeholder:"DIR"`
	DB   string `name:"db" xor:"to" help:"The empty database to fill: postgres://…" placeholder:"URL"`
	Keys string `help:"Where the keys of the house are." default:"file:avow-keys" placeholder:"SPEC"`
	Log  string `help:"The log as it was published: at its address, or in a folder with its files." placeholder:"URL|DIR"`
}

// Help is what avow restore --help says more.
func (*Restore) Help() string {
	return `Fills an empty folder or database from a backup. The backup may come from the other kind: this is also how a house
moves from SQLite to PostgreSQL.

Whoever was erased after the backup was made does not come back: they are known by what the log, and the journal beside
the keys, hold of each erasure. Whose key epoch has been destroyed since cannot be opened, and is left out.

What came in after the backup was made is lost. The log still has its entries: name the log as it was published, with
--log, so that it goes on from there. Without them it would say two different things about the same place, and the
house does not start until you began a new log with avow ledger rotate.

A backup that is damaged, cut off, of another house or of a newer avow is refused, and nothing is changed.

  avow restore avow.backup --data /srv/avow/data --keys file:/srv/avow/keys --log https://harbour.example/log
  avow restore avow.backup --db postgres://localhost/avow --keys file:/srv/avow/keys --log /backups/log`
}

// Validate insists on a place.
func (c *Restore) Validate() error {
	if c.Data == "" && c.DB == "" {
		return errors.New("say where to: --data DIR, or --db postgres://…")
	}
	return nil
}

// Run runs avow restore.
func (c *Restore) Run(w *world.World) error {
	keys, err := w.OpenKeys(c.Keys)
	if err != nil {
		return err
	}
	defer keys.Close()
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	found, err := backup.Check(f)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	signed, err := highWater(found, keys)
	if err != nil {
		return err
	}
	options := backup.Options{Keys: keys, Progress: w.Progress("restoring", 20_000)}
	if options.Erased, err = ledger.ReadErased(filepath.Join(keys.Beside(), "high-water")); err != nil {
		return err
	}
	if c.Log != "" {
		if options.Entries, options.Root, err = since(w, c.Log, found, keys); err != nil {
			return err
		}
	}
	report, err := c.fill(w, f, options)
	if err != nil {
		return err
	}
	c.print(w, report, found, signed)
	warn(w, report, options.Entries)
	return nil
}

func (c *Restore) fill(w *world.World, f io.ReadSeeker, o backup.Options) (report *backup.Report, err error) {
	config := place(c.Data, c.DB)
	config.Clock = w.Clock
	if c.DB == "" && store.Exists(config.Path) {
		return nil, fmt.Errorf("%s: %w", config.Path, backup.ErrNotEmpty)
	}
	db, err := store.Open(context.Background(), config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return backup.Restore(context.Background(), db, f, o)
}

func (c *Restore) print(w *world.World, r *backup.Report, found *backup.Contents, signed int64) {
	fmt.Fprintf(w.Stdout, "restored %s of %s, as they were on %s\n", world.Count(r.Total(), "row"), found.Log.Origin, found.Made.Format("2 January 2006, 15:04 UTC"))
	if r.Erased > 0 {
		fmt.Fprintf(w.Stdout, "erased again %s who had been erased since\n", world.Count(r.Erased, "person"))
	}
	if r.Deleted > 0 {
		fmt.Fprintf(w.Stdout, "deleted again %s that had been deleted since\n", world.Count(r.Deleted, "record"))
	}
	if r.Lost > 0 {
		fmt.Fprintf(w.Stdout, "left out %s whose key epoch has been destroyed since\n", world.Count(r.Lost, "person"))
	}
	fmt.Fprintf(w.Stdout, "the log has %d entries, %d of them newer than the backup\n", r.LogSize, r.LogSize-found.Log.Size)
	if signed > r.LogSize {
		fmt.Fprintf(w.Stdout, "\n%d entries were signed with these keys, so the house will not start on this log. Restore again with --log and the\n"+
			"log as it was published, or, if that is lost too, begin a new one:\n\n  avow ledger rotate --reason \"restored from a backup\"\n", signed)
	}
}

// warn says what the backup could not know, and somebody has to do again.
func warn(w *world.World, r *backup.Report, since [][]byte) {
	published := 0
	for _, entry := range since {
		if kind, _ := receipt.EntryKind(entry); kind == "s" {
			published++
		}
	}
	if published > 0 {
		fmt.Fprintf(w.Stdout, "\n%s of the statement came into force since: publish again what is in force, with avow publish\n", world.Count(published, "version"))
	}
	if n := r.Rows["api_token"]; n > 0 {
		fmt.Fprintf(w.Stdout, "\n%s as it was then: revoke again what was revoked since, see avow token list\n", world.Count(n, "token"))
	}
}

// vkey is the verifier key of the house's log.
func vkey(found *backup.Contents, keys *seal.Keys) (string, error) {
	public, ok := keys.LogKey().Public().(ed25519.PublicKey)
	if !ok {
		return "", errors.New("the log's key is not an Ed25519 key")
	}
	return note.NewEd25519VerifierKey(found.Log.Origin, public)
}

// highWater is how far the log was signed with these keys, 0 if that is not
// known.
func highWater(found *backup.Contents, keys *seal.Keys) (int64, error) {
	name := filepath.Join(keys.Beside(), "high-water")
	if found.Log.Number > 1 {
		name = fmt.Sprintf("%s.%d", name, found.Log.Number)
	}
	text, err := world.ReadSmall(name)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(text) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	key, err := vkey(found, keys)
	if err != nil {
		return 0, err
	}
	mark, err := receipt.OpenCheckpoint(text, key)
	if err != nil {
		return 0, fmt.Errorf("the keys are of another log than the backup, %s: %w. Nothing was changed", found.Log.Origin, err)
	}
	return mark.Size, nil
}

// since are the entries that the log got after the backup was made. The whole
// log is checked; that it goes on from the backup's, Restore does.
func since(w *world.World, log string, found *backup.Contents, keys *seal.Keys) (entries [][]byte, root [32]byte, err error) {
	key, err := vkey(found, keys)
	if err != nil {
		return nil, root, err
	}
	fetch, next, seen := world.LogFetcher(log), int64(0), map[string]bool{}
	report, err := receipt.CheckLog(func(path string) ([]byte, error) {
		part, err := fetch(path)
		if err != nil || !strings.HasPrefix(path, "tile/entries/") || seen[path] {
			return part, err
		}
		seen[path] = true
		for rest := part; len(rest) >= 2; next++ {
			n := 2 + int(binary.BigEndian.Uint16(rest))
			if n > len(rest) {
				break // CheckLog says so
			}
			if next >= found.Log.Size {
				entries = append(entries, rest[2:n])
			}
			rest = rest[n:]
		}
		return part, nil
	}, receipt.LogOptions{Key: key, Progress: w.Progress("checking entries", 20_000)})
	if err != nil {
		return nil, root, fmt.Errorf("the log does not hold: %w. Nothing was changed", err)
	}
	if report.Size < found.Log.Size || report.Size != next {
		return nil, root, fmt.Errorf("the log at %s has %d entries, and the backup %d: it is older than the backup. Nothing was changed", log, report.Size, found.Log.Size)
	}
	return entries, report.Root, nil
}
