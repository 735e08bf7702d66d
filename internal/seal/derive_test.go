package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"testing"

	"pgregory.net/rapid"
)

// What is done by hand is what the standard library does.
func TestDerive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 30, 34).Draw(t, "secret")
		if rapid.Bool().Draw(t, "usual") {
			secret = rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "secret")
		}
		info := string(rapid.SliceOfN(rapid.Byte(), 0, 2*shortInfo).Draw(t, "info"))
		want, err := hkdf.Key(sha256.New, secret, nil, info, 32)
		if err != nil {
			t.Fatal(err)
		}
		if got := derive(secret, info); !bytes.Equal(got, want) {
			t.Fatalf("derived %x, want %x", got, want)
		}
	})
}

func BenchmarkDerive(b *testing.B) {
	b.ReportAllocs()
	secret := newSecret()()
	for b.Loop() {
		derive(secret, "avow/v1/seal")
	}
}

func BenchmarkHKDF(b *testing.B) {
	b.ReportAllocs()
	secret := newSecret()()
	for b.Loop() {
		hkdf.Key(sha256.New, secret, nil, "avow/v1/seal", 32)
	}
}

func BenchmarkRow(b *testing.B) {
	b.ReportAllocs()
	k, _ := made(b)
	id, sealed := make([]byte, 16), make([]byte, 640)
	for b.Loop() {
		k.Row(recordName, id, id, id[:8], id[:8], sealed)
	}
}

func BenchmarkIndex(b *testing.B) {
	b.ReportAllocs()
	k, _ := made(b)
	value := []byte("ada@example.org")
	for b.Loop() {
		k.Index("email", value)
	}
}

var recordName = []byte("vault_record")
