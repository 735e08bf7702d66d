package recipients

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/store"
)

// markDigest is what is kept of what names an invented person.
func (s *Section) markDigest(mark string) []byte {
	m := hmac.New(sha256.New, s.canaryKey)
	m.Write([]byte(mark))
	return m.Sum(nil)
}

// invent makes up the people who go along with a list, and remembers by what
// they are known again. Who they are is kept nowhere.
func (s *Section) invent(ctx context.Context, tx *store.Tx, r *run) (all []list.Invented, err error) {
	for range canaries(r.list.now) {
		p := list.Invent(r.list.now.Statement, r.columns())
		for _, mark := range p.Marks {
			if err := tx.Do(ctx, q.AddCanary, s.markDigest(mark), r.id[:], r.list.to.Name, tx.Now); err != nil {
				return nil, err
			}
		}
		all = append(all, p)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all, nil
}

// Canary says whether an address is that of somebody invented, and which
// recipient alone was given it.
func (s *Section) Canary(ctx context.Context, to mail.Address) (recipient string, ok bool, err error) {
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		var at time.Time
		return tx.Get(ctx, q.Canary, store.Into(&recipient, &at), s.markDigest(to.Text()))
	})
	if errors.Is(err, store.ErrNone) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look for a canary: %w", err)
	}
	return recipient, true, nil
}

// Touched says that something came to the address of somebody invented. Whatever
// it was, only the recipient in whose list they stand can have given it away or
// used it; the log has who that is.
func (s *Section) Touched(ctx context.Context, to mail.Address) error {
	_, err := s.touch(ctx, to.Text())
	return err
}

// A Whose is a list that somebody invented was taken from.
type Whose struct {
	Recipient string    `json:"recipient" doc:"Who was given the list."`
	Given     time.Time `json:"given" doc:"When."`
}

// touch marks whoever goes by that mark; nil if nobody does.
func (s *Section) touch(ctx context.Context, mark string) (w *Whose, err error) {
	digest, first := s.markDigest(mark), int64(0)
	err = s.Store.Commit(ctx, func(tx *store.Tx) error {
		w = &Whose{}
		if err := tx.Get(ctx, q.Canary, store.Into(&w.Recipient, &w.Given), digest); err != nil {
			return err
		}
		if first, err = tx.Exec(ctx, q.Touch, digest, tx.Now); err != nil || first == 0 {
			return err
		}
		_, err := s.Ledger.Fact(ctx, tx, "r", map[string]any{"what": "canary", "recipient": w.Recipient, "given": w.Given.UTC().Format(time.DateOnly)})
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("touch a canary: %w", err)
	}
	s.Log.Error("something came to somebody invented: the list of this recipient was used or given away", "recipient", w.Recipient,
		"given", w.Given.UTC().Format(time.DateOnly), "first", first > 0)
	return w, nil
}
