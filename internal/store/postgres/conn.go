package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A conn is a connection with its prepared statements.
type conn struct {
	pg    *pgconn.PgConn
	stmts map[string]*statement
}

type statement struct {
	*pgconn.StatementDescription
	formats []int16 // of the columns it gives
}

// A call is a statement to run.
type call struct {
	query string
	args  []any
	row   func(row) error // is given the rows; what it returns ends the reading
	tag   pgconn.CommandTag
	own   error // what row returned
}

func (db *DB) connect(ctx context.Context) (*conn, error) {
	pg, err := pgconn.ConnectConfig(ctx, db.config)
	if err != nil {
		return nil, safe(err)
	}
	return &conn{pg, map[string]*statement{}}, nil
}

// patience is how long an answer may take before the connection counts as lost.
const patience = 15 * time.Minute

// run sends calls in one pipeline and reads what comes back. If one fails, those
// after it were not done, and failed is its place; it is -1 if the connection is
// to blame.
func (c *conn) run(ctx context.Context, calls []*call) (failed int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var batch pgconn.Batch
	for i, call := range calls {
		if err := c.bind(ctx, &batch, call); err != nil {
			return c.place(i, err), err
		}
	}
	results := c.pg.ExecBatch(ctx, &batch)
	done := 0
	for results.NextResult() {
		if err := calls[done].read(results.ResultReader()); err != nil {
			results.Close()
			return c.place(done, err), safe(err)
		}
		done++
	}
	if err := results.Close(); err != nil {
		return c.place(min(done, len(calls)-1), err), safe(err)
	}
	return 0, nil
}

func (c *conn) place(i int, err error) int {
	if lost(err) || c.pg.IsClosed() {
		return -1
	}
	return i
}

func (c *conn) bind(ctx context.Context, batch *pgconn.Batch, call *call) error {
	st, ok := c.stmts[call.query]
	if !ok {
		sd, err := c.pg.Prepare(ctx, "s"+strconv.Itoa(len(c.stmts)), call.query, nil)
		if err != nil {
			return safe(err)
		}
		st = &statement{sd, make([]int16, len(sd.Fields))}
		for i, f := range sd.Fields {
			st.formats[i] = formatOf(f.DataTypeOID)
		}
		c.stmts[call.query] = st
	}
	if len(call.args) != len(st.ParamOIDs) {
		return fmt.Errorf("a statement takes %d values, not %d", len(st.ParamOIDs), len(call.args))
	}
	values, formats := make([][]byte, len(call.args)), make([]int16, len(call.args))
	for i, a := range call.args {
		var err error
		if values[i], formats[i], err = encode(a, st.ParamOIDs[i]); err != nil {
			return fmt.Errorf("value %d: %w", i+1, err)
		}
	}
	batch.ExecStatement(st.StatementDescription, values, formats, st.formats)
	return nil
}

func (c *call) read(r *pgconn.ResultReader) (err error) {
	for r.NextRow() {
		if c.row != nil && c.own == nil {
			c.own = c.row(row{r.FieldDescriptions(), r.Values()})
		}
	}
	c.tag, err = r.Close()
	return err
}

// exec runs one statement by itself.
func (c *conn) exec(ctx context.Context, query string, args ...any) error {
	_, err := c.run(ctx, []*call{{query: query, args: args}})
	return err
}

// close gives the connection up, without much ado: what it has open is undone.
func (c *conn) close() error {
	if c == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return c.pg.Close(ctx)
}

// lost says whether an error is one of the connection, or of a server that went
// away, and not of a statement.
func lost(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return !errors.Is(err, errValue)
	}
	switch {
	case pg.Severity == "FATAL", pg.Severity == "PANIC", pg.SeverityUnlocalized == "FATAL", pg.SeverityUnlocalized == "PANIC":
		return true
	}
	return pg.Code[:2] == "08" || pg.Code == "40003"
}

// An Error is what the server said of a statement, without the values in it.
type Error struct {
	Code       string
	Message    string
	Constraint string
	cause      error
}

func (e *Error) Error() string {
	if e.Constraint != "" {
		return fmt.Sprintf("%s (%s, %s)", e.Message, e.Code, e.Constraint)
	}
	return fmt.Sprintf("%s (%s)", e.Message, e.Code)
}

func (e *Error) Unwrap() error { return e.cause }

// safe leaves out of an error what must be in no log: the server's detail quotes
// the row, and the message of a failed connection the user and the address.
func safe(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, new(*Error)):
		return err
	case errors.As(err, &pg):
		return &Error{pg.Code, message(pg), pg.ConstraintName, pg}
	case errors.As(err, &connect):
		return errors.New("the database server cannot be reached")
	}
	return err
}

// message is what the server says, unless it may quote a value.
func message(pg *pgconn.PgError) string {
	if len(pg.Code) == 5 && pg.Code[:2] == "22" {
		return "a value does not fit"
	}
	return pg.Message
}

// readOnly is what a standby answers, or a primary that no longer is one.
const readOnly = "25006"

// Again says whether what was undone may do better if it is tried once more,
// after so many tries: other processes were in the way, or the connection was
// lost.
func (db *DB) Again(err error, tried int) bool {
	const patient, brief = 10, 3 // seconds, and the moment another takes to commit
	if errors.Is(err, errLost) {
		return tried < patient
	}
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "40001", "40P01", "55P03", readOnly: // serialization, deadlock, lock timeout
		return tried < patient
	case "53300", "57P01", "57P02", "57P03", "25P03": // the server is full, going, coming or impatient
		return tried < patient
	case "23505", "23503": // somebody else made it, or took it away, meanwhile
		return tried < brief
	}
	return e.Code[:2] == "08" && tried < patient
}
