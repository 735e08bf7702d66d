package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

// full is how many bytes are written at once, when there is so much.
const full = 64 << 10

// write writes what is in the queue until Close.
func (s *Section) write() {
	defer close(s.done)
	for {
		select {
		case e := <-s.queue:
			s.drain(e)
		case flushed := <-s.flush:
			s.drain(nil)
			close(flushed)
		case <-s.quit:
			s.drain(nil)
			s.mu.Lock()
			s.leave()
			s.mu.Unlock()
			return
		}
	}
}

// drain writes first, if there is one, and what is in the queue.
func (s *Section) drain(first *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first != nil {
		s.take(first)
	}
	for {
		select {
		case e := <-s.queue:
			s.take(e)
		default:
			s.put()
			return
		}
	}
}

// take scrubs an entry.
func (s *Section) take(e *entry) {
	if e.day != s.day {
		s.put()
		s.leave()
		s.day = e.day
	}
	from := len(s.out)
	s.out = s.lines.Line(s.out, e.b)
	s.out = halve(s.out, from, e.only)
	entries.Put(e)
	if len(s.out) >= full {
		s.put()
	}
}

// other stands for a family that is not told.
const other = "other"

// halve takes the family that is not declared out of the line out[from:].
func halve(out []byte, from int, only string) []byte {
	if only == "" {
		return out
	}
	line := out[from:]
	start := bytes.LastIndexByte(line[:len(line)-2], '"') + 1
	browser, os, ok := bytes.Cut(line[start:len(line)-2], []byte(" "))
	if !ok {
		return out
	}
	if only == "os" {
		browser, os = []byte(other), bytes.Clone(os)
	} else {
		browser, os = bytes.Clone(browser), []byte(other)
	}
	out = append(append(append(out[:from+start], browser...), ' '), os...)
	return append(out, "\"\n"...)
}

// put writes whole lines to the file of the day.
func (s *Section) put() {
	if len(s.out) == 0 {
		return
	}
	if s.file == nil {
		s.file, s.fault = os.OpenFile(s.path(s.day), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if s.file != nil {
		_, s.fault = s.file.Write(s.out)
	}
	if s.fault != nil {
		s.fault = fmt.Errorf("write the server log: %w", s.fault)
		s.dropped.Add(int64(bytes.Count(s.out, []byte("\n"))))
		s.leave()
	}
	s.out = s.out[:0]
}

// leave closes the file of the day.
func (s *Section) leave() {
	if s.file == nil {
		return
	}
	if err := s.file.Close(); err != nil {
		s.fault = errors.Join(s.fault, err)
	}
	s.file = nil
}

// Flush returns when what was logged before is in its file.
func (s *Section) Flush(ctx context.Context) error {
	flushed := make(chan struct{})
	select {
	case s.flush <- flushed:
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	<-flushed
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}
