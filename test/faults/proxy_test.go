//go:build linux

package faults_test

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A proxy stands between avow and PostgreSQL and cuts each connection after a
// random number of bytes, in the middle of whatever is said at that moment.
type proxy struct {
	port   int
	behind string
	mean   atomic.Int64 // bytes that a connection carries on average; 0 cuts nothing
	cuts   atomic.Int64
	all    sync.WaitGroup
	close  chan struct{}
}

func newProxy(t *testing.T, behind string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{port: l.Addr().(*net.TCPAddr).Port, behind: behind, close: make(chan struct{})}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.carry(c.(*net.TCPConn)) })
		}
	})
	t.Cleanup(func() { close(p.close); l.Close(); p.all.Wait() })
	return p
}

// carry carries bytes both ways until it is time to cut.
func (p *proxy) carry(near *net.TCPConn) {
	defer near.Close()
	other, err := net.Dial("tcp", p.behind)
	if err != nil {
		return
	}
	far := other.(*net.TCPConn)
	defer far.Close()
	var left atomic.Int64
	left.Store(1 << 62)
	if mean := p.mean.Load(); mean > 0 {
		left.Store(int64(rand.ExpFloat64() * float64(mean)))
	}
	ended := make(chan struct{}, 2)
	go func() { p.copy(far, near, &left); ended <- struct{}{} }()
	go func() { p.copy(near, far, &left); ended <- struct{}{} }()
	select {
	case <-ended:
	case <-p.close:
	}
	near.SetLinger(0) // a reset, not a farewell
	far.SetLinger(0)
	near.Close()
	far.Close()
	<-ended
}

func (p *proxy) copy(to io.Writer, from io.Reader, left *atomic.Int64) {
	b := make([]byte, 8<<10)
	for {
		n, err := from.Read(b)
		over := left.Add(-int64(n))
		if over < 0 {
			n = max(0, n+int(over)) // so much still gets through
		}
		if _, writeErr := to.Write(b[:n]); err != nil || writeErr != nil {
			return
		}
		if over < 0 {
			p.cuts.Add(1)
			return
		}
	}
}
