package tell

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"filippo.io/age"

	"github.com/avow-privacy/avow/internal/api"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/store"
)

// A Contact is how a recipient is reached.
type Contact struct {
	Key  string // their public age key, that lists are closed to
	Tell string // a webhook, https://…, or mailto: and an address
}

// Fingerprint is what stands for the key where it would take too much room.
func (c Contact) Fingerprint() string {
	if c.Key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(c.Key))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Contact says how a recipient is reached, as far as anybody said so.
func (k *Desk) Contact(ctx context.Context, tx *store.Tx, name string) (c Contact, err error) {
	err = tx.Get(ctx, q.Contact, store.Into(&c.Key, &c.Tell), name)
	if errors.Is(err, store.ErrNone) {
		err = nil
	}
	return c, err
}

// ParseKey reads an age key: X25519, or the hybrid with ML-KEM.
func ParseKey(text string) (age.Recipient, error) {
	if strings.HasPrefix(text, "age1pq1") {
		return age.ParseHybridRecipient(text)
	}
	return age.ParseX25519Recipient(text)
}

// How says in which way an address can be told: https, mailto or "".
func How(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > 500:
	case u.Scheme == "https" && u.Host != "" && u.User == nil:
		return "https"
	case u.Scheme == "mailto" && u.RawQuery == "":
		if _, err := mail.ParseAddress(u.Opaque); err == nil {
			return "mailto"
		}
	}
	return ""
}

// Reach sets how a recipient is reached; what is empty stays as it was. The log
// has whom lists are closed to from then on.
func (k *Desk) Reach(ctx context.Context, name string, c Contact) error {
	now := k.Editions.InForce()
	if now == nil || Declared(now, name) == nil {
		return api.NotHere("recipient")
	}
	if _, err := ParseKey(c.Key); c.Key != "" && err != nil {
		return api.Invalid("key", "Give the recipient's public age key, which begins with age1. The secret one never leaves them.")
	}
	if c.Tell != "" && How(c.Tell) == "" {
		return api.Invalid("tell", "Give where they are told: https:// with a webhook, or mailto: with an address.")
	}
	if c == (Contact{}) {
		return api.Invalid("", "Give a key, or where they are told, or both.")
	}
	err := k.Store.Commit(ctx, func(tx *store.Tx) error {
		was, err := k.Contact(ctx, tx, name)
		if err != nil {
			return err
		}
		will := c
		if will.Key == "" {
			will.Key = was.Key
		}
		if will.Tell == "" {
			will.Tell = was.Tell
		}
		if err := tx.Do(ctx, q.SetContact, name, will.Key, will.Tell); err != nil {
			return err
		}
		if will.Tell != was.Tell { // whoever could not be told is told now
			if err := tx.Do(ctx, q.Soon, name, tx.Now); err != nil {
				return err
			}
		}
		_, err = k.Ledger.Fact(ctx, tx, "r", map[string]any{"what": "recipient", "recipient": name, "key": will.Fingerprint(), "tell": How(will.Tell)})
		return err
	})
	if err != nil {
		return fmt.Errorf("reach %s: %w", name, err)
	}
	return nil
}
