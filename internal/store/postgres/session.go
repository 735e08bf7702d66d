package postgres

import (
	"context"
	"errors"
	"strings"
)

// A Session runs statements for one step of a transaction, or for one view. It
// belongs to one goroutine.
type Session struct {
	view  *view                  // of a view; or
	send  func(s *Session) error // has the queue done
	queue []*call
	wrote bool

	step int
	wake chan error // the answer to a step that waits for send
}

// Exec runs a statement and says how many rows it changed.
func (s *Session) Exec(ctx context.Context, query string, args []any) (int64, error) {
	c := &call{query: query, args: args}
	if err := s.ask(ctx, c); err != nil {
		return 0, err
	}
	if c.tag.Select() {
		return 0, nil
	}
	return c.tag.RowsAffected(), nil
}

// Do runs a statement, in a transaction only with the next one that has to give
// an answer.
func (s *Session) Do(ctx context.Context, query string, args []any) error {
	c := &call{query: query, args: args}
	if s.view != nil {
		return s.ask(ctx, c)
	}
	s.queue, s.wrote = append(s.queue, c), true
	return nil
}

// Get puts the first row of a query into dest, and says whether there was one.
func (s *Session) Get(ctx context.Context, query string, dest, args []any) (found bool, err error) {
	c := &call{query: query, args: args, row: func(r row) error {
		if found {
			return nil
		}
		found = true
		return r.scan(dest)
	}}
	if err := s.ask(ctx, c); err != nil {
		return false, err
	}
	return found, c.own
}

// Each calls fn for every row of a query: in a view as they come, in a
// transaction when all are there.
func (s *Session) Each(ctx context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	use := func(r row) error { return fn(func(dest ...any) error { return r.scan(dest) }) }
	c := &call{query: query, args: args, row: use}
	var rows []row
	if s.view == nil {
		c.row = func(r row) error { rows = append(rows, r.keep()); return nil }
	}
	if err := s.ask(ctx, c); err != nil {
		return err
	}
	for _, r := range rows {
		if err := use(r); err != nil {
			return err
		}
	}
	return c.own
}

func (s *Session) ask(ctx context.Context, c *call) error {
	if s.view != nil {
		return s.view.run(ctx, c)
	}
	s.queue = append(s.queue, c)
	s.wrote = s.wrote || !strings.HasPrefix(c.query, "SELECT")
	return s.send(s)
}

// A view is a snapshot, taken when the first statement comes.
type view struct {
	db    *DB
	conn  *conn
	begun bool
}

const beginView = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

func (v *view) run(ctx context.Context, c *call) error {
	if v.begun {
		_, err := v.conn.run(ctx, []*call{c})
		return err
	}
	for fresh := false; ; fresh = true {
		if v.conn == nil {
			var err error
			if v.conn, err = v.db.reader(ctx); err != nil {
				return err
			}
			fresh = true
		}
		failed, err := v.conn.run(ctx, []*call{{query: beginView}, c})
		if failed == -1 && !fresh && c.own == nil && ctx.Err() == nil {
			// The connection was lost while nobody used it.
			v.conn.close()
			v.conn = nil
			continue
		}
		v.begun = true
		return err
	}
}

// end gives the connection back, or nil if it is of no more use.
func (v *view) end(ctx context.Context) *conn {
	if !v.begun || v.conn == nil {
		return v.conn
	}
	if err := v.conn.exec(ctx, "ROLLBACK"); err != nil {
		v.conn.close()
		return nil
	}
	return v.conn
}

// errLost says that a connection was lost before its transaction was committed.
var errLost = errors.New("the connection to the database was lost")
