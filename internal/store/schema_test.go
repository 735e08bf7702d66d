package store_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/avow-privacy/avow/internal/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The tables as SQLite has them, for people to read and for changes to show.
func TestSchema(t *testing.T) {
	db := open(t, at(t.TempDir()))
	var text strings.Builder
	err := db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name", func(scan func(...any) error) error {
			var sql string
			err := scan(&sql)
			text.WriteString(sql + ";\n\n")
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("schema.sql", []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(golden), text.String()); diff != "" {
		t.Errorf("schema.sql is not what the migrations make; run the test with -update\n%s", diff)
	}
}

// An erasure is one DELETE because every row about a subject refers to it.
func TestEverySubjectColumnFallsWithItsSubject(t *testing.T) {
	db := open(t, at(t.TempDir()))
	var loose []string
	err := db.View(ctx, func(tx *store.Tx) error {
		return tx.Each(ctx, `
			SELECT t.name FROM sqlite_schema t, pragma_table_info(t.name) c
			WHERE t.type = 'table' AND c.name = 'subject' AND NOT EXISTS (
				SELECT 1 FROM pragma_foreign_key_list(t.name) f
				WHERE f."from" = 'subject' AND f."table" = 'vault_subject' AND f.on_delete IN ('CASCADE', 'SET NULL'))`,
			func(scan func(...any) error) error {
				var name string
				err := scan(&name)
				loose = append(loose, name)
				return err
			})
	})
	if err != nil || loose != nil {
		t.Errorf("tables that keep a subject's rows after an erasure: %v, %v", loose, err)
	}
}
