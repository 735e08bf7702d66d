package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// most is how much of a statement is read: more than the compiler accepts, so
// that it is the one to say what is wrong with a larger one.
const most = 2 << 20

// readStatement reads a file, or standard input if its name is -.
func readStatement(name string, w *World) ([]byte, error) {
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
