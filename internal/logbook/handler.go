package logbook

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
)

// Handler serves the log to anybody, as c2sp.org/tlog-tiles: checkpoint,
// tile/<level>/<n> and tile/entries/<n>, and beside them vkey, the log's
// verifier key. The first log is at the top, the n-th under <n>/. It is mounted
// with its prefix stripped.
func (l *Book) Handler() http.Handler { return http.HandlerFunc(l.serve) }

func (l *Book) serve(w http.ResponseWriter, r *http.Request) {
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
	n, path := cutVolume(path)
	s, err := l.served(r.Context(), n, path == "checkpoint")
	switch {
	case errors.Is(err, store.ErrNone):
		http.Error(w, "there is no such log", http.StatusNotFound)
	case err != nil:
		http.Error(w, "the log cannot be read at the moment", http.StatusServiceUnavailable)
	case path == "vkey":
		serveBytes(w, "text/plain; charset=utf-8", "no-cache", []byte(s.vkey+"\n"))
	case path != "checkpoint":
		l.serveTile(w, r, s, path)
	case s.checkpoint == nil:
		http.Error(w, "the log cannot sign at the moment", http.StatusServiceUnavailable)
	default:
		serveBytes(w, "text/plain; charset=utf-8", "no-store", l.witnessed(s))
	}
}

// cutVolume says which log a path is in.
func cutVolume(path string) (n int64, rest string) {
	if first, after, ok := strings.Cut(path, "/"); ok && first != "tile" {
		if n, err := strconv.ParseInt(first, 10, 64); err == nil && n > 1 && strconv.FormatInt(n, 10) == first {
			return n, after
		}
	}
	return 1, path
}

// served is the log of a number, as new as any process has told.
func (l *Book) served(ctx context.Context, n int64, newest bool) (*state, error) {
	if n != l.volume.n {
		return l.past(ctx, n)
	}
	if newest {
		if err := l.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return l.state.Load(), nil
}

func (l *Book) serveTile(w http.ResponseWriter, r *http.Request, s *state, path string) {
	t, ok := receipt.ParseTile(path)
	if !ok {
		http.Error(w, "not a part of the log", http.StatusNotFound)
		return
	}
	data, err := l.tile(r.Context(), s, t)
	if errors.Is(err, store.ErrNone) && s.n == l.volume.n && l.shared {
		if s, err = l.served(r.Context(), s.n, true); err == nil {
			data, err = l.tile(r.Context(), s, t)
		}
	}
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
