package server

import (
	"io"
	"net/http"
	"time"

	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/backup"
)

// addBackup lets staff fetch everything in one file while the house goes on.
func (s *Server) addBackup(a *api.API) {
	a.Route(api.Operation{ID: "backup", Method: "GET", Path: "/v1/backup", Group: "About", Title: "Back up the house", May: api.Staff,
		Says: "All rows as they are at one moment, sealed as they are kept; the keys are not among them. avow restore takes the file. An answer that breaks off is no backup, and is refused there."},
		"", "application/octet-stream", s.backup)
}

// stalled is how long a part of a backup may wait to be taken.
const stalled = time.Minute

func (s *Server) backup(w http.ResponseWriter, r *http.Request) error {
	return s.backupTo(w, r, stalled)
}

func (s *Server) backupTo(w http.ResponseWriter, r *http.Request, stalled time.Duration) error {
	// Whoever fetches a large house needs longer than an answer usually may, but
	// not to take nothing at all: the snapshot is held meanwhile, and with it in
	// the files what is erased. Not every server can be told, and where it cannot
	// the limit is its own.
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{})
	out := &taken{w, stalled, time.AfterFunc(stalled, func() { _ = c.SetWriteDeadline(time.Unix(1, 0)) })}
	out.late.Stop()
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := backup.Write(r.Context(), s.store, out, nil); err != nil {
		s.config.Log.Error("back up", "error", err)
		panic(http.ErrAbortHandler) // an answer that ended well would say that this is all
	}
	return nil
}

// taken writes what has to be taken in time.
type taken struct {
	to     io.Writer
	within time.Duration
	late   *time.Timer
}

func (t *taken) Write(b []byte) (int, error) {
	t.late.Reset(t.within)
	defer t.late.Stop()
	return t.to.Write(b)
}
