package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queries string

var q = store.Load[struct{ Seen, Forget, Keep, Expire string }](queries)

// remembered is how long a change that must not be done twice is remembered.
const remembered = 24 * time.Hour

// Once sees to it that a change that carries a key is done once, however often
// it is asked for. A section asks Seen first in its transaction and calls Keep
// last in it, so that the change and the memory of it are one. A nil Once is a
// change without a key, and costs nothing.
//
// What is kept tells nothing: both the key and the request stand as a MAC under
// the caller's token, which the database does not have. A plain hash of a
// request would give the address in it to whoever has a list of addresses.
type Once struct {
	key, request [32]byte

	seen   bool
	answer []byte
	link   string
}

// OnceOf is the Once of the request that ctx belongs to.
func OnceOf(ctx context.Context) *Once { return callOf(ctx).once }

// Seen says whether the change was done before. It is then not done again:
// Again has what was answered.
func (o *Once) Seen(ctx context.Context, tx *store.Tx) (bool, error) {
	if o == nil {
		return false, nil
	}
	o.seen = false
	var request [32]byte
	var expires time.Time
	err := tx.Get(ctx, q.Seen, store.Into(&request, &o.answer, &o.link, &expires), o.key)
	switch {
	case errors.Is(err, store.ErrNone):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for an idempotency key: %w", err)
	case !tx.Now.Before(expires):
		// Its place is taken by inserting, never by overwriting: of two that come
		// at once, one must fail.
		return false, tx.Do(ctx, q.Forget, o.key)
	case !hmac.Equal(request[:], o.request[:]):
		return false, &Problem{Status: http.StatusUnprocessableEntity, Title: "This key was used for something else",
			Detail: "Choose another Idempotency-Key for each change."}
	}
	o.seen = true
	return true, nil
}

// Keep remembers the change: what was answered, without receipts or values, and
// the link to the receipt, if there is one. The row refers to no person. After
// an erasure it goes on saying that the change was done, for the rest of its
// day, so that a repetition does not do it to the person a second time.
func (o *Once) Keep(ctx context.Context, tx *store.Tx, link string, answer any) error {
	if o == nil {
		return nil
	}
	body, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		return err
	}
	if err := tx.Do(ctx, q.Keep, o.key, o.request, body, link, tx.Now.Add(remembered)); err != nil {
		return fmt.Errorf("keep an idempotency key: %w", err)
	}
	return nil
}

// Again puts what was answered the first time into out and says where its
// receipt is; ok is false if this is the first time.
func (o *Once) Again(out any) (link string, ok bool, err error) {
	if !o.found() {
		return "", false, nil
	}
	return o.link, true, json.Unmarshal(o.answer, out)
}

func (o *Once) found() bool { return o != nil && o.seen }

// keyed reads the idempotency key.
func (c *call) keyed() *Problem {
	key := c.Header("Idempotency-Key")
	if key == "" {
		return nil
	}
	if len(key) < 8 || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return &Problem{Status: http.StatusBadRequest, Title: "The Idempotency-Key cannot be used", Detail: "Send 8 to 255 printable characters, chosen anew for each change."}
	}
	c.key = key
	return nil
}

// remember makes the Once of a request with a key.
func (c *call) remember(operation string, request any) *Problem {
	body, err := json.Marshal(request, json.Deterministic(true))
	if err != nil {
		return &Problem{Status: http.StatusBadRequest, Title: "The request cannot be read", Detail: "Something in its address is not UTF-8."}
	}
	c.once = &Once{key: c.mac("key", c.key), request: c.mac(operation, string(body))}
	return nil
}

func (c *call) mac(what, text string) [32]byte {
	h := hmac.New(sha256.New, []byte(c.secret))
	h.Write([]byte("avow/v1/once/" + what + "\n" + strconv.Itoa(len(text)) + "\n" + text))
	return [32]byte(h.Sum(nil))
}

// Expire forgets changes that were remembered long enough.
func Expire(ctx context.Context, db *store.DB) error {
	err := db.Commit(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, q.Expire, tx.Now)
		return err
	})
	if err != nil {
		return fmt.Errorf("expire idempotency keys: %w", err)
	}
	return nil
}
