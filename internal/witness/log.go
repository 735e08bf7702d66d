package witness

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/tlog"
)

// A log is one that is watched.
type log struct {
	origin, key string
	file        string

	mu   sync.Mutex
	seen receipt.Checkpoint // the newest that was cosigned; of size 0 before the first
}

func openLog(folder, key string) (*log, error) {
	origin, _, _ := strings.Cut(key, "+")
	name := sha256.Sum256([]byte(origin))
	l := &log{origin: origin, key: key, file: filepath.Join(folder, hex.EncodeToString(name[:])+".checkpoint")}
	l.seen.Root = emptyRoot
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	// A key that cannot be read is told now, not when the log comes.
	if err := receipt.CheckKey(key); err != nil {
		return nil, err
	}
	signed, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		l.seen, err = receipt.OpenCheckpoint(signed, key)
	}
	if err != nil {
		return nil, fmt.Errorf("what was seen of %s: %w", origin, err)
	}
	return l, nil
}

var emptyRoot = func() [32]byte { root, _ := tlog.TreeHash(0, nil); return root }()

// advance remembers a checkpoint, if it goes on from the one that was seen last.
// The caller holds the lock until it has signed: two requests cannot pass each
// other, and no time is signed at which more was seen.
func (l *log) advance(r *request, head receipt.Checkpoint, signed []byte) error {
	if r.old > head.Size {
		return refuse(http.StatusBadRequest, "the old size is larger than the checkpoint's")
	}
	if r.old != l.seen.Size {
		return conflict(l.seen.Size)
	}
	if r.old == head.Size && l.seen.Root != head.Root {
		return conflict(l.seen.Size)
	}
	if !l.goesOn(r.proof, head) {
		return refuse(http.StatusUnprocessableEntity, "the proof does not show that the log only grew")
	}
	if head == l.seen {
		return nil
	}
	if err := replaceFile(l.file, signed); err != nil {
		return fmt.Errorf("remember %s: %w", l.origin, err)
	}
	l.seen = head
	return nil
}

// goesOn checks a consistency proof.
func (l *log) goesOn(proof tlog.TreeProof, head receipt.Checkpoint) bool {
	if l.seen.Size == head.Size || l.seen.Size == 0 {
		return len(proof) == 0 && (head.Size > 0 || head.Root == emptyRoot)
	}
	return tlog.CheckTree(proof, head.Size, head.Root, l.seen.Size, l.seen.Root) == nil
}

// A request is what a log asks.
type request struct {
	old        int64
	proof      tlog.TreeProof
	checkpoint []byte
}

var errRequest = errors.New("a request is a line \"old <size>\", at most 63 hashes, an empty line and a checkpoint")

func parseRequest(body []byte) (*request, error) {
	head, checkpoint, ok := bytes.Cut(body, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	size, old := strings.CutPrefix(lines[0], "old ")
	n, err := strconv.ParseInt(size, 10, 64)
	if !ok || !old || err != nil || n < 0 || strconv.FormatInt(n, 10) != size || len(lines) > 64 {
		return nil, errRequest
	}
	r := &request{old: n, checkpoint: checkpoint}
	for _, line := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != 32 || len(line) != 44 {
			return nil, errRequest
		}
		r.proof = append(r.proof, tlog.Hash(raw))
	}
	return r, nil
}

// replaceFile writes a file anew in one durable step.
func replaceFile(name string, data []byte) error {
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(name+".new", name)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
