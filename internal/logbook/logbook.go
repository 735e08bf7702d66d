// Package logbook keeps a Merkle tree in the store, signed, served and witnessed.
//
// The tree is as in RFC 6962, served as c2sp.org/tlog-tiles and signed as
// c2sp.org/tlog-checkpoint. What the entries say is not its affair. It grows with
// the transactions of the store, and the order is fixed: durable, then signed,
// then answered. A size that could still be lost is never signed.
//
// A database put back from a backup would fork the log. So a file outside the
// database remembers how far the log was signed, witnesses may remember it too,
// and Open refuses a log that is behind them or differs. Then Rotate begins
// another log, which says in its first entry why.
//
// Several processes may write to the log of one PostgreSQL database: who writes
// locks its head, reads what others wrote, and goes on from there.
package logbook

import (
	"context"
	"crypto"
	_ "embed"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/avow-privacy/avow/internal/logbook/tree"
	"github.com/avow-privacy/avow/internal/store"
)

//go:embed queries.sql
var queriesSQL string

var q = store.Load[struct {
	Newest, All, Head, LockHead, Begin, Advance, Leave string
	AddChunk, Chunks, AddTile, Tile                    string
	KeepCheckpoint, LastCheckpoint                     string
}](queriesSQL)

// ErrUnsigned says that the log has the entry, but could not sign yet.
var ErrUnsigned = errors.New("the log has not signed this entry yet")

// Config says which log this is.
type Config struct {
	Origin    string        // the name of a log that is begun: host and path, without scheme or spaces
	Key       crypto.Signer // Ed25519; signs the checkpoints
	HighWater string        // a file outside the data folder that remembers how far the log was signed
	Witnesses []Witness     // who is asked to cosign the checkpoints
}

// A Witness is somebody else who looks at the log as it grows, and signs that it
// only grew.
type Witness struct {
	// Key is the verifier key of its cosignatures.
	Key string
	// Ask sends a request of c2sp.org/tlog-witness, add-checkpoint, and returns
	// the lines that were answered. Of a conflict it makes a *ConflictError.
	Ask func(ctx context.Context, request []byte) ([]byte, error)
}

// A ConflictError is the answer of a witness who has seen the log at another
// size than it was told.
type ConflictError struct{ Size int64 }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the witness has seen the log at size %d", e.Size)
}

// A Book is the log of one avow. Any number of goroutines may use it.
type Book struct {
	rack   tree.Rack
	db     *store.DB
	cfg    Config
	shared bool // whether other processes write too
	volume *volume

	state   atomic.Pointer[state] // durable and signed
	growing chan struct{}         // filled from Grow to Durable or Lost, and by Refresh
	staged  *Growth

	cosigned  atomic.Pointer[cosigned]
	witnesses []*witness
	keptSize  int64     // of the checkpoint that was put by last; tend's alone
	keptAt    time.Time // when it was signed

	forgot  atomic.Pointer[error] // why the high-water file could not be written, while it cannot
	refused atomic.Pointer[error] // why a witness found the log behind, if one did

	mu    sync.Mutex
	older map[int64]*state // logs that went before, as far as they were signed

	stop   context.CancelFunc
	ended  sync.WaitGroup
	closed sync.Once
}

// A state is the log at one size. It is never changed once it is published. Its
// checkpoint is nil if the key could not be used.
type state struct {
	*volume
	tree       *tree.Tree
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
	// Cosigned is the size of the newest checkpoint that witnesses have
	// cosigned, and Witnesses are their names.
	Cosigned  int64
	Witnesses []string
}

// Open opens the newest log in db, or begins one. It computes the whole tree
// anew and holds it to the stored head, to the high-water file, and to what
// witnesses have seen.
func Open(ctx context.Context, db *store.DB, cfg Config) (*Book, error) {
	l := &Book{db: db, cfg: cfg, shared: db.Engine() == "postgres", older: map[int64]*state{}, growing: make(chan struct{}, 1)}
	var err error
	if l.witnesses, err = openWitnesses(cfg.Witnesses); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	ctx, l.stop = context.WithCancel(context.Background())
	l.ended.Go(func() { l.remember(ctx) })
	l.ended.Go(func() { l.tendAll(ctx) })
	return l, nil
}

// Close writes the high-water file a last time. It comes before the store's.
func (l *Book) Close() (err error) {
	l.closed.Do(func() {
		l.stop()
		l.ended.Wait()
		err = l.writeHighWater(l.state.Load())
	})
	return err
}

// Status says where the log stands.
func (l *Book) Status() Status {
	s := l.state.Load()
	status := Status{Origin: s.origin, Size: s.tree.Size, Root: s.root, Signed: s.at, Key: s.vkey}
	if c := l.cosigned.Load(); c != nil {
		status.Cosigned, status.Witnesses = c.size, c.names
	}
	return status
}

// Checkpoint is the newest one, signed; nil if the key cannot be used.
func (l *Book) Checkpoint() []byte { return l.state.Load().checkpoint }

// publish signs a state and makes it the one that is served. The state must be
// durable, and nothing else grow the log meanwhile.
func (l *Book) publish(s *state) (err error) {
	if s.checkpoint == nil {
		err = s.sign()
	}
	l.state.Store(s)
	return err
}
