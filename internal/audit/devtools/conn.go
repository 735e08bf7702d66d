package devtools

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// maxMessage bounds one message of the browser: a full-page picture in base64
// fits many times over, a page that answers without end does not.
const maxMessage = 256 << 20

var (
	errClosed = errors.New("the browser is gone")
	errHuge   = errors.New("the browser sent a message that is too large")
)

// A conn speaks the DevTools protocol over a pair of pipes: JSON messages that
// end in a zero byte.
type conn struct {
	w       *os.File
	writing sync.Mutex // held while a message is written, so that two never mix

	mu      sync.Mutex
	last    int64
	waiting map[int64]chan message
	err     error // why the conn ended, set before done is closed

	done    chan struct{}
	onEvent func(session, method string, params json.RawMessage)
}

// A message is a call's answer when it has an ID, and an event otherwise.
type message struct {
	ID      int64           `json:"id"`
	Session string          `json:"sessionId"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *callError      `json:"error"`
}

// callError is the browser's word that it will not do what it was asked.
type callError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

func (e *callError) Error() string {
	if e.Data != "" {
		return e.Message + ": " + e.Data
	}
	return e.Message
}

// newConn starts reading r. onEvent is called for each event in the order they
// came, on the reading goroutine: it must not block, and must not make calls.
func newConn(w *os.File, r io.Reader, onEvent func(session, method string, params json.RawMessage)) *conn {
	c := &conn{w: w, waiting: map[int64]chan message{}, done: make(chan struct{}), onEvent: onEvent}
	go c.read(bufio.NewReaderSize(r, 64<<10))
	return c
}

func (c *conn) read(r *bufio.Reader) {
	for {
		raw, err := readMessage(r)
		if err != nil {
			c.end(err)
			return
		}
		var m message
		if err := json.Unmarshal(raw, &m); err != nil {
			c.end(fmt.Errorf("read a DevTools message: %w", err))
			return
		}
		if m.ID == 0 {
			c.onEvent(m.Session, m.Method, m.Params)
			continue
		}
		c.mu.Lock()
		answer := c.waiting[m.ID]
		delete(c.waiting, m.ID)
		c.mu.Unlock()
		if answer != nil { // nobody waits any more when a deadline has passed
			answer <- m
		}
	}
}

// readMessage returns the bytes up to the next zero byte, which it takes too.
func readMessage(r *bufio.Reader) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.ReadSlice(0)
		whole = append(whole, part...)
		switch {
		case err == nil:
			return whole[:len(whole)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(whole) > maxMessage:
			return nil, errHuge
		}
	}
}

// end closes the conn; the first reason stays.
func (c *conn) end(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrClosed) {
		err = errClosed
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.done)
	c.w.Close()
}

// A pending is a call that was sent and whose answer is still to come.
type pending struct {
	c      *conn
	id     int64
	method string
	answer chan message
}

// call sends method to a session ("" is the browser itself) and waits for the
// answer, which it stores in result unless that is nil.
func (c *conn) call(ctx context.Context, session, method string, params, result any) error {
	p, err := c.begin(ctx, session, method, params)
	if err != nil {
		return err
	}
	return p.wait(ctx, result)
}

// begin sends method and returns without waiting. The browser takes what is
// sent in order, so the answers of several calls may be waited for together.
func (c *conn) begin(ctx context.Context, session, method string, params any) (*pending, error) {
	p := &pending{c: c, method: method, answer: make(chan message, 1)}
	c.mu.Lock()
	c.last++
	p.id = c.last
	c.waiting[p.id] = p.answer
	c.mu.Unlock()
	if err := c.send(ctx, p.id, session, method, params); err != nil {
		c.forget(p.id)
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	return p, nil
}

func (p *pending) wait(ctx context.Context, result any) error {
	defer p.c.forget(p.id)
	select {
	case m := <-p.answer:
		return take(m, p.method, result)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", p.method, context.Cause(ctx))
	case <-p.c.done:
		return fmt.Errorf("%s: %w", p.method, p.c.err)
	}
}

func take(m message, method string, result any) error {
	if m.Error != nil {
		return fmt.Errorf("%s: %w", method, m.Error)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(m.Result, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func (c *conn) forget(id int64) {
	c.mu.Lock()
	delete(c.waiting, id)
	c.mu.Unlock()
}

func (c *conn) send(ctx context.Context, id int64, session, method string, params any) error {
	raw, err := json.Marshal(struct {
		ID      int64  `json:"id"`
		Session string `json:"sessionId,omitempty"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitempty"`
	}{id, session, method, params})
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if until, ok := ctx.Deadline(); ok {
		c.w.SetWriteDeadline(until)
	}
	if n, err := c.w.Write(append(raw, 0)); err != nil {
		if n > 0 { // half a message: nothing that follows would be understood
			c.end(fmt.Errorf("the browser stopped listening: %w", err))
		}
		return err
	}
	return nil
}
