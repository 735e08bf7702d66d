// Package unpack decodes what is fed to it, as far as that goes, before it returns.
package unpack

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"iter"
	"sync"
)

// A Decoder unpacks what it is fed. The unpacking of the standard library pulls;
// here it is a coroutine that stops when it wants more than there is, so that
// whatever a site flushed can be passed on. Whoever has one ends it with Release,
// or with Stop if it broke off.
type Decoder struct {
	in    []byte
	last  bool
	any   bool // something was read
	err   error
	yield func(struct{}) bool
	next  func() (struct{}, bool)
	stop  func()
	gzip  gzip.Reader
	room  [16 << 10]byte
}

var decoders = sync.Pool{New: func() any { return &Decoder{} }}

var errStopped = errors.New("nobody reads on")

// New returns a Decoder to w. Encoding is gzip (RFC 1952) or deflate (RFC 1950).
func New(encoding string, w io.Writer) *Decoder {
	d := decoders.Get().(*Decoder)
	d.in, d.last, d.any, d.err = nil, false, false, nil
	d.next, d.stop = iter.Pull(func(yield func(struct{}) bool) {
		d.yield = yield
		if d.err = d.run(encoding, w); d.err != nil && !d.any {
			d.err = nil // nothing at all is an empty page
		}
	})
	return d
}

func (d *Decoder) run(encoding string, w io.Writer) error {
	var r io.Reader = &d.gzip
	if encoding == "gzip" {
		if err := d.gzip.Reset(source{d}); err != nil {
			return err
		}
	} else {
		z, err := zlib.NewReader(bufio.NewReader(source{d}))
		if err != nil {
			return err
		}
		r = z
	}
	for {
		n, err := r.Read(d.room[:])
		if n > 0 {
			if _, err := w.Write(d.room[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// more waits until there is more to read.
func (d *Decoder) more() error {
	for len(d.in) == 0 {
		if d.last {
			return io.EOF
		}
		if !d.yield(struct{}{}) {
			return errStopped
		}
	}
	d.any = true
	return nil
}

// source is what a Decoder was fed, as the standard library reads it.
type source struct{ *Decoder }

// Read waits until there is something.
func (d source) Read(p []byte) (int, error) {
	if err := d.more(); err != nil {
		return 0, err
	}
	n := copy(p, d.in)
	d.in = d.in[n:]
	return n, nil
}

// ReadByte is there so that no more is read than needed.
func (d source) ReadByte() (byte, error) {
	if len(d.in) == 0 {
		if err := d.more(); err != nil {
			return 0, err
		}
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b, nil
}

// Feed unpacks p. An error of w, or of what is fed, is the error of all that follows.
func (d *Decoder) Feed(p []byte) error {
	if len(p) > 0 {
		d.in = p
		d.next()
		d.in = nil
	}
	return d.err
}

// Close unpacks what is left. It is an error if the end is missing.
func (d *Decoder) Close() error {
	d.last = true
	d.next()
	return d.err
}

// Stop ends the coroutine of a Decoder that broke off.
func (d *Decoder) Stop() { d.stop() }

// Release gives the Decoder back, to be used by another answer.
func (d *Decoder) Release() {
	d.stop()
	d.next, d.stop, d.yield = nil, nil, nil
	decoders.Put(d)
}
