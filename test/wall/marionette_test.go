package wall

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// A marionette is a connection to Firefox's remote control, which is called so:
// messages are JSON with their length before them, [0, id, command, parameters]
// there and [1, id, error, result] back, one at a time.
type marionette struct {
	c  net.Conn
	r  *bufio.Reader
	id int
}

// meet waits until a Firefox listens at the port that it wrote into a file.
func meet(readPort func() (string, error), gaveUp <-chan struct{}) (*marionette, error) {
	for range 300 {
		select {
		case <-gaveUp:
			return nil, fmt.Errorf("Firefox ended at its start")
		case <-time.After(100 * time.Millisecond):
		}
		port, err := readPort()
		if err != nil {
			continue
		}
		c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strings.TrimSpace(port)))
		if err != nil {
			continue
		}
		m := &marionette{c: c, r: bufio.NewReader(c)}
		if _, err := m.read(); err != nil { // its greeting
			c.Close()
			return nil, err
		}
		return m, nil
	}
	return nil, fmt.Errorf("Firefox does not listen")
}

func (m *marionette) read() ([]byte, error) {
	m.c.SetReadDeadline(time.Now().Add(30 * time.Second))
	size, err := m.r.ReadString(':')
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(size, ":"))
	if err != nil {
		return nil, err
	}
	b := make([]byte, n)
	_, err = io.ReadFull(m.r, b)
	return b, err
}

// call sends a command and stores its result, unless result is nil.
func (m *marionette) call(command string, params, result any) error {
	m.id++
	if params == nil {
		params = struct{}{}
	}
	text, err := json.Marshal([]any{0, m.id, command, params})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(m.c, "%d:%s", len(text), text); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	answer, err := m.read()
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	var fault *struct{ Error, Message string }
	var parts [4]json.RawMessage
	if err := json.Unmarshal(answer, &parts); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if err := json.Unmarshal(parts[2], &fault); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	if fault != nil {
		return fmt.Errorf("%s: %s: %s", command, fault.Error, fault.Message)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(parts[3], result)
}
