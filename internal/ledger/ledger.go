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
// A tree that grows and is signed is the business of package logbook. This one
// knows what the entries say.
package ledger

import (
	"context"
	"crypto"
	_ "embed"
	"sync/atomic"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/logbook"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queriesSQL string

var q = store.Load[struct {
	AddEvent, DropEvents, AllEvents  string
	LastEvent, EventByN, EventByLeaf string
	AddBulk, Bulk, AllBulks          string
	Unshared, EventsOf               string
}](queriesSQL)

// Config says which log this is.
type Config struct {
	Origin    string        // the name of a log that is begun: host and path, without scheme or spaces
	Key       crypto.Signer // Ed25519; signs the checkpoints
	Keys      Keys          // closes the links to receipts, and sums up rows
	HighWater string        // a file outside the data folder that remembers how far the log was signed
	Subject   FindSubject   // finds whose event a link leads to; without it ByLink finds nobody
	Witnesses []Witness     // who is asked to cosign the checkpoints
}

func (c *Config) book() logbook.Config {
	return logbook.Config{Origin: c.Origin, Key: c.Key, HighWater: c.HighWater, Witnesses: c.Witnesses}
}

// What package logbook says, for who knows only this one.
type (
	// Status says where the log stands.
	Status = logbook.Status
	// A Log names one of the logs that an avow has had.
	Log = logbook.Log
	// A Witness is asked to cosign the checkpoints.
	Witness = logbook.Witness
	// A ConflictError is the answer of a witness who has seen another size.
	ConflictError = logbook.ConflictError
	// A DamagedError says that the stored log is not the one that was signed.
	DamagedError = logbook.DamagedError
	// A BehindError says that the database is older than what was signed.
	BehindError = logbook.BehindError
)

// A Subject is a person whose key opens what the log commits to.
type Subject interface {
	ID() avow.SubjectID
	// EntryKey is the key of one entry, made from the subject's own.
	EntryKey(nonce string) [32]byte
	// Tombstone is what only the subject's key gives, and what the log is told
	// when the subject is erased.
	Tombstone() [32]byte
	// RecordTombstone is the same for one record.
	RecordTombstone(id avow.RecordID) [32]byte
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
	*logbook.Book
	db  *store.DB
	cfg Config

	erased    []*Pending               // tombstones of the group that is written; the committer's alone
	owed      []*Pending               // those that are not in the journal yet; the committer's alone
	unwritten atomic.Pointer[error]    // why an erasure is not in the journal, if one is not
	reported  atomic.Pointer[[32]byte] // the state that was last put into the log
}

// Open opens the newest log in db, or begins one, and makes it the one that
// takes the entries. It computes the whole tree anew and holds it to the stored
// head, to the high-water file, and to what witnesses have seen.
func Open(ctx context.Context, db *store.DB, cfg Config) (*Ledger, error) {
	book, err := logbook.Open(ctx, db, cfg.book())
	if err != nil {
		return nil, err
	}
	l := &Ledger{Book: book, db: db, cfg: cfg}
	db.Attach(l)
	return l, nil
}

// Name is the name of the newest log that db holds, or "" if it holds none yet.
// A log keeps the name it was started with, whatever the site is called by now.
func Name(ctx context.Context, db *store.DB) (string, error) { return logbook.Name(ctx, db) }

// Rotate begins another log in db, when the one there cannot go on: its first
// entry names the old one, how far it had come, and the reason. It returns the
// new log's name. No Ledger may be open meanwhile.
func Rotate(ctx context.Context, db *store.DB, cfg Config, reason string) (origin string, err error) {
	return logbook.Rotate(ctx, db, cfg.book(), reason)
}
