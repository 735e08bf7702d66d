// Package ledger writes what was done into a tamper-evident log, and proves it.
//
// The log is a Merkle tree as in RFC 6962, served as c2sp.org/tlog-tiles and
// signed as c2sp.org/tlog-checkpoint. An entry about a person is 66 bytes that
// look like any other: a commitment, with neither time nor type nor pseudonym.
// What it commits to is kept closed under the person's key, and is gone when
// the key is. Facts about the operator stand in clear.
//
// Entries become part of the transaction that they report on: Record and Fact
// leave them with the store, and the last thing the transaction does is to give
// them their places and move the head. The order after that is fixed: durable,
// then signed, then answered. A size that could still be lost is never signed.
//
// A database put back from a backup would fork the log. So a file outside the
// database remembers how far the log was signed, and Open refuses a log that
// is behind it or differs.
package ledger

import (
	"context"
	"crypto"
	"crypto/ed25519"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
	"github.com/avow-privacy/avow/receipt"
	"golang.org/x/mod/sumdb/note"
)

//go:embed queries.sql
var queriesSQL string

var q = store.Load[struct {
	Name                            string
	Head, Begin, Advance, Others    string
	AddChunk, Chunks, AddTile, Tile string
	KeepCheckpoint                  string
	AddEvent, LastEvent             string
	EventByN, EventByLeaf           string
}](queriesSQL)

// Config says which log this is.
type Config struct {
	Origin    string        // its name: host and path, without scheme or spaces
	Key       crypto.Signer // Ed25519; signs the checkpoints
	Keys      Keys          // closes the links to receipts, and sums up rows
	HighWater string        // a file outside the data folder that remembers how far the log was signed
	Subject   FindSubject   // finds whose event a link leads to; without it ByLink finds nobody
}

// A Subject is a person whose key opens what the log commits to.
type Subject interface {
	ID() avow.SubjectID
	// EntryKey is the key of one entry, made from the subject's own.
	EntryKey(nonce string) [32]byte
	// SealPayload closes the payload of the n-th event about a record.
	SealPayload(about avow.RecordID, n int64, v avow.Version, payload []byte) []byte
	OpenPayload(about avow.RecordID, n int64, v avow.Version, sealed []byte) ([]byte, error)
}

// Keys are what the ledger needs of the keys of the house.
type Keys interface {
	// Veil closes a few bytes into a text that only Unveil opens.
	Veil(use string, plain []byte) string
	Unveil(use, text string) ([]byte, error)
	// Row is the keyed hash of a row, for the state of the store.
	Row(columns ...[]byte) [32]byte
}

// FindSubject finds a subject by id.
type FindSubject func(ctx context.Context, tx *store.Tx, id avow.SubjectID) (Subject, error)

// A Ledger is the log of one avow. Any number of goroutines may use it.
type Ledger struct {
	db     *store.DB
	cfg    Config
	signer signer
	vkey   string

	log    int64                 // its number
	state  atomic.Pointer[state] // durable and signed
	staged *state                // in a transaction; the committer's alone
	kept   time.Time             // when a checkpoint was last put by; the committer's alone

	forgot atomic.Pointer[error] // why the high-water file could not be written, while it cannot

	stop   chan struct{}
	ended  chan struct{}
	closed sync.Once
}

// A state is the log at one size. It is never changed once it is published. Its
// checkpoint is nil if the key could not be used.
type state struct {
	tree       *tree
	root       [32]byte
	rows       store.State // of all rows about persons
	checkpoint []byte
	at         time.Time
}

// Status says where the log stands.
type Status struct {
	Origin string
	Size   int64
	Root   [32]byte
	Signed time.Time // when the newest checkpoint was signed
	Key    string    // the verifier key
}

// Open opens the log in db and makes it the one that takes the entries. It
// computes the whole tree anew and holds it to the stored head and to the
// high-water file.
func Open(ctx context.Context, db *store.DB, cfg Config) (*Ledger, error) {
	public, ok := cfg.Key.Public().(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("open log: the key is not an Ed25519 key")
	}
	if strings.ContainsAny(cfg.Origin, " +\n\r\t") || cfg.Origin == "" {
		return nil, fmt.Errorf("open log: %q is no name for a log: give host and path, such as harbour.example/log", cfg.Origin)
	}
	vkey, err := note.NewEd25519VerifierKey(cfg.Origin, public)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l := &Ledger{
		db: db, cfg: cfg, vkey: vkey, signer: signer{cfg.Key, verifier},
		stop: make(chan struct{}), ended: make(chan struct{}),
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	db.Attach(l)
	go l.remember()
	return l, nil
}

// Close writes the high-water file a last time. It comes before the store's.
func (l *Ledger) Close() (err error) {
	l.closed.Do(func() {
		close(l.stop)
		<-l.ended
		err = l.writeHighWater(l.state.Load())
	})
	return err
}

// Status says where the log stands.
func (l *Ledger) Status() Status {
	s := l.state.Load()
	return Status{Origin: l.cfg.Origin, Size: s.tree.size, Root: s.root, Signed: s.at, Key: l.vkey}
}

// Checkpoint is the newest one, signed; nil if the key cannot be used.
func (l *Ledger) Checkpoint() []byte { return l.state.Load().checkpoint }

// publish signs a state and makes it the one that is served. The state must be
// durable.
func (l *Ledger) publish(s *state) error {
	c := receipt.Checkpoint{Origin: l.cfg.Origin, Size: s.tree.size, Root: s.root}
	signed, err := note.Sign(&note.Note{Text: c.Text()}, l.signer)
	s.checkpoint = signed
	l.state.Store(s)
	if err != nil {
		return fmt.Errorf("sign checkpoint of size %d: %w", s.tree.size, err)
	}
	return nil
}

// A signer signs notes with a key that may live elsewhere.
type signer struct {
	key crypto.Signer
	note.Verifier
}

func (s signer) Sign(msg []byte) ([]byte, error) { return s.key.Sign(nil, msg, crypto.Hash(0)) }
