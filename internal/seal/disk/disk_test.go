package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, name, text string) *os.File {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name) // holds the bytes when the name is another's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// now is what a file that was opened before holds.
func now(t *testing.T, f *os.File) string {
	t.Helper()
	b := make([]byte, 100)
	n, _ := f.ReadAt(b, 0)
	return string(b[:n])
}

func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(want) {
		t.Error("the folder has", entries, err)
	}
	for i, e := range entries {
		if info, err := e.Info(); err != nil || e.Name() != want[i] || info.Mode().Perm() != 0o600 {
			t.Error(e, err)
		}
	}
}

func TestAdd(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	write(t, name+Draft, "left by a crash")
	if err := Add(name, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := Add(name, []byte("two")); err == nil {
		t.Error("a file was overwritten")
	}
	if text, err := Read(name); err != nil || string(text) != "one" {
		t.Errorf("%q, %v", text, err)
	}
	only(t, dir, "key")
}

func TestReplaceOverwrites(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	old := write(t, name, "old secret")
	if err := Replace(name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if text, err := Read(name); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	if got := now(t, old); got == "old secret" || len(got) != len("old secret") {
		t.Errorf("where the old file was there is %q", got)
	}
	if err := Replace(filepath.Join(dir, "other"), []byte("x")); err != nil {
		t.Error("where there was none:", err)
	}
	only(t, dir, "key", "other")
}

func TestDestroy(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "key")
	old := write(t, name, "old secret")
	for range 2 {
		if err := Destroy(name); err != nil {
			t.Fatal(err)
		}
	}
	if got := now(t, old); got == "old secret" {
		t.Error("it was not overwritten")
	}
	only(t, dir)
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(filepath.Join(dir, "none")); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Error("a file that is missing is said in other words:", err)
	}
	big := filepath.Join(dir, "big")
	write(t, big, string(bytes.Repeat([]byte("x"), Small+1)))
	if _, err := Read(big); err == nil {
		t.Error("a big file was read")
	}
}
