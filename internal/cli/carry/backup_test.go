package carry

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/avow-privacy/avow/internal/backup"
	"github.com/avow-privacy/avow/internal/cli/world"
	"github.com/avow-privacy/avow/internal/seal"
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
