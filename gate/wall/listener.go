package wall

import (
	"bytes"
	"io"
	"net"
)

// Listener puts a wall on what net/http answers by itself, to a request that it
// cannot read: no handler sees that, and any script can ask for it, with an
// address such as /%zz or a longer one than is read. In a frame the answer is a
// document of the site's origin, into which the script could write.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

// Accept waits for a connection.
func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c}, nil
}

type conn struct{ net.Conn }

// What net/http writes then, and what it is given besides.
var (
	unread = []byte("\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n")
	dated  = []byte("\r\nDate: ")
	walled = []byte("\r\nContent-Security-Policy: default-src 'none'; sandbox\r\nConnection-Allowlist: (response-origin)\r\nX-Content-Type-Options: nosniff")
)

const longestUnread = 512

// Write passes p on. An answer of net/http's own comes as a whole, and has no date.
func (c conn) Write(p []byte) (int, error) {
	if len(p) > longestUnread || !bytes.HasPrefix(p, []byte("HTTP/1.1 ")) {
		return c.Conn.Write(p)
	}
	at := bytes.Index(p, unread)
	if at < 0 || bytes.Contains(p[:at], dated) {
		return c.Conn.Write(p)
	}
	_, err := c.Conn.Write(bytes.Join([][]byte{p[:at], walled, p[at:]}, nil))
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// ReadFrom lets files go to the connection without a copy, as before.
func (c conn) ReadFrom(r io.Reader) (int64, error) {
	if from, ok := c.Conn.(io.ReaderFrom); ok {
		return from.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// CloseWrite ends what is sent, so that the other side reads it all.
func (c conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
