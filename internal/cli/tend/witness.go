package tend

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/witness"
)

// Witness is avow witness.
type Witness struct {
	Name   string   `required:"" help:"The name of the witness: host and path, such as witness.example/avow." placeholder:"NAME"`
	Log    []string `required:"" sep:"none" help:"The key of a log to watch, as the site publishes it under /log/vkey, or a file with it; may be given several times." placeholder:"VKEY|FILE"`
	Listen string   `help:"Address for the logs; :0 picks a port." default:"127.0.0.1:8090" placeholder:"ADDR"`
	Data   string   `help:"Folder in which it remembers what it saw; made if missing." default:"avow-witness" placeholder:"DIR"`
	Keys   string   `help:"Where its own keys are; made if missing. They are no house's." default:"file:avow-witness-keys" placeholder:"SPEC"`
}

// Help is what avow witness --help says more.
func (*Witness) Help() string {
	return `Watches the logs of others. A log that grows shows each checkpoint, with a proof that it contains the one before; the
witness signs only what goes on from what it saw, and remembers it. So nobody can show two people two histories of a log
without a witness for each. Run it on another machine than the houses it watches, and best by somebody else.

It speaks c2sp.org/tlog-witness, and prints the key by which its cosignatures are known: give that, with its address, to
avow serve --witness.

  avow witness --name witness.example/avow --log harbour.example/log+1a2b3c4d+AZ…
  avow witness --name witness.example/avow --listen :8090 --log harbour.vkey --log other.vkey`
}

// Run runs avow witness.
func (c *Witness) Run(w *world.World) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logs := make([]string, len(c.Log))
	for i, given := range c.Log {
		var err error
		if logs[i], err = world.VerifierKey(given); err != nil {
			return fmt.Errorf("--log: %w", err)
		}
	}
	keys, err := c.open(w)
	if err != nil {
		return err
	}
	defer keys.Close()
	watching, err := witness.Open(witness.Config{Folder: c.Data, Name: c.Name, Key: keys.LogKey(), Logs: logs, Clock: w.Clock})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen, or :0 for any free port", err)
	}
	fmt.Fprintf(w.Stdout, "witness http://%s\nkey %s\nwatches %s\n", l.Addr(), watching.Key(), world.Count(len(logs), "log"))
	s := &http.Server{Handler: watching.Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Shutdown(grace)
}

// open opens the witness's keys, or makes some. Those of a house sign its own
// log, and who cosigns their own log watches nobody.
func (c *Witness) open(w *world.World) (*seal.Keys, error) {
	keys, err := w.OpenKeys(c.Keys)
	if errors.Is(err, seal.ErrNone) {
		return seal.Create(c.Keys, w.KeyOptions())
	}
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(keys.Beside(), "high-water")); !errors.Is(err, fs.ErrNotExist) {
		keys.Close()
		return nil, fmt.Errorf("%s holds the keys of a house: a witness has keys of its own", c.Keys)
	}
	return keys, nil
}
