package site

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// A follower reads a file as it grows. When another file takes its name it
// reads the first to its end and goes on with the other; when the file becomes
// shorter it begins anew.
type follower struct {
	name  string
	every time.Duration // how often it looks
	all   bool          // begin with what is there already

	file *os.File
	at   int64
	open bool // the last line has no end yet
}

// run writes to out until ctx ends, which is no error.
func (f *follower) run(ctx context.Context, out io.Writer) error {
	file, err := os.Open(f.name)
	if err != nil {
		return err
	}
	f.file = file
	defer func() { f.file.Close() }()
	if !f.all {
		if f.at, err = file.Seek(0, io.SeekEnd); err != nil {
			return err
		}
	}
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	buf := make([]byte, 256<<10)
	for {
		if err := f.look(out, buf); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return f.drain(out, buf)
		case <-tick.C:
		}
	}
}

// look reads what is new, and finds out what became of the file.
func (f *follower) look(out io.Writer, buf []byte) error {
	now, err := f.file.Stat()
	if err != nil {
		return err
	}
	if now.Size() < f.at {
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := f.end(out); err != nil {
			return err
		}
		f.at = 0
	}
	if err := f.drain(out, buf); err != nil {
		return err
	}
	named, err := os.Stat(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil // between two files
	case err != nil:
		return err
	case os.SameFile(named, now):
		return nil
	}
	next, err := os.Open(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// What was written to the first file while we looked.
	if err := errors.Join(f.drain(out, buf), f.end(out), f.file.Close()); err != nil {
		return errors.Join(err, next.Close())
	}
	f.file, f.at = next, 0
	return f.drain(out, buf)
}

func (f *follower) drain(out io.Writer, buf []byte) error {
	for {
		n, err := f.file.Read(buf)
		if n > 0 {
			f.at += int64(n)
			f.open = buf[n-1] != '\n'
			if _, err := out.Write(buf[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || n == 0 && err == nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// end ends a line that the file left open.
func (f *follower) end(out io.Writer) error {
	if !f.open {
		return nil
	}
	f.open = false
	_, err := io.WriteString(out, "\n")
	return err
}
