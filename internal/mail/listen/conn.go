package listen

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A listener lets in as many connections as there may be.
type listener struct {
	net.Listener
	s *Server
}

// Accept never fails because of one peer. One that is too many is told so and
// left, without a goroutine of its own.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		peer := peerOf(c)
		if !l.s.gate.enter(peer) {
			_, _ = io.WriteString(c, "421 4.7.0 Too many connections; please try again later.\r\n")
			_ = c.Close()
			continue
		}
		n := &conn{Conn: c, s: l.s, peer: peer}
		n.life = time.AfterFunc(l.s.Limits.Life, n.drain)
		l.s.mu.Lock()
		l.s.open[n] = struct{}{}
		if l.s.draining {
			n.drain()
		}
		l.s.mu.Unlock()
		return n, nil
	}
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

// A conn is a connection that can be ended from outside of the dialogue on it:
// broken, it reads as if the peer had gone; drained, it ends once no message is
// on its way.
type conn struct {
	net.Conn
	s        *Server
	peer     netip.Addr
	life     *time.Timer
	mu       sync.Mutex
	busy     *time.Timer // while a message is on its way: when it takes too long
	broken   bool
	drained  bool
	finished bool
}

func (c *conn) Read(b []byte) (int, error) {
	if err := c.over(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(b)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// For the reader of lines half a line before an error is a whole one. It is
		// the last that is read, and none that does anything.
		c.drain()
	}
	if over := c.over(); over != nil {
		err = over
	}
	return n, err
}

// over says whether nothing more is read.
func (c *conn) over() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken:
		return io.EOF
	case c.drained && c.busy == nil:
		return os.ErrDeadlineExceeded // which is answered by 421
	}
	return nil
}

// SetReadDeadline sets the time until which a command must be there, or a piece of
// a message. A message as such has a time of its own.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken || c.drained && c.busy == nil {
		t = past
	}
	return c.Conn.SetReadDeadline(t)
}

// begin says that a message is on its way.
func (c *conn) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy == nil {
		c.busy = time.AfterFunc(c.s.Limits.Message, c.breakOff)
		_ = c.Conn.SetReadDeadline(time.Time{})
	}
}

// end says that a message was answered.
func (c *conn) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy != nil {
		c.busy.Stop()
		c.busy = nil
	}
}

// breakOff has nothing more read from the peer.
func (c *conn) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
	_ = c.Conn.SetReadDeadline(past)
}

// ended says whether nothing more is done that is asked on the connection.
func (c *conn) ended() bool { return c.over() != nil }

func (c *conn) drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drained = true
	if c.busy == nil {
		_ = c.Conn.SetReadDeadline(past)
	}
}

// Close gives back what the connection held. It may be called again.
func (c *conn) Close() error {
	c.mu.Lock()
	first := !c.finished
	c.finished = true
	c.mu.Unlock()
	if first {
		c.life.Stop()
		c.end()
		c.s.gate.leave(c.peer)
		c.s.mu.Lock()
		delete(c.s.open, c)
		c.s.mu.Unlock()
	}
	return c.Conn.Close()
}

func peerOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// networks count who is connected, and how much came lately, by network. They
// are forgotten when there is nothing to remember.
type networks struct {
	limits Limits
	exempt []netip.Prefix
	free   bool // all are exempt
	mu     sync.Mutex
	total  int
	all    map[netip.Prefix]*network
}

type network struct {
	open int
	rate *rate.Limiter
}

// enter says whether the peer may connect, and if so counts it.
func (n *networks) enter(peer netip.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.total >= n.limits.Connections {
		return false
	}
	if of := n.of(peer); of != nil {
		if of.open >= n.limits.PerNetwork || !of.rate.Allow() {
			return false
		}
		of.open++
	}
	n.total++
	return true
}

func (n *networks) leave(peer netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.total--
	if of := n.of(peer); of != nil {
		of.open--
	}
}

// spend says whether the peer's network may do something that counts so much.
func (n *networks) spend(peer netip.Addr, much int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.of(peer)
	if of == nil || of.rate.Burst() < much {
		return true
	}
	r := of.rate.Reserve()
	for range much - 1 {
		of.rate.Reserve()
	}
	return r.OK() && r.Delay() == 0
}

// of is the peer's network, nil if it has no limits of its own.
func (n *networks) of(peer netip.Addr) *network {
	if n.free || !peer.IsValid() || slices.ContainsFunc(n.exempt, func(p netip.Prefix) bool { return p.Contains(peer) }) {
		return nil
	}
	bits := 24
	if peer.Is6() {
		bits = 48
	}
	p, _ := peer.Prefix(bits)
	of := n.all[p]
	if of == nil {
		if len(n.all) >= 1<<13 {
			n.sweep()
		}
		of = &network{rate: rate.NewLimiter(rate.Limit(n.limits.Rate)/60, n.limits.Rate)}
		n.all[p] = of
	}
	return of
}

// sweep forgets networks that nothing came from lately, and if all are busy
// everything about those not connected: who attacks from that many networks is
// held by the limit of connections in all.
func (n *networks) sweep() {
	for p, of := range n.all {
		if of.open == 0 && of.rate.Tokens() >= float64(of.rate.Burst()) {
			delete(n.all, p)
		}
	}
	if len(n.all) < 1<<12 {
		return
	}
	for p, of := range n.all {
		if of.open == 0 {
			delete(n.all, p)
		}
	}
}
