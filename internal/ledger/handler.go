package ledger

import (
	"errors"
	"net/http"
	"strings"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

// Handler serves the log to anybody, as c2sp.org/tlog-tiles: checkpoint,
// tile/<level>/<n> and tile/entries/<n>, and beside them vkey, the log's
// verifier key. It is mounted with its prefix stripped.
func (l *Ledger) Handler() http.Handler { return http.HandlerFunc(l.serve) }

func (l *Ledger) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*") // it is public, and pages elsewhere may check it
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "the log can only be read", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if r.URL.RawPath != "" {
		path = "" // nothing we serve needs escapes
	}
	switch path {
	case "checkpoint":
		s := l.state.Load()
		if s.checkpoint == nil {
			http.Error(w, "the log cannot sign at the moment", http.StatusServiceUnavailable)
			return
		}
		serveBytes(w, "text/plain; charset=utf-8", "no-store", s.checkpoint)
	case "vkey":
		serveBytes(w, "text/plain; charset=utf-8", "no-cache", []byte(l.vkey+"\n"))
	default:
		l.serveTile(w, r, path)
	}
}

func (l *Ledger) serveTile(w http.ResponseWriter, r *http.Request, path string) {
	t, ok := receipt.ParseTile(path)
	if !ok {
		http.Error(w, "not a part of the log", http.StatusNotFound)
		return
	}
	data, err := l.tile(r.Context(), l.state.Load(), t)
	switch {
	case errors.Is(err, store.ErrNone):
		http.Error(w, "the log does not reach that far", http.StatusNotFound)
	case err != nil:
		http.Error(w, "this part of the log cannot be read at the moment", http.StatusInternalServerError)
	default:
		serveBytes(w, "application/octet-stream", "public, max-age=31536000, immutable", data)
	}
}

func serveBytes(w http.ResponseWriter, contentType, cache string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", cache)
	w.Write(body)
}
