package server

import (
	"bytes"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/gate"
	"github.com/avow-privacy/avow/internal/statement"
)

// TestHold: of two versions that are published in a row while requests run, the
// gate is left with the last, whoever was slow.
func TestHold(t *testing.T) {
	s, faults := statement.Compile("statement", harbour.Statement, nil)
	if s == nil {
		t.Fatal(faults)
	}
	g, err := gate.New(gate.Config{Key: bytes.Repeat([]byte{1}, 32), Clock: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	f := &front{gate: g}
	second, third := &statement.Edition{Statement: s, Version: 2}, &statement.Edition{Statement: s, Version: 3}
	f.hold(func() *statement.Edition { return nil })
	asked := 0
	f.hold(func() *statement.Edition {
		if asked++; asked == 1 {
			return second // and then the next is published, and held by another request
		}
		f.held.Store(third)
		return third
	})
	if got := f.held.Load(); got != third {
		t.Errorf("the gate holds the site to %+v", got)
	}
	f.hold(func() *statement.Edition { return second })
	if got := f.held.Load(); got != second {
		t.Errorf("then to %+v", got)
	}
}
