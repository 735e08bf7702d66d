package tell

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/mail"
	"github.com/avow-privacy/avow/internal/page"
	"github.com/avow-privacy/avow/internal/sections/use/recipients/list"
	"github.com/avow-privacy/avow/internal/statement"
	"github.com/avow-privacy/avow/internal/store"
)

// all is the scope of a stop of every letter but those somebody asked for.
const all avow.Purpose = "*"

// What a recipient is told of a reference; after stopped there may be a purpose.
const (
	wasErased  = "erased"
	wasStopped = "stopped"
)

const (
	nag    = 3 * 24 * time.Hour   // how long an answer is waited for before we ask again
	retry  = 24 * time.Hour       // how long, at most, before a recipient is tried again that could not be told
	forget = 400 * 24 * time.Hour // how long is kept what was done
	atOnce = 200                  // how many are told in one round

	pageSize = 500           // how many addresses are looked at in one view
	never    = math.MaxInt64 // when somebody is told again of what was done
)

// Erased has the recipients who were given a person told that they are not to
// have them any more. It belongs into the transaction that erases, before the
// person's rows go.
func (k *Desk) Erased(ctx context.Context, tx *store.Tx, who avow.SubjectID) error {
	given, err := k.given(ctx, tx, q.GivenTo, who[:])
	for _, g := range given {
		if err = k.notice(ctx, tx, g, wasErased); err != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("tell of %s: %w", who, err)
	}
	return nil
}

// Stopped has the recipients who were given an address told that it gets no more
// letters for a purpose, or for any (scope *). digest is what the address is
// known by where letters are stopped. It belongs into the transaction of the
// stop.
func (k *Desk) Stopped(ctx context.Context, tx *store.Tx, digest [32]byte, scope avow.Purpose) error {
	tx.Claim([16]byte(digest[:16])) // whoever gives a list at this moment does so before or after
	given, err := k.given(ctx, tx, q.GivenAt, digest[:])
	if err != nil {
		return fmt.Errorf("tell of a stop: %w", err)
	}
	what, now := wasStopped, k.Editions.InForce()
	if scope != all {
		what += " " + string(scope)
	}
	for _, g := range given {
		if !concerns(now, g.to, scope) {
			continue
		}
		if err := k.notice(ctx, tx, g, what); err != nil {
			return fmt.Errorf("tell of a stop: %w", err)
		}
	}
	return nil
}

// concerns says whether a recipient uses what it was given for what was stopped.
// One that is none any more may do so until it is told.
func concerns(now *statement.Edition, name string, scope avow.Purpose) bool {
	if now == nil {
		return true
	}
	r := Declared(now, name)
	return r == nil || slices.ContainsFunc(r.For, func(p avow.Purpose) bool {
		d := now.Purpose(p)
		return scope == p || scope == all && (d == nil || !d.Transactional())
	})
}

// A given is a person whom a recipient was given.
type given struct {
	to  string
	ref []byte
	at  int64 // when they were last
}

func (k *Desk) given(ctx context.Context, tx *store.Tx, query string, by []byte) (found []given, err error) {
	return found, tx.Each(ctx, query, func(scan func(...any) error) error {
		var g given
		err := scan(&g.to, &g.ref, &g.at)
		found = append(found, g)
		return err
	}, by)
}

// notice has a recipient told, unless they were told it, or more, since they were
// given the person.
func (k *Desk) notice(ctx context.Context, tx *store.Tx, g given, what string) error {
	more := what
	if what != wasErased {
		more = wasStopped
	}
	var known int64
	if err := tx.Get(ctx, q.Known, &known, g.to, g.ref, what, more, g.at); err != nil || known > 0 {
		return err
	}
	id := avow.NewRecordID(tx.Now)
	return tx.Do(ctx, q.AddNotice, id[:], g.to, g.ref, what, tx.Now)
}

// A duty is a notice that is due.
type duty struct {
	id    avow.RecordID
	to    string
	ref   list.Ref
	what  string
	at    time.Time
	tries int64

	answered bool // done, and need not be told again
	told     bool // received
}

// Tell tells recipients what they have yet to be told, once more those who did
// not say that it was done. The server calls it each minute.
func (k *Desk) Tell(ctx context.Context) error {
	var due []*duty
	contacts := map[string]Contact{}
	err := k.Store.View(ctx, func(tx *store.Tx) error {
		due = nil
		err := tx.Each(ctx, q.Due, func(scan func(...any) error) error {
			var d duty
			var ref []byte
			err := scan(&d.id, &d.to, &ref, &d.what, &d.at, &d.tries)
			copy(d.ref[:], ref)
			due = append(due, &d)
			return err
		}, tx.Now, atOnce)
		for _, d := range due {
			if _, ok := contacts[d.to]; !ok && err == nil {
				contacts[d.to], err = k.Contact(ctx, tx, d.to)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("tell recipients: %w", err)
	}
	if len(due) == 0 {
		return nil
	}
	down := map[string]bool{}
	for _, d := range due {
		if How(contacts[d.to].Tell) == "https" && !down[d.to] {
			err := k.post(ctx, contacts[d.to].Tell, d)
			down[d.to] = err != nil
			if err != nil {
				k.Log.Warn("a recipient could not be told", "recipient", d.to, "error", err)
			}
		}
	}
	err = k.Store.Commit(ctx, func(tx *store.Tx) error { return k.settle(ctx, tx, due) })
	if err == nil { // apart, so that what was told is not told again for the sake of a letter
		err = k.Store.Commit(ctx, func(tx *store.Tx) error { return k.writeTo(ctx, tx, due, contacts) })
	}
	if err != nil {
		return fmt.Errorf("tell recipients: %w", err)
	}
	return nil
}

// settle writes down what came of the webhooks, and when those are told again
// that are not done.
func (k *Desk) settle(ctx context.Context, tx *store.Tx, due []*duty) (err error) {
	for _, d := range due {
		switch {
		case d.answered:
			err = tx.Do(ctx, q.Done, d.id[:], tx.Now, int64(never))
		case d.told:
			err = tx.Do(ctx, q.Told, d.id[:], tx.Now, tx.Now.Add(nag))
		default:
			err = tx.Do(ctx, q.Later, d.id[:], tx.Now.Add(backOff(d.tries)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// backOff is how long is waited after so many tries that came to nothing.
func backOff(tries int64) time.Duration { return min(time.Minute<<min(2*tries, 20), retry) }

// webhook is what a recipient is told by one. Standard Webhooks, with one key
// that anybody can check.
type webhook struct {
	Type        string    `json:"type"`
	Ref         string    `json:"ref"`
	Purpose     string    `json:"purpose,omitempty"`
	At          time.Time `json:"at"`
	Acknowledge string    `json:"acknowledge"`
}

// errAnswer says that a webhook did not take what it was told.
var errAnswer = errors.New("the webhook did not take it")

func (k *Desk) post(ctx context.Context, to string, d *duty) error {
	what, purpose, _ := strings.Cut(d.what, " ")
	body, err := json.Marshal(webhook{what, d.ref.String(), purpose, d.at.UTC(), k.link(append([]byte{'n'}, d.id[:]...))})
	if err != nil {
		return err
	}
	a, err := k.Door.Post(ctx, to, k.sign(d.id, k.Store.Now(), body), body)
	if err != nil {
		return err
	}
	switch a.Status {
	case http.StatusOK, http.StatusNoContent:
		d.told, d.answered = true, true
	case http.StatusAccepted:
		d.told = true
	default:
		return fmt.Errorf("%w: it answers %d", errAnswer, a.Status)
	}
	return nil
}

// sign makes the headers of a webhook (Standard Webhooks, v1a).
func (k *Desk) sign(id avow.RecordID, at time.Time, body []byte) http.Header {
	name, seconds := "msg_"+strings.TrimPrefix(id.String(), "rec_"), strconv.FormatInt(at.Unix(), 10)
	signature := ed25519.Sign(k.signs, bytes.Join([][]byte{[]byte(name), []byte(seconds), body}, []byte(".")))
	return http.Header{"Content-Type": {"application/json"}, "Webhook-Id": {name}, "Webhook-Timestamp": {seconds},
		"Webhook-Signature": {"v1a," + base64.StdEncoding.EncodeToString(signature)}}
}

// PublicKey is what webhooks are checked by, as Standard Webhooks writes it.
func (k *Desk) PublicKey() string {
	return "whpk_" + base64.StdEncoding.EncodeToString(k.signs.Public().(ed25519.PublicKey))
}

// Signature signs a notice of nobody and checks it as a recipient does.
func (k *Desk) Signature(at time.Time) bool {
	body := []byte(`{"type":"test"}`)
	h := k.sign(avow.NewRecordID(at), at, body)
	signature, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h["Webhook-Signature"][0], "v1a,"))
	key, errKey := base64.StdEncoding.DecodeString(strings.TrimPrefix(k.PublicKey(), "whpk_"))
	return err == nil && errKey == nil && len(key) == ed25519.PublicKeySize &&
		ed25519.Verify(key, bytes.Join([][]byte{[]byte(h["Webhook-Id"][0]), []byte(h["Webhook-Timestamp"][0]), body}, []byte(".")), signature)
}

// writeTo sends a letter to each recipient who is told by letter, with all that is
// due to be told.
func (k *Desk) writeTo(ctx context.Context, tx *store.Tx, due []*duty, contacts map[string]Contact) error {
	of := map[string][]*duty{}
	var order []string
	for _, d := range due {
		if k.Letters != nil && How(contacts[d.to].Tell) == "mailto" {
			if of[d.to] == nil {
				order = append(order, d.to)
			}
			of[d.to] = append(of[d.to], d)
		}
	}
	for _, name := range order {
		u, err := url.Parse(contacts[name].Tell)
		if err != nil {
			return err
		}
		to, err := mail.ParseAddress(u.Opaque)
		if err != nil {
			return err
		}
		if err := k.Letters.Notice(ctx, tx, to, "Please let go of people on the lists you were given", k.letter(tx, name, of[name])); err != nil {
			return err
		}
		for _, d := range of[name] {
			if err := tx.Do(ctx, q.Told, d.id[:], tx.Now, tx.Now.Add(nag)); err != nil {
				return err
			}
		}
	}
	return nil
}

// letter is what a recipient is told by letter. It names nobody.
func (k *Desk) letter(tx *store.Tx, name string, due []*duty) string {
	var b strings.Builder
	fmt.Fprintf(&b, "You were given lists by %s. Some of the people on them want no more of it, or are to be\nforgotten. The references are those in the first column of your lists.\n",
		k.Editions.InForce().Organisation.Name)
	for _, part := range []struct{ what, says string }{{wasErased, "Erase what you have of:"}, {wasStopped, "Send no more letters to:"}} {
		said := false
		for _, d := range due {
			what, purpose, _ := strings.Cut(d.what, " ")
			if what != part.what {
				continue
			}
			if !said {
				fmt.Fprintf(&b, "\n%s\n", part.says)
				said = true
			}
			if purpose != "" {
				purpose = " (" + purpose + ")"
			}
			fmt.Fprintf(&b, "  %s%s\n", d.ref, purpose)
		}
	}
	token := binary.BigEndian.AppendUint64([]byte{'u'}, uint64(tx.Now.UnixMicro()))
	fmt.Fprintf(&b, "\nWhen you have done it, say so here. Until then we ask again every three days.\n%s\n", k.link(append(token, name...)))
	return b.String()
}

// ackUse is what the links are veiled for by which recipients say that it is done.
const ackUse = "recipient-done"

func (k *Desk) link(token []byte) string {
	return cmp.Or(k.Origin, k.Editions.InForce().Organisation.Home()) + page.Base + "/recipients/done/" + k.Keys.Veil(ackUse, token)
}

// acknowledge takes a recipient's word that it was done: of one notice, or of
// all that were told until a moment. It says of whom it is the word.
func (k *Desk) acknowledge(ctx context.Context, token string, act bool) error {
	plain, err := k.Keys.Unveil(ackUse, token)
	if err != nil || len(plain) < 9 {
		return page.NotFound
	}
	if !act {
		return nil
	}
	err = k.Store.Commit(ctx, func(tx *store.Tx) error {
		if plain[0] == 'n' {
			return tx.Do(ctx, q.Done, plain[1:], tx.Now, int64(never))
		}
		until := int64(binary.BigEndian.Uint64(plain[1:9]))
		return tx.Do(ctx, q.DoneUpTo, string(plain[9:]), until, tx.Now, int64(never))
	})
	if err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	return nil
}
