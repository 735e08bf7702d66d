package unpack

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestFeed: what was flushed comes out before feed returns, however it is cut.
func TestFeed(t *testing.T) {
	for _, encoding := range []string{"gzip", "deflate"} {
		var in, out bytes.Buffer
		var z interface {
			io.WriteCloser
			Flush() error
		} = gzip.NewWriter(&in)
		if encoding == "deflate" {
			z = zlib.NewWriter(&in)
		}
		d := New(encoding, &out)
		for _, part := range []string{"first", "second", strings.Repeat("long ", 40_000)} {
			_, _ = io.WriteString(z, part)
			_ = z.Flush()
			for in.Len() > 0 {
				if err := d.Feed(in.Next(7)); err != nil {
					t.Fatal(encoding, err)
				}
			}
			if !strings.HasSuffix(out.String(), part) {
				t.Errorf("%s: after %q there are %d bytes", encoding, part[:5], out.Len())
			}
		}
		_ = z.Close()
		if err := errors.Join(d.Feed(in.Bytes()), d.Close()); err != nil {
			t.Error(encoding, err)
		}
		d.Release()
	}
}

// TestBroken: what ends too early, or is something else, is an error, and what
// is used again after it is not.
func TestBroken(t *testing.T) {
	var whole bytes.Buffer
	z := gzip.NewWriter(&whole)
	_, _ = io.WriteString(z, strings.Repeat("hello", 1000))
	_ = z.Close()
	for name, in := range map[string][]byte{"cut": whole.Bytes()[:whole.Len()-4], "none": []byte("<!doctype html>"), "a byte": {0x1f}} {
		d := New("gzip", io.Discard)
		if err := errors.Join(d.Feed(in), d.Close()); err == nil {
			t.Errorf("%s is read", name)
		}
		d.Release()
	}
	d := New("gzip", io.Discard)
	_ = d.Feed(whole.Bytes()[:20])
	d.Stop()
	var out bytes.Buffer
	d = New("gzip", &out)
	if err := errors.Join(d.Feed(whole.Bytes()), d.Close()); err != nil || out.Len() != 5000 {
		t.Errorf("afterwards %d bytes are read (%v)", out.Len(), err)
	}
	d.Release()
	for _, encoding := range []string{"gzip", "deflate"} {
		if d = New(encoding, io.Discard); d.Close() != nil {
			t.Errorf("nothing at all in %s is an error", encoding)
		}
		d.Release()
	}
	d = New("gzip", failing{})
	if err := errors.Join(d.Feed(whole.Bytes()), d.Close()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader that left is %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
