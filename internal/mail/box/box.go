// Package box reads mailboxes of every common shape, message by message.
//
// A mailbox is a message in a file, an mbox, a Maildir, or a folder of these
// within folders. Nothing is read whole. What a file is shows in how it begins,
// for people name them as they like; symbolic links within a folder are passed
// over, for they lead elsewhere.
package box

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// Each calls fn for every message in a mailbox, in the same order each time,
// with a name that tells where it lies. An error of fn ends it. "-" is a message
// or an mbox on standard input.
//
// An mbox is divided at lines that begin with "From " after an empty line and
// end like a date. Whose mailbox quotes no such lines may hold messages that a
// sender made up whole, their topmost fields too: none of those is evidence.
func Each(name string, fn func(name string, r io.Reader) error) error {
	if name == "-" {
		return Split(name, os.Stdin, fn)
	}
	return walk(name, func(name string, f fs.File) error { return Split(name, f, fn) })
}

// Size returns how many bytes Each will read, 0 for standard input.
func Size(name string) (total int64, err error) {
	if name == "-" {
		return 0, nil
	}
	return total, walk(name, func(_ string, f fs.File) error {
		info, err := f.Stat()
		if err == nil {
			total += info.Size()
		}
		return err
	})
}

// maxDepth is how many folders deep messages are looked for.
const maxDepth = 16

// walk opens every file of a mailbox. Its errors are without their names: people
// name files after people.
func walk(name string, fn func(name string, f fs.File) error) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("open the mailbox: %w", unnamed(err))
	}
	if !info.IsDir() {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("open the mailbox: %w", unnamed(err))
		}
		defer f.Close()
		return fn(path.Base(name), f)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return fmt.Errorf("open the mailbox: %w", unnamed(err))
	}
	defer root.Close()
	w := &walker{root.FS(), fn, 0}
	return w.folder(".", 0)
}

type walker struct {
	root  fs.FS
	fn    func(string, fs.File) error
	files int
}

func (w *walker) folder(dir string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("open the mailbox: folders within folders, more than %d", maxDepth)
	}
	entries, err := fs.ReadDir(w.root, dir)
	if err != nil {
		return fmt.Errorf("read a folder of the mailbox: %w", unnamed(err))
	}
	maildir := slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.IsDir() && (e.Name() == "cur" || e.Name() == "new") })
	for _, e := range entries {
		name, hidden := path.Join(dir, e.Name()), strings.HasPrefix(e.Name(), ".")
		switch {
		case e.IsDir() && (maildir && e.Name() != "tmp" || !maildir && !hidden):
			err = w.folder(name, depth+1)
		case e.Type().IsRegular() && !maildir && !hidden: // a Maildir's own files are indexes
			err = w.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) file(name string) error {
	w.files++
	f, err := w.root.Open(name)
	if err != nil {
		return fmt.Errorf("open file %d of the mailbox: %w", w.files, unnamed(err))
	}
	defer f.Close()
	return w.fn(name, f)
}

func unnamed(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// Split calls fn for every message in r, which is one, or an mbox.
func Split(name string, r io.Reader, fn func(name string, r io.Reader) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	for {
		if c, err := in.Peek(1); err != nil || c[0] != '\n' && c[0] != '\r' {
			break
		}
		in.ReadByte()
	}
	if begin, err := in.Peek(len(separator)); string(begin) != separator {
		if len(begin) == 0 && err == io.EOF {
			return nil
		}
		return fn(name, in)
	}
	m := &mbox{in: in, begins: true}
	if err := m.line(); err != nil && err != io.EOF {
		return unnamed(err)
	}
	for n := 1; ; n++ {
		m.over, m.out, m.blank = false, nil, nil
		err := fn(fmt.Sprintf("%s:%d", name, n), m)
		if err == nil {
			_, err = io.Copy(io.Discard, m) // what fn did not read
		}
		if err != nil || m.end {
			return err
		}
	}
}
