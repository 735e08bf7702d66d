// Package world is what the commands of avow have in common.
package world

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/schollz/progressbar/v3"

	"github.com/avow-privacy/avow/internal/sections/changes"
	"github.com/avow-privacy/avow/internal/statement"
)

// World is what a command may touch beside its arguments.
type World struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Clock          func() time.Time
	Env            func(name string) string // the environment; nobody's if nil
}

// The exit status of every command.
const (
	Done  = 0
	Wrong = 1 // the command worked and found something wrong, or could not do it
	Usage = 2 // the command was used wrongly
)

// ErrFound ends a command that has said already what it found wrong.
var ErrFound = errors.New("something is wrong")

// Complain says what went wrong and returns the exit status for it.
func Complain(out io.Writer, err error) int {
	var uncompiled *changes.Uncompiled
	switch {
	case err == nil:
		return Done
	case errors.As(err, &uncompiled):
		uncompiled.Diagnostics.WriteText(out, uncompiled.Name, uncompiled.Source)
		fmt.Fprintln(out, "avow:", uncompiled)
	case !errors.Is(err, ErrFound):
		fmt.Fprintln(out, "avow:", err)
	}
	return Wrong
}

// Getenv is a variable of the environment.
func (w *World) Getenv(name string) string {
	if w.Env == nil {
		return ""
	}
	return w.Env(name)
}

// Count says how many there are of something, in the plural if need be.
func Count[N int | int64](n N, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// Printable keeps what a stranger typed from steering the terminal it is shown on.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return '·'
	}, s)
}

// Terminal says whether a person is looking at out.
func Terminal(out any) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Coloured says whether out is a terminal of somebody who wants colour
// (no-color.org).
func (w *World) Coloured(out io.Writer) bool {
	return Terminal(out) && w.Getenv("NO_COLOR") == "" && w.Getenv("TERM") != "dumb"
}

// Progress draws a bar on standard error when a person is watching, and when
// there are at least worth steps, so that there is time to watch. Where nobody
// watches it does nothing.
func (w *World) Progress(what string, worth int64) func(done, total int64) {
	if !Terminal(w.Stderr) {
		return func(int64, int64) {}
	}
	var bar *progressbar.ProgressBar
	return func(done, total int64) {
		if total < worth {
			return
		}
		if bar == nil {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(w.Stderr), progressbar.OptionSetDescription(what),
				progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		_ = bar.Set64(done) // a bar that cannot be drawn is not worth failing for
	}
}

// Stages draws a bar for each stage of something that has several.
func (w *World) Stages() func(stage string, done, total int64) {
	var now string
	var bar func(done, total int64)
	return func(stage string, done, total int64) {
		if stage != now {
			now, bar = stage, w.Progress(stage, 0)
		}
		bar(done, total)
	}
}

// Compile reads a statement that is to compile, of which the kinds are kept.
func (w *World) Compile(name string, kept []statement.Kind) (*statement.Statement, error) {
	source, err := w.ReadStatement(name)
	if err != nil {
		return nil, err
	}
	s, found := statement.Compile(name, source, kept)
	if s == nil || found.Failed() {
		return nil, &changes.Uncompiled{Name: name, Source: source, Diagnostics: found}
	}
	return s, nil
}

// WriteJSON prints v for other programs, indented and always the same way.
func WriteJSON(out io.Writer, v any) error {
	if err := json.MarshalWrite(out, v, jsontext.WithIndent("  "), json.Deterministic(true)); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out)
	return err
}
