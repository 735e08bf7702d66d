package carry

import (
	"errors"
	"os"

	"github.com/avow-privacy/avow/client"
	"github.com/avow-privacy/avow/internal/cli/world"
)

// Validate says what cannot be asked together.
func (c *Import) Validate() error {
	switch {
	case c.Suppressions && (c.Collection != "" || len(c.Map) > 0 || c.DryRun):
		return errors.New("--suppressions takes neither --collection, --map nor --dry-run: a list of addresses belongs nowhere")
	case !c.Suppressions && c.Collection == "":
		return errors.New("missing flags: --collection=NAME")
	}
	return nil
}

// suppress stops letters to the addresses of the file, as avow suppress does.
func (c *Import) suppress(w *world.World) error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	house, token, err := w.Staff(c.Private, c.Keys)
	if err != nil {
		return err
	}
	return world.Suppress(w, house, token, f, client.Suppressions{})
}
