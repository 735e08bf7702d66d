package carry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/store"
)

// Backup is avow backup.
type Backup struct {
	File    string `arg:"" help:"The file to write."`
	Private string `xor:"from" help:"Back up the avow that runs at this private address." placeholder:"URL"`
	Keys    string `help:"Where the keys, and with them the staff token for --private, are." default:"file:avow-keys" placeholder:"SPEC"`
	Data    string `xor:"from" help:"Back up this data folder, while no avow runs on it." placeholder:"DIR"`
	DB      string `name:"db" xor:"from" help:"Back up this database: postgres://…" placeholder:"URL"`
}

// Help is what avow backup --help says more.
func (*Backup) Help() string {
	return `Writes everything a house keeps into one file, as it was at one moment, while the house goes on. The file is written
beside its place, read back and checked, and then moved: a backup that is there is a whole one.

The keys are not in it, so that it tells nothing to who finds it: back them up apart, with avow keys backup, and keep
the two in different places. A backup opens until the key epoch it was made under is destroyed, which avow keys rotate
does, and a running house each 30 days: write a new one right after.

  avow backup /backups/avow.backup --private http://127.0.0.1:8081
  avow backup /backups/avow.backup --data /srv/avow/data
  avow backup /backups/avow.backup --db postgres://localhost/avow`
}

// Run runs avow backup.
func (c *Backup) Run(w *world.World) error {
	write := c.stopped
	if c.Private != "" {
		write = c.running
	}
	var found *backup.Contents
	err := world.WriteFile(c.File, 0o600, func(out io.Writer) error {
		if err := write(w, out); err != nil {
			return err
		}
		f, err := os.Open(c.File + ".new")
		if err != nil {
			return err
		}
		defer f.Close()
		found, err = backup.Check(f)
		return err
	})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	fmt.Fprintf(w.Stdout, "wrote %s: %s, statement version %d, log %s with %d entries\n",
		c.File, world.Count(found.Total(), "row"), found.Statement, found.Log.Origin, found.Log.Size)
	return nil
}

func (c *Backup) running(w *world.World, out io.Writer) error {
	running, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	return running.Backup(context.Background(), token, out)
}

func (c *Backup) stopped(w *world.World, out io.Writer) (err error) {
	config := place(c.Data, c.DB)
	if c.DB == "" && !store.Exists(config.Path) {
		return fmt.Errorf("there is no data in %s: name the folder with --data, or the avow that runs with --private", config.Path)
	}
	config.Clock = w.Clock
	db, err := store.Open(context.Background(), config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = backup.Write(context.Background(), db, out, nil)
	return err
}

// place is where a house keeps its rows.
func place(data, db string) store.Config {
	if db != "" {
		return store.Config{URL: db}
	}
	if data == "" {
		data = "avow-data"
	}
	return store.Config{Path: data}
}
