package store

import (
	"context"
	"errors"
	"time"
)

// ErrNone says that a query found no row.
var ErrNone = errors.New("no such row")

var (
	errOver = errors.New("the transaction is over")
	errEach = errors.New("a statement inside Each: collect the rows first, an engine reads one result at a time")
)

// A Tx is one request's part of a transaction. It belongs to the function that
// was given it, and to no other goroutine.
type Tx struct {
	// Now is the moment at which all that this transaction does is done. It
	// never lies before the moment of an earlier transaction of this process.
	Now time.Time

	session session
	left    *left // nil in a view
	closed  bool  // the log was given the entries
	reading bool  // inside Each
	failed  error // of the first statement that failed
}

// A left is what requests leave to be done at the end of their transaction.
type left struct {
	entries []any
	change  State // what was done to the rows about persons
	erases  bool
	frees   bool // what it takes may come from the reserve of a full disk
	meets   []meeting
	counts  []count
}

// A count is what is added to a counter.
type count struct {
	counter
	n int64
}

type counter struct{ query, of, outcome string }

// A meeting is what a request has to do with something that others may want too.
type meeting struct {
	with  [16]byte
	alone bool
}

// A Row is where the columns of one row go.
type Row []any

// Into gathers destinations for a row of several columns.
func Into(dest ...any) Row { return dest }

// Exec runs a statement and says how many rows it changed. Arguments may be
// integers, strings, byte slices, times and ids. A statement that fails in a
// Commit fails the request, whatever its function returns.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	if ctx, err = tx.may(ctx); err != nil {
		return 0, err
	}
	n, err = tx.session.Exec(ctx, query, args)
	return n, tx.note(err)
}

// Do runs a statement whose count of rows nobody needs. An engine may send it
// together with later ones; if it fails, the request fails, then or at its end.
// The arguments must not be changed afterwards.
func (tx *Tx) Do(ctx context.Context, query string, args ...any) error {
	ctx, err := tx.may(ctx)
	if err != nil {
		return err
	}
	return tx.note(tx.session.Do(ctx, query, args))
}

// Get runs a query for one row and puts it into dest, a pointer or Into(...).
// Without a row it returns ErrNone.
func (tx *Tx) Get(ctx context.Context, query string, dest any, args ...any) error {
	ctx, err := tx.may(ctx)
	if err != nil {
		return err
	}
	row, ok := dest.(Row)
	if !ok {
		row = Row{dest}
	}
	found, err := tx.session.Get(ctx, query, row, args)
	if err == nil && !found {
		return ErrNone
	}
	return tx.note(err)
}

// Each runs a query and calls fn for every row. Inside fn no other statement
// may run: not every engine reads two results at once.
func (tx *Tx) Each(ctx context.Context, query string, fn func(scan func(dest ...any) error) error, args ...any) error {
	ctx, err := tx.may(ctx)
	if err != nil {
		return err
	}
	tx.reading = true
	defer func() { tx.reading = false }()
	var own error
	err = tx.session.Each(ctx, query, args, func(scan func(dest ...any) error) error {
		own = fn(scan)
		return own
	})
	if own != nil {
		return own // no fault of the statement
	}
	return tx.note(err)
}

// Log leaves an entry for the log. It is written with those of the whole group,
// in the order the requests came, and only if this request succeeds.
func (tx *Tx) Log(entry any) {
	if tx.left == nil || tx.closed {
		panic("store: an entry for the log in a view, or after the log was written")
	}
	tx.left.entries = append(tx.left.entries, entry)
}

// Entries are those that were left for the log so far, this request's last: on
// SQLite by the whole group, on PostgreSQL by this request. They are not written
// yet, so no query finds them.
func (tx *Tx) Entries() []any { return tx.left.entries }

// Add notes that a row about a person came, by the keyed hash of all its
// columns. A row that changed went and came.
func (tx *Tx) Add(p Part, row [32]byte) { tx.left.change.Add(p, row) }

// Remove is the reverse of Add.
func (tx *Tx) Remove(p Part, row [32]byte) { tx.left.change.Remove(p, row) }

// Change is what was done to the state so far; in Log.Write, by the whole group.
func (tx *Tx) Change() State { return tx.left.change }

// Erases says that what this transaction deletes must not be readable anywhere
// in the database's files once it is done; or, if a view of an older snapshot is
// in the way, a second after that has ended. On a full disk such a transaction
// is done all the same.
func (tx *Tx) Erases() {
	tx.Overwrites()
	tx.left.frees = true
}

// Overwrites is Erases for what something else takes the place of: it waits for
// room like any other change.
func (tx *Tx) Overwrites() {
	if tx.left == nil {
		panic("store: an erasure in a view")
	}
	tx.left.erases = true
}

// Claim says that this request must have what id names to itself, Touch that it
// adds to it. A lock keeps other transactions out, but not the requests that run
// beside this one in the same. If two of them meet over something that either of
// them claims, the later is done after the other.
func (tx *Tx) Claim(id [16]byte) { tx.left.meets = append(tx.left.meets, meeting{id, true}) }

// Touch is what Claim says of it.
func (tx *Tx) Touch(id [16]byte) { tx.left.meets = append(tx.left.meets, meeting{id, false}) }

// Count adds n to the counter of that name, by a query that takes both parts of
// the name and what is added. Many requests of a group add to the same ones: the
// query runs once for all of them, at the end, and only for those that succeed.
func (tx *Tx) Count(query, of, outcome string, n int64) {
	if tx.left == nil {
		panic("store: a count in a view")
	}
	tx.left.counts = append(tx.left.counts, count{counter{query, of, outcome}, n})
}

// may says whether a statement can run, and with which context.
func (tx *Tx) may(ctx context.Context) (context.Context, error) {
	switch {
	case tx.session == nil:
		return nil, errOver
	case tx.reading:
		return nil, errEach
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case tx.left != nil:
		// Interrupting a statement rolls back the whole transaction, and with it
		// the work of the other requests in the group.
		return context.WithoutCancel(ctx), nil
	}
	return ctx, nil
}

func (tx *Tx) note(err error) error {
	if tx.failed == nil {
		tx.failed = err
	}
	return err
}
