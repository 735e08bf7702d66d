package sqlite

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
		if got := Query(c[0]); got != c[1] {
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
	if diff := cmp.Diff(want, Schema(in)); diff != "" {
		t.Error(diff)
	}
}

// What is quoted stays, and translating twice is translating once.
func TestTranslationIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab$12'"\-/*;\n ]{0,40}`).Draw(t, "text")
		once := Query(text)
		if len(once) != len(text) {
			t.Fatalf("%q became %q", text, once)
		}
		if twice := Query(once); twice != once {
			t.Fatalf("%q became %q and then %q", text, once, twice)
		}
	})
}

func FuzzTranslate(f *testing.F) {
	f.Add("SELECT $1 FROM t WHERE a = '$2'")
	f.Add("/* -- '\"")
	f.Fuzz(func(t *testing.T, text string) {
		if got := Query(text); len(got) != len(text) {
			t.Errorf("%q became %q", text, got)
		}
		Schema(text)
	})
}
