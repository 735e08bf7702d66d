package seal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/avow-privacy/avow/internal/seal/disk"
)

// easy makes a passphrase cheap to try, for tests.
const easy = 4

func passphrase(text string) func(bool) ([]byte, error) {
	return func(bool) ([]byte, error) { return []byte(text), nil }
}

// A where is a place of keys with what it needs.
type where struct {
	name, spec string
	opt        Options
	wrong      Options // does not open it
	file       string  // what holds the keys
	root       string  // a folder with nothing else in it
}

// wheres are one place of each kind, each in a folder of its own.
func wheres(t *testing.T) []where {
	dir := t.TempDir()
	credentials, other := filepath.Join(dir, "credentials"), filepath.Join(dir, "other")
	for d, b := range map[string]byte{credentials: 1, other: 2} {
		if err := errors.Join(os.Mkdir(d, 0o700), os.WriteFile(filepath.Join(d, "avow-key"), bytes.Repeat([]byte{b}, 32), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	kms := script(t, dir, "hsm", `case "$1" in
wrap) echo "wrapped:"; od -An -v -tx1 ;;
unwrap) tail -n +2 | tr -d ' \n' | while IFS= read -r -n2 h || [ -n "$h" ]; do printf "\\x$h"; done ;;
esac`)
	return []where{
		{"file", "file:" + filepath.Join(dir, "a", "keys"), Options{}, Options{}, filepath.Join(dir, "a", "keys", "epoch-1.key"), filepath.Join(dir, "a")},
		{"age", "age:" + filepath.Join(dir, "b", "keys.age"), Options{Passphrase: passphrase("tide clock"), work: easy},
			Options{Passphrase: passphrase("tide cloak")}, filepath.Join(dir, "b", "keys.age"), filepath.Join(dir, "b")},
		{"systemd", "systemd:" + filepath.Join(dir, "c", "keys"), Options{Credentials: credentials}, Options{Credentials: other}, filepath.Join(dir, "c", "keys", "keyring"), filepath.Join(dir, "c")},
		{"exec", "exec:" + filepath.Join(dir, "d", "keys") + "," + kms, Options{}, Options{}, filepath.Join(dir, "d", "keys", "keyring"), filepath.Join(dir, "d")},
	}
}

func script(t *testing.T, dir, name, body string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte("#!/bin/bash\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func same(t *testing.T, a, b *Keys) {
	t.Helper()
	if !bytes.Equal(a.ring().bytes(), b.ring().bytes()) {
		t.Error("these are not the keys that were kept")
	}
}

// Wherever keys are kept they come back as they were, through the end of epochs
// too; only their owner can read the files; and no file holds a key in clear but
// those of file:, which says so.
func TestPlaces(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for _, w := range wheres(t) {
		t.Run(w.name, func(t *testing.T) {
			if _, err := Open(w.spec, w.opt); !errors.Is(err, ErrNone) {
				t.Fatal("before there are any:", err)
			}
			w.opt.Now = now
			k, err := Create(w.spec, w.opt)
			if err != nil {
				t.Fatal(err)
			}
			defer k.Close()
			if _, err := Create(w.spec, w.opt); err == nil || !strings.Contains(err.Error(), "never overwritten") {
				t.Error("keys were overwritten:", err)
			}
			again := func() *Keys {
				t.Helper()
				o, err := Open(w.spec, w.opt)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(o.Close)
				return o
			}
			same(t, k, again())
			n, err := k.NextEpoch(now.Add(time.Hour))
			if err != nil || n != 2 || k.Epoch() != 1 || k.Newest() != 2 {
				t.Error("next epoch:", n, err, k.Epoch())
			}
			k.Use(2)
			same(t, k, again())
			if err := k.DropEpoch(2); err == nil {
				t.Error("the key in use was destroyed")
			}
			if err := k.DropEpoch(1); err != nil {
				t.Error(err)
			}
			if err := k.DropEpoch(1); err != nil {
				t.Error("once more:", err)
			}
			o := again()
			same(t, k, o)
			if s := o.Status(); !slices.Equal(s.Epochs, []Epoch{{2, now.Add(time.Hour)}}) || s.Current != 2 || s.BackedUp || !strings.HasPrefix(w.spec, s.Place) {
				t.Errorf("status: %+v", s)
			}
			beside, err := Beside(w.spec)
			if info, err2 := os.Stat(beside); err != nil || err2 != nil || !info.IsDir() || beside != k.Beside() {
				t.Error("nowhere to put what belongs beside:", beside, err, err2)
			}
			onlyOurs(t, w.root, w.name != "file", k)
		})
	}
}

// onlyOurs looks at all files under a folder.
func onlyOurs(t *testing.T, dir string, closed bool, k *Keys) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == dir {
			return err
		}
		info, err := d.Info()
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Error(name, "can be read by others:", info.Mode(), err)
		}
		if d.IsDir() || !closed {
			return nil
		}
		text, err := os.ReadFile(name)
		for _, s := range []secret{k.index, k.log, k.token} {
			if bytes.Contains(text, s()) {
				t.Error(name, "holds a key in clear")
			}
		}
		if bytes.Contains(text, []byte(keyFormat)) || strings.HasSuffix(name, disk.Draft) || strings.HasSuffix(name, endedSuffix) {
			t.Error(name, "holds keys, or is left over")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What does not open says so, in its own words, and is left as it was.
func TestPlacesThatDoNotOpen(t *testing.T) {
	for _, w := range wheres(t) {
		t.Run(w.name, func(t *testing.T) {
			k, err := Create(w.spec, w.opt)
			if err != nil {
				t.Fatal(err)
			}
			k.Close()
			sound, err := os.ReadFile(w.file)
			if err != nil {
				t.Fatal(err)
			}
			fails := func(what string, opt Options) {
				t.Helper()
				before, _ := os.ReadFile(w.file)
				_, err := Open(w.spec, opt)
				if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "Nothing was changed") {
					t.Errorf("%s: %v", what, err)
				}
				if after, _ := os.ReadFile(w.file); !bytes.Equal(before, after) {
					t.Error(what, "changed the file")
				}
			}
			if w.name != "file" && w.name != "exec" {
				fails("with the wrong secret", w.wrong)
				fails("without a secret", Options{})
			}
			for i := 0; i < len(sound); i += 1 + len(sound)/40 {
				changed := bytes.Clone(sound)
				changed[i] ^= 4
				if err := os.WriteFile(w.file, changed, 0o600); err != nil {
					t.Fatal(err)
				}
				fails(fmt.Sprint("byte ", i, " changed"), w.opt)
			}
			for _, n := range []int{0, 1, len(sound) / 2, len(sound) - 1} {
				if err := os.WriteFile(w.file, sound[:n], 0o600); err != nil {
					t.Fatal(err)
				}
				fails(fmt.Sprint("cut to ", n), w.opt)
			}
			if err := os.WriteFile(w.file, sound, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(w.spec, w.opt); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPassphraseIsAskedOnce(t *testing.T) {
	spec := "age:" + filepath.Join(t.TempDir(), "keys.age")
	var asked []bool
	opt := Options{work: easy, Passphrase: func(confirm bool) ([]byte, error) {
		asked = append(asked, confirm)
		return []byte("tide clock"), nil
	}}
	k, err := Create(spec, opt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.NextEpoch(time.Time{}); err != nil || !slices.Equal(asked, []bool{true}) {
		t.Error("to create:", asked, err)
	}
	asked = nil
	if k, err = Open(spec, opt); err != nil {
		t.Fatal(err)
	}
	if _, err := k.NextEpoch(time.Time{}); err != nil || !slices.Equal(asked, []bool{false}) {
		t.Error("to open:", asked, err)
	}
	quiet := errors.New("nobody is there")
	opt.Passphrase = func(bool) ([]byte, error) { return nil, quiet }
	if _, err := Open(spec, opt); !errors.Is(err, quiet) {
		t.Error(err)
	}
}

// What a command does wrong is said without what it printed, and leaves nothing.
func TestCommands(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"fails":      {"echo canary >&2; exit 3", "exit status 3"},
		"says much":  {"head -c 100000 /dev/zero", "more than 65536 bytes"},
		"hangs":      {"sleep 60", "did not end within"},
		"is cat":     {"cat", "as it was"},
		"is silent":  {"cat > /dev/null", "nothing"},
		"is missing": {"", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "none")
			if c.body != "" {
				file = script(t, dir, "cmd", c.body)
			}
			start := time.Now()
			_, err := Create("exec:"+filepath.Join(dir, "keys")+","+file, Options{limit: 500 * time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Error(err)
			}
			if time.Since(start) > 5*time.Second {
				t.Error("waited", time.Since(start))
			}
			if left, _ := os.ReadDir(filepath.Join(dir, "keys")); len(left) > 0 {
				t.Error("left behind:", left)
			}
		})
	}
}

// The command gets its own arguments and what to do, and nothing secret.
func TestCommandArguments(t *testing.T) {
	dir := t.TempDir()
	kms := script(t, dir, "kms", `printf '%s\n' "$@" > `+dir+`/args; od -An -v -tx1`)
	if _, err := Create("exec:"+filepath.Join(dir, "keys")+","+kms+" --ring one", Options{}); err != nil {
		t.Fatal(err)
	}
	if args, err := os.ReadFile(filepath.Join(dir, "args")); err != nil || string(args) != "--ring\none\nwrap\n" {
		t.Errorf("%q %v", args, err)
	}
}

func TestBackup(t *testing.T) {
	for _, w := range wheres(t) {
		t.Run(w.name, func(t *testing.T) {
			k, err := Create(w.spec, w.opt)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.NextEpoch(time.Time{}); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := k.backup(&out, []byte("horse battery"), easy); err != nil || !k.Status().BackedUp {
				t.Fatal(err, k.Status())
			}
			to := "file:" + filepath.Join(t.TempDir(), "keys")
			if _, err := RestoreBackup(to, bytes.NewReader(out.Bytes()), []byte("horse"), Options{}); err == nil || !strings.Contains(err.Error(), "passphrase") {
				t.Error("with another passphrase:", err)
			}
			if _, err := RestoreBackup(to, bytes.NewReader(out.Bytes()[:out.Len()-1]), []byte("horse battery"), Options{}); err == nil {
				t.Error("half a backup was restored")
			}
			back, err := RestoreBackup(to, bytes.NewReader(out.Bytes()), []byte("horse battery"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			same(t, k, back)
			opened, err := Open(to, Options{})
			if err != nil {
				t.Fatal(err)
			}
			same(t, k, opened)
			if _, err := RestoreBackup(w.spec, bytes.NewReader(out.Bytes()), []byte("horse battery"), w.opt); err == nil || !strings.Contains(err.Error(), "never overwritten") {
				t.Error("keys were overwritten:", err)
			}
			k.Use(2)
			if err := k.DropEpoch(1); err != nil || !k.Status().BackedUp {
				t.Error(err, "an epoch that ended needs no new backup")
			}
			if _, err := k.NextEpoch(time.Time{}); err != nil || k.Status().BackedUp {
				t.Error(err, "a new epoch is in no backup, and it is not said")
			}
		})
	}
}

func TestRingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRing(time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "since"), 0).UTC())
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			r.epochs[rapid.Int64Range(1, 1<<40).Draw(t, "n")] = dated{secret: newSecret()}
		}
		text := r.bytes()
		got, err := parseRing(text)
		if err != nil || !bytes.Equal(got.bytes(), text) {
			t.Fatal(err)
		}
		changed := bytes.Clone(text)
		changed[rapid.IntRange(0, len(text)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := parseRing(changed); err == nil {
			t.Fatal("a changed ring is read")
		}
		if _, err := parseRing(text[:rapid.IntRange(0, len(text)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("half a ring is read")
		}
		if _, err := parseRing(append(text, text[:bytes.IndexByte(text, '\n')+1]...)); err == nil {
			t.Fatal("a ring with a key twice is read")
		}
	})
}

func FuzzRing(f *testing.F) {
	f.Add(newRing(time.Unix(0, 0)).bytes())
	f.Add([]byte("avow-key/v1 epoch-1 AA== 00000000\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := parseRing(text); err == nil {
			if again, err := parseRing(r.bytes()); err != nil || !bytes.Equal(again.bytes(), r.bytes()) {
				t.Error("what was read does not write", err)
			}
		}
	})
}

// A crash while a key comes or goes leaves files that the next look clears away.
func TestLeftovers(t *testing.T) {
	k, spec := made(t)
	dir := strings.TrimPrefix(spec, "file:")
	if _, err := k.NextEpoch(time.Time{}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"epoch-7.key.ended": "noise", "epoch-2.key.new": "x", "epoch-3.key.new": "x", "high-water": "1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, k, again)
	if n, err := again.NextEpoch(time.Time{}); err != nil || n != 3 {
		t.Error(n, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 7 { // three epochs, index, log, token, high-water
		t.Error(left, err)
	}
}

// Two that make the next epoch at once do not overwrite each other's key.
func TestTwoMakeAnEpoch(t *testing.T) {
	k, spec := made(t)
	other, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := k.ring()
	r.epochs[2] = dated{secret: newSecret()}
	if err := other.place.write(r); err != nil {
		t.Fatal(err)
	}
	if n, err := k.NextEpoch(time.Time{}); err != nil || n != 3 {
		t.Error("not told of the other's:", n, err)
	}
	if err := disk.Add(folder(strings.TrimPrefix(spec, "file:")).file("epoch-2"), []byte("x")); err == nil || !strings.Contains(err.Error(), "never overwritten") {
		t.Error(err)
	}
	if got, err := Open(spec, Options{}); err != nil || !slices.Equal(got.Epochs(), []int64{1, 2, 3}) {
		t.Error(err)
	}
}

// Epochs that nobody has a key of do not cost a look each time.
func TestUnknownEpoch(t *testing.T) {
	k, spec := made(t)
	looked := 0
	k.place = counted{k.place, &looked}
	for range 3 {
		if _, err := k.Unwrap(9, nil, [16]byte{}); err == nil || errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	if looked != 1 {
		t.Error("looked", looked, "times")
	}
	other, err := Open(spec, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		if _, err := other.NextEpoch(time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Reload(); err != nil {
		t.Error(err)
	}
	if _, err := k.EpochCheck(9); err != nil {
		t.Error("after Reload:", err)
	}
	strange, _ := made(t)
	k.place = strange.place
	if err := k.Reload(); err == nil || !strings.Contains(err.Error(), "other keys") {
		t.Error("the keys of another house were taken:", err)
	}
}

type counted struct {
	place
	n *int
}

func (c counted) read() (*ring, error) { *c.n++; return c.place.read() }
