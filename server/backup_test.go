package server

import (
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/avow-privacy/avow/examples/harbour"
	"github.com/avow-privacy/avow/internal/store"
)

// Who asks for a backup and takes none of it is let go: as long as the snapshot
// is held, what is erased stays in the database's files.
func TestStalledBackup(t *testing.T) {
	dir := t.TempDir()
	s, err := New(t.Context(), Config{Data: filepath.Join(dir, "data"), Keys: "file:" + filepath.Join(dir, "keys"),
		Statement: harbour.Statement, StatementName: "statement.md", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 32 {
		err := s.store.Commit(t.Context(), func(tx *store.Tx) error {
			noise := make([]byte, 1<<20)
			rand.Read(noise)
			return tx.Do(t.Context(), "INSERT INTO api_idempotency (digest, request, answer, link, expires) VALUES ($1, $2, $3, $4, $5)", []byte{byte(i)}, []byte{}, noise, "", tx.Now)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan struct{})
	house := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		_ = s.backupTo(w, r, 200*time.Millisecond)
	}))
	defer house.Close()
	c, err := net.Dial("tcp", house.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /v1/backup HTTP/1.1\r\nHost: house\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it is still waited for")
	}
}
