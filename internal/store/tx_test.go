package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/avow-privacy/avow"
	"github.com/avow-privacy/avow/internal/store"
)

func TestValuesComeBack(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		id, rec := avow.NewSubjectID(time.Now()), avow.NewRecordID(time.Now())
		at := time.Date(2026, 11, 24, 8, 0, 0, 123_456_000, time.UTC)
		sum := sha256.Sum256([]byte("x"))
		look := func(tx *store.Tx) error {
			var gotID avow.SubjectID
			var gotRec avow.RecordID
			var gotAt time.Time
			var gotSum [32]byte
			var name avow.Collection
			var version avow.Version
			var none, empty []byte
			err := tx.Get(ctx, `SELECT CAST($5 AS TEXT), CAST($4 AS BYTEA), CAST($3 AS BIGINT), CAST($2 AS BYTEA), CAST($1 AS BYTEA),
				CAST($6 AS BIGINT), CAST($7 AS BYTEA), CAST($8 AS BYTEA)`,
				store.Into(&name, &gotSum, &gotAt, &gotRec, &gotID, &version, &none, &empty),
				id, rec, at, sum, avow.Collection("contact"), avow.Version(7), nil, []byte{})
			if gotID != id || gotRec != rec || !gotAt.Equal(at) || gotSum != sum || name != "contact" || version != 7 || none != nil || empty == nil {
				t.Error("what was bound is not what was read", gotID, gotRec, gotAt, name, version, none, empty)
			}
			return err
		}
		if err := errors.Join(db.Commit(ctx, look), db.View(ctx, look)); err != nil {
			t.Fatal(err)
		}
		for what, dest := range map[string]any{"id": &id, "text": new(string), "number": new(int), "time": &at, "place": 7} {
			err := db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT CAST($1 AS BYTEA)", dest, []byte("short")) })
			if err == nil {
				t.Errorf("five bytes were read as %s", what)
			}
		}
		err := db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT CAST($1 AS BIGINT)", new(int64), nil) })
		if err == nil {
			t.Error("nothing was read as a number")
		}
		err = db.View(ctx, func(tx *store.Tx) error { return tx.Get(ctx, "SELECT CAST($1 AS BIGINT)", new(int64), 1.5) })
		if err == nil {
			t.Error("a fraction was taken")
		}
	})
}

// Any integer, text and bytes are kept as they are.
func TestRoundTrip(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.Int64().Draw(t, "n")
			text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r != 0 })).Draw(t, "text")
			data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data")
			err := db.View(ctx, func(tx *store.Tx) error {
				var gotN int64
				var gotText string
				var gotData []byte
				err := tx.Get(ctx, "SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BYTEA)", store.Into(&gotN, &gotText, &gotData), n, text, data)
				if diff := cmp.Diff([]any{n, text, data}, []any{gotN, gotText, gotData}); diff != "" {
					t.Error(diff)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	})
}

func TestGetNone(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		none := func(tx *store.Tx) error {
			var n int
			err := tx.Get(ctx, "SELECT n FROM form_tally WHERE form = $1", &n, "none")
			if !errors.Is(err, store.ErrNone) {
				t.Error(err)
			}
			return nil
		}
		if err := errors.Join(db.Commit(ctx, none), db.View(ctx, none)); err != nil {
			t.Error("not to find a row has failed a transaction:", err)
		}
	})
}

func TestCounts(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		err := db.Commit(ctx, func(tx *store.Tx) error {
			for i := range 3 {
				if err := add("f", fmt.Sprint(i))(tx); err != nil {
					return err
				}
			}
			for query, want := range map[string]int64{
				"UPDATE form_tally SET n = n + 1 WHERE outcome > $1": 2,
				"DELETE FROM form_tally WHERE outcome > $1":          2,
				"SELECT * FROM form_tally WHERE outcome >= $1":       0,
			} {
				if n, err := tx.Exec(ctx, query, "0"); err != nil || n != want {
					t.Errorf("%s: %d, %v", query, n, err)
				}
				if query[0] == 'D' { // put them back
					for i := 1; i < 3; i++ {
						tx.Do(ctx, tally, "f", fmt.Sprint(i), 1)
					}
				}
			}
			var who string
			if err := tx.Get(ctx, "DELETE FROM form_tally WHERE outcome = $1 RETURNING form", &who, "0"); err != nil || who != "f" {
				t.Error(who, err)
			}
			return nil
		})
		if err != nil || rows(t, db) != 2 {
			t.Error(err)
		}
	})
}

func TestEach(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		read := func(tx *store.Tx) error {
			var got []string
			collect := func(scan func(...any) error) error {
				var s string
				err := scan(&s)
				got = append(got, s)
				return err
			}
			if err := tx.Each(ctx, "SELECT outcome FROM form_tally WHERE form = $1 ORDER BY outcome", collect, "f"); err != nil {
				return err
			}
			if diff := cmp.Diff([]string{"0", "1", "2"}, got); diff != "" {
				t.Error(diff)
			}
			seen := 0
			err := tx.Each(ctx, "SELECT outcome FROM form_tally", func(func(...any) error) error { seen++; return errOwn })
			if !errors.Is(err, errOwn) || seen != 1 {
				t.Error("an error in the middle:", seen, err)
			}
			got = nil
			return tx.Each(ctx, "SELECT outcome FROM form_tally", collect) // and on it goes
		}
		err := db.Commit(ctx, func(tx *store.Tx) error {
			for i := range 3 {
				tx.Do(ctx, tally, "f", fmt.Sprint(i), 1)
			}
			return read(tx)
		})
		if err := errors.Join(err, db.View(ctx, read)); err != nil {
			t.Error(err)
		}
	})
}

// To SQLite $2 before $1 is the first parameter. Bound by number it must not
// be, in whatever order the text names them.
func TestParametersBindByNumber(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		rapid.Check(t, func(t *rapid.T) {
			order := rapid.Permutation([]int{1, 2, 3, 4}).Draw(t, "order")
			query, args, got := "SELECT ", []any{10, 20, 30, 40}, make([]int, 4)
			for i, n := range order {
				if i > 0 {
					query += ", "
				}
				query += fmt.Sprintf("CAST($%d AS BIGINT)", n)
			}
			err := db.View(ctx, func(tx *store.Tx) error {
				return tx.Get(ctx, query, store.Into(&got[0], &got[1], &got[2], &got[3]), args...)
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, n := range order {
				if got[i] != 10*n {
					t.Fatalf("%s gave %v", query, got)
				}
			}
		})
	})
}

func TestViewCannotWrite(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		err := db.View(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, tally, "f", "o", 1)
			return err
		})
		if err == nil || rows(t, db) != 0 {
			t.Error("a view has written")
		}
	})
}

// A view sees the rows as they were when it began to look.
func TestViewIsASnapshot(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		err := db.View(ctx, func(tx *store.Tx) error {
			var before, after int
			if err := tx.Get(ctx, count, &before); err != nil {
				return err
			}
			if err := db.Commit(ctx, add("f", "o")); err != nil {
				return err
			}
			if err := tx.Get(ctx, count, &after); err != nil || before != after {
				t.Errorf("%d rows became %d under a view: %v", before, after, err)
			}
			return nil
		})
		if err != nil || rows(t, db) != 1 {
			t.Error(err)
		}
	})
}

func TestMisuseIsSaid(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		var kept *store.Tx
		err := db.View(ctx, func(tx *store.Tx) error {
			kept = tx
			return tx.Each(ctx, "SELECT 1", func(func(...any) error) error {
				var n int
				return tx.Get(ctx, "SELECT 2", &n)
			})
		})
		if !errors.Is(err, store.ErrEach) {
			t.Error("a statement within Each:", err)
		}
		for what, misuse := range map[string]func(*store.Tx){"entry": func(tx *store.Tx) { tx.Log(1) }, "erasure": (*store.Tx).Erases} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("an %s in a view", what)
					}
				}()
				db.View(ctx, func(tx *store.Tx) error { misuse(tx); return nil })
			}()
		}
		if _, err := kept.Exec(ctx, tally, "f", "o", 1); !errors.Is(err, store.ErrOver) {
			t.Error("a transaction was used after its end:", err)
		}
		for what, query := range map[string]string{"nonsense": "NONSENSE", "two statements": "SELECT 1; SELECT 2", "values": "SELECT $1"} {
			err := db.View(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, query); return err })
			if err == nil {
				t.Errorf("%s: no error", what)
			}
		}
		if rows(t, db) != 0 {
			t.Error("after that nothing works")
		}
	})
}

// One leads; who asks while it does is told no on PostgreSQL, where that can be
// another process.
func TestLead(t *testing.T) {
	engines(t, func(t *testing.T, db *store.DB) {
		release, ok := db.Lead(ctx, "publish")
		if !ok {
			t.Fatal("nobody leads")
		}
		_, second := db.Lead(ctx, "publish")
		if second != (db.Engine() == "sqlite") {
			t.Error("a second leads beside the first:", second)
		}
		other, ok := db.Lead(ctx, "sweep")
		if !ok {
			t.Error("another name is taken too")
		}
		other()
		release()
		for range 100 { // the server may take a moment to notice
			if release, ok = db.Lead(ctx, "publish"); ok {
				release()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Error("a lead that was given back is not to be had")
	})
}
