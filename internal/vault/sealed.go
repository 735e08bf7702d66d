package vault

import (
	"fmt"
	"log/slog"
)

// A Sealed holds a value of a person on its way through the house. Whatever
// prints it prints [sealed]; only Reveal gives the value.
type Sealed struct {
	// A func, because fmt prints the unexported fields of a struct without
	// asking their methods, and follows pointers. Of a func it knows only the
	// address.
	value func() []byte
}

// Conceal takes a value. The bytes belong to the Sealed from then on.
func Conceal(value []byte) Sealed { return Sealed{func() []byte { return value }} }

// Reveal gives the value. It is for the one who answers the request, and for
// nothing that is written down.
func (s Sealed) Reveal() []byte {
	if s.value == nil {
		return nil
	}
	return s.value()
}

// Clear forgets the value in memory.
func (s Sealed) Clear() { clear(s.Reveal()) }

const hidden = "[sealed]"

func (s Sealed) String() string { return hidden }

// Format prints [sealed] whatever the verb.
func (s Sealed) Format(f fmt.State, _ rune) { f.Write([]byte(hidden)) }

// LogValue logs [sealed].
func (s Sealed) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText writes [sealed].
func (s Sealed) MarshalText() ([]byte, error) { return []byte(hidden), nil }
