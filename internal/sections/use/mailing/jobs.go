package mailing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail/letter"
	"github.com/avow-privacy/avow/internal/store"
)

const (
	keptFor = 30 * 24 * time.Hour // how long a letter is known by its return path, at least
	tidied  = 100                 // texts that go in one transaction
)

// tidy lets go of texts that nobody waits for any more. A view sees a letter with
// all its rows or not at all; within a group that is under way one might be seen
// without.
func (s *Section) tidy(ctx context.Context) error {
	for {
		var empty [][16]byte
		err := s.Store.View(ctx, func(tx *store.Tx) error {
			return tx.Each(ctx, q.Empty, func(scan func(...any) error) error {
				var id [16]byte
				err := scan(&id)
				empty = append(empty, id)
				return err
			}, int64(tidied))
		})
		if err == nil && len(empty) > 0 {
			err = s.Store.Commit(ctx, func(tx *store.Tx) error { return s.forgetAll(ctx, tx, empty) })
		}
		if err != nil {
			return fmt.Errorf("let go of letters: %w", err)
		}
		if len(empty) < tidied {
			return nil
		}
	}
}

func (s *Section) forgetAll(ctx context.Context, tx *store.Tx, messages [][16]byte) error {
	for _, id := range messages {
		var record avow.RecordID
		err := tx.Get(ctx, q.DropMessage, &record, id)
		if err == nil {
			err = s.Vault.Delete(ctx, tx, record)
		}
		if err != nil && !errors.Is(err, store.ErrNone) { // another house did it
			return err
		}
	}
	return nil
}

// Forget lets go of what was sent to whom once nothing is decided by it any more.
func (s *Section) Forget(ctx context.Context) error {
	now := s.Editions.InForce()
	if now == nil {
		return nil
	}
	err := s.Store.Commit(ctx, func(tx *store.Tx) error {
		before := tx.Now.Add(-keptFor)
		for i := range now.Purposes {
			if c := now.Purposes[i].AtMost; c.Times > 0 && since(tx.Now, c.Per).Before(before) {
				before = since(tx.Now, c.Per)
			}
		}
		_, err := tx.Exec(ctx, q.Forget, before)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget letters: %w", err)
	}
	return nil
}

// Returned finds what a letter was that came back: id is what its return path has
// between bounce+ and @. ok is false if there was no such letter, or it is long ago.
func (s *Section) Returned(ctx context.Context, id string) (digest [32]byte, purpose avow.Purpose, ok bool, err error) {
	raw, err := idText.DecodeString(strings.ToLower(id))
	if err != nil || len(raw) != 16 {
		return digest, "", false, nil
	}
	err = s.Store.View(ctx, func(tx *store.Tx) error {
		err := tx.Get(ctx, q.Returned, store.Into(&digest, &purpose), [16]byte(raw))
		if errors.Is(err, store.ErrNone) { // the answer was quicker than our note
			err = tx.Get(ctx, q.ReturnedEarly, store.Into(&digest, &purpose), [16]byte(raw))
		}
		return err
	})
	if errors.Is(err, store.ErrNone) {
		return digest, "", false, nil
	}
	if err != nil {
		return digest, "", false, fmt.Errorf("find a letter that came back: %w", err)
	}
	return digest, purpose, true, nil
}

// signer signs for a domain.
func (s *Section) signer(ctx context.Context, domain string) (*letter.Signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if signer := s.signers[domain]; signer != nil {
		return signer, nil
	}
	signer := letter.NewSigner(domain)
	for _, selector := range letter.Selectors {
		der, err := s.key(ctx, selector)
		if err == nil {
			err = signer.Add(selector, der)
		}
		if clear(der); err != nil {
			return nil, fmt.Errorf("key %s: %w", selector, err)
		}
	}
	s.signers[domain] = signer
	return signer, nil
}

// key opens a key for letters, or makes it. It lies in the database, closed under
// those of the house.
func (s *Section) key(ctx context.Context, selector string) ([]byte, error) {
	var sealed string
	err := s.Store.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, q.Key, &sealed, selector) })
	if errors.Is(err, store.ErrNone) {
		der, err := letter.MakeKey(selector)
		if err != nil {
			return nil, err
		}
		made := s.Keys.Veil("dkim/"+selector, der)
		clear(der)
		err = s.Store.Commit(ctx, func(tx *store.Tx) error {
			if err := tx.Do(ctx, q.AddKey, selector, tx.Now, made); err != nil {
				return err
			}
			return tx.Get(ctx, q.Key, &sealed, selector) // another house may have been first
		})
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	return s.Keys.Unveil("dkim/"+selector, sealed)
}

// Records are what to publish in the DNS, so that others can check signatures.
func (s *Section) Records(ctx context.Context) ([]letter.Record, error) {
	now := s.Editions.InForce()
	if now == nil {
		return nil, errSilent
	}
	ours, err := sender(now)
	if err != nil {
		return nil, err
	}
	signer, err := s.signer(ctx, ours.Domain())
	if err != nil {
		return nil, err
	}
	return signer.Records(), nil
}
