package server_test

import (
	"crypto/sha256"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow/server"
	"github.com/avow-privacy/avow/server/servertest"
)

// TestRefusesToStart spoils a house in one way each. Starting it says what is
// wrong and what to do, and leaves every file as it was.
func TestRefusesToStart(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, h *servertest.House)
		says  []string
	}{
		{"a key file is missing", func(t *testing.T, h *servertest.House) {
			for _, name := range files(t, h.Dir+"/keys") {
				if !strings.Contains(name, "token") && !strings.Contains(name, "high-water") {
					remove(t, name)
					return
				}
			}
		}, []string{"keys"}},
		{"the key folder is missing", func(t *testing.T, h *servertest.House) {
			for _, name := range files(t, h.Dir+"/keys") {
				remove(t, name)
			}
		}, []string{"keys"}},
		{"a key file is damaged", func(t *testing.T, h *servertest.House) {
			for _, name := range files(t, h.Dir+"/keys") {
				if !strings.Contains(name, "high-water") {
					flip(t, name, 10)
					return
				}
			}
		}, []string{"key"}},
		{"the database is damaged", func(t *testing.T, h *servertest.House) {
			for _, name := range files(t, h.Dir+"/data") {
				if info, err := os.Stat(name); err == nil && info.Size() > 8192 {
					for at := 4096; at < 8192; at++ {
						flip(t, name, at)
					}
				}
			}
		}, []string{"damaged"}},
		{"the database is no database", func(t *testing.T, h *servertest.House) {
			for _, name := range files(t, h.Dir+"/data") {
				if err := os.WriteFile(name, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"damaged"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := servertest.New(t)
			h.Taken("contact", "email", "ada@example.com", "message", "hello")
			h.Stop()
			c.spoil(t, h)
			before := digest(t, h.Dir)
			s, err := server.New(t.Context(), h.Config(""))
			if err == nil {
				s.Close()
				t.Fatal("it starts")
			}
			for _, says := range c.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("it says %q, and nothing of %q", err, says)
				}
			}
			if diff := cmp.Diff(before, digest(t, h.Dir)); diff != "" {
				t.Errorf("it changed something:\n%s", diff)
			}
		})
	}
}

func TestFolderInUse(t *testing.T) {
	h := servertest.New(t)
	s, err := server.New(t.Context(), h.Config(""))
	if err == nil {
		s.Close()
		t.Fatal("two houses share a folder")
	}
	if !strings.Contains(err.Error(), "use") {
		t.Errorf("it says %q", err)
	}
	if a := h.Get("/privacy"); a.Status != http.StatusOK {
		t.Errorf("the first house answers %d", a.Status)
	}
}

// TestNothingToStartOn: neither a statement that does not compile nor none at
// all makes a folder.
func TestNothingToStartOn(t *testing.T) {
	for _, text := range []string{"", "# No front matter\n", "---\nstatement: 1\n---\n# We will never\n"} {
		dir := t.TempDir()
		c := server.Config{Data: dir + "/data", Keys: "file:" + dir + "/keys", StatementName: "statement.md"}
		if text != "" {
			c.Statement = []byte(text)
		}
		if s, err := server.New(t.Context(), c); err == nil {
			s.Close()
			t.Errorf("it starts on %q", text)
		}
		if made := files(t, dir); len(made) > 0 {
			t.Errorf("%q made %v", text, made)
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	h := servertest.New(t)
	for _, path := range []string{"/privacy/nothing", "/privacy/promises/nothing", "/privacy/receipt/nothing", "/f/nothing", "/log/nothing",
		"/privacy/assets/0/nothing.css", "/nothing", "/f/access-log"} {
		if a := h.Get(path); a.Status != http.StatusNotFound || a.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s is answered %d, policy %q", path, a.Status, a.Header.Get("Content-Security-Policy"))
		}
	}
}

func TestOtherMethods(t *testing.T) {
	h := servertest.New(t)
	if a := h.Send("/privacy", "text/plain", strings.NewReader("x")); a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") == "" {
		t.Errorf("POST /privacy is answered %d, Allow %q", a.Status, a.Header.Get("Allow"))
	}
}

func TestCollectByAPI(t *testing.T) {
	h := servertest.New(t)
	if a := h.Staff("/v1/collect/contact", `{"values": {"email": "ada@example.com", "message": "hello"}}`); a.Status != http.StatusCreated || !strings.Contains(a.Body, "tlog-proof") {
		t.Errorf("a record by the API is answered %d %s", a.Status, a.Body)
	}
	if a := h.Staff("/v1/collect/contact", `{"values": {"email": "ada@example.com", "message": "hello", "mood": "fine"}}`); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "mood") {
		t.Errorf("an undeclared field by the API is answered %d %s", a.Status, a.Body)
	}
}

// digest hashes every file below dir that holds something: a database that was
// looked at has scratch files beside it, and the lock names who looked.
func digest(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	all := map[string][32]byte{}
	for _, name := range files(t, dir) {
		if strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, "-shm") {
			continue
		}
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) > 0 {
			all[strings.TrimPrefix(name, dir)] = sha256.Sum256(body)
		}
	}
	return all
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func flip(t *testing.T, name string, at int) {
	t.Helper()
	body, err := os.ReadFile(name)
	if err == nil && at < len(body) {
		body[at] ^= 0x55
		err = os.WriteFile(name, body, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
