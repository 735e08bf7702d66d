package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var errTaken = errors.New("taken")

// An InUseError says that another process has the data folder open.
type InUseError struct {
	Folder string
	By     string // the other's process id, if it can be read
}

func (e *InUseError) Error() string {
	who := "another avow"
	if e.By != "" {
		who += " (process " + e.By + ")"
	}
	return fmt.Sprintf("the data folder %s is in use by %s: stop that one first, or give this one a folder of its own with --data", e.Folder, who)
}

// lockFolder makes the data folder this process's own.
func lockFolder(folder string) (*os.File, error) {
	name := filepath.Join(folder, "avow.lock")
	f, err := lockFile(name)
	if errors.Is(err, errTaken) {
		by, _ := os.ReadFile(name)
		return nil, &InUseError{folder, strings.TrimSpace(string(by))}
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	// Who holds it, for the message above; the lock does not depend on it.
	if f.Truncate(0) == nil {
		fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}
