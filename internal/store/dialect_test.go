package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestQueryTranslation(t *testing.T) {
	for _, c := range [][2]string{
		{"SELECT $1, $2", "SELECT ?1, ?2"},
		{"SELECT $2, $1, $2, $10", "SELECT ?2, ?1, ?2, ?10"},
		{"SELECT '$1 it''s $2', $1", "SELECT '$1 it''s $2', ?1"},
		{`SELECT "$1" FROM t -- $2` + "\n, $3", `SELECT "$1" FROM t -- $2` + "\n, ?3"},
		{"SELECT /* $1 */ $1", "SELECT /* $1 */ ?1"},
		{"SELECT CAST($2 AS TEXT)", "SELECT CAST(?2 AS TEXT)"},
		{"SELECT 'open $1", "SELECT 'open $1"},
		{"SELECT $x, a$1", "SELECT $x, a?1"},
		{"", ""},
	} {
		if got := sqliteQuery(c[0]); got != c[1] {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
	}
}

func TestSchemaTranslation(t *testing.T) {
	in := `-- a BIGINT in a comment
CREATE TABLE t (
	n BIGINT NOT NULL CHECK (n IN (1, 2)),
	b BYTEA DEFAULT 'BYTEA', -- BYTEA
	PRIMARY KEY (n, b)
);
CREATE INDEX t_b ON t (b);`
	want := `-- a BIGINT in a comment
CREATE TABLE t (
	n INTEGER NOT NULL CHECK (n IN (1, 2)),
	b BLOB DEFAULT 'BYTEA', -- BYTEA
	PRIMARY KEY (n, b)
) STRICT;
CREATE INDEX t_b ON t (b);`
	if diff := cmp.Diff(want, sqliteSchema(in)); diff != "" {
		t.Error(diff)
	}
}

// To SQLite $2 before $1 is the first parameter. Bound by number it must not
// be, in whatever order the text names them.
func TestParametersBindByNumber(t *testing.T) {
	db := open(t, t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation([]int{1, 2, 3, 4}).Draw(t, "order")
		query, args, got := "SELECT ", []any{10, 20, 30, 40}, make([]int, 4)
		for i, n := range order {
			if i > 0 {
				query += ", "
			}
			query += "$" + string(rune('0'+n))
		}
		err := db.View(ctx, func(tx *Tx) error {
			return tx.Get(ctx, query, Into(&got[0], &got[1], &got[2], &got[3]), args...)
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
}

// What is quoted stays, and translating twice is translating once.
func TestTranslationIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab$12'"\-/*;\n ]{0,40}`).Draw(t, "text")
		once := sqliteQuery(text)
		if len(once) != len(text) {
			t.Fatalf("%q became %q", text, once)
		}
		if twice := sqliteQuery(once); twice != once {
			t.Fatalf("%q became %q and then %q", text, once, twice)
		}
	})
}

func FuzzTranslate(f *testing.F) {
	f.Add("SELECT $1 FROM t WHERE a = '$2'")
	f.Add("/* -- '\"")
	f.Fuzz(func(t *testing.T, text string) {
		if got := sqliteQuery(text); len(got) != len(text) {
			t.Errorf("%q became %q", text, got)
		}
		sqliteSchema(text)
	})
}

func TestLoad(t *testing.T) {
	type pair struct{ A, B string }
	got := Load[pair]("-- All of it.\n\n-- name: A\nSELECT 1 -- one\n\n-- name: B\nSELECT\n  2\n")
	if diff := cmp.Diff(pair{"SELECT 1 -- one", "SELECT\n  2"}, got); diff != "" {
		t.Error(diff)
	}
	for name, sql := range map[string]string{
		"missing": "-- name: A\nSELECT 1",
		"unused":  "-- name: A\nSELECT 1\n-- name: B\nSELECT 2\n-- name: C\nSELECT 3",
		"twice":   "-- name: A\nSELECT 1\n-- name: B\nSELECT 2\n-- name: A\nSELECT 3",
		"empty":   "-- name: A\n-- name: B\nSELECT 2",
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: loaded", name)
				}
			}()
			Load[pair](sql)
		}()
	}
}
