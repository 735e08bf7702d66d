package scrub

import (
	"bytes"
	"io"
	"sync"
)

// Writer returns a writer that scrubs lines on their way to w. What is written
// may be cut anywhere; a line goes on when it is whole, and the last one with
// Close, which does not close w. Any number of goroutines may use it, but the
// Scrubber is the writer's as long as that is used.
func (s *Scrubber) Writer(w io.Writer) io.WriteCloser { return &writer{s: s, to: w} }

type writer struct {
	mu   sync.Mutex
	s    *Scrubber
	to   io.Writer
	line []byte // the beginning of a line whose end is to come
	long bool   // the line is too long; no more of it is kept
	out  []byte
}

// full is how much is written at once.
const full = 256 << 10

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := p
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			w.keep(rest)
			break
		}
		line := rest[:end]
		rest = rest[end:]
		if w.long || len(w.line) > 0 {
			w.keep(line)
			line = w.line
		}
		w.scrub(line)
		if len(w.out) >= full {
			if err := w.flush(); err != nil {
				return len(p) - len(rest), err
			}
		}
	}
	if err := w.flush(); err != nil {
		return len(p), err
	}
	return len(p), nil
}

// keep keeps a piece of a line, unless it gets too long.
func (w *writer) keep(piece []byte) {
	if w.long = w.long || len(w.line)+len(piece) > MaxLine; !w.long {
		w.line = append(w.line, piece...)
		return
	}
	w.line = w.line[:0]
	if piece[len(piece)-1] == '\n' {
		w.line = append(w.line, '\n')
	}
}

func (w *writer) scrub(line []byte) {
	if w.long || len(line) > MaxLine {
		w.s.counts[Long]++
		w.s.seen.Lines++
		w.out = append(w.out, placeholders[Long]...)
		if n := len(line); n > 0 && line[n-1] == '\n' {
			w.out = append(w.out, '\n')
		}
	} else {
		w.out = w.s.Line(w.out, line)
	}
	w.line, w.long = w.line[:0], false
}

func (w *writer) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	_, err := w.to.Write(w.out)
	w.out = w.out[:0]
	return err
}

// Close writes a last line that had no end.
func (w *writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.long || len(w.line) > 0 {
		w.scrub(w.line)
	}
	return w.flush()
}
