package tend

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store"
)

// Keys is avow keys.
type Keys struct {
	Status  KeysStatus  `cmd:"" help:"Say how the keys are kept."`
	Backup  KeysBackup  `cmd:"" help:"Write the keys into one file that a passphrase opens."`
	Restore KeysRestore `cmd:"" help:"Put the keys of a backup in their place."`
	DNS     KeysDNS     `cmd:"" name:"dns" help:"Print the DNS records by which others check your letters."`
	Rotate  KeysRotate  `cmd:"" help:"Wrap everything under a new key, and destroy the old one."`
}

// KeysStatus is avow keys status.
type KeysStatus struct {
	Keys string `help:"Where the keys are." default:"file:avow-keys" placeholder:"SPEC"`
	JSON bool   `name:"json" help:"Print the result as JSON."`
}

// Help is what avow keys status --help says more.
func (*KeysStatus) Help() string {
	return `Says where the keys are, which key epochs there are and since when, and whether there is a backup of all of them. A key
itself is never printed.

  avow keys status
  avow keys status --keys age:/srv/avow/keys.age --json

The JSON is an object with place, current (the epoch that new keys are wrapped under), epochs (n, since) and backedUp.`
}

// Run runs avow keys status.
func (c *KeysStatus) Run(w *world.World) error {
	keys, err := w.OpenKeys(c.Keys)
	if err != nil {
		return err
	}
	defer keys.Close()
	s := keys.Status()
	if c.JSON {
		return c.json(w.Stdout, s)
	}
	fmt.Fprintf(w.Stdout, "keys      %s\n", s.Place)
	for _, e := range s.Epochs {
		since := "since it was made"
		if !e.Since.IsZero() {
			since = "since " + e.Since.UTC().Format("2 January 2006")
		}
		if e.N != s.Current {
			since += ", until a rotation that was begun ends"
		}
		fmt.Fprintf(w.Stdout, "epoch     %d, %s\n", e.N, since)
	}
	if s.BackedUp {
		fmt.Fprintln(w.Stdout, "backup    there is one of all of them")
	} else {
		fmt.Fprintln(w.Stdout, "backup    none of all of them: run avow keys backup FILE, and keep it where the data is not")
	}
	return nil
}

func (c *KeysStatus) json(out io.Writer, s seal.Status) error {
	type epoch struct {
		N     int64     `json:"n"`
		Since time.Time `json:"since,omitzero"`
	}
	epochs := []epoch{}
	for _, e := range s.Epochs {
		epochs = append(epochs, epoch{e.N, e.Since})
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Place    string  `json:"place"`
		Current  int64   `json:"current"`
		Epochs   []epoch `json:"epochs"`
		BackedUp bool    `json:"backedUp"`
	}{s.Place, s.Current, epochs, s.BackedUp})
}

// KeysBackup is avow keys backup.
type KeysBackup struct {
	File       string `arg:"" help:"The file to write."`
	Keys       string `help:"Where the keys are." default:"file:avow-keys" placeholder:"SPEC"`
	Passphrase string `help:"The file with the passphrase of the backup, in its first line; - is standard input." placeholder:"FILE"`
}

// Help is what avow keys backup --help says more.
func (*KeysBackup) Help() string {
	return `Writes all keys into one age file (age-encryption.org) that the passphrase opens, here or with any age. Without these keys
nothing of the data opens, by nobody: keep the file where the data is not, and the passphrase where neither is.

The passphrase is asked for, or read from the file named by --passphrase, or from AVOW_PASSPHRASE. It is never an argument.

A backup keeps what it holds. What is erased is gone for good only when the key epoch it was kept under is destroyed
everywhere: after avow keys rotate write a new backup, and destroy the old one.

  avow keys backup /media/stick/avow-keys.age
  avow keys backup keys.age --keys systemd: --passphrase /run/secrets/passphrase`
}

// Run runs avow keys backup.
func (c *KeysBackup) Run(w *world.World) error {
	keys, err := w.OpenKeys(c.Keys)
	if err != nil {
		return err
	}
	defer keys.Close()
	passphrase, err := w.Passphrase(c.Passphrase, true)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	err = world.WriteFile(c.File, 0o600, func(out io.Writer) error { return keys.Backup(out, passphrase) })
	if err != nil {
		return fmt.Errorf("back up keys: %w", err)
	}
	fmt.Fprintf(w.Stdout, "wrote %s\nkeep it where the data is not; avow keys restore puts it back\n", c.File)
	return nil
}

// KeysRestore is avow keys restore.
type KeysRestore struct {
	File       string `arg:"" help:"The backup of the keys."`
	Keys       string `help:"Where the keys are to be; there must be none yet." default:"file:avow-keys" placeholder:"SPEC"`
	Passphrase string `help:"The file with the passphrase of the backup, in its first line; - is standard input." placeholder:"FILE"`
}

// Help is what avow keys restore --help says more.
func (*KeysRestore) Help() string {
	return `Puts the keys of a backup in their place. Where there are keys already, nothing is overwritten.

How far the log was signed, and who was erased, are remembered beside the keys and are not in the backup. If that folder
is lost too, the first start asks for your word that the data is the newest.

  avow keys restore /media/stick/avow-keys.age
  avow keys restore keys.age --keys age:/srv/avow/keys.age --passphrase /run/secrets/passphrase`
}

// Run runs avow keys restore.
func (c *KeysRestore) Run(w *world.World) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	passphrase, err := w.Passphrase(c.Passphrase, false)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	keys, err := seal.RestoreBackup(c.Keys, f, passphrase, w.KeyOptions())
	if err != nil {
		return err
	}
	defer keys.Close()
	fmt.Fprintf(w.Stdout, "restored the keys to %s, epoch %d\n", keys.Status().Place, keys.Epoch())
	return nil
}

// KeysRotate is avow keys rotate.
type KeysRotate struct{ place }

// Help is what avow keys rotate --help says more.
func (*KeysRotate) Help() string {
	return `Makes the key of a new epoch, wraps the key of every person under it, and destroys the key of the epoch before: whoever
was erased until now cannot be opened any more in any copy of the data, however old. The log says in clear that the
epoch ended. A rotation that was interrupted goes on when it is started again.

No backup of the data from before opens any more: write a new one right after.

A house that runs wraps anew every 15 days by itself, and leaves the old key to the backups for 15 more. With --data no house may run on the folder; over a PostgreSQL
database the houses may go on.

  avow keys rotate --data /srv/avow/data --keys file:/srv/avow/keys
  avow keys rotate --db postgres://localhost/avow --keys file:/srv/avow/keys`
}

// Run runs avow keys rotate.
func (c *KeysRotate) Run(w *world.World) error {
	return c.with(w, func(ctx context.Context, h *core) error {
		if h.ledgerErr != nil {
			return h.ledgerErr
		}
		ended := func(ctx context.Context, tx *store.Tx, epoch int64) error {
			_, err := h.ledger.Fact(ctx, tx, "g", map[string]any{"at": tx.Now.Truncate(time.Second).Format(time.RFC3339), "epoch": epoch})
			return err
		}
		destroyed, err := h.vault.Rotate(ctx, ended, w.Progress("wrapping keys", 20_000))
		if err != nil {
			return err
		}
		fmt.Fprintf(w.Stdout, "epoch %d began\n", h.keys.Epoch())
		for _, n := range destroyed {
			fmt.Fprintf(w.Stdout, "the key of epoch %d is destroyed\n", n)
		}
		fmt.Fprintln(w.Stdout, "no backup of before opens any more: write new ones, with avow backup and avow keys backup, and destroy the old ones")
		return nil
	})
}
