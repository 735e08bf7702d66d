package seal

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func made(t testing.TB) (*Keys, string) {
	t.Helper()
	spec := "file:" + filepath.Join(t.TempDir(), "keys")
	k, err := Create(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k, spec
}

var places = rapid.Custom(func(t *rapid.T) Place {
	p := Place{
		Table: rapid.SampledFrom([]string{"vault_record", "ledger_event", ""}).Draw(t, "table"),
		Row:   rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "row"),
	}
	p.Subject[0] = rapid.Byte().Draw(t, "subject")
	p.Version = avow.Version(rapid.IntRange(0, 3).Draw(t, "version"))
	return p
})

// A value opens where it was put, under its key, unchanged; and in no other case.
func TestOpensOnlyInItsPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, other := NewKey(), NewKey()
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		here, there := places.Draw(t, "here"), places.Draw(t, "there")
		sealed := key.Seal(plain, here)

		if got, err := key.Open(sealed, here); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("does not open in its place: %v", err)
		}
		if _, err := other.Open(sealed, here); !errors.Is(err, ErrClosed) {
			t.Fatal("another key opens it")
		}
		same := here.Table == there.Table && bytes.Equal(here.Row, there.Row) && here.Subject == there.Subject && here.Version == there.Version
		if _, err := key.Open(sealed, there); (err == nil) != same {
			t.Fatalf("put at %v it opens at %v: %v", here, there, err)
		}
		changed := bytes.Clone(sealed)
		changed[rapid.IntRange(0, len(changed)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := key.Open(changed, here); !errors.Is(err, ErrClosed) {
			t.Fatal("opens though a bit was changed")
		}
		if bytes.Equal(sealed, key.Seal(plain, here)) {
			t.Fatal("the same value was closed the same way twice")
		}
	})
}

func TestShortInput(t *testing.T) {
	for n := range 40 {
		if _, err := NewKey().Open(make([]byte, n), Place{}); !errors.Is(err, ErrClosed) {
			t.Errorf("%d zero bytes: %v", n, err)
		}
	}
}

// Made once with the key 00 01 … 1f.
const (
	entryVector  = "6df1eecfa5a8b6df5d8f3e59f832a32dab10c5751ab86b0c6b8c1ce0311289df"
	sealedVector = "e94072b52b3d5fd8df126c8f5ada72c5c4e3b299409cdd90a42fef36a6534021cc"
)

// Fixed vectors: what was closed by one version opens with the next.
func TestVectors(t *testing.T) {
	key := NewKey()
	for i := range key.secret() {
		key.secret()[i] = byte(i)
	}
	place := Place{Table: "vault_record", Row: []byte{1, 2}, Version: 3}
	if got := hex.EncodeToString(place.bytes()); got != "000c"+hex.EncodeToString([]byte("vault_record"))+"00020102"+strings.Repeat("00", 16)+"0000000000000003" {
		t.Error("place:", got)
	}
	entry := key.Entry("nonce")
	if got := hex.EncodeToString(entry[:]); got != entryVector {
		t.Error("entry key:", got)
	}
	sealed, err := hex.DecodeString(sealedVector)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := key.Open(sealed, place); err != nil || string(plain) != "value" {
		t.Errorf("a value closed earlier: %q, %v", plain, err)
	}
}

func TestWrap(t *testing.T) {
	k, spec := made(t)
	key, id := NewKey(), avow.NewSubjectID(time.Now())
	epoch, wrapped := k.Wrap(key, id)
	if bytes.Contains(wrapped, key.secret()) || epoch != 1 {
		t.Error("wrapped is not wrapped")
	}
	again, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Unwrap(epoch, wrapped, id)
	if err != nil || !bytes.Equal(got.secret(), key.secret()) {
		t.Error("does not unwrap after the keys were opened anew:", err)
	}
	for name, f := range map[string]func() error{
		"another subject": func() error { _, err := k.Unwrap(epoch, wrapped, avow.NewSubjectID(time.Now())); return err },
		"another epoch":   func() error { _, err := k.Unwrap(epoch+1, wrapped, id); return err },
		"changed":         func() error { _, err := k.Unwrap(epoch, append(bytes.Clone(wrapped[1:]), 0), id); return err },
		"cut":             func() error { _, err := k.Unwrap(epoch, wrapped[:20], id); return err },
		"other keys":      func() error { o, _ := made(t); _, err := o.Unwrap(epoch, wrapped, id); return err },
	} {
		if f() == nil {
			t.Errorf("%s: unwrapped", name)
		}
	}
}

func TestIndex(t *testing.T) {
	k, spec := made(t)
	again, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, _ := made(t)
	one := k.Index("email", []byte("eve@example.org"))
	for name, different := range map[string][16]byte{
		"another value": k.Index("email", []byte("eva@example.org")),
		"another field": k.Index("phone", []byte("eve@example.org")),
		"moved border":  k.Index("emaile", []byte("ve@example.org")),
		"other keys":    other.Index("email", []byte("eve@example.org")),
	} {
		if one == different {
			t.Errorf("%s has the same index", name)
		}
	}
	if one != again.Index("email", []byte("eve@example.org")) {
		t.Error("the index changed with a restart")
	}
}

func TestCreateAndOpen(t *testing.T) {
	k, spec := made(t)
	dir := strings.TrimPrefix(spec, "file:")
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error("the folder can be read by others:", info.Mode(), err)
	}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if info, _ := d.Info(); !d.IsDir() && info.Mode().Perm() != 0o600 {
			t.Error(name, "can be read by others:", info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if again.Token() != k.Token() || !again.IsToken(k.Token()) || again.IsToken(k.Token()+"x") || again.IsToken("") || len(k.Token()) != 43 {
		t.Error("the token is not the one that was made")
	}
	file, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil || strings.TrimSpace(string(file)) != k.Token() {
		t.Error("the file token does not hold the token:", err)
	}
	if !again.LogKey().Public().(ed25519.PublicKey).Equal(k.LogKey().Public()) {
		t.Error("the log key is not the one that was made")
	}
	one, err1 := k.EpochCheck(1)
	two, err2 := again.EpochCheck(1)
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) || len(one) != 16 {
		t.Error("epoch check:", err1, err2)
	}
	if _, err := k.EpochCheck(2); err == nil {
		t.Error("a check for an epoch that is not there")
	}
	if _, err := Create(spec, Options{}); err == nil || !strings.Contains(err.Error(), "never overwritten") {
		t.Error("keys were overwritten:", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".avow-keys-*"))
	if err != nil || left != nil {
		t.Error("a draft was left behind:", left, err)
	}
}

func TestCreateInEmptyFolder(t *testing.T) {
	if _, err := Create("file:"+t.TempDir(), Options{}); err != nil {
		t.Error(err)
	}
}

func TestSpecs(t *testing.T) {
	for _, spec := range []string{"", "file:", "keys", "age:", "systemd:", "exec:kms", "exec:,kms", "exec:dir,", "exec:dir, ", "vault:x"} {
		for _, f := range []func(string, Options) (*Keys, error){Open, Create} {
			if _, err := f(spec, Options{}); err == nil || !strings.Contains(err.Error(), "file:DIR") {
				t.Errorf("%q: %v", spec, err)
			}
		}
	}
	for _, dir := range []string{filepath.Join(t.TempDir(), "none"), t.TempDir()} {
		if _, err := Open("file:"+dir, Options{}); !errors.Is(err, ErrNone) {
			t.Error(err)
		}
	}
}

// A key file that is missing or damaged in any byte is named, and nothing in
// the folder is touched.
func TestDamagedKeys(t *testing.T) {
	_, spec := made(t)
	dir := strings.TrimPrefix(spec, "file:")
	for _, name := range []string{"epoch-1.key", "index.key", "log.key", "token"} {
		file := filepath.Join(dir, name)
		sound, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		broken := map[string][]byte{"missing": nil, "empty": {}, "long": bytes.Repeat(sound, 100)}
		for i := range sound {
			changed := bytes.Clone(sound)
			changed[i] ^= 1
			broken[fmt.Sprint("byte ", i)] = changed
		}
		for how, with := range broken {
			if name == "token" && strings.HasPrefix(how, "byte") {
				continue // the token has no check: it is what the file says
			}
			os.Remove(file)
			if with != nil {
				if err := os.WriteFile(file, with, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := Open(spec, Options{})
			if err == nil || !strings.Contains(err.Error(), name) || errors.Is(err, ErrNone) {
				t.Errorf("%s %s: %v", name, how, err)
			} else if secret := strings.Fields(string(sound)); len(secret) > 2 && strings.Contains(err.Error(), secret[2]) {
				t.Error("the error holds the key:", err)
			}
			if now, _ := os.ReadFile(file); !bytes.Equal(now, with) {
				t.Errorf("%s %s: the file was changed", name, how)
			}
		}
		if err := os.WriteFile(file, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(spec, Options{}); err != nil {
		t.Error(err)
	}
}

// However a key is printed, it is not printed.
func TestKeysDoNotPrint(t *testing.T) {
	keys, _ := made(t)
	key := NewKey()
	secrets := []string{keys.Token()}
	for _, s := range []secret{key.secret, keys.index, keys.log, keys.token, keys.epochs.Load().keys[1].secret} {
		secrets = append(secrets, string(s()), hex.EncodeToString(s()), base64.StdEncoding.EncodeToString(s()),
			strings.Trim(fmt.Sprint(s()), "[]"), strings.Trim(fmt.Sprintf("%#v", s()), "[]byte{}"))
	}
	type holder struct {
		key  Key
		keys *Keys
	}
	for _, v := range []any{key, &key, keys, holder{key, keys}, &holder{key, keys}, []Key{key}, map[string]Key{"k": key}} {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		if text, err := json.Marshal(v); err == nil {
			out.Write(text)
		}
		for _, secret := range secrets {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T printed a secret:\n%s", v, out.String())
			}
		}
	}
	if got := fmt.Sprint(key, keys); got != "[key] [key]" {
		t.Error(got)
	}
}

func TestCloseForgets(t *testing.T) {
	k, _ := made(t)
	e := k.epochs.Load().keys[1]
	k.Close()
	for name, secret := range map[string][]byte{"epoch": e.secret(), "index": k.index(), "log": k.log(), "token": k.token()} {
		if !bytes.Equal(secret, make([]byte, len(secret))) {
			t.Error(name, "is still there")
		}
	}
	key := NewKey()
	key.Clear()
	if !bytes.Equal(key.secret(), make([]byte, 32)) {
		t.Error("the key is still there")
	}
}

func BenchmarkNewSubject(b *testing.B) {
	k, _ := made(b)
	id, plain := avow.NewSubjectID(time.Now()), make([]byte, 600)
	for b.Loop() {
		key := NewKey()
		k.Wrap(key, id)
		key.Seal(plain, Place{Table: "vault_record", Row: id[:], Subject: id})
	}
}

func BenchmarkUnwrapAndOpen(b *testing.B) {
	k, _ := made(b)
	id, plain := avow.NewSubjectID(time.Now()), make([]byte, 600)
	key := NewKey()
	epoch, wrapped := k.Wrap(key, id)
	sealed := key.Seal(plain, Place{Subject: id})
	for b.Loop() {
		key, err := k.Unwrap(epoch, wrapped, id)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := key.Open(sealed, Place{Subject: id}); err != nil {
			b.Fatal(err)
		}
	}
}
