package logs

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// A recorder notes status and length of an answer, and gets in the way of
// nothing: what it wraps may stream, be copied to, and be taken over.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// A connection is a recorder over an answer whose connection can be taken over.
type connection struct{ *recorder }

func record(w http.ResponseWriter) (http.ResponseWriter, *recorder) {
	rec := &recorder{ResponseWriter: w}
	if _, ok := w.(http.Hijacker); ok {
		return connection{rec}, rec
	}
	return rec, rec
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) answered() int {
	if r.status == 0 {
		return http.StatusOK
	}
	return r.status
}

// WriteHeader notes the status that is final (RFC 9110, 15.2).
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) begin() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
}

// Write counts what is written.
func (r *recorder) Write(p []byte) (int, error) {
	r.begin()
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// WriteString counts what is written.
func (r *recorder) WriteString(p string) (int, error) {
	r.begin()
	n, err := io.WriteString(r.ResponseWriter, p)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom lets files go to the connection without a detour.
func (r *recorder) ReadFrom(from io.Reader) (int64, error) {
	r.begin()
	n, err := io.Copy(r.ResponseWriter, from)
	r.bytes += n
	return n, err
}

// Flush sends what was written.
func (r *recorder) Flush() { _ = r.FlushError() }

// FlushError sends what was written.
func (r *recorder) FlushError() error {
	r.begin()
	return http.NewResponseController(r.ResponseWriter).Flush()
}

// Hijack takes the connection over, as WebSockets do.
func (c connection) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := c.ResponseWriter.(http.Hijacker).Hijack()
	if err == nil && c.status == 0 {
		c.status = http.StatusSwitchingProtocols
	}
	return conn, rw, err
}
