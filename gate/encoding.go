package gate

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"iter"
	"sync"
)

// A decoder unpacks what is fed to it, as far as that goes, before feed returns.
// The unpacking of the standard library pulls; here it is a coroutine that stops
// when it wants more than there is, so whatever a site flushed can be passed on.
type decoder struct {
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

var decoders = sync.Pool{New: func() any { return &decoder{} }}

var errStopped = errors.New("nobody reads on")

// decode returns a decoder to w. Encoding is gzip or deflate.
func decode(encoding string, w io.Writer) *decoder {
	d := decoders.Get().(*decoder)
	d.in, d.last, d.any, d.err = nil, false, false, nil
	d.next, d.stop = iter.Pull(func(yield func(struct{}) bool) {
		d.yield = yield
		if d.err = d.run(encoding, w); d.err == io.EOF && !d.any {
			d.err = nil // nothing at all is an empty page
		}
	})
	return d
}

func (d *decoder) run(encoding string, w io.Writer) error {
	var r io.Reader = &d.gzip
	if encoding == "gzip" {
		if err := d.gzip.Reset(d); err != nil {
			return err
		}
	} else {
		z, err := zlib.NewReader(bufio.NewReader(d))
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
func (d *decoder) more() error {
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

// Read is for the standard library.
func (d *decoder) Read(p []byte) (int, error) {
	if err := d.more(); err != nil {
		return 0, err
	}
	n := copy(p, d.in)
	d.in = d.in[n:]
	return n, nil
}

// ReadByte is for the standard library, so that it reads no further than it needs.
func (d *decoder) ReadByte() (byte, error) {
	if len(d.in) == 0 {
		if err := d.more(); err != nil {
			return 0, err
		}
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b, nil
}

// feed unpacks p.
func (d *decoder) feed(p []byte) error {
	if len(p) > 0 {
		d.in = p
		d.next()
		d.in = nil
	}
	return d.err
}

// close unpacks what is left. It is an error if the end is missing.
func (d *decoder) close() error {
	d.last = true
	d.next()
	return d.err
}

// release gives the decoder back.
func (d *decoder) release() {
	d.stop()
	d.next, d.stop, d.yield = nil, nil, nil
	decoders.Put(d)
}
