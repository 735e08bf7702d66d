//go:build unix

package sqlite

import (
	"os"
	"syscall"
)

// lockFile takes the file for this process. The system gives it back when the
// process ends, however it ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if err == syscall.EWOULDBLOCK {
			return nil, errTaken
		}
		return nil, err
	}
	return f, nil
}
