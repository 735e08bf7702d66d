package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A conn is one keep-alive connection. Both sides of a comparison pay for the
// load that is made here, in the same process, so it does little: requests are
// bytes that are sent as they are, and of an answer only what is needed to find
// its end is read.
type conn struct {
	net  net.Conn
	in   *bufio.Reader
	out  []byte // the request
	body []byte // of the answer; good until the next request
	took []time.Duration
}

// An answer is what came back.
type answer struct {
	status int
	body   []byte
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{net: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// do sends a request and reads the answer.
func (c *conn) do(request []byte) (a answer, err error) {
	if _, err := c.net.Write(request); err != nil {
		return a, err
	}
	return c.read1()
}

// read1 reads one answer.
func (c *conn) read1() (a answer, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return a, err
	}
	if len(line) < 12 || string(line[:7]) != "HTTP/1." {
		return a, errors.New("an answer that is not HTTP")
	}
	a.status, _ = strconv.Atoi(string(line[9:12]))
	length, chunked := 0, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if v, ok := header(line, "content-length:"); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return a, err
			}
		}
		if v, ok := header(line, "transfer-encoding:"); ok {
			chunked = string(v) == "chunked"
		}
	}
	c.body = c.body[:0]
	if chunked {
		err = c.chunks()
	} else {
		err = c.read(length)
	}
	a.body = c.body
	return a, err
}

// header returns the value of a header if line is it; name is in lower case.
func header(line []byte, name string) (value []byte, ok bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}

func (c *conn) read(n int) error {
	at := len(c.body)
	c.body = slices.Grow(c.body, n)[:at+n]
	_, err := io.ReadFull(c.in, c.body[at:])
	return err
}

func (c *conn) chunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return err
		}
		if err := c.read(int(n)); err != nil {
			return err
		}
		if _, err := c.in.Discard(len("\r\n")); err != nil || n == 0 {
			return err
		}
	}
}

// A side is a server that is measured over its connections.
type side struct {
	conns []*conn
	clock func() time.Time

	done int64
	time time.Duration
	bad  int64 // answers that are errors
	says string
}

func connect(addr string, n int, clock func() time.Time) (*side, error) {
	s := &side{clock: clock}
	for range n {
		c, err := dial(addr)
		if err != nil {
			s.close()
			return nil, err
		}
		s.conns = append(s.conns, c)
	}
	return s, nil
}

func (s *side) close() {
	for _, c := range s.conns {
		c.net.Close()
	}
}

// forget begins a new measure.
func (s *side) forget() {
	s.done, s.time, s.bad, s.says = 0, 0, 0, ""
	for _, c := range s.conns {
		c.took = c.took[:0]
	}
}

// A job says what to ask: it appends a request to buf. It returns nil when
// there is nothing left. seen, if there is one, looks at each good answer.
type job struct {
	ask  func(buf []byte) []byte
	seen func(body []byte)
}

// round asks on all connections for as long as for_.
func (s *side) round(ctx context.Context, j job, for_ time.Duration) error {
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	begun := s.clock()
	end := begun.Add(for_)
	for _, c := range s.conns {
		all.Go(func() {
			n, bad, says, err := s.ask(ctx, c, j, end)
			mu.Lock()
			defer mu.Unlock()
			s.done, s.bad, failed = s.done+n, s.bad+bad, errors.Join(failed, err)
			if s.says == "" {
				s.says = says
			}
		})
	}
	all.Wait()
	s.time += s.clock().Sub(begun)
	return errors.Join(failed, ctx.Err())
}

func (s *side) ask(ctx context.Context, c *conn, j job, end time.Time) (n, bad int64, says string, err error) {
	for at := s.clock(); at.Before(end) && ctx.Err() == nil; {
		if c.out = j.ask(c.out[:0]); c.out == nil {
			return n, bad, says, nil
		}
		a, err := c.do(c.out)
		if err != nil {
			return n, bad, says, err
		}
		now := s.clock()
		c.took = append(c.took, now.Sub(at))
		at = now
		n++
		if a.status/100 != 2 {
			bad++
			says = fmt.Sprintf("%d %.300s", a.status, a.body)
		} else if j.seen != nil {
			j.seen(a.body)
		}
	}
	return n, bad, says, nil
}

func (s *side) perSecond() float64 {
	if s.time <= 0 {
		return 0
	}
	return float64(s.done) / s.time.Seconds()
}

// took are all durations, the shortest first.
func (s *side) took() []time.Duration {
	var all []time.Duration
	for _, c := range s.conns {
		all = append(all, c.took...)
	}
	slices.Sort(all)
	return all
}

// at is a quantile of sorted durations, in milliseconds.
func at(sorted []time.Duration, quantile float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := min(len(sorted)-1, int(quantile*float64(len(sorted))))
	return float64(sorted[i]) / float64(time.Millisecond)
}
