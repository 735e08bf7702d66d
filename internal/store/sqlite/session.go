package sqlite

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"syscall"
	"time"

	"github.com/ncruces/go-sqlite3"
)

// A Session runs statements on one connection. It belongs to one goroutine.
type Session struct {
	conn  *sqlite3.Conn
	stmts map[string]*stmt
	bytes [64]byte // an id on its way into a statement

	folder string
	full   bool // a statement found no room
}

type stmt struct {
	*sqlite3.Stmt
	reads bool
}

// Exec runs a statement and says how many rows it changed.
func (s *Session) Exec(_ context.Context, query string, args []any) (int64, error) {
	st, err := s.prepare(query, args)
	if err != nil {
		return 0, err
	}
	if err := st.Exec(); err != nil {
		return 0, s.failed(err)
	}
	if st.reads {
		return 0, nil
	}
	return s.conn.Changes(), nil
}

// Do is Exec without the count.
func (s *Session) Do(ctx context.Context, query string, args []any) error {
	_, err := s.Exec(ctx, query, args)
	return err
}

// Get puts the first row of a query into dest, and says whether there was one.
func (s *Session) Get(_ context.Context, query string, dest, args []any) (found bool, err error) {
	st, err := s.prepare(query, args)
	if err != nil {
		return false, err
	}
	if found = st.Step(); found {
		err = st.scan(dest)
	}
	if reset := st.Reset(); err == nil && reset != nil {
		return false, s.failed(reset)
	}
	return found, err
}

// Each calls fn for every row of a query.
func (s *Session) Each(_ context.Context, query string, args []any, fn func(scan func(dest ...any) error) error) error {
	st, err := s.prepare(query, args)
	if err != nil {
		return err
	}
	defer st.Reset()
	scan := func(dest ...any) error { return st.scan(dest) }
	for st.Step() {
		if err := fn(scan); err != nil {
			return err
		}
	}
	if err := st.Err(); err != nil {
		return s.failed(err)
	}
	return nil
}

// prepare takes the statement from those that were used before, and binds args.
func (s *Session) prepare(query string, args []any) (*stmt, error) {
	st, ok := s.stmts[query]
	if !ok {
		prepared, tail, err := s.conn.PrepareFlags(Query(query), sqlite3.PREPARE_PERSISTENT)
		switch {
		case err != nil:
			return nil, fmt.Errorf("prepare: %w", err)
		case prepared == nil || tail != "":
			return nil, errors.Join(errors.New("prepare: not one statement"), prepared.Close())
		}
		st = &stmt{prepared, prepared.ReadOnly()}
		s.stmts[query] = st
	}
	if n := st.BindCount(); n != len(args) {
		return nil, fmt.Errorf("a statement takes %d values, not %d", n, len(args))
	}
	for i, a := range args {
		if err := s.bind(st, i+1, a); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// command runs a statement without values, such as BEGIN.
func (s *Session) command(text string) error {
	return s.Do(context.Background(), text, nil)
}

// failed notes that a statement failed, and says what to do about a disk that
// takes no more.
func (s *Session) failed(err error) error {
	switch {
	case errors.Is(err, sqlite3.FULL), errors.Is(err, sqlite3.IOERR) && noRoom(s.folder):
		s.full = true
		return &FullError{s.folder}
	case errors.Is(err, sqlite3.READONLY), errors.Is(err, syscall.EROFS):
		return &ReadOnlyError{s.folder, err}
	}
	return err
}

func (s *Session) bind(st *stmt, n int, a any) error {
	switch a := a.(type) {
	case nil:
		return st.BindNull(n)
	case int64:
		return st.BindInt64(n, a)
	case int:
		return st.BindInt64(n, int64(a))
	case string:
		return st.BindText(n, a)
	case []byte:
		return st.BindBlob(n, a)
	case time.Time:
		return st.BindInt64(n, a.UnixMicro())
	}
	return s.bindKind(st, n, reflect.ValueOf(a))
}

// bindKind binds a value of a named type by what it is underneath.
func (s *Session) bindKind(st *stmt, n int, v reflect.Value) error {
	switch v.Kind() {
	case reflect.String:
		return st.BindText(n, v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return st.BindInt64(n, v.Int())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return st.BindBlob(n, v.Bytes())
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 && v.Len() <= len(s.bytes) {
			return st.BindBlob(n, s.bytes[:reflect.Copy(reflect.ValueOf(s.bytes[:]), v)])
		}
	}
	return fmt.Errorf("a value of type %s cannot be kept", v.Type())
}

// scan puts the columns of a row where dest points.
func (st *stmt) scan(dest []any) error {
	if n := st.ColumnCount(); n != len(dest) {
		return fmt.Errorf("a row has %d columns, not %d", n, len(dest))
	}
	for i, d := range dest {
		if err := st.column(i, d); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func (st *stmt) column(i int, dest any) error {
	kind := st.ColumnType(i)
	if d, ok := dest.(*[]byte); ok {
		if *d = nil; kind != sqlite3.NULL {
			*d = st.ColumnBlob(i, []byte{})
		}
		return nil
	}
	switch d := dest.(type) {
	case *int64:
		*d = st.ColumnInt64(i)
		return expect(kind, sqlite3.INTEGER)
	case *int:
		*d = st.ColumnInt(i)
		return expect(kind, sqlite3.INTEGER)
	case *string:
		*d = st.ColumnText(i)
		return expect(kind, sqlite3.TEXT)
	case *time.Time:
		*d = time.UnixMicro(st.ColumnInt64(i)).UTC()
		return expect(kind, sqlite3.INTEGER)
	}
	return st.columnKind(i, kind, dest)
}

// columnKind fills a named type by what it is underneath.
func (st *stmt) columnKind(i int, kind sqlite3.Datatype, dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return fmt.Errorf("no place to put it: %T", dest)
	}
	switch v = v.Elem(); v.Kind() {
	case reflect.String:
		v.SetString(st.ColumnText(i))
		return expect(kind, sqlite3.TEXT)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(st.ColumnInt64(i))
		return expect(kind, sqlite3.INTEGER)
	case reflect.Bool:
		v.SetBool(st.ColumnBool(i))
		return expect(kind, sqlite3.INTEGER)
	case reflect.Array:
		if b := st.ColumnRawBlob(i); v.Type().Elem().Kind() == reflect.Uint8 && kind == sqlite3.BLOB && len(b) == v.Len() {
			reflect.Copy(v, reflect.ValueOf(b))
			return nil
		}
		return fmt.Errorf("expected %d bytes, found %s", v.Len(), kind)
	}
	return fmt.Errorf("no place to put it: %T", dest)
}

func expect(kind, want sqlite3.Datatype) error {
	if kind != want {
		return fmt.Errorf("expected %s, found %s", want, kind)
	}
	return nil
}

func (s *Session) close() error {
	for _, st := range s.stmts {
		st.Close()
	}
	return s.conn.Close()
}

// drop gives the connection up, and returns the nil that stands for it.
func (s *Session) drop() *Session {
	if s != nil {
		s.close()
	}
	return nil
}
