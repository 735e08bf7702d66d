package logbook

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A witness is one that is asked, and how far we know it to have come.
type witness struct {
	Witness
	name  string
	knows int64
}

// cosigned is a checkpoint with cosignatures.
type cosigned struct {
	log, size int64
	note      []byte
	keys      []string // of the witnesses, in the order of their lines
	names     []string
	at        time.Time
}

// patience is how long a witness may take to answer, or a commit to end.
const patience = 5 * time.Second

func openWitnesses(given []Witness) (all []*witness, err error) {
	for _, w := range given {
		name, err := receipt.CosignerName(w.Key)
		if err != nil {
			return nil, err
		}
		all = append(all, &witness{Witness: w, name: name})
	}
	return all, nil
}

// askAll asks the witnesses how far they have seen the log. Each is shown a
// signed checkpoint of the empty log, which commits us to nothing, and objects
// if it has seen more. Who knows more than there is here has seen what was lost.
// A witness that does not answer is asked again later.
func (l *Book) askAll(ctx context.Context, s *state) error {
	empty := &state{volume: s.volume, tree: &tree.Tree{}}
	empty.root = empty.tree.Root()
	if err := empty.sign(); err != nil {
		return err
	}
	var group sync.WaitGroup
	for _, w := range l.witnesses {
		group.Go(func() {
			var conflict *ConflictError
			if _, err := w.ask(ctx, 0, nil, empty.checkpoint); errors.As(err, &conflict) {
				w.knows = conflict.Size
			}
		})
	}
	group.Wait()
	for _, w := range l.witnesses {
		if w.knows > s.tree.Size {
			return &BehindError{fmt.Sprintf("it has %d entries, and the witness %s has seen %d", s.tree.Size, w.name, w.knows), putBack}
		}
	}
	return nil
}

func (w *witness) ask(ctx context.Context, old int64, proof tlog.TreeProof, checkpoint []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	b := fmt.Appendf(nil, "old %d\n", old)
	for _, h := range proof {
		b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
	}
	return w.Ask(ctx, append(append(b, '\n'), checkpoint...))
}

// cosign gets the cosignature of a witness for a state.
func (l *Book) cosign(ctx context.Context, w *witness, s *state) ([]byte, error) {
	for range 2 {
		var proof tlog.TreeProof
		var err error
		if w.knows > 0 && w.knows < s.tree.Size {
			if proof, err = tlog.ProveTree(s.tree.Size, w.knows, l.hashes(ctx, s)); err != nil {
				return nil, err
			}
		}
		lines, err := w.ask(ctx, w.knows, proof, s.checkpoint)
		var conflict *ConflictError
		switch {
		case err == nil:
			w.knows = s.tree.Size
			return lines, nil
		case !errors.As(err, &conflict) || conflict.Size == w.knows:
			return nil, err
		case conflict.Size > s.tree.Size && !l.shared:
			return nil, &BehindError{fmt.Sprintf("it has %d entries, and the witness %s has seen %d", s.tree.Size, w.name, conflict.Size), putBack}
		case conflict.Size > s.tree.Size:
			return nil, err // another process was faster
		}
		w.knows = conflict.Size
	}
	return nil, errors.New("the witness changes its mind")
}

// collect asks all witnesses to cosign the newest checkpoint, if they have not
// yet, and keeps what they answer.
func (l *Book) collect(ctx context.Context) {
	s := l.state.Load()
	if c := l.cosigned.Load(); len(l.witnesses) == 0 || s.checkpoint == nil || s.tree.Size == 0 || c != nil && c.size == s.tree.Size && len(c.keys) == len(l.witnesses) {
		return
	}
	answers := make([][]byte, len(l.witnesses))
	var group sync.WaitGroup
	for i, w := range l.witnesses {
		group.Go(func() {
			var err error
			var behind *BehindError
			if answers[i], err = l.cosign(ctx, w, s); errors.As(err, &behind) {
				l.refused.Store(&err)
			}
		})
	}
	group.Wait()
	signed := bytes.Clone(s.checkpoint)
	for _, lines := range answers {
		signed = append(signed, lines...)
	}
	l.take(s.volume, signed, s.at)
}

// take makes the cosignatures of our witnesses in a note those that are served.
func (l *Book) take(v *volume, signed []byte, at time.Time) {
	keys := make([]string, len(l.witnesses))
	for i, w := range l.witnesses {
		keys[i] = w.Key
	}
	signed, by, err := receipt.PickCosignatures(signed, v.vkey, keys)
	if err != nil || len(by) == 0 {
		return
	}
	c, err := receipt.OpenCheckpoint(signed, v.vkey)
	if now := l.cosigned.Load(); err != nil || now != nil && (now.size > c.Size || now.size == c.Size && len(now.keys) >= len(by)) {
		return
	}
	next := &cosigned{log: v.n, size: c.Size, note: signed, at: at}
	for _, key := range by {
		name, _ := receipt.CosignerName(key)
		next.keys, next.names = append(next.keys, key), append(next.names, name)
	}
	l.cosigned.Store(next)
}

// lag is how much older than the newest checkpoint the served one may be for
// the sake of its cosignatures.
const lag = 5 * time.Second

// witnessed is the checkpoint of a state that is served.
func (l *Book) witnessed(s *state) []byte {
	if c := l.cosigned.Load(); c != nil && c.log == s.n && (c.size == s.tree.Size || s.at.Sub(c.at) < lag) {
		return c.note
	}
	return s.checkpoint
}

// tendAll looks after the checkpoints each second.
func (l *Book) tendAll(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.tend(ctx)
		}
	}
}

// tend has the newest checkpoint cosigned, and puts one by each minute. Of
// several processes one does so, and the others read what it put by. What does
// not work now is tried again in a second.
func (l *Book) tend(ctx context.Context) {
	if l.Refresh(ctx) != nil {
		return
	}
	release, leads := l.db.Lead(ctx, "checkpoint")
	if leads {
		defer release()
		l.collect(ctx)
	}
	s := l.state.Load()
	if !leads || l.keptAt.IsZero() {
		l.lookUp(ctx, s)
	}
	if !leads || s.checkpoint == nil || s.tree.Size == 0 || s.tree.Size == l.keptSize || s.at.Sub(l.keptAt) < time.Minute {
		return
	}
	size, signed := s.tree.Size, s.checkpoint
	if c := l.cosigned.Load(); c != nil && c.size > l.keptSize {
		size, signed = c.size, c.note
	}
	err := l.db.Commit(ctx, func(tx *store.Tx) error { return tx.Do(ctx, q.KeepCheckpoint, s.n, size, signed, s.at) })
	if err == nil {
		l.keptSize, l.keptAt = size, s.at
	}
}

// lookUp finds the checkpoint that was put by last.
func (l *Book) lookUp(ctx context.Context, s *state) {
	var signed []byte
	var at time.Time
	if l.db.View(ctx, func(tx *store.Tx) error {
		return tx.Get(ctx, q.LastCheckpoint, store.Into(&signed, &at), s.n, s.tree.Size)
	}) != nil {
		return
	}
	l.take(s.volume, signed, at)
	if c, err := receipt.OpenCheckpoint(signed, s.vkey); err == nil {
		l.keptSize, l.keptAt = c.Size, at
	}
}

// sign signs a state.
func (s *state) sign() error {
	c := receipt.Checkpoint{Origin: s.origin, Size: s.tree.Size, Root: s.root}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, s.signer)
	if s.checkpoint = signed; err != nil {
		err = fmt.Errorf("sign checkpoint of size %d: %w", s.tree.Size, err)
	}
	return err
}
