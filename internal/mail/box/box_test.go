package box

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// all returns the messages that Each finds, in one text.
func all(t *testing.T, path string) string {
	t.Helper()
	var b strings.Builder
	var read int64
	err := Each(path, func(name string, r io.Reader) error {
		text, err := io.ReadAll(r)
		read += int64(len(text))
		fmt.Fprintf(&b, "%s=%q\n", name, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if size, err := Size(path); err != nil || size < read {
		t.Errorf("Size is %d, %v; %d were read", size, err, read)
	}
	return b.String()
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const first, second = "From ann@b.example Mon Mar  2 09:00:00 2026\n", "From - Tue Mar  3 10:00:00 2026 +0100\n"

func TestFiles(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"one message", "A: b\n\nhi\n", "x=\"A: b\\n\\nhi\\n\"\n"},
		{"nothing", "", ""},
		{"empty lines", "\n\r\n", ""},
		{"mbox", first + "A: b\n\nhi\n\n" + second + "A: c\n\nho\n", "x:1=\"A: b\\n\\nhi\\n\"\nx:2=\"A: c\\n\\nho\\n\"\n"},
		{"mbox with CRLF", strings.ReplaceAll("\n"+first+"A: b\n\nhi\n\n"+second+"A: c\n", "\n", "\r\n"), "x:1=\"A: b\\r\\n\\r\\nhi\\r\\n\"\nx:2=\"A: c\\r\\n\"\n"},
		{"quoted", first + "A: b\n\n>From me\n>>From you\n> From\n >From\n>Fromage\n", "x:1=\"A: b\\n\\nFrom me\\n>From you\\n> From\\n >From\\n>Fromage\\n\"\n"},
		{"From in the text", first + "A: b\n\nhi\n\nFrom there on nothing.\n\n\nFrom ann@b.example\n", "x:1=\"A: b\\n\\nhi\\n\\nFrom there on nothing.\\n\\n\\nFrom ann@b.example\\n\"\n"},
		{"From without an empty line before", first + "A: b\n\nhi\n" + second, "x:1=\"A: b\\n\\nhi\\n" + strings.TrimSuffix(second, "\n") + "\\n\"\n"},
		{"a length that is not so", first + "Content-Length: 9999\n\nhi\n\n" + second + "A: c\n", "x:1=\"Content-Length: 9999\\n\\nhi\\n\"\nx:2=\"A: c\\n\"\n"},
		{"empty lines between", first + "A: b\n\nhi\n\n\n\n" + second + "A: c\n\nho\n\n\n", "x:1=\"A: b\\n\\nhi\\n\\n\\n\"\nx:2=\"A: c\\n\\nho\\n\\n\"\n"},
		{"a message of nothing", first + "\n" + second + "A: c", "x:1=\"\"\nx:2=\"A: c\"\n"},
		{"only a separator", "From ", "x:1=\"\"\n"},
	} {
		dir := write(t, map[string]string{"x": test.text})
		if got := all(t, filepath.Join(dir, "x")); got != test.want {
			t.Errorf("%s:\n%swant\n%s", test.name, got, test.want)
		}
	}
}

func TestFolders(t *testing.T) {
	dir := write(t, map[string]string{
		"b.eml": "b", "a/2.eml": "a2", "a/1": "a1", ".hidden": "no", ".git/x": "no", "box": first + "m1\n\n" + second + "m2\n",
		"maildir/new/2": "n2", "maildir/new/1": "n1", "maildir/cur/3:2,S": "c3", "maildir/tmp/4": "no", "maildir/dovecot.index": "no", "maildir/.Sent/cur/5": "s5",
	})
	outside := write(t, map[string]string{"secret.eml": "no", "dir/secret.eml": "no"})
	for link, to := range map[string]string{"c.eml": outside + "/secret.eml", "d": outside + "/dir", "loop": dir, "up": ".."} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := "a/1=\"a1\"\na/2.eml=\"a2\"\nb.eml=\"b\"\nbox:1=\"m1\\n\"\nbox:2=\"m2\\n\"\nmaildir/.Sent/cur/5=\"s5\"\nmaildir/cur/3:2,S=\"c3\"\nmaildir/new/1=\"n1\"\nmaildir/new/2=\"n2\"\n"
	if got := all(t, dir); got != want {
		t.Errorf("%swant\n%s", got, want)
	}
	if got := all(t, filepath.Join(dir, "maildir", "new")); got != "1=\"n1\"\n2=\"n2\"\n" {
		t.Error(got)
	}
}

func TestDeepFolders(t *testing.T) {
	dir := write(t, map[string]string{strings.Repeat("a/", 17) + "x": "x"})
	if err := Each(dir, func(string, io.Reader) error { return nil }); err == nil || !strings.Contains(err.Error(), "more than 16") {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	dir := write(t, map[string]string{"ann.eml": "x", "box": first + "1\n\n" + second + "2\n"})
	stop, n := errors.New("stop"), 0
	err := Each(dir, func(string, io.Reader) error { n++; return stop })
	if err != stop || n != 1 {
		t.Error(err, n)
	}
	n = 0
	if err := Each(filepath.Join(dir, "box"), func(string, io.Reader) error { n++; return nil }); err != nil || n != 2 {
		t.Error("what fn leaves unread is passed over", err, n)
	}
	if err := Each(filepath.Join(dir, "nora"), nil); err == nil || strings.Contains(err.Error(), "nora") {
		t.Error(err)
	}
	broken := io.MultiReader(strings.NewReader(first+"1\n"), iotest.ErrReader(stop))
	if err := Split("x", broken, func(string, io.Reader) error { return nil }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// Whatever messages are written into an mbox come out of it again.
func TestMboxGivesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SampledFrom([]string{"", "x", "From here", ">From x", ">>From ", strings.TrimSuffix(second, "\n"), ">", strings.Repeat("long ", 20_000)})
		messages := rapid.SliceOfN(rapid.SliceOfN(lines, 1, 6), 1, 5).Draw(t, "messages")
		var file strings.Builder
		var want []string
		for _, m := range messages {
			file.WriteString(first)
			for _, line := range m {
				if strings.HasPrefix(strings.TrimLeft(line, ">"), "From ") {
					line = ">" + line
				}
				file.WriteString(line + "\n")
			}
			file.WriteString("\n")
			want = append(want, strings.Join(m, "\n")+"\n")
		}
		n := 0
		err := Split("x", iotest.HalfReader(strings.NewReader(file.String())), func(name string, r io.Reader) error {
			got, err := io.ReadAll(iotest.OneByteReader(r))
			if n >= len(want) || string(got) != want[n] {
				t.Fatalf("message %d of %q is %q", n, file.String(), got)
			}
			n++
			return err
		})
		if err != nil || n != len(want) {
			t.Fatalf("%d of %d messages, %v", n, len(want), err)
		}
	})
}

// A mailbox larger than memory is read in pieces.
func TestMboxIsNotKept(t *testing.T) {
	n, big := 0, io.MultiReader(strings.NewReader(first), io.LimitReader(zeros{}, 200<<20), strings.NewReader("\n\n"+second+"x\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := Split("x", big, func(string, io.Reader) error { n++; return nil }); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; n != 2 || allocated > 4<<20 {
		t.Errorf("%d messages, %d KiB", n, allocated>>10)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func FuzzSplit(f *testing.F) {
	f.Add(first + "A: b\n\nhi\n\n" + second + "x")
	f.Add("\n\n>From ")
	f.Fuzz(func(t *testing.T, s string) {
		total := 0
		err := Split("x", strings.NewReader(s), func(_ string, r io.Reader) error {
			n, err := io.Copy(io.Discard, r)
			total += int(n)
			return err
		})
		if err != nil || total > len(s) {
			t.Fatalf("%d bytes of %d, %v", total, len(s), err)
		}
	})
}
