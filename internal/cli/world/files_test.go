package world

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A secret is the first line of what is given, whatever ends it.
func TestReadSecret(t *testing.T) {
	for given, want := range map[string]string{
		"one two\nmore": "one two", "one\r\n": "one", "one": "one", " one \n": " one ", "": "", "\n": "",
	} {
		file := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(file, []byte(given), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{file, "-", ""} {
			w := &World{Stdin: strings.NewReader(given)}
			got, err := w.ReadSecret("Passphrase: ", from)
			if string(got) != want || (err == nil) != (want != "") {
				t.Errorf("%q from %q: %q %v", given, from, got, err)
			}
		}
	}
	if _, err := (&World{}).ReadSecret("Passphrase: ", "/nowhere"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// The environment is asked before anybody is, and a file that was named before
// the environment.
func TestPassphrase(t *testing.T) {
	env := func(name string) string { return map[string]string{"AVOW_PASSPHRASE": "environment"}[name] }
	w := &World{Stdin: strings.NewReader("input\n"), Env: env}
	if got, err := w.Passphrase("", true); string(got) != "environment" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if got, err := w.Passphrase("-", true); string(got) != "input" || err != nil {
		t.Errorf("%q %v", got, err)
	}
}

// A file is replaced whole or stays as it is.
func TestWriteFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write := func(text string, err error) func(io.Writer) error {
		return func(out io.Writer) error {
			_, _ = io.WriteString(out, text)
			return err
		}
	}
	if err := WriteFile(name, 0o600, write("first", nil)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := WriteFile(name, 0o600, write("sec", broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	if got, err := os.ReadFile(name); string(got) != "first" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := os.Stat(name + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("half a file stays", err)
	}
	// Something that was left there by a crash, and that others may read.
	if err := os.WriteFile(name+".new", []byte("longer than what comes"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, 0o600, write("third", nil)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(name); string(got) != "third" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

func TestPrintable(t *testing.T) {
	if got := Printable("a\x1b[2J\u009bb\n\tc\x7f"); got != "a·[2J·b\n\tc·" {
		t.Errorf("%q", got)
	}
}
