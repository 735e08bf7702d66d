package world

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"
)

// most is how much of a statement is read: more than the compiler accepts, so
// that it is the one to say what is wrong with a larger one.
const most = 2 << 20

// ReadStatement reads a file, or standard input if its name is -.
func (w *World) ReadStatement(name string) ([]byte, error) {
	in := w.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no file %s: name the statement, such as statement.md", name)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: make it readable for who runs avow", err)
		}
		defer f.Close()
		in = f
	}
	source, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("%w: name the file of a statement, or - for standard input", err)
	}
	return source, nil
}

// WriteFile writes a file whole or not at all: beside its place first, then
// made durable, then moved. A file that is there is replaced.
func WriteFile(name string, mode fs.FileMode, write func(io.Writer) error) error {
	// What a crash left there may be open to others, or lead elsewhere.
	if err := os.Remove(name + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	err = cmp.Or(write(f), f.Chmod(mode), f.Sync())
	if err = cmp.Or(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(name))
}

// syncFolder makes a new name in a folder durable. Not every file system can.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync()
	return nil
}

// maxSecret is more than any passphrase has.
const maxSecret = 4096

// ReadSecret reads one line that must not stand in the arguments of a command,
// where every user of the machine can read it: from a terminal without showing
// it, or from the file that was named; - is standard input.
func (w *World) ReadSecret(prompt, file string) ([]byte, error) {
	if file == "" && Terminal(w.Stdin) {
		fmt.Fprint(w.Stderr, prompt)
		secret, err := term.ReadPassword(int(w.Stdin.(*os.File).Fd()))
		fmt.Fprintln(w.Stderr)
		return secret, err
	}
	in := w.Stdin
	if file != "" && file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret))
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, fmt.Errorf("nothing was given for %q", strings.TrimRight(prompt, ": "))
	}
	return line, nil
}
