package vault

import (
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

// faults is what does not fit the state that was kept.
func (p *place) faults(t failer) []Fault {
	t.Helper()
	return p.scan(t).Against(p.keeper.kept)
}

func (p *place) scan(t failer) (s *Scanned) {
	t.Helper()
	err := p.db.View(ctx, func(tx *store.Tx) (err error) { s, err = p.Scan(ctx, tx, true, nil); return err })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A failer is a test of testing or of rapid.
type failer interface {
	Helper()
	Fatal(...any)
}

// A walk does what a house does, at random.
type walk struct {
	*place
	t *rapid.T
}

var errUndo = errors.New("undo")

func (w *walk) commit(fn func(tx *store.Tx) error) {
	undo := rapid.IntRange(0, 9).Draw(w.t, "undo") == 0
	err := w.db.Commit(ctx, func(tx *store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if undo {
			return errUndo
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUndo) {
		w.t.Fatal(err)
	}
}

func (w *walk) by() []By {
	person := func(what string) []byte {
		return fmt.Append(nil, rapid.IntRange(0, 5).Draw(w.t, what))
	}
	all := []By{{Field: "email", Value: person("email")}, {Field: "phone", Category: "user.contact.phone_number", Value: person("phone")}}
	return all[rapid.IntRange(0, 1).Draw(w.t, "from"):rapid.IntRange(1, 2).Draw(w.t, "to")]
}

func (w *walk) values(by []By) map[avow.Field]Sealed {
	v := values("message", rapid.StringN(0, 20, 40).Draw(w.t, "message"))
	for _, b := range by {
		v[b.Field] = Conceal(b.Value)
	}
	return v
}

func (w *walk) put(tx *store.Tx) error {
	by := w.by()
	s, err := w.Subject(ctx, tx, by...)
	if err == nil {
		keep := time.Duration(rapid.IntRange(0, 5).Draw(w.t, "keep")) * time.Hour
		_, err = w.Put(ctx, tx, s, Record{Collection: "contact", Version: 1, Expires: tx.Now.Add(keep), Values: w.values(by)})
	}
	return err
}

// some is a record, if there is any.
func (w *walk) some(tx *store.Tx) (*Closed, error) {
	list, err := w.List(ctx, tx, "contact", "", 100)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return w.Get(ctx, tx, list[rapid.IntRange(0, len(list)-1).Draw(w.t, "which")].ID)
}

func (w *walk) step() {
	switch rapid.IntRange(0, 9).Draw(w.t, "do") {
	case 0, 1, 2, 3:
		w.commit(w.put)
	case 4, 5:
		w.commit(func(tx *store.Tx) error {
			c, err := w.some(tx)
			if c == nil || err != nil {
				return err
			}
			by := w.by()
			return w.Update(ctx, tx, c, w.values(by), 2, by...)
		})
	case 6:
		w.commit(func(tx *store.Tx) error {
			c, err := w.some(tx)
			if c == nil || err != nil {
				return err
			}
			return w.Erase(ctx, tx, c.Subject)
		})
	case 7:
		w.commit(func(tx *store.Tx) error {
			c, err := w.some(tx)
			if c == nil || err != nil {
				return err
			}
			return w.Delete(ctx, tx, c.ID)
		})
	case 8:
		w.now = w.now.Add(time.Hour)
		w.commit(func(tx *store.Tx) error {
			due, err := w.Expired(ctx, tx, 100)
			for _, h := range due {
				err = errors.Join(err, w.Delete(ctx, tx, h.ID))
			}
			return err
		})
	case 9:
		if _, err := w.Rotate(ctx, nil, nil); err != nil {
			w.t.Fatal(err)
		}
	}
}

// Whatever a house does, the state that was kept is the one that its rows add up
// to, and everything opens.
func TestStateIsKept(t *testing.T) { each(t, testStateIsKept) }

func testStateIsKept(t *testing.T, p *place) {
	fewer(t, "30")
	rows := int64(0)
	rapid.Check(t, func(rt *rapid.T) {
		everybody := p.all(rt)
		err := p.db.Commit(ctx, func(tx *store.Tx) (err error) {
			for _, h := range everybody {
				err = errors.Join(err, p.Erase(ctx, tx, h.Subject))
			}
			return err
		})
		if err != nil {
			rt.Fatal(err)
		}
		if p.scan(rt).Rows != 0 || p.keeper.kept != (store.State{}) {
			rt.Fatal("everybody is erased, and something is left")
		}
		w := &walk{p, rt}
		for range rapid.IntRange(0, 20).Draw(rt, "steps") {
			w.step()
		}
		if faults := p.faults(rt); faults != nil {
			rt.Fatal(faults)
		}
		rows += p.scan(rt).Rows
	})
	if rows < 25 {
		t.Errorf("over all runs there were %d rows to look at: this test shows nothing", rows)
	}
}

// fewer makes rapid try less often in this test.
func fewer(t *testing.T, checks string) {
	was := flag.Lookup("rapid.checks").Value.String()
	t.Cleanup(func() { flag.Set("rapid.checks", was) })
	if was == "100" { // as it is unless somebody asked for more
		flag.Set("rapid.checks", checks)
	}
}

// tables are those of the vault with their columns, the key first.
var tables = map[string][]string{
	"vault_subject": {"id", "epoch", "wrapped"},
	"vault_index":   {"digest", "subject"},
	"vault_record":  {"id", "subject", "collection", "version", "collected", "expires", "sealed"},
}

// Any single row altered, deleted, brought back or swapped behind the vault's
// back is found, whatever column it is.
func TestTamperingIsFound(t *testing.T) {
	for table, columns := range tables {
		key := columns[0]
		for _, column := range columns {
			t.Run("another "+table+"."+column, func(t *testing.T) {
				tamper(t, func(p *place, db *sql.DB) int64 {
					return run(t, db, "UPDATE "+table+" SET "+column+" = "+another(column)+" WHERE "+key+" = (SELECT min("+key+") FROM "+table+")")
				})
			})
			if column == key {
				continue // rows with exchanged keys are rows with all else exchanged
			}
			t.Run("swapped "+table+"."+column, func(t *testing.T) {
				tamper(t, func(p *place, db *sql.DB) int64 { return swap(t, db, table, column) })
			})
		}
		t.Run("swapped rows of "+table, func(t *testing.T) {
			tamper(t, func(p *place, db *sql.DB) int64 { return swap(t, db, table, columns[1:]...) })
		})
		t.Run("deleted from "+table, func(t *testing.T) {
			tamper(t, func(p *place, db *sql.DB) int64 {
				return run(t, db, "DELETE FROM "+table+" WHERE "+key+" = (SELECT max("+key+") FROM "+table+")")
			})
		})
		t.Run("brought back to "+table, func(t *testing.T) {
			tamper(t, func(p *place, db *sql.DB) int64 { return bringBack(t, p, db, table, columns) })
		})
	}
}

// tamper opens a vault, lets somebody who has the file change its rows, and
// looks.
func tamper(t *testing.T, change func(p *place, db *sql.DB) int64) {
	t.Helper()
	p := open(t)
	for i := range 5 {
		p.now = p.now.Add(time.Second)
		p.put(t, fmt.Sprint(i), Record{Collection: avow.Collection(fmt.Sprint("c", i%2)), Version: avow.Version(1 + i%2), Expires: p.now, Values: values("n", fmt.Sprint(i))})
		if i == 2 { // the rest is of another epoch
			n, err := p.keys.NextEpoch(p.now)
			if err = errors.Join(err, p.begin(ctx, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if faults := p.faults(t); faults != nil {
		t.Fatal("before: ", faults)
	}
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(p.cfg.Path, "avow.db")+"?_pragma=foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if change(p, db) == 0 {
		t.Error("nothing was changed: this test shows nothing")
	}
	if faults := p.faults(t); len(faults) == 0 {
		t.Error("nothing was found")
	}
}

func run(t *testing.T, db *sql.DB, query string, args ...any) int64 {
	t.Helper()
	done, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(query, err)
	}
	n, _ := done.RowsAffected()
	return n
}

// another is a value that the column does not have.
func another(column string) string {
	switch column {
	case "epoch":
		return "CASE epoch WHEN 1 THEN 2 ELSE 1 END"
	case "version", "collected", "expires":
		return column + " + 1"
	case "collection":
		return "collection || 'x'"
	}
	return "CAST(substr(" + column + ", 1, length(" + column + ") - 1) || CASE substr(" + column + ", -1) WHEN X'00' THEN X'01' ELSE X'00' END AS BLOB)"
}

// swap exchanges columns of the first row and the first that differs from it.
func swap(t *testing.T, db *sql.DB, table string, columns ...string) (n int64) {
	key := tables[table][0]
	var one, two []byte
	err := db.QueryRow("SELECT a."+key+", b."+key+" FROM "+table+" a JOIN "+table+" b ON a."+columns[0]+" < b."+columns[0]).Scan(&one, &two)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		n += run(t, db, "UPDATE "+table+" SET "+c+" = CASE "+key+" WHEN $1 THEN (SELECT "+c+" FROM "+table+" WHERE "+key+" = $2) "+
			"ELSE (SELECT "+c+" FROM "+table+" WHERE "+key+" = $1) END WHERE "+key+" IN ($1, $2)", one, two)
	}
	return n
}

// bringBack lets the vault forget everybody and puts a row of theirs back that
// was put by before.
func bringBack(t *testing.T, p *place, db *sql.DB, table string, columns []string) int64 {
	row, into := make([][]byte, len(columns)), make([]any, len(columns))
	for i := range row {
		into[i] = &row[i]
	}
	if err := db.QueryRow("SELECT " + strings.Join(columns, ", ") + " FROM " + table).Scan(into...); err != nil {
		t.Fatal(err)
	}
	for _, h := range p.all(t) {
		p.commit(t, func(tx *store.Tx) error { return p.Erase(ctx, tx, h.Subject) })
	}
	marks, args := make([]string, len(row)), make([]any, len(row))
	for i, column := range columns {
		marks[i], args[i] = "?", row[i]
		if slices.Contains([]string{"epoch", "version", "collected", "expires"}, column) {
			marks[i] = "CAST(CAST(? AS TEXT) AS INTEGER)"
		} else if column == "collection" {
			marks[i] = "CAST(? AS TEXT)"
		}
	}
	return run(t, db, "INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(marks, ", ")+")", args...)
}

func (p *place) all(t failer) (all []Header) {
	t.Helper()
	for _, c := range []avow.Collection{"c0", "c1", "contact"} {
		err := p.db.View(ctx, func(tx *store.Tx) error {
			list, err := p.List(ctx, tx, c, "", 1000)
			all = append(all, list...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func TestFaultsAreNamed(t *testing.T) {
	p := open(t)
	id, who := p.put(t, "eve", Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("n", "1")})
	other, _ := p.put(t, "bob", Record{Collection: "contact", Version: 1, Expires: p.now, Values: values("n", "1")})
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(p.cfg.Path, "avow.db")+"?_pragma=foreign_keys(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	run(t, db, "UPDATE vault_subject SET wrapped = X'00' WHERE id = ?", who[:])
	run(t, db, "UPDATE vault_record SET sealed = X'00' WHERE id = ?", other[:])
	got := map[string]bool{}
	for _, f := range p.faults(t) {
		got[f.String()] = true
	}
	for _, want := range []string{
		"subjects: " + who.String() + " has a key that does not open",
		"records: " + other.String() + " does not open",
		"subjects: the rows are not those that were kept: some were lost, altered or brought back",
		"records: the rows are not those that were kept: some were lost, altered or brought back",
	} {
		if !got[want] {
			t.Errorf("not said: %s; said: %v", want, slices.Collect(maps.Keys(got)))
		}
	}
	if len(got) != 4 {
		t.Errorf("said of %s: %v", id, slices.Collect(maps.Keys(got)))
	}
}
