package terse

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/receipt"
	"pgregory.net/rapid"
)

func payload(t testing.TB, e receipt.Event) []byte {
	t.Helper()
	p, err := e.Payload()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func nonce(b byte) string { return base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{b}, 16)) }

var about = avow.NewRecordID(time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC))

var typical = receipt.Event{At: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), Clause: "contact", N: 1, Nonce: nonce(7), Statement: 2, Type: "collected",
	X: map[string]any{"collection": "contact", "fields": []any{"name", "email", "message"}, "record": about.String(), "until": "2028-11-24"}}

// A typical event takes less than half, and any comes back exactly.
func TestTypical(t *testing.T) {
	p := payload(t, typical)
	small := Pack(p, Place{about, 1, 2})
	if again, err := Unpack(small, Place{about, 1, 2}); err != nil || !bytes.Equal(again, p) {
		t.Fatalf("%s\n%s %v", p, again, err)
	}
	t.Logf("%d bytes in %d", len(p), len(small))
	if 2*len(small) > len(p) {
		t.Errorf("%d bytes in %d", len(p), len(small))
	}
}

func TestAny(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"contact", `"`, `","n":`, `\`, `","x":`, "\x01", "\x00", "é", about.String()}))
	rapid.Check(t, func(t *rapid.T) {
		e := receipt.Event{
			At: time.Unix(rapid.Int64Range(-62135596800, 253402300799).Draw(t, "at"), 0), Clause: avow.ClauseID(text.Draw(t, "clause")),
			N: rapid.Int64().Draw(t, "n"), Nonce: rapid.OneOf(text, rapid.Just(nonce(1))).Draw(t, "nonce"),
			Prev:      rapid.OneOf(text, rapid.SampledFrom([]string{"", base64.StdEncoding.EncodeToString(make([]byte, 32))})).Draw(t, "prev"),
			Statement: avow.Version(rapid.IntRange(0, 1000).Draw(t, "statement")), Type: text.Draw(t, "type"),
			X: map[string]any{text.Draw(t, "k"): text.Draw(t, "v"), "fields": []any{text.Draw(t, "f"), 1.5, nil}},
		}
		p, err := e.Payload()
		if err != nil {
			return // not UTF-8
		}
		n := rapid.SampledFrom([]int64{e.N, 3}).Draw(t, "number")
		small := Pack(p, Place{about, n, e.Statement})
		again, err := Unpack(small, Place{about, n, e.Statement})
		if err != nil || !bytes.Equal(again, p) || len(small) > len(p)+1 {
			t.Fatalf("%q became %q: %v", p, again, err)
		}
	})
}

// What was written under an earlier table of fragments must open for ever.
func TestFragmentsStay(t *testing.T) {
	const golden = "AZCRovcGBwcHBwcHBwcHBwcHBwcHBxgAF2VkAAEYAhYHFAcVCQ=="
	small, err := base64.StdEncoding.DecodeString(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"1999-06-26T03:08:56Z","clause":"contact","n":1,"nonce":"` + nonce(7) + `","prev":"","statement":2,"type":"collected","x":{"collection":"contact","fields":["name","email","message"],"}`
	if got, err := Unpack(small, Place{about, 1, 2}); err != nil || string(got) != want {
		t.Errorf("%s %v", got, err)
	}
	all := ""
	for _, f := range fragments {
		all += f + "\n"
	}
	if len(all) != 239 || fragments[30] != "requests" {
		t.Errorf("the fragments are others: %d bytes", len(all))
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(Pack(payload(f, typical), Place{about, 1, 2}), int64(1), int64(2))
	f.Add([]byte{plain, 1}, int64(1), int64(2))
	f.Add([]byte{chained, 1, 2}, int64(1), int64(2))
	f.Fuzz(func(t *testing.T, small []byte, n, v int64) {
		p, err := Unpack(small, Place{about, n, avow.Version(v)})
		if err != nil {
			return
		}
		again, err := Unpack(Pack(p, Place{about, n, avow.Version(v)}), Place{about, n, avow.Version(v)})
		if err != nil || !bytes.Equal(again, p) {
			t.Errorf("%q became %q: %v", p, again, err)
		}
	})
}

func BenchmarkPack(b *testing.B) {
	p := payload(b, typical)
	for b.Loop() {
		Pack(p, Place{about, 1, 2})
	}
}
