// Package witness cosigns the checkpoints of other logs.
//
// A log that grows shows each checkpoint to its witnesses, with a proof that it
// contains the one they saw before. A witness remembers the newest and signs
// only what goes on from it. So a log that shows two histories to two people
// needs a witness for each.
//
// It speaks c2sp.org/tlog-witness and signs cosignature/v1, with Ed25519, as
// c2sp.org/tlog-cosignature describes it. What it saw is durable before the
// signature is given.
package witness

import (
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow/receipt"
)

// Config says who the witness is, and whom it watches.
type Config struct {
	Folder string           // where it remembers what it saw; made if it is not there
	Name   string           // its name: host and path, without scheme or spaces
	Key    crypto.Signer    // Ed25519, and used for nothing else
	Logs   []string         // verifier keys of the logs it watches
	Clock  func() time.Time // what time it is
}

// A Witness watches logs. Any number of goroutines may use it.
type Witness struct {
	cfg  Config
	vkey string
	logs map[string]*log // by origin
}

// Open opens a witness, with what it remembers.
func Open(cfg Config) (*Witness, error) {
	public, ok := cfg.Key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("open witness: the key is not an Ed25519 key")
	}
	w := &Witness{cfg: cfg, vkey: receipt.CosignerKey(cfg.Name, public), logs: map[string]*log{}}
	if _, err := receipt.CosignerName(w.vkey); err != nil {
		return nil, fmt.Errorf("open witness: %q is no name for a witness: give host and path, such as witness.example/w", cfg.Name)
	}
	for _, key := range cfg.Logs {
		l, err := openLog(cfg.Folder, key)
		if err != nil {
			return nil, fmt.Errorf("open witness: %w", err)
		}
		if _, twice := w.logs[l.origin]; twice {
			return nil, fmt.Errorf("open witness: two keys for the log %s", l.origin)
		}
		w.logs[l.origin] = l
	}
	return w, nil
}

// Key is the verifier key of the witness's cosignatures.
func (w *Witness) Key() string { return w.vkey }

// Seen is how far the witness has seen each log, by origin.
func (w *Witness) Seen() map[string]int64 {
	seen := map[string]int64{}
	for origin, l := range w.logs {
		l.mu.Lock()
		seen[origin] = l.seen.Size
		l.mu.Unlock()
	}
	return seen
}

// A refusal is an answer that is no cosignature.
type refusal struct {
	status int
	body   string
}

func (r *refusal) Error() string { return r.body }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

const (
	maxRequest = 32 << 10
	patience   = 10 * time.Second // for a request to arrive
)

// Handler answers POST /add-checkpoint, and GET /vkey with the verifier key. It
// is mounted with its prefix stripped.
func (w *Witness) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /add-checkpoint", w.addCheckpoint)
	mux.HandleFunc("GET /vkey", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(rw, w.vkey+"\n")
	})
	return mux
}

func (w *Witness) addCheckpoint(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	http.NewResponseController(rw).SetReadDeadline(w.cfg.Clock().Add(patience)) // where there is one
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxRequest))
	if err != nil {
		http.Error(rw, "the request is too long or came too slowly", http.StatusBadRequest)
		return
	}
	line, err := w.Cosign(body)
	var no *refusal
	switch {
	case errors.As(err, &no) && no.status == http.StatusConflict:
		rw.Header().Set("Content-Type", "text/x.tlog.size")
		rw.WriteHeader(no.status)
		io.WriteString(rw, no.body+"\n")
	case errors.As(err, &no):
		http.Error(rw, no.body, no.status)
	case err != nil:
		http.Error(rw, "the witness cannot remember what it saw at the moment", http.StatusInternalServerError)
	default:
		rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(rw, line)
	}
}

// Cosign does what a request asks: it looks whether the checkpoint is of a log
// it watches and goes on from what it saw, remembers it, and signs.
func (w *Witness) Cosign(request []byte) (line string, err error) {
	r, err := parseRequest(request)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "%v", err)
	}
	origin, _, _ := strings.Cut(string(r.checkpoint), "\n")
	l, ok := w.logs[origin]
	if !ok {
		return "", refuse(http.StatusNotFound, "this witness does not watch that log")
	}
	// Other signatures than the log's are ignored: they are not ours to check.
	signed, _, err := receipt.PickCosignatures(r.checkpoint, l.key, nil)
	if err != nil {
		return "", refuse(http.StatusForbidden, "the log has not signed this checkpoint: %v", err)
	}
	head, err := receipt.OpenCheckpoint(signed, l.key)
	if err != nil {
		return "", refuse(http.StatusForbidden, "the log has not signed this checkpoint: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.advance(r, head, signed); err != nil {
		return "", err
	}
	at := w.cfg.Clock().Unix()
	sig, err := w.cfg.Key.Sign(nil, receipt.CosignatureText(head.Text(), at), crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("cosign %s: %w", origin, err)
	}
	return receipt.CosignatureLine(w.vkey, at, sig)
}

// conflict answers with the size that was seen.
func conflict(size int64) error {
	return refuse(http.StatusConflict, "%s", strconv.FormatInt(size, 10))
}
