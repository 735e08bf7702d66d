package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/avow-privacy/avow"
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
	// never lies before the moment of an earlier transaction.
	Now time.Time

	session *session
	writes  bool
	group   *group
	reading bool // inside Each
}

// A Row is where the columns of one row go.
type Row []any

// Into gathers destinations for a row of several columns.
func Into(dest ...any) Row { return dest }

// Exec runs a statement and says how many rows it changed. Arguments may be
// integers, strings, byte slices, times and ids.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	stmt, ctx, err := tx.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, values(args)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Do runs a statement whose count of rows nobody needs. An engine may send it
// together with later ones; if it fails, the request fails, then or at its end.
func (tx *Tx) Do(ctx context.Context, query string, args ...any) error {
	_, err := tx.Exec(ctx, query, args...)
	return err
}

// Get runs a query for one row and puts it into dest, a pointer or Into(...).
// Without a row it returns ErrNone.
func (tx *Tx) Get(ctx context.Context, query string, dest any, args ...any) error {
	stmt, ctx, err := tx.prepare(ctx, query)
	if err != nil {
		return err
	}
	row, ok := dest.(Row)
	if !ok {
		row = Row{dest}
	}
	err = stmt.QueryRowContext(ctx, values(args)...).Scan(targets(row)...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNone
	}
	return err
}

// Each runs a query and calls fn for every row. Inside fn no other statement
// may run: not every engine reads two results at once.
func (tx *Tx) Each(ctx context.Context, query string, fn func(scan func(dest ...any) error) error, args ...any) error {
	stmt, ctx, err := tx.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, values(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	tx.reading = true
	defer func() { tx.reading = false }()
	scan := func(dest ...any) error { return rows.Scan(targets(dest)...) }
	for rows.Next() {
		if err := fn(scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Log leaves an entry for the log. It is written with those of the whole group,
// in the order the requests were done, and only if this request succeeds.
func (tx *Tx) Log(entry any) {
	if !tx.writes || tx.group.closed {
		panic("store: an entry for the log in a view, or after the log was written")
	}
	tx.group.entries = append(tx.group.entries, entry)
}

// Entries are those that the group has left for the log so far, this request's
// last. They are not written yet, so no query finds them.
func (tx *Tx) Entries() []any { return tx.group.entries }

// Add notes that a row about a person came, by the keyed hash of all its
// columns. A row that changed went and came.
func (tx *Tx) Add(p Part, row [32]byte) { tx.group.change.Add(p, row) }

// Remove is the reverse of Add.
func (tx *Tx) Remove(p Part, row [32]byte) { tx.group.change.Remove(p, row) }

// Change is what the group did to the state so far.
func (tx *Tx) Change() State { return tx.group.change }

// Erases says that what this transaction deletes must not be readable anywhere
// in the database's files once it is done; or, if a view of an older snapshot is
// in the way, a second after that has ended.
func (tx *Tx) Erases() {
	if !tx.writes {
		panic("store: an erasure in a view")
	}
	tx.group.erases = true
}

func (tx *Tx) prepare(ctx context.Context, query string) (*sql.Stmt, context.Context, error) {
	switch {
	case tx.session == nil:
		return nil, nil, errOver
	case tx.reading:
		return nil, nil, errEach
	case ctx.Err() != nil:
		return nil, nil, context.Cause(ctx)
	}
	if tx.writes {
		// Interrupting a statement rolls back the whole transaction, and with it
		// the work of the other requests in the group.
		ctx = context.WithoutCancel(ctx)
	}
	stmt, err := tx.session.prepare(ctx, query)
	return stmt, ctx, err
}

// A session is a connection with its prepared statements.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
}

func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, sqliteQuery(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// exec runs a command such as BEGIN.
func (s *session) exec(ctx context.Context, command string) error {
	stmt, err := s.prepare(ctx, command)
	if err != nil {
		return err
	}
	_, err = stmt.ExecContext(ctx)
	return err
}

// drop gives the connection up, and returns the nil that stands for it.
func (s *session) drop() *session {
	if s == nil {
		return nil
	}
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	s.conn.Close()
	return nil
}

// values turns arguments into what every engine takes.
func values(args []any) []any {
	for i, a := range args {
		switch a := a.(type) {
		case time.Time:
			args[i] = a.UnixMicro()
		case avow.SubjectID:
			args[i] = a[:]
		case avow.RecordID:
			args[i] = a[:]
		case [16]byte:
			args[i] = a[:]
		case [32]byte:
			args[i] = a[:]
		}
	}
	return args
}

// targets is the reverse of values.
func targets(dest []any) []any {
	for i, d := range dest {
		switch d := d.(type) {
		case *time.Time:
			dest[i] = timeTarget{d}
		case *avow.SubjectID:
			dest[i] = bytesTarget(d[:])
		case *avow.RecordID:
			dest[i] = bytesTarget(d[:])
		case *[16]byte:
			dest[i] = bytesTarget(d[:])
		case *[32]byte:
			dest[i] = bytesTarget(d[:])
		}
	}
	return dest
}

type timeTarget struct{ t *time.Time }

func (t timeTarget) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is an integer, not %T", v)
	}
	*t.t = time.UnixMicro(n).UTC()
	return nil
}

type bytesTarget []byte

func (t bytesTarget) Scan(v any) error {
	b, ok := v.([]byte)
	if !ok || len(b) != len(t) {
		return fmt.Errorf("expected %d bytes, found %T", len(t), v)
	}
	copy(t, b)
	return nil
}
