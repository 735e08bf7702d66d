package server

import (
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

func (s *Server) backup(w http.ResponseWriter, r *http.Request) error {
	// Whoever fetches a large house needs longer than an answer usually may.
	// Not every server can be told, and where it cannot the limit is its own.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := backup.Write(r.Context(), s.store, w, nil); err != nil {
		s.config.Log.Error("back up", "error", err)
		panic(http.ErrAbortHandler) // an answer that ended well would say that this is all
	}
	return nil
}
