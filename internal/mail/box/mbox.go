package box

import (
	"bufio"
	"bytes"
	"io"
	"regexp"
)

const separator = "From "

var (
	// dated is a line between messages: whose it was, and when it came.
	dated  = regexp.MustCompile(`^From .*[0-9]{1,2}:[0-9]{1,2}.*\b[0-9]{4}\b`)
	quoted = regexp.MustCompile(`^>+From `)
)

// An mbox reads one message of a mailbox, and after it was reset the next one.
type mbox struct {
	in     *bufio.Reader
	begins bool   // the next piece begins a line
	piece  []byte // of a line, as it was read
	blank  []byte // an empty line that may belong to the separator
	after  bool   // the line before was empty
	buffer []byte
	out    []byte // of the buffer, what is still to be given
	over   bool   // the message ended
	end    bool   // and was the last
}

// line reads a line, or a piece of one that is very long.
func (m *mbox) line() (err error) {
	m.piece, err = m.in.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		err = nil
	}
	return err
}

func (m *mbox) Read(p []byte) (int, error) {
	for len(m.out) == 0 {
		if m.over {
			return 0, io.EOF
		}
		begins := m.begins
		err := m.line()
		if err != nil && err != io.EOF {
			m.over, m.end = true, true
			return 0, unnamed(err)
		}
		m.begins = bytes.HasSuffix(m.piece, []byte{'\n'})
		if len(m.piece) > 0 {
			m.take(begins)
		}
		if err == io.EOF {
			m.over, m.end = true, true
		}
	}
	n := copy(p, m.out)
	m.out = m.out[n:]
	return n, nil
}

// take decides what a piece is: the next message, an empty line that is held
// back, or something to give.
func (m *mbox) take(begins bool) {
	line := m.piece
	empty := begins && m.begins && len(bytes.TrimRight(line, "\r\n")) == 0
	if begins && m.after && len(line) < 1000 && dated.Match(line) {
		m.over, m.after, m.blank = true, false, nil
		return
	}
	if begins && quoted.Match(line) {
		line = line[1:]
	}
	m.after, m.buffer = empty, append(m.buffer[:0], m.blank...)
	if m.blank = m.blank[:0]; empty {
		m.blank = append(m.blank, line...)
	} else {
		m.buffer = append(m.buffer, line...)
	}
	m.out = m.buffer
}
