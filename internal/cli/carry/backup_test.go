package carry

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/seal"
	"github.com/avow-privacy/avow/internal/store/storetest"
	"github.com/avow-privacy/avow/server/servertest"
)

// A backup comes whole from a house that runs, or not at all.
func TestBackupThroughTheHouse(t *testing.T) {
	h := servertest.New(t)
	h.Taken("contact", "email", "ada@harbour.example", "message", "hello")
	h.Stop()
	dir := t.TempDir()
	var out bytes.Buffer
	w := &world.World{Stdout: &out, Stderr: &out, Clock: h.Now}
	stopped := &Backup{File: filepath.Join(dir, "stopped.backup"), Data: filepath.Join(h.Dir, "data"), Keys: h.Keys()}
	if err := stopped.Run(w); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(stopped.File)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.Open(h.Keys(), seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()

	answer, status := whole, http.StatusOK
	house := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" || r.URL.Path != "/v1/backup" || r.Header.Get("Authorization") != "Bearer "+keys.Token() {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		w.WriteHeader(status)
		_, _ = w.Write(answer)
	}))
	defer house.Close()
	c := &Backup{File: filepath.Join(dir, "through.backup"), Private: house.URL, Keys: h.Keys()}
	if err := c.Run(w); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(c.File); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("what came is not what was sent: %v", err)
	}
	if info, err := os.Stat(c.File); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v %v", info.Mode(), err)
	}
	if !strings.Contains(out.String(), "log harbour.example/log") {
		t.Error(out.String())
	}

	// What is cut off or refused leaves the backup of before as it is.
	var damaged *backup.DamagedError
	answer = whole[:len(whole)-9]
	if err := c.Run(w); !errors.As(err, &damaged) {
		t.Errorf("cut off: %v", err)
	}
	answer, status = []byte("no"), http.StatusForbidden
	if err := c.Run(w); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("refused: %v", err)
	}
	if got, err := os.ReadFile(c.File); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the backup that was there is gone: %v", err)
	}
	if _, err := os.Stat(c.File + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Error("half a backup stays", err)
	}
}

// A house moves from a folder to PostgreSQL and back, by command line.
func TestMoves(t *testing.T) {
	h := servertest.New(t)
	h.Taken("contact", "email", "ada@harbour.example", "message", "hello")
	h.Stop()
	dir, url := t.TempDir(), storetest.Postgres(t)
	var out bytes.Buffer
	w := &world.World{Stdout: &out, Stderr: &out, Clock: h.Now}
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, step := range []interface{ Run(*world.World) error }{
		&Backup{File: file("a"), Data: filepath.Join(h.Dir, "data")},
		&Restore{File: file("a"), DB: url, Keys: h.Keys()},
		&Backup{File: file("b"), DB: url},
		&Restore{File: file("b"), Data: file("data"), Keys: h.Keys()},
	} {
		if err := step.Run(w); err != nil {
			t.Fatalf("%T: %v\n%s", step, err, out.String())
		}
	}
	if err := (&Restore{File: file("b"), DB: url, Keys: h.Keys()}).Run(w); !errors.Is(err, backup.ErrNotEmpty) {
		t.Errorf("over a database in use: %v", err)
	}
	var all [2]*backup.Contents
	for i, name := range []string{"a", "b"} {
		f, err := os.Open(file(name))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if all[i], err = backup.Check(f); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(all[0].Rows, all[1].Rows) || all[0].Log.Size == 0 || !bytes.Equal(all[0].Log.Root, all[1].Log.Root) {
		t.Errorf("%+v became %+v", all[0], all[1])
	}
}
