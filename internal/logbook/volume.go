package logbook

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A volume is one of the logs that an avow has had, one after the other.
type volume struct {
	n      int64
	origin string
	vkey   string
	signer signer
}

// A signer signs notes with a key that may live elsewhere.
type signer struct {
	key crypto.Signer
	note.Verifier
}

func (s signer) Sign(msg []byte) ([]byte, error) { return s.key.Sign(nil, msg, crypto.Hash(0)) }

func newVolume(n int64, origin string, key crypto.Signer) (*volume, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("open log: the key is not an Ed25519 key")
	}
	if strings.ContainsAny(origin, " +\n\r\t") || origin == "" {
		return nil, fmt.Errorf("open log: %q is no name for a log: give host and path, such as harbour.example/log", origin)
	}
	v := &volume{n: n, origin: origin}
	var err error
	var verifier note.Verifier
	if v.vkey, err = note.NewEd25519VerifierKey(origin, public); err == nil {
		verifier, err = note.NewVerifier(v.vkey)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	v.signer = signer{key, verifier}
	return v, nil
}

// newest says which log the database holds last.
func newest(ctx context.Context, db *store.DB) (n int64, origin string, err error) {
	err = db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Newest, store.Into(&n, &origin)) })
	if err != nil && !errors.Is(err, store.ErrNone) {
		return 0, "", fmt.Errorf("open log: %w", err)
	}
	return n, origin, nil
}

// Name is the name of the newest log that db holds, or "" if it holds none yet.
// A log keeps the name it was started with, whatever the site is called by now.
func Name(ctx context.Context, db *store.DB) (string, error) {
	_, origin, err := newest(ctx, db)
	return origin, err
}

// mark is the high-water file of the n-th log.
func (c *Config) mark(n int64) string {
	if n == 1 {
		return c.HighWater
	}
	return fmt.Sprintf("%s.%d", c.HighWater, n)
}

// lastMark is the number of the newest log that has a high-water file.
func (c *Config) lastMark() (last int64, err error) {
	files, err := os.ReadDir(filepath.Dir(c.HighWater))
	if err != nil {
		return 0, fmt.Errorf("open log: %w", err)
	}
	for _, f := range files {
		if f.Name() == filepath.Base(c.HighWater) {
			last = max(last, 1)
		}
		if after, ok := strings.CutPrefix(f.Name(), filepath.Base(c.HighWater)+"."); ok {
			n, _ := strconv.ParseInt(after, 10, 64)
			last = max(last, n)
		}
	}
	return last, nil
}

// Rotate begins another log in db, when the one there cannot go on: its first
// entry names the old one, how far it had come, and the reason. All else in the
// database stays as it is. The old log is signed for a last time if what is
// there of it is all that was ever signed. No Book may be open meanwhile.
func Rotate(ctx context.Context, db *store.DB, cfg Config, reason string) (origin string, err error) {
	if reason == "" {
		return "", errors.New("begin another log: give a reason, which everybody can read")
	}
	n, was, err := newest(ctx, db)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "", errors.New("begin another log: the database holds none yet")
	}
	marked, err := cfg.lastMark()
	if err != nil {
		return "", err
	}
	last := max(n, marked)
	old, err := newVolume(n, was, cfg.Key)
	var next *volume
	if err == nil {
		next, err = newVolume(last+1, nextOrigin(was, n, last+1), cfg.Key)
	}
	if err == nil {
		err = (&Book{db: db, cfg: cfg, volume: old}).rotate(ctx, next, reason)
	}
	if err == nil { // an empty file says: start from what there is
		err = os.WriteFile(cfg.mark(next.n), nil, 0o600)
	}
	if err != nil {
		return "", fmt.Errorf("begin another log: %w", err)
	}
	return next.origin, nil
}

// nextOrigin is the name of the next-th log, after the n-th of this name.
func nextOrigin(was string, n, next int64) string {
	if n > 1 {
		was = strings.TrimSuffix(was, fmt.Sprintf("/%d", n))
	}
	return fmt.Sprintf("%s/%d", was, next)
}

func (l *Book) rotate(ctx context.Context, next *volume, reason string) error {
	farewell, err := l.farewell(ctx)
	if err != nil {
		return err
	}
	return l.db.Commit(ctx, func(tx *store.Tx) error {
		h, err := readHead(ctx, tx, q.LockHead, l.volume.n)
		if err != nil {
			return err
		}
		if farewell != nil && farewell.tree.Size == h.size {
			if err := tx.Do(ctx, q.KeepCheckpoint, l.volume.n, h.size, farewell.checkpoint, tx.Now); err != nil {
				return err
			}
		}
		root := tlog.Hash(h.root)
		entry, err := receipt.Fact("l", map[string]any{
			"at": tx.Now.Truncate(time.Second).Format(time.RFC3339), "was": h.origin, "size": h.size, "root": root.String(), "reason": reason,
		})
		if err != nil {
			return err
		}
		t := &tree.Tree{}
		t.Add(tlog.RecordHash(entry))
		// Without its edge nobody goes on from it, not even a process that has it
		// open.
		if err := tx.Do(ctx, q.Leave, l.volume.n, []byte{}); err != nil {
			return err
		}
		if err := tx.Do(ctx, q.AddChunk, next.n, 0, tree.AppendEntry(nil, entry)); err != nil {
			return err
		}
		return tx.Do(ctx, q.Begin, next.n, next.origin, t.Size, [32]byte(t.Root()), t.Edge(), h.state.Bytes(), tx.Now)
	})
}

// farewell is the log that is left, signed, if its entries are sound and the
// high-water file does not know better.
func (l *Book) farewell(ctx context.Context) (*state, error) {
	s, err := l.compute(ctx)
	var behind *BehindError
	var damaged *DamagedError
	if errors.As(err, &behind) || errors.As(err, &damaged) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s, l.publish(s)
}

// A Log names one of the logs that an avow has had.
type Log struct {
	Origin string
	Key    string // the verifier key
}

// Logs are all logs of this avow, the newest last.
func (l *Book) Logs(ctx context.Context) (all []Log, err error) {
	err = l.db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, q.All, func(scan func(...any) error) error {
			var n int64
			var origin string
			if err := scan(&n, &origin); err != nil {
				return err
			}
			v, err := newVolume(n, origin, l.cfg.Key)
			if err == nil {
				all = append(all, Log{v.origin, v.vkey})
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("list logs: %w", err)
	}
	return all, nil
}

// past is a log that went before, as far as its last kept checkpoint goes.
func (l *Book) past(ctx context.Context, n int64) (*state, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s, ok := l.older[n]; ok {
		return s, nil
	}
	var s *state
	err := l.db.View(ctx, func(tx *store.Tx) error {
		h, err := readHead(ctx, tx, q.Head, n)
		if err != nil {
			return err
		}
		v, err := newVolume(n, h.origin, l.cfg.Key)
		if err != nil {
			return err
		}
		s = &state{volume: v, tree: &tree.Tree{}}
		if err := tx.Get(ctx, q.LastCheckpoint, store.Into(&s.checkpoint, &s.at), n, int64(math.MaxInt64)); err != nil {
			return err
		}
		c, err := receipt.OpenCheckpoint(s.checkpoint, v.vkey)
		if err != nil {
			return err
		}
		s.root = c.Root
		err = eachEntry(ctx, tx, n, 0, c.Size, func(_ int64, entry []byte) error {
			if s.tree.Size < c.Size {
				s.tree.Add(tlog.RecordHash(entry))
			}
			return nil
		})
		if err == nil && (s.tree.Size != c.Size || [32]byte(s.tree.Root()) != c.Root) {
			err = &DamagedError{fmt.Sprintf("log %d is not the one that was signed", n)}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open log %d: %w", n, err)
	}
	l.older[n] = s
	return s, nil
}
